"""The work of one block of permutations, on any worker of any machine that reaches the database and the broker.

States: waiting (or running with an expired lease) -> running -> done | failed. A block is stored only by its owner and
only if it was computed from the same arrays as the blocks before it, so that its maxima are those that any other worker
would have stored. A failed block fails its run; a retry computes only what is missing.
"""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import OperationalError, transaction
from django.utils import timezone

from meta_app.analyses import computing
from meta_app.analyses.domain import BLOCK
from meta_app.analyses.execution import LeaseLost, check_core, new_owner, question_of, sentence_of
from meta_app.analyses.heartbeat import BlockHeartbeat
from meta_app.analyses.models import Run, RunBlock, RunEvent
from meta_app.common.exceptions import UserError

logger = logging.getLogger(__name__)


def block_execute(block_id: int) -> int | None:
    """Claim and compute one block; answers its run if that was the last one, None otherwise."""
    owner, lease = new_owner(), timedelta(seconds=settings.RUN_LEASE_SECONDS)
    if not RunBlock.objects.claim(block_id, owner, timezone.now(), lease):
        _settle_unclaimable(block_id)
        return None
    block = RunBlock.objects.select_related("run__agreed_dataset", "run__specification").get(pk=block_id)
    logger.info("Run %s: block %s, attempt %s by %s", block.run_id, block.number, block.attempts, owner)
    done = _attempt(block, owner)
    return block.run_id if done and not RunBlock.objects.unfinished(block.run_id).exists() else None


def _attempt(block: RunBlock, owner: str) -> bool:
    try:
        with BlockHeartbeat(block, owner) as heartbeat:
            check_core(block.run)
            found = computing.compute_block(question_of(block.run), block.number, heartbeat.should_stop)
            computing.check_key(found.key, block.run.blocks_key)
            _store(block, owner, found)
    except (computing.Stopped, LeaseLost):
        _give_back(block, owner)
    except UserError as error:
        _fail(block, owner, error.message)
    except (OperationalError, KeyboardInterrupt, SystemExit):
        _give_back(block, owner)
        raise
    except Exception as error:
        logger.exception("Run %s: block %s failed", block.run_id, block.number)
        _fail(block, owner, sentence_of(block.run, error))
    else:
        return True
    return False


@transaction.atomic
def _store(block: RunBlock, owner: str, found: computing.Block) -> None:
    now, runs = timezone.now(), Run.objects.filter(pk=block.run_id)
    done = {"status": RunBlock.Status.DONE, "maxima": found.maxima, "lease_until": None, "updated_at": now}
    if not RunBlock.objects.owned(block.pk, owner).update(**done):
        raise LeaseLost
    if not runs.filter(prepared_sha256__in=["", found.prepared_sha256]).update(prepared_sha256=found.prepared_sha256):
        raise UserError(
            f"The worker {owner.partition(':')[0]} prepared other data from the same inputs than the workers before "
            "it: its processor or libraries round otherwise. Its block was not used. Stop this worker, then retry."
        )
    left = RunBlock.objects.unfinished(block.run_id).count()
    runs.filter(status=Run.Status.PERMUTING).update(fraction=1 - left / block.run.blocks_total, updated_at=now)


def _give_back(block: RunBlock, owner: str) -> None:
    """Anybody may take the block; it counts as an attempt only where the worker was lost."""
    free = {"status": RunBlock.Status.WAITING, "owner": "", "lease_until": None}
    RunBlock.objects.owned(block.pk, owner).update(**free, attempts=block.attempts - 1)


@transaction.atomic
def _fail(block: RunBlock, owner: str, sentence: str) -> None:
    owned = RunBlock.objects.owned(block.pk, owner)
    if owned.update(status=RunBlock.Status.FAILED, error=sentence, lease_until=None, updated_at=timezone.now()):
        _fail_run(block, sentence)


def _fail_run(block: RunBlock, sentence: str) -> None:
    first, run = block.number * BLOCK, block.run
    text = f"Permutations {first + 1} to {first + BLOCK} of {run.permutations} were not computed. {sentence}"
    permuting = Run.objects.filter(pk=block.run_id, status=Run.Status.PERMUTING)
    if permuting.settle(Run.Status.FAILED, timezone.now(), error=text):
        RunEvent.objects.create(run_id=block.run_id, text=f"Failed. {text}"[:300])


@transaction.atomic
def _settle_unclaimable(block_id: int) -> None:
    """End a block, and its run, whose workers were lost too often."""
    most, now = settings.RUN_MAXIMUM_ATTEMPTS, timezone.now()
    text = f"The worker was lost {most} times at them, most often for want of memory. Finished ones are kept."
    lost = RunBlock.objects.claimable(now).filter(pk=block_id, attempts__gte=most)
    if lost.update(status=RunBlock.Status.FAILED, error=text, lease_until=None, updated_at=now):
        logger.error("Block %s: given up after %s attempts", block_id, most)
        _fail_run(RunBlock.objects.select_related("run").get(pk=block_id), text)
