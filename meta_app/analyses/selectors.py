"""Reads: runs, their place in the queue, their log, and where their files are."""

from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from meta_app.analyses.domain import duration_in_words, seconds_left
from meta_app.analyses.models import Artefact, Run
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
        Q(status=Run.Status.RUNNING) | Q(status=Run.Status.QUEUED, created_at__lt=run.created_at)
    ).count()


def time_left(run: Run) -> str:
    """How long a running run still needs, in words; empty while that is not known."""
    if run.status != Run.Status.RUNNING or run.started_at is None:
        return ""
    seconds = seconds_left((timezone.now() - run.started_at).total_seconds(), run.fraction)
    return "" if seconds is None else duration_in_words(seconds)


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
