"""Reads."""

from dataclasses import dataclass

from django.db.models import QuerySet

from meta_app.accounts.models import User
from meta_app.projects.models import Membership, Project, Protocol, Role
from meta_app.projects.stages import Stage, Waiting, review_stages


@dataclass(frozen=True)
class ProjectWork:
    """What waits for one person in one project."""

    membership: Membership
    tasks: list[tuple[Stage, Waiting]]

    @property
    def project(self) -> Project:
        return self.membership.project


def my_work(user: User) -> list[ProjectWork]:
    """One entry for each project of `user`, those with work first."""
    memberships = Membership.objects.filter(user=user).select_related("project").order_by("project__name", "pk")
    work = [
        ProjectWork(membership, [(stage, task) for stage, task in review_stages(membership, with_free=True) if task])
        for membership in memberships
    ]
    return sorted(work, key=lambda entry: not entry.tasks)


def current_protocol(project: Project) -> Protocol | None:
    return Protocol.objects.filter(project=project).select_related("author").order_by("-version").first()


def protocol_history(project: Project) -> QuerySet[Protocol]:
    return Protocol.objects.filter(project=project).select_related("author").order_by("-version")


def members(project: Project) -> QuerySet[Membership]:
    return project.memberships.select_related("user").order_by("pk")


def protocol_waiting(membership: Membership) -> Waiting | None:
    """An owner is asked for the first protocol; later versions are nobody's task."""
    if membership.role != Role.OWNER or Protocol.objects.filter(project_id=membership.project_id).exists():
        return None
    return Waiting(1, "protocol", "to write")
