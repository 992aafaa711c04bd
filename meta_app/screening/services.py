"""Writes: the entered counts of a review's flow."""

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.common.exceptions import StaleEdit
from meta_app.projects.models import Project
from meta_app.screening.domain import FlowCounts
from meta_app.screening.models import EnteredFlow


def flow_save(*, project: Project, editor: User, version: int, counts: FlowCounts) -> int:
    """Saves `counts` over version `version` (0: none was saved yet) and answers the new version.

    Raises
    ------
    StaleEdit
        When someone saved first; `details` holds their flow and your counts.
    """
    saved = _create(project, editor, counts) if version == 0 else _update(project, editor, version, counts)
    if not saved:
        theirs = EnteredFlow.objects.select_related("edited_by").get(project=project)
        raise StaleEdit(
            f"{theirs.edited_by} saved these counts while you were editing. Nothing was overwritten.",
            {"yours": counts.to_json(), "theirs": theirs.counts, "version": theirs.version},
        )
    return version + 1


def _create(project: Project, editor: User, counts: FlowCounts) -> bool:
    try:
        with transaction.atomic():
            EnteredFlow.objects.create(project=project, edited_by=editor, counts=counts.to_json())
    except IntegrityError:
        return False
    return True


def _update(project: Project, editor: User, version: int, counts: FlowCounts) -> bool:
    with transaction.atomic():
        updated = EnteredFlow.objects.filter(project=project, version=version).update(
            counts=counts.to_json(), edited_by=editor, version=F("version") + 1, updated_at=timezone.now()
        )
    return updated == 1
