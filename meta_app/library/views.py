"""Pages. Import of search results and duplicates come later; the page says so."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from meta_app.projects.permissions import enter_project


@require_safe
def records(request: HttpRequest, project_id: int) -> HttpResponse:
    enter_project(request.user, project_id)
    return render(request, "library/records.html")
