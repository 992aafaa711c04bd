"""What no address may ask of the database, and how long a page is good for."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponseBase, QueryDict

LARGEST_NUMBER = 2**63 - 1


class NumbersFitTheDatabase:
    """An address with a number beyond what a column holds leads nowhere; asked for it, SQLite would break."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG002
        if any(isinstance(value, int) and value > LARGEST_NUMBER for value in kwargs.values()):
            request.resolver_match = None  # the error page must not look for such a project either
            raise Http404


class TextsFitTheDatabase:
    """A NUL in a form or a search, as no keyboard types it, is refused; PostgreSQL would break on it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]) -> None:  # noqa: ARG002
        if _holds_nul(request.GET) or _holds_nul(request.POST):
            raise BadRequest("NUL")


def _holds_nul(texts: QueryDict) -> bool:
    return any("\0" in text for name, found in texts.lists() for text in (name, *found))


class PagesAreAskedAnew:
    """Pages are not kept by the browser: Back shows what is stored now, and nobody reads them after signing out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.get("Content-Type", "").startswith("text/html"):
            response.setdefault("Cache-Control", "private, no-store")
        return response
