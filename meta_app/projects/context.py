"""Gives every page the project switcher, and every project page its sidebar."""

from typing import Any

from django.http import HttpRequest
from django.urls import ResolverMatch

from meta_app.projects.models import Membership, Project
from meta_app.projects.stages import STAGES, review_stages

STAGE_OF_APP = {
    "extraction": "extraction",
    "quality": "quality",
    "agreement": "agreement",
    "datasets": "dataset",
    "analyses": "analyses",
    "results": "results",
}
OVERVIEW = "projects:overview"
"""The page that also tells which studies are free to start."""
STAGE_OF_VIEW = {stage.url_name: stage.key for stage in STAGES} | {"quality:activity": ""}


def current_stage(match: ResolverMatch) -> str:
    return STAGE_OF_VIEW.get(match.view_name, STAGE_OF_APP.get(match.app_name, ""))


def review_flow(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or getattr(request, "htmx", False):
        return {}
    context: dict[str, Any] = {"my_projects": Project.objects.filter(memberships__user=user)}
    match = request.resolver_match
    project_id = match.kwargs.get("project_id") if match else None
    if project_id is None:
        return context
    membership = Membership.objects.select_related("project").filter(user=user, project_id=project_id).first()
    if membership is None:
        return context
    return context | {
        "project": membership.project,
        "membership": membership,
        "stages": review_stages(membership, with_free=match.view_name == OVERVIEW),
        "current_stage": current_stage(match),
    }
