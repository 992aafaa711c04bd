"""What no address may ask of the database."""

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase

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
