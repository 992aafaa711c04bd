"""Reads of overlapping samples.

A likeness tells what a reviewer entered. So a person sees likenesses among one's own extractions and those of opened
studies only, and a question of the team is asked only about two opened studies.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db.models import Prefetch, QuerySet

from meta_app.extraction.models import Cohort, Extraction, SampleOverlap, Study
from meta_app.extraction.selectors import visible_extractions, with_locks
from meta_app.projects.models import Project
from meta_app.projects.permissions import Place

TOLD = {"consensus": 0, "A": 2, "B": 3}
OWN = 1


def speaking_extractions(place: Place, studies: Sequence[Study] | None = None) -> list[Extraction]:
    """Of each study (or of some) the extraction that says most to this person: agreed, own, any other visible one."""
    own = place.membership.user_id
    visible = visible_extractions(place)
    if studies is not None:
        visible = visible.filter(study__in=[study.pk for study in studies])
    return _one_of_each(visible, lambda item: OWN if item.author_id == own else TOLD[item.position])


def opened_extractions(project: Project) -> list[Extraction]:
    """Of each opened study the extraction that speaks for it: the consensus, or the first reviewer's."""
    opened = opened_study_ids(project)
    return _one_of_each(Extraction.objects.filter(study__in=opened), lambda item: TOLD[item.position])


def opened_study_ids(project: Project) -> QuerySet[Study]:
    return with_locks(Study.objects.filter(project=project)).filter(opened=True).values("pk")


def _one_of_each(extractions: QuerySet[Extraction], rank: Callable[[Extraction], int]) -> list[Extraction]:
    first: dict[int, tuple[int, int]] = {}
    for item in extractions.only("pk", "study_id", "position", "author_id", "state"):
        half_done = item.position == "consensus" and item.state != Extraction.State.COMPLETE
        place = 9 if half_done else 0 if item.position == "consensus" else rank(item)
        if item.study_id not in first or place < first[item.study_id][0]:
            first[item.study_id] = (place, item.pk)
    chosen = Extraction.objects.filter(pk__in=[key for _place, key in first.values()])
    people = Prefetch("cohorts", Cohort.objects.prefetch_related("groups"))
    return list(chosen.select_related("study").prefetch_related(people, "datasets", "study__reports"))


@dataclass(frozen=True)
class Decided:
    """The questions of the team about two opened studies, by the studies' keys."""

    by_key: dict[tuple[int, int], SampleOverlap]

    def open_ones(self) -> list[SampleOverlap]:
        return [item for item in self.by_key.values() if item.decision == SampleOverlap.Decision.OPEN]


def asked_overlaps(project: Project) -> Decided:
    """Only while both studies are opened: a reopened one hides what was found in it."""
    rows = SampleOverlap.objects.filter(project=project, first__in=opened_study_ids(project))
    rows = rows.filter(second__in=opened_study_ids(project)).select_related("first", "second", "decided_by")
    return Decided({(row.first_id, row.second_id): row for row in rows})
