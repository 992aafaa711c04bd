"""Keeps a run ours while the core computes: renews the lease, saves progress, and notices when to stop."""

import logging
import threading
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from meta_app.analyses.models import Run, RunBlock, RunEvent

logger = logging.getLogger(__name__)

CANCELLED, LOST = "cancelled", "lost"


class Heartbeat(threading.Thread):
    """A thread that beats once a second while its `with` block runs.

    Attributes
    ----------
    reason : str
        Why to stop: "" while all is well, "cancelled" when a person asked for it, "lost" when the lease is no longer
        ours; then another worker may hold the run and nothing may be written.
    """

    def __init__(self, run_id: int, owner: str, interval: float = 1.0) -> None:
        super().__init__(name=f"heartbeat of run {run_id}", daemon=True)
        self.run_id, self.owner, self.interval = run_id, owner, interval
        self.lease = timedelta(seconds=settings.RUN_LEASE_SECONDS)
        self.lease_until = timezone.now() + self.lease
        self.reason = ""
        self.stage, self.fraction = "", 0.0
        self._told = ""
        self._over = threading.Event()

    def __enter__(self) -> "Heartbeat":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()

    def report(self, stage: str, fraction: float) -> None:
        """Note the progress; the next beat saves it, so that at most one UPDATE a second is made."""
        self.stage, self.fraction = stage[:120], fraction

    def should_stop(self) -> bool:
        return bool(self.reason)

    def run(self) -> None:
        try:
            while not self.reason and not self._over.wait(self.interval):
                self.beat()
        finally:
            connection.close()

    def beat(self) -> None:
        now = timezone.now()
        try:
            self._save(now)
        except DatabaseError:
            logger.warning("Run %s: the lease could not be renewed this time", self.run_id, exc_info=True)
            if now > self.lease_until:
                self.reason = LOST

    def _save(self, now) -> None:
        stage, until = self.stage, now + self.lease
        owned = Run.objects.owned(self.run_id, self.owner)
        if not owned.update(stage=stage, fraction=self.fraction, lease_until=until, updated_at=now):
            self.reason = LOST
            return
        self.lease_until = until
        if stage and stage != self._told:
            RunEvent.objects.create(run_id=self.run_id, text=f"{stage}.")
            self._told = stage
        if owned.filter(cancel_requested=True).exists():
            self.reason = CANCELLED


class BlockHeartbeat(Heartbeat):
    """Keeps one block of a run ours; it stops when the run no longer permutes, whether cancelled or failed."""

    def __init__(self, block: RunBlock, owner: str) -> None:
        super().__init__(block.run_id, owner)
        self.block_id = block.pk

    def _save(self, now) -> None:
        until = now + self.lease
        if not RunBlock.objects.owned(self.block_id, self.owner).update(lease_until=until, updated_at=now):
            self.reason = LOST
            return
        self.lease_until = until
        if not Run.objects.filter(pk=self.run_id, status=Run.Status.PERMUTING, cancel_requested=False).exists():
            self.reason = CANCELLED
