"""What happens to people who are not signed in, or not any more."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django_htmx.http import HttpResponseClientRedirect


class SignInFirst(LoginRequiredMiddleware):
    """After signing in, people return to the page they were on.

    A form or fragment sent after the session ended has an address of its own that shows nothing to a reader, so the
    page that sent it is where to return to; and a fragment must move the whole page, or the sign-in form would appear
    inside it.
    """

    def handle_no_permission(self, request: HttpRequest, view_func: Callable[..., Any]) -> HttpResponseBase:
        if request.method in ("GET", "HEAD") and not request.htmx:
            return super().handle_no_permission(request, view_func)
        response = redirect_to_login(sending_page(request), self.get_login_url(view_func))
        return HttpResponseClientRedirect(response.url) if request.htmx else response


def sending_page(request: HttpRequest) -> str:
    """The path of the page on this site from which `request` was sent, or that of the start page."""
    page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    if page.netloc != request.get_host():
        return "/"
    return f"{page.path}?{page.query}" if page.query else page.path
