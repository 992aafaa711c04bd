"""Writes: projects, protocol versions, members. Each is one transaction."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.audit.services import record
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.projects.leaving import member_hold, member_leaves
from meta_app.projects.models import Membership, Project, Protocol, Role
from meta_app.projects.permissions import EXTRACT
from meta_app.projects.selectors import current_protocol


@transaction.atomic
def project_create(*, owner: User, values: Mapping[str, Any]) -> Project:
    """A new project, with `owner` as its first member."""
    project = Project.objects.create(**values)
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    record(project_id=project.pk, actor=owner, action="project.created", subject=project.name, after=values)
    return project


@transaction.atomic
def project_update(*, project: Project, editor: User, version: int, values: Mapping[str, Any]) -> None:
    """Saves the settings if nobody saved since `version`.

    Raises
    ------
    StaleEdit
        With both versions.
    """
    before = Project.objects.filter(pk=project.pk).values(*values).get()
    saved = Project.objects.filter(pk=project.pk, version=version).update(
        **values, version=F("version") + 1, updated_at=timezone.now()
    )
    if not saved:
        theirs = Project.objects.get(pk=project.pk)
        raise StaleEdit(
            "Someone saved these settings while you were editing. Nothing was overwritten.",
            {"yours": dict(values), "theirs": theirs, "version": theirs.version},
        )
    changed = {name: value for name, value in values.items() if before[name] != value}
    record(
        project_id=project.pk, actor=editor, action="project.settings_changed", subject="Settings",
        before={name: before[name] for name in changed}, after=changed,
    )  # fmt: skip


def protocol_save(*, project: Project, author: User, version: int, values: Mapping[str, Any]) -> Protocol:
    """Makes version `version` + 1; `version` is the one the author was editing, 0 for the first.

    Raises
    ------
    StaleEdit
        When a newer version exists; `details` holds it.
    """
    newest = current_protocol(project)
    if (newest.version if newest else 0) != version:
        raise stale_protocol(project, values)
    try:
        with transaction.atomic():
            made = Protocol.objects.create(project=project, author=author, version=version + 1, **values)
            _record_protocol(newest, made, values)
    except IntegrityError as error:
        raise stale_protocol(project, values) from error
    return made


def _record_protocol(before: Protocol | None, made: Protocol, values: Mapping[str, Any]) -> None:
    """What changed; the reason stands beside it."""
    changed = [name for name in values if name != "change_reason" and getattr(before, name, None) != values[name]]
    record(
        project_id=made.project_id,
        actor=made.author,
        action="protocol.saved",
        subject=f"Protocol version {made.version}",
        before={name: getattr(before, name) for name in changed} if before else None,
        after={name: values[name] for name in changed},
        reason=made.change_reason,
    )


def stale_protocol(project: Project, values: Mapping[str, Any]) -> StaleEdit:
    newest = current_protocol(project)
    return StaleEdit(
        "Someone saved a newer version of the protocol while you were editing. Nothing was overwritten.",
        {"yours": dict(values), "theirs": newest, "version": newest.version if newest else 0},
    )


@transaction.atomic
def member_add(*, project: Project, editor: User, username: str, role: str) -> Membership:
    user = User.objects.filter(username=username.strip(), is_active=True).first()
    if user is None:
        raise UserError(
            f"Nobody here signs in as “{username}”. Check the spelling, or have an account made on this server.",
            {"username": ["There is no such account."]},
        )
    membership, created = Membership.objects.get_or_create(project=project, user=user, defaults={"role": role})
    if not created:
        raise UserError(
            f"{user} is in this project already. Change the role in the list instead.",
            {"username": ["Already a member."]},
        )
    _record_member(project, editor, "member.added", user, after={"role": role})
    return membership


def _record_member(project: Project, editor: User, action: str, member: User, **change: Any) -> None:
    subject = f"{member} ({member.username})"
    record(project_id=project.pk, actor=editor, action=action, subject=subject, **change)


@transaction.atomic
def member_change_role(*, project: Project, editor: User, membership_id: int, role_before: str, role: str) -> None:
    """Changes a role that still is `role_before`; a project never loses its last owner."""
    lock_members(project)
    if role_before == Role.OWNER and role != Role.OWNER:
        refuse_last_owner(project, membership_id)
    changed = Membership.objects.filter(project=project, pk=membership_id, role=role_before).update(
        role=role, updated_at=timezone.now()
    )
    if not changed:
        raise StaleEdit("Someone changed this member first. The list below is up to date; nothing was overwritten.")
    membership = Membership.objects.select_related("user", "project").get(pk=membership_id)
    member_hold(membership)
    change = {"before": {"role": role_before}, "after": {"role": role}}
    _record_member(project, editor, "member.role_changed", membership.user, **change)
    if role not in EXTRACT:
        member_leaves(membership, editor, leaves=False)


@transaction.atomic
def member_remove(*, project: Project, editor: User, membership_id: int) -> None:
    """Takes a person out of the project; what they completed stays, drafts and open places go back to the pool."""
    lock_members(project)
    refuse_last_owner(project, membership_id)
    membership = Membership.objects.select_related("user", "project").filter(project=project, pk=membership_id).first()
    if membership is None:
        raise UserError("That person is not in this project any more; nothing was changed.")
    member_hold(membership)
    member_leaves(membership, editor, leaves=True)
    _record_member(project, editor, "member.removed", membership.user, before={"role": membership.role})
    membership.delete()


def lock_members(project: Project) -> None:
    """Two owners who remove each other at the same moment must wait for one another."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def refuse_last_owner(project: Project, membership_id: int) -> None:
    owners = set(project.memberships.filter(role=Role.OWNER).values_list("pk", flat=True))
    if owners == {membership_id}:
        raise UserError("A project needs an owner. Make someone else an owner first; nothing was changed.")
