"""Gives every project page its sidebar."""

from typing import Any

from django.http import HttpRequest

from meta_app.projects.models import Membership
from meta_app.projects.stages import review_stages


def review_flow(request: HttpRequest) -> dict[str, Any]:
    match = getattr(request, "resolver_match", None)
    project_id = match.kwargs.get("project_id") if match else None
    if project_id is None or not request.user.is_authenticated or getattr(request, "htmx", False):
        return {}
    membership = Membership.objects.select_related("project").filter(user=request.user, project_id=project_id).first()
    if membership is None:
        return {}
    return {
        "project": membership.project,
        "membership": membership,
        "stages": review_stages(membership),
        "current_app": match.app_name,
    }
