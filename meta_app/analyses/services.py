"""Writes: launch, extend, cancel, retry and resend runs."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.analyses import engine, tasks
from meta_app.analyses.domain import LONGEST_TEST, Filters, Model, backoff_seconds
from meta_app.analyses.models import AnalysisSpecification, Run, RunBlock, RunEvent
from meta_app.analyses.selectors import blocks_done, may_extend, run_twin
from meta_app.audit.services import record
from meta_app.common.domain import canonical_json, digest
from meta_app.common.exceptions import UserError
from meta_app.common.tasks import LedgerTask
from meta_app.datasets.domain import select
from meta_app.datasets.models import AgreedDataset

DEFAULT_SEED = 1


@dataclass(frozen=True)
class Launched:
    """The run of a question; `is_new` is False if somebody had asked the same before."""

    run: Run
    is_new: bool


@transaction.atomic
def run_launch(
    *,
    user: User,
    agreed_dataset: AgreedDataset,
    filters: Filters,
    model: Model | None = None,
    seed: int = DEFAULT_SEED,
    name: str = "",
) -> Launched:
    """Freeze the question and queue its run, or join the run that answers it already.

    Raises
    ------
    UserError
        If nothing can be analysed; `details["problems"]` names each place and its mend.
    """
    model = model or Model()
    snapshot = agreed_dataset.snapshot
    seen = engine.preflight(snapshot, filters, model)
    if seen.refused:
        problems = [notice.as_dict() for notice in seen.errors]
        raise UserError("This cannot be analysed yet; nothing was launched.", {"problems": problems})
    filters = filters.resolved(select(snapshot, filters))
    run = Run(
        project_id=agreed_dataset.project_id,
        agreed_dataset=agreed_dataset,
        specification=_specification(agreed_dataset, engine.core_content(filters, model), user),
        core_version=engine.CORE_VERSION,
        seed=seed,
        permutations=model.permutations,
        name=name.strip() or f"Version {agreed_dataset.version}, {', '.join(filters.metrics)}"[:120],
        launched_by=user,
        message_sent_at=timezone.now(),
        messages_sent=1,
    )
    return _create_or_join(run, user)


@transaction.atomic
def run_extend(*, user: User, run: Run, permutations: int) -> Launched:
    """Queue a new run of the same question with more permutations, which takes over the blocks of a finished one.

    The finished run stays as it is.

    Raises
    ------
    UserError
        If the run is not done, or has them already.
    """
    if not may_extend(run):
        raise UserError("Only a finished run whose permutations are not all possible ones can be given more.")
    if not run.permutations < permutations <= LONGEST_TEST:
        raise UserError(f"Ask for more than {run.permutations:,} and at most {LONGEST_TEST:,} permutations.")
    content = json.loads(run.specification.content)
    content["core"]["permutations"] = permutations
    longer = Run(
        project_id=run.project_id,
        agreed_dataset=run.agreed_dataset,
        specification=_specification(run.agreed_dataset, content, user),
        core_version=engine.CORE_VERSION,
        seed=run.seed,
        permutations=permutations,
        extends=run,
        name=f"{run.name[:90]}, {permutations:,} permutations",
        launched_by=user,
        message_sent_at=timezone.now(),
        messages_sent=1,
    )
    return _create_or_join(longer, user)


def _specification(dataset: AgreedDataset, content: dict, user: User) -> AnalysisSpecification:
    text = canonical_json(content)
    specification, _ = AnalysisSpecification.objects.get_or_create(
        project_id=dataset.project_id, sha256=digest(text), defaults={"content": text, "created_by": user}
    )
    return specification


def _create_or_join(run: Run, user: User) -> Launched:
    """The unique constraint decides who of two people was first."""
    try:
        with transaction.atomic():
            run.save(force_insert=True)
    except IntegrityError:
        return Launched(_join(run, user), is_new=False)
    run_tell(run, f"Launched by {user}.")
    _record(run, user, "launched", _launched(run))
    tasks.run_execute.enqueue(run.pk)
    return Launched(run, is_new=True)


def _launched(run: Run) -> dict[str, Any]:
    return {
        "run": run.pk,
        "dataset_version": run.agreed_dataset.version,
        "dataset_sha256": run.agreed_dataset.sha256,
        "specification_sha256": run.specification.sha256,
        "core_version": run.core_version,
        "seed": run.seed,
        "permutations": run.permutations,
    }


def _record(run: Run, user: User, action: str, after: dict[str, Any]) -> None:
    record(project_id=run.project_id, actor=user, action=f"analysis.{action}", subject=run.name, after=after)


def _join(run: Run, user: User) -> Run:
    twin = run_twin(run)
    if twin is None:
        raise UserError("The same analysis was cancelled in this moment; nothing was launched. Launch it once more.")
    if twin.launched_by_id != user.pk and not twin.followers.filter(pk=user.pk).exists():
        twin.followers.add(user)
        run_tell(twin, f"{user} asked for the same analysis and follows this run.")
    return twin


@transaction.atomic
def run_cancel(*, run: Run, user: User) -> None:
    """Cancel a queued or permuting run at once; ask the worker of a running one to stop.

    Blocks that are done stay; workers leave those they are at.

    Raises
    ------
    UserError
        If the run is over.
    """
    now = timezone.now()
    this = Run.objects.filter(pk=run.pk)
    if this.cancellable_at_once(now).settle(Run.Status.CANCELLED, now, cancel_requested=True):
        run_tell(run, f"Cancelled by {user}.")
        _record(run, user, "cancelled", {"run": run.pk})
    elif this.filter(status=Run.Status.RUNNING, cancel_requested=False).update(cancel_requested=True):
        run_tell(run, f"{user} asked to cancel; the worker stops at its next step.")
        _record(run, user, "cancelled", {"run": run.pk})
    elif not this.filter(status=Run.Status.RUNNING).exists():
        run.refresh_from_db()
        raise UserError(f"This run is over already ({run.get_status_display().lower()}); nothing was changed.")


@transaction.atomic
def run_retry(*, run: Run, user: User) -> None:
    """Queue a failed or cancelled run again: the same row, the same question; finished blocks are kept.

    Raises
    ------
    UserError
        If it is not over, or another run of the same question is queued, running or done.
    """
    now = timezone.now()
    over = Run.objects.filter(pk=run.pk, status__in=[Run.Status.FAILED, Run.Status.CANCELLED])
    begun = run.blocks.exists()
    try:
        with transaction.atomic():
            changed = over.update(**_anew(now), **(_permuting_anew(run, now) if begun else _queued_anew()))
    except IntegrityError:
        twin = run_twin(run)
        name = f"“{twin.name}”" if twin else "another run"
        raise UserError(f"The same analysis is queued, running or done as {name}: look there.") from None
    if not changed:
        raise UserError("Only a failed or cancelled run can be retried; nothing was changed.")
    run_tell(run, f"Queued again by {user}.")
    _record(run, user, "retried", {"run": run.pk})
    if begun:
        _send_blocks(run, now)
    tasks.run_execute.enqueue(run.pk)


def _anew(now: datetime) -> dict[str, Any]:
    return {
        "cancel_requested": False,
        "attempts": 0,
        "stage": "",
        "error": "",
        "error_details": [],
        "owner": "",
        "finished_at": None,
        "message_sent_at": now,
        "messages_sent": 1,
        "updated_at": now,
    }


def _queued_anew() -> dict[str, Any]:
    return {"status": Run.Status.QUEUED, "fraction": 0.0, "started_at": None}


def _permuting_anew(run: Run, now: datetime) -> dict[str, Any]:
    return {
        "status": Run.Status.PERMUTING,
        "fraction": blocks_done(run) / run.blocks_total,
        "permuting_since": now,
    }


def _send_blocks(run: Run, now: datetime) -> None:
    """Set free the blocks that are not done, and tell the workers of each."""
    unfinished = RunBlock.objects.unfinished(run.pk)
    unfinished.update(
        status=RunBlock.Status.WAITING, owner="", lease_until=None, attempts=0, error="", message_sent_at=now,
        messages_sent=1, updated_at=now,
    )  # fmt: skip
    for number in unfinished.values_list("pk", flat=True):
        tasks.block_execute.enqueue(number)


def runs_resend(*, now: datetime | None = None) -> int:
    """Tell the workers again of runs and blocks whose message may be lost; answers of how many.

    Any broker may lose a message when a worker is killed. What is told of twice is claimed once.
    """
    now = now or timezone.now()
    return _resend_due(Run.objects, tasks.run_execute, now) + _resend_due(RunBlock.objects, tasks.block_execute, now)


def _resend_due(rows: Any, task: LedgerTask, now: datetime) -> int:
    waiting = rows.claimable(now).filter(Q(message_sent_at=None) | Q(message_sent_at__lt=now))
    due = [row for row in waiting.only("pk", "message_sent_at", "messages_sent") if _is_due(row, now)]
    return sum(_resend(rows, task, row, now) for row in due)


def _is_due(row: Run | RunBlock, now: datetime) -> bool:
    wait = timedelta(seconds=backoff_seconds(row.messages_sent, settings.RUN_LEASE_SECONDS))
    return row.message_sent_at is None or row.message_sent_at + wait <= now


@transaction.atomic
def _resend(rows: Any, task: LedgerTask, row: Run | RunBlock, now: datetime) -> int:
    """Only the sweeper that changes the row sends, however many there are."""
    told = rows.filter(pk=row.pk, messages_sent=row.messages_sent, message_sent_at=row.message_sent_at)
    changed: int = told.claimable(now).update(message_sent_at=now, messages_sent=F("messages_sent") + 1)
    if changed:
        task.enqueue(row.pk)
    return changed


def run_tell(run: Run, text: str) -> None:
    """One line for the run's log."""
    RunEvent.objects.create(run=run, text=text[:300])
