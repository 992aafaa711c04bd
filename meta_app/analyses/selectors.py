"""Reads: runs, their place in the queue, their log, and where their files are."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from meta_app.analyses.domain import BLOCK, duration_in_words, filters_of, seconds_left
from meta_app.analyses.models import AnalysisSpecification, Artefact, Run, RunBlock
from meta_app.datasets.domain import Ageing, ageing, select
from meta_app.datasets.models import AgreedDataset
from meta_app.projects.models import Membership, Project
from meta_app.projects.stages import Waiting


def run_folder(run: Run) -> Path:
    """Where the files of a finished run are; an artefact's name is its path below it."""
    return settings.RUNS_DIR / str(run.pk)


def attempt_folder(run: Run) -> Path:
    """Where one attempt writes; a neighbour of the runs, so that the move into place is one rename."""
    return settings.RUNS_DIR / "attempts" / f"{run.pk}-{run.attempts}"


def artefact_path(artefact: Artefact) -> Path:
    return run_folder(artefact.run) / artefact.name


def project_runs(project: Project) -> QuerySet[Run]:
    """The runs of a project, newest first, without the contents of their datasets and specifications."""
    return (
        Run.objects.filter(project=project)
        .select_related("agreed_dataset", "specification", "launched_by")
        .defer("agreed_dataset__content", "specification__content")
    )


@dataclass(frozen=True)
class Outdated:
    """A run whose datasets read differently in the newest version."""

    made_from: int
    newest: int
    ageing: Ageing

    @property
    def text(self) -> str:
        age = self.ageing
        counts = (("changed", age.changed), ("removed", age.removed), ("added", age.added))
        did = ", ".join(f"{verb} {number}" for verb, number in counts if number)
        whole = f"{age.datasets} dataset{'' if age.datasets == 1 else 's'}"
        return f"Made from version {self.made_from}; version {self.newest} {did} of its {whole}: rerun."


def runs_outdated(project: Project, runs: Iterable[Run]) -> dict[int, Outdated]:
    """Runs that a newer version of the agreed dataset would answer differently, by their number.

    What the analysis reads of the selected rows is compared, in three queries however many runs there are.
    """
    newest = AgreedDataset.objects.filter(project=project).order_by("-version").first()
    old = [run for run in runs if newest is not None and run.agreed_dataset_id != newest.pk]
    if newest is None or not old:
        return {}
    wanted = {run.agreed_dataset_id for run in old}
    versions = {version.pk: version for version in AgreedDataset.objects.filter(pk__in=wanted)}
    snapshots = {number: version.snapshot for number, version in versions.items()}
    questions = AnalysisSpecification.objects.filter(pk__in={run.specification_id for run in old})
    filters = {question.pk: filters_of(json.loads(question.content)) for question in questions}
    now, found = newest.snapshot, {}
    for run in old:
        asked = filters[run.specification_id]
        age = ageing(select(snapshots[run.agreed_dataset_id], asked), select(now, asked))
        if age.is_stale:
            found[run.pk] = Outdated(versions[run.agreed_dataset_id].version, newest.version, age)
    return found


def run_twin(run: Run) -> Run | None:
    """The run of the same question that is queued, running or done."""
    return (
        Run.objects.filter(
            agreed_dataset_id=run.agreed_dataset_id,
            specification_id=run.specification_id,
            core_version=run.core_version,
            seed=run.seed,
            status__in=[*Run.LIVE, Run.Status.DONE],
        )
        .exclude(pk=run.pk)
        .first()
    )


def runs_ahead(run: Run) -> int:
    """How many runs of this server are computed before a queued one."""
    return Run.objects.filter(
        Q(status__in=[Run.Status.RUNNING, Run.Status.PERMUTING])
        | Q(status=Run.Status.QUEUED, created_at__lt=run.created_at)
    ).count()


def blocks_done(run: Run) -> int:
    """Blocks of permutations whose maxima are stored, those of the run it extends included."""
    return run.blocks.filter(status=RunBlock.Status.DONE).count()


def permutations_done(run: Run) -> int:
    """Permutations whose maxima are stored; a block is 32, the last one may reach beyond what was asked for."""
    return min(run.permutations, BLOCK * blocks_done(run))


def may_extend(run: Run) -> bool:
    """Whether more permutations can be added: the run is done and has not tried every possible one."""
    return run.status == Run.Status.DONE and 0 < run.permutations <= BLOCK * run.blocks_total


def time_left(run: Run) -> str:
    """How long a running or permuting run still needs, in words; empty while that is not known."""
    now = timezone.now()
    if run.status == Run.Status.RUNNING and run.started_at is not None:
        seconds = seconds_left((now - run.started_at).total_seconds(), run.fraction)
    elif run.status == Run.Status.PERMUTING:
        seconds = _blocks_left(run, now)
    else:
        return ""
    return "" if seconds is None else duration_in_words(seconds)


def _blocks_left(run: Run, now: datetime) -> float | None:
    """By the pace of this run's own blocks since the first of them was begun; those taken over cost nothing."""
    own = run.blocks.filter(status=RunBlock.Status.DONE, attempts__gt=0)
    own_done, left = own.count(), RunBlock.objects.unfinished(run.pk).count()
    if run.permuting_since is None or not own_done:
        return None
    return seconds_left((now - run.permuting_since).total_seconds(), own_done / (own_done + left))


def time_taken(run: Run) -> str:
    """How long a finished run took, in words."""
    if run.started_at is None or run.finished_at is None:
        return ""
    return duration_in_words((run.finished_at - run.started_at).total_seconds())


def worker_silent(run: Run) -> bool:
    """Whether a running run waits for another worker, because its own has not been heard of within the lease."""
    return run.status == Run.Status.RUNNING and run.lease_until is not None and run.lease_until < timezone.now()


def runs_waiting(membership: Membership) -> Waiting | None:
    """Runs in progress, for the sidebar."""
    count = Run.objects.filter(project_id=membership.project_id, status__in=Run.LIVE).count()
    return Waiting(count, "run" if count == 1 else "runs", "in progress") if count else None
