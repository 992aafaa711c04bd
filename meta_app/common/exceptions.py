"""The one error class whose text is for the user; every other error becomes one sentence and a log line."""

import logging
import sqlite3
from collections.abc import Mapping
from typing import Any

from django.db import OperationalError
from rest_framework.exceptions import ErrorDetail
from rest_framework.response import Response
from rest_framework.views import exception_handler

logger = logging.getLogger(__name__)

DATABASE_BUSY, TRY_AGAIN = "The database is busy", "Try again in a moment."
DISK_FULL, FREE_SPACE = "The disk of the server is full", "Try again when its administrator has freed some space."
POSTGRESQL_DISK_FULL = "53100"


class UserError(Exception):
    """A sentence that says what happened, what was kept and what to do.

    Parameters
    ----------
    message : str
        For the page.
    details : mapping, optional
        Problems by field.
    """

    status = 400
    code = "invalid"

    def __init__(self, message: str, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})

    def as_json(self) -> dict[str, Any]:
        return {"error": self.message, "code": self.code, "details": self.details}


class StaleEdit(UserError):  # noqa: N818
    """Someone saved first; `details` holds both versions: {"yours": ..., "theirs": ..., "version": n}."""

    status = 409
    code = "stale"


class NotSaved(UserError):  # noqa: N818
    """The database took nothing; asking again later helps. `what` happened and `when` to try are for the page."""

    status = 503

    def __init__(self, code: str, what: str, when: str) -> None:
        super().__init__(f"{what}: nothing was saved; what you typed is kept in this page. {when}")
        self.code, self.what, self.when = code, what, when


def not_saved(error: BaseException | None) -> NotSaved | None:
    """What an error of the database means to the person; None for one that waiting does not mend.

    Only SQLite also says OperationalError of faults of ours, such as a missing table: its result codes tell
    (https://www.sqlite.org/rescode.html; the low byte is the primary one).
    """
    if not isinstance(error, OperationalError):
        return None
    cause = error.__cause__
    primary = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if primary == sqlite3.SQLITE_FULL or getattr(cause, "sqlstate", "") == POSTGRESQL_DISK_FULL:
        return NotSaved("disk_full", DISK_FULL, FREE_SPACE)
    if isinstance(cause, sqlite3.Error) and primary not in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return None
    return NotSaved("busy", DATABASE_BUSY, TRY_AGAIN)


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every API error has the same shape: {"error": sentence, "code": word, "details": {...}}."""
    if refused := not_saved(error):
        logger.warning("Not saved: %s", error, exc_info=error)
        error = refused
    if isinstance(error, UserError):
        return Response(error.as_json(), status=error.status)
    response = exception_handler(error, context)
    if response is None:
        return None
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    if isinstance(detail, ErrorDetail):
        response.data = {"error": str(detail), "code": detail.code, "details": {}}
    else:
        response.data = {"error": "Some fields need a correction.", "code": "invalid", "details": response.data}
    return response
