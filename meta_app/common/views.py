"""Health and the error pages: what happened, what was kept, what to do."""

import sys

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from meta_app.common.exceptions import not_saved

NOT_FOUND = (
    "The address is wrong, what was there is gone, or it is not open to you. "
    "If somebody sent it to you, ask them whether you are in their project."
)
OURS = "Something broke on our side"
AGAIN = "try again; if it breaks again, tell the person who runs this server what you did and when."


@login_not_required
def health(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    connection.ensure_connection()
    return JsonResponse({"status": "ok"})


def error_page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "error.html", {"title": title, "text": text}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent | TooManyFilesSent):
        text = "It is more than one page may send. Go back, where what you typed still is, and send it in parts."
        return error_page(request, 413, "Too much at once: nothing was saved", text)
    text = "Nothing was saved. Go back, reload the page and try again."
    return error_page(request, 400, "This request could not be read", text)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403, "Not yours to do", str(exception) or "Ask an owner of the project for the right.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_page(request, 404, "Nothing here", NOT_FOUND)


def server_error(request: HttpRequest) -> HttpResponse:
    """Asks nothing of the database, which may be what broke; called while the error is being handled."""
    refused = not_saved(sys.exception())
    if request.path.startswith("/api/"):
        told = {"error": f"{OURS}. What you saved is kept: {AGAIN}", "code": "server_error", "details": {}}
        return JsonResponse(refused.as_json() if refused else told, status=refused.status if refused else 500)
    context = {"title": OURS, "text": f"What you saved is kept. Go back and {AGAIN}"}
    if refused:
        kept = "What you saved before is kept; go back, and what you typed is still in the form."
        context = {"title": "Nothing was saved", "text": f"{refused.what}. {kept} {refused.when}"}
    return HttpResponse(render_to_string("error.html", context), status=refused.status if refused else 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    return error_page(
        request, 403, "This page has expired", "Go back, reload it and send again; your text is still in the form."
    )
