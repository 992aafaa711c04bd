"""Pages. Screening in the browser comes later; the page says so."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from meta_app.projects.permissions import enter_project


@require_safe
def screening(request: HttpRequest, project_id: int) -> HttpResponse:
    enter_project(request.user, project_id)
    return render(request, "screening/screening.html")


@require_safe
def prisma(request: HttpRequest, project_id: int) -> HttpResponse:
    enter_project(request.user, project_id)
    return render(request, "screening/prisma.html")
