"""The one task decorator: ids only, sent after the commit, tried again when the database is busy.

A message may be lost or come twice with any broker. So a task reads its row, claims it by a conditional UPDATE and
returns when there is nothing to do; what was lost is sent again from the database.
"""

from collections.abc import Callable

from celery import Task, shared_task
from django.db import OperationalError, transaction


class LedgerTask(Task):
    """A Celery task whose arguments are primary keys."""

    def enqueue(self, *ids: int) -> None:
        """Send once the open transaction has committed; a broker that is down is logged, the row stays queued."""
        if not all(type(key) is int for key in ids):
            raise TypeError("A task takes primary keys only; it reads everything else from the database.")
        transaction.on_commit(lambda: self.delay(*ids), robust=True)


def task(function: Callable[..., None]) -> LedgerTask:
    """Make a function of primary keys a background task with an `enqueue` method."""
    decorate = shared_task(
        base=LedgerTask,
        acks_late=True,
        autoretry_for=(OperationalError,),
        retry_backoff=2,
        retry_backoff_max=60,
        max_retries=5,
    )
    return decorate(function)
