"""Health and the error pages: what happened, what was kept, what to do."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string


@login_not_required
def health(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    connection.ensure_connection()
    return JsonResponse({"status": "ok"})


def error_page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    return render(request, "error.html", {"title": title, "text": text, "status": status}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_page(request, 400, "This request could not be read", "Go back, reload the page and try again.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error_page(request, 403, "Not yours to do", str(exception) or "Ask an owner of the project for the right.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_page(request, 404, "Nothing here", "The address is wrong, or the project is not one of yours.")


def server_error(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Asks nothing of the database, which may be what broke."""
    context = {"title": "Something broke on our side", "text": "What you saved is kept. The error is in the log."}
    return HttpResponse(render_to_string("error.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    return error_page(
        request, 403, "This page has expired", "Go back, reload it and send again; your text is still in the form."
    )
