"""The long work of a run, safe against a killed worker, a second delivery and a person who cancels.

States: queued (or running with an expired lease) -> running -> done | failed | cancelled, or with permutations
-> permuting (the pooled maps are in place, `block_execution` computes the blocks) -> running -> done. A worker claims
the row, keeps its lease alive, computes into a folder of its own, and moves the folder into place in the same
transaction that changes the run's state, if the row is still its own. A run that is over, or someone else's, is a
normal return.
"""

import copy
import errno
import hashlib
import json
import logging
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from meta_app.analyses import computing, engine
from meta_app.analyses.heartbeat import CANCELLED, Heartbeat
from meta_app.analyses.models import Artefact, Ledger, Run, RunBlock, RunEvent
from meta_app.analyses.selectors import attempt_folder, run_folder
from meta_app.common.exceptions import UserError
from meta_app.common.words import counted

logger = logging.getLogger(__name__)

MEDIA_TYPES = {".gz": "application/gzip", ".csv": "text/csv", ".json": "application/json"}
KINDS = {"maps": Artefact.Kind.MAP, "bounds": Artefact.Kind.MAP, "tables": Artefact.Kind.TABLE}
DISK_FULL = (
    "The disk is full: the results could not be written. Nothing of your data was touched; free space on the "
    "server and retry."
)
NO_MEMORY = (
    "The server ran out of memory. Nothing of your data was touched; launch it with fewer imputations, or retry "
    "when less is running."
)
FINISH_TRIES = 5
FINISH_PAUSE_SECONDS = 1.0
BROKEN = "The computation stopped because of an error on our side. Your data is kept; the log names it as run {}."


class LeaseLost(Exception):  # noqa: N818 - not a failure: someone else took the run over, or a person cancelled it
    """The row is no longer ours at the moment of writing."""


def new_owner() -> str:
    """A name for this worker and this piece of work."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def run_execute(run_id: int) -> list[int]:
    """Claim and compute one run, or conclude it; answers the blocks that are now to be computed.

    Returns at once if there is nothing to claim.
    """
    owner, lease = new_owner(), timedelta(seconds=settings.RUN_LEASE_SECONDS)
    if not Run.objects.claim(run_id, owner, timezone.now(), lease):
        run_settle_unclaimable(run_id)
        return []
    run = Run.objects.select_related("agreed_dataset", "specification", "extends").get(pk=run_id)
    logger.info("Run %s: attempt %s by %s", run_id, run.attempts, owner)
    doing = "A worker puts the permutations together" if run.blocks_total else "A worker took it up"
    _tell(run, f"{doing} (attempt {run.attempts}).")
    folder = attempt_folder(run)
    _clear_attempts(run)
    try:
        _attempt(run, owner, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _next_blocks(run_id)


def _next_blocks(run_id: int) -> list[int]:
    """The blocks of a permuting run that are to be computed; one that took over all of them is concluded at once."""
    if not Run.objects.filter(pk=run_id, status=Run.Status.PERMUTING).exists():
        return []
    waiting = list(RunBlock.objects.unfinished(run_id).values_list("pk", flat=True))
    return waiting or run_execute(run_id)


def run_settle_unclaimable(run_id: int) -> None:
    """End a run that nobody may claim any more: cancelled while its worker was lost, or given up too often."""
    now = timezone.now()
    free = Run.objects.claimable(now).filter(pk=run_id)
    if free.filter(cancel_requested=True).settle(Run.Status.CANCELLED, now):
        _tell_id(run_id, "Cancelled.")
        return
    most = settings.RUN_MAXIMUM_ATTEMPTS
    why = "most often for want of memory or disk space"
    text = f"The worker was lost {most} times while computing this, {why}. Your data is kept."
    if free.filter(attempts__gte=most).settle(Run.Status.FAILED, now, error=text):
        logger.error("Run %s: given up after %s attempts", run_id, most)
        _tell_id(run_id, text)


def _attempt(run: Run, owner: str, folder: Path) -> None:
    heartbeat = Heartbeat(run.pk, owner)
    try:
        with heartbeat:
            check_core(run)
            begun = _compute(run, folder, heartbeat)
            files = list(_files(run, folder))
            _finish(run, owner, folder, files, begun)
    except (computing.Stopped, LeaseLost):
        _give_up(run, owner, heartbeat.reason)
    except UserError as error:
        _fail(run, owner, error.message, error.details.get("problems", []))
    except (OperationalError, KeyboardInterrupt, SystemExit):
        _hand_back(run, owner)
        raise
    except Exception as error:
        logger.exception("Run %s: attempt %s failed", run.pk, run.attempts)
        shutil.rmtree(folder, ignore_errors=True)  # on a full disk the sentence itself needs the room
        _fail(run, owner, sentence_of(run, error))


def _compute(run: Run, folder: Path, heartbeat: Heartbeat) -> computing.Begun | None:
    """What is left before the conclusion; None if these files are the last."""
    question = question_of(run)
    if not run.blocks_total:
        return computing.compute(question, folder, heartbeat.report, heartbeat.should_stop)
    maxima = [bytes(content) for content in run.blocks.order_by("number").values_list("maxima", flat=True)]
    computing.compute_conclusion(
        question, maxima, run.blocks_key, folder, heartbeat.report, heartbeat.should_stop
    )  # fmt: skip
    return None


def check_core(run: Run) -> None:
    if run.core_version != engine.CORE_VERSION:
        raise UserError(
            f"This run belongs to version {run.core_version} of the numeric core, and this server now has "
            f"{engine.CORE_VERSION}. Launch the analysis anew; its settings are kept."
        )


def question_of(run: Run) -> engine.Question:
    dataset, specification = run.agreed_dataset, run.specification
    return engine.Question(
        snapshot=dataset.snapshot,
        specification=json.loads(specification.content),
        seed=run.seed,
        provenance={
            "agreed_dataset": {"version": dataset.version, "sha256": dataset.sha256},
            "analysis_specification": {"sha256": specification.sha256},
            "core_version": run.core_version,
            "seed": run.seed,
        },
    )


def _files(run: Run, folder: Path) -> Iterator[Artefact]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield Artefact(
            run=run,
            kind=KINDS.get(name.split("/")[0], Artefact.Kind.PROVENANCE),
            name=name,
            size_bytes=path.stat().st_size,
            sha256=digest,
            media_type=MEDIA_TYPES.get(path.suffix, "application/octet-stream"),
        )


def _finish(run: Run, owner: str, folder: Path, files: list[Artefact], begun: computing.Begun | None = None) -> None:
    """Hours of work are not given up for a database that is busy once; meanwhile the heartbeat keeps the lease."""
    for tries_left in reversed(range(FINISH_TRIES)):
        try:
            _write_files(run, owner, folder, files, begun)
            return
        except OperationalError:
            # A commit that failed after the move has left nothing here to move again.
            if not tries_left or not folder.exists():
                raise
            logger.warning("Run %s: the result could not be saved this time", run.pk, exc_info=True)
            time.sleep(FINISH_PAUSE_SECONDS)


@transaction.atomic
def _write_files(run: Run, owner: str, folder: Path, files: list[Artefact], begun: computing.Begun | None) -> None:
    """Mark the run done or permuting, name its files and move them into place: all three or none."""
    ours = Run.objects.owned(run.pk, owner).filter(cancel_requested=False)
    changed = ours.settle(Run.Status.DONE, timezone.now(), fraction=1.0) if begun is None else _begin(run, ours, begun)
    if not changed:
        raise LeaseLost
    # Those of the preview give way to the same maps and more.
    run.artefacts.all().delete()
    # Copies, for a try that is rolled back leaves numbers on them that are no longer theirs.
    Artefact.objects.bulk_create([copy.copy(file) for file in files])
    size = sum(file.size_bytes for file in files) / 1e6
    _tell(run, f"{'Done' if begun is None else 'Pooled maps are ready'}: {len(files)} files, {size:.1f} MB.")
    target = run_folder(run)
    # A worker killed between this move and its commit has left files that no row names.
    shutil.rmtree(target, ignore_errors=True)
    folder.replace(target)


def _begin(run: Run, ours: Ledger, begun: computing.Begun) -> int:
    """Set the run's blocks free, those of the run it extends being done; answers whether it was still ours."""
    now, taken = timezone.now(), _taken_over(run, begun)
    changed = ours.update(
        status=Run.Status.PERMUTING,
        stage="",
        owner="",
        lease_until=None,
        attempts=0,
        preview_at=now,
        permuting_since=now,
        blocks_total=begun.blocks,
        blocks_key=begun.key,
        prepared_sha256=run.extends.prepared_sha256 if taken else "",
        fraction=len(taken) / begun.blocks,
        message_sent_at=now,
        messages_sent=1,
        updated_at=now,
    )
    if changed:
        RunBlock.objects.bulk_create([_block(run, number, taken, now) for number in range(begun.blocks)])
    return changed


def _block(run: Run, number: int, taken: Mapping[int, bytes], now: datetime) -> RunBlock:
    if number in taken:
        return RunBlock(run=run, number=number, status=RunBlock.Status.DONE, maxima=taken[number])
    return RunBlock(run=run, number=number, message_sent_at=now, messages_sent=1)


def _taken_over(run: Run, begun: computing.Begun) -> dict[int, bytes]:
    """Maxima by block of the run that this one extends, if both depend on the same inputs, choices and software."""
    if run.extends is None:
        return {}
    if run.extends.blocks_key != begun.key:
        _tell(
            run,
            f"The permutations of “{run.extends.name}” cannot be used: they are drawn otherwise or by other software.",
        )
        return {}
    done = run.extends.blocks.filter(status=RunBlock.Status.DONE, number__lt=begun.blocks)
    taken = {block.number: bytes(block.maxima) for block in done}
    _tell(
        run,
        f"{len(taken)} of {counted(begun.blocks, 'block')} of permutations were taken over from “{run.extends.name}”.",
    )
    return taken


def _give_up(run: Run, owner: str, reason: str) -> None:
    """Stop without a result: cancelled if a person asked for it; silent if the run is someone else's now."""
    owned = Run.objects.owned(run.pk, owner).filter(cancel_requested=True)
    if owned.settle(Run.Status.CANCELLED, timezone.now()):
        _tell(run, "Cancelled: nothing was written.")
    elif reason != CANCELLED:
        logger.warning("Run %s: attempt %s lost its lease and wrote nothing", run.pk, run.attempts)


def _fail(run: Run, owner: str, sentence: str, problems: list | None = None) -> None:
    owned, details = Run.objects.owned(run.pk, owner), list(problems or [])
    if owned.settle(Run.Status.FAILED, timezone.now(), error=sentence, error_details=details):
        _tell(run, f"Failed. {sentence}")


def _hand_back(run: Run, owner: str) -> None:
    """The database is busy or the worker shuts down: queue it again; if that fails too its lease runs out by itself."""
    logger.warning("Run %s: given back to the queue", run.pk, exc_info=True)
    Run.objects.owned(run.pk, owner).update(status=Run.Status.QUEUED, owner="", lease_until=None)


def sentence_of(run: Run, error: BaseException) -> str:
    """One sentence for a person; the log has the rest."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return NO_MEMORY
        if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
            return DISK_FULL
        cause = cause.__cause__ or cause.__context__
    return BROKEN.format(run.pk)


def _clear_attempts(run: Run) -> None:
    """Remove what killed attempts left behind."""
    for folder in attempt_folder(run).parent.glob(f"*{run.pk}-*"):
        if folder.name.lstrip(".").startswith(f"{run.pk}-"):
            shutil.rmtree(folder, ignore_errors=True)


def _tell(run: Run, text: str) -> None:
    _tell_id(run.pk, text)


def _tell_id(run_id: int, text: str) -> None:
    RunEvent.objects.create(run_id=run_id, text=text[:300])
