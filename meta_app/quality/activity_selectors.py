"""The audit trail as a person may read it. It stands here because what is still blind is known only from the
extraction and the quality scores of a study.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from meta_app.accounts.models import User
from meta_app.audit.models import AuditEntry
from meta_app.audit.selectors import READ, entries_of
from meta_app.extraction.models import Study
from meta_app.extraction.selectors import opened_studies
from meta_app.projects.models import Role
from meta_app.projects.permissions import Place
from meta_app.quality.selectors import scored_studies

FOR_VIEWERS = ("project.", "protocol.", "member.", "dataset.", "analysis.")
"""What a viewer reads beside the work on opened studies: the first part of an action."""

NO_CHAIN = {"number": None, "previous_hash": None, "hash": None}


@dataclass(frozen=True)
class Filters:
    """What is asked for; None and empty stand for all. `study` is a label, or a part of labels."""

    person: int | None = None
    study: str = ""
    action: str = ""


def visible_entries(place: Place) -> QuerySet[AuditEntry]:
    """Entries without the work of others on studies that are still blind."""
    opened = Q(
        blind_stage=AuditEntry.Stage.EXTRACTION, blind_study_id__in=opened_studies(place).order_by().values("pk")
    ) | Q(blind_stage=AuditEntry.Stage.QUALITY, blind_study_id__in=scored_studies(place).order_by().values("pk"))
    open_to_all = Q(blind_study_id=None)
    if place.membership.role == Role.VIEWER:
        starts = Q(pk=None)
        for start in FOR_VIEWERS:
            starts |= Q(action__startswith=start)
        open_to_all &= starts
    entries = entries_of(place.project.pk).select_related("actor")
    return entries.filter(open_to_all | opened | Q(actor=place.membership.user))


def filtered_entries(place: Place, filters: Filters) -> QuerySet[AuditEntry]:
    """Newest first."""
    entries = visible_entries(place)
    if filters.person is not None:
        entries = entries.filter(actor=filters.person)
    if filters.action:
        entries = entries.filter(action=filters.action)
    if filters.study:
        entries = entries.filter(_about(place, filters.study))
    return entries.order_by("-number")


def works_of_others(place: Place, only: Sequence[int] | None = None) -> QuerySet[AuditEntry, tuple[str, int]]:
    """Stage and study of what others did and this person reads, in all entries or in those of a page."""
    entries = visible_entries(place) if only is None else AuditEntry.objects.filter(pk__in=only)
    others = entries.exclude(actor=place.membership.user).exclude(blind_study_id=None)
    return (
        others.exclude(action__endswith=f".{READ}").order_by().values_list("blind_stage", "blind_study_id").distinct()
    )


def _about(place: Place, words: str) -> Q:
    """Entries name a study as blind work, or by its label at the start of their subject.

    Words that are no label stand for all studies whose labels hold them.
    """
    named = _named_studies(place)
    labelled = named.filter(label=words)
    if labelled.exists():
        return Q(blind_study_id__in=labelled.values("pk")) | Q(subject=words) | Q(subject__startswith=f"{words},")
    holding = named.filter(label__icontains=words)
    return Q(blind_study_id__in=holding.values("pk")) | Q(subject__icontains=words)


def _named_studies(place: Place) -> QuerySet[Study]:
    """Studies whose names this person knows."""
    if place.membership.role == Role.VIEWER:
        return opened_studies(place).order_by()
    return Study.objects.filter(project=place.project)


def actors(place: Place) -> QuerySet[User]:
    return User.objects.filter(pk__in=visible_entries(place).order_by().values("actor")).order_by("username")


def actions(place: Place) -> list[str]:
    return sorted(visible_entries(place).order_by().values_list("action", flat=True).distinct())


def exported_chain(place: Place) -> dict[str, Any]:
    """All that this person may read, oldest first.

    Where entries are withheld, numbers and hashes end with the entry before the first of them: the gaps would count
    what others have done on studies that are still blind.
    """
    rows, people, linked = [], {}, 0
    for entry in visible_entries(place):
        linked += entry.number == linked + 1
        chain = {"previous_hash": entry.previous_hash, "hash": entry.hash} if entry.number == linked else NO_CHAIN
        rows.append({**entry.words, **chain})
        people[entry.actor_id] = str(entry.actor or "Concord")
    return {"project": place.project.pk, "linked_entries": linked, "people": people, "entries": rows}
