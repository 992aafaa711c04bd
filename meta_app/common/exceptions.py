"""The one error class whose text is for the user; every other error becomes one sentence and a log line."""

import logging
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ErrorDetail
from rest_framework.response import Response
from rest_framework.views import exception_handler

logger = logging.getLogger(__name__)


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


class StaleEdit(UserError):  # noqa: N818
    """Someone saved first; `details` holds both versions: {"yours": ..., "theirs": ..., "version": n}."""

    status = 409
    code = "stale"


def api_exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Every API error has the same shape: {"error": sentence, "code": word, "details": {...}}."""
    if isinstance(error, UserError):
        return Response({"error": error.message, "code": error.code, "details": error.details}, status=error.status)
    response = exception_handler(error, context)
    if response is None:
        return None
    detail = response.data.get("detail") if isinstance(response.data, dict) else None
    if isinstance(detail, ErrorDetail):
        response.data = {"error": str(detail), "code": detail.code, "details": {}}
    else:
        response.data = {"error": "Some fields need a correction.", "code": "invalid", "details": response.data}
    return response
