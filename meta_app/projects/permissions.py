"""Who may do what in a project. Every view and API route asks here, on the server.

An outsider gets 404 (the project's existence is not told); a member without the right gets 403.
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.http import Http404

from meta_app.projects.models import Membership, Project, Role

READ = frozenset(Role.values)
EXTRACT = frozenset({Role.OWNER, Role.REVIEWER})
ADJUDICATE = frozenset({Role.OWNER, Role.ADJUDICATOR})
FREEZE = frozenset({Role.OWNER, Role.ADJUDICATOR})
LAUNCH = frozenset({Role.OWNER, Role.REVIEWER, Role.ADJUDICATOR})
MANAGE = frozenset({Role.OWNER})


@dataclass(frozen=True)
class Place:
    """A signed-in person in a project."""

    project: Project
    membership: Membership

    def may(self, right: frozenset[str]) -> bool:
        return self.membership.role in right


def enter_project(user, project_id: int, right: frozenset[str] = READ) -> Place:
    """The project and the membership of `user`, or Http404 for outsiders, or PermissionDenied.

    Examples
    --------
    >>> place = enter_project(request.user, project_id, FREEZE)  # doctest: +SKIP
    """
    membership = Membership.objects.select_related("project").filter(user_id=user.pk, project_id=project_id).first()
    if membership is None or not user.is_authenticated:
        raise Http404
    if membership.role not in right:
        role = membership.get_role_display().lower()
        raise PermissionDenied(f"Your role here, {role}, does not include this. An owner can change it under Team.")
    return Place(membership.project, membership)
