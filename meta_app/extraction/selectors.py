"""Reads. Blinding is enforced here: everything that shows extractions starts from `visible_extractions`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, F, OuterRef, Prefetch, Q, QuerySet
from django.http import Http404

from meta_app.accounts.models import User
from meta_app.audit.selectors import readings
from meta_app.extraction.models import Assignment, Cohort, Dataset, Extraction, Study
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Role
from meta_app.projects.permissions import EXTRACT, Place
from meta_app.projects.stages import Waiting

POSITIONS = ("A", "B")
INDEPENDENT = ~Q(extractions__position=Extraction.Position.CONSENSUS)
LOCKED = Q(extractions__state=Extraction.State.COMPLETE)
ALL_LOCKED = Q(locked=F("independent"), locked__gte=F("extractors_needed"))


def opened_studies(place: Place) -> QuerySet[Study]:
    """Studies whose reviewers have all locked: as many as needed are complete and none is still a draft."""
    return with_locks(Study.objects.filter(project=place.project)).filter(opened=True)


def with_locks(studies: QuerySet[Study]) -> QuerySet[Study]:
    """Adds `independent` and `locked`, the numbers of reviewers' extractions and of those that are complete.

    `opened` is the one rule of blinding: as many as needed are complete and none is still a draft.
    """
    return studies.order_by("label", "pk").annotate(
        independent=Count("extractions", filter=INDEPENDENT, distinct=True),
        locked=Count("extractions", filter=INDEPENDENT & LOCKED, distinct=True),
        opened=ExpressionWrapper(ALL_LOCKED, BooleanField()),
    )


def visible_extractions(place: Place) -> QuerySet[Extraction]:
    """One's own extractions, and everybody's of studies whose reviewers have all locked."""
    opened = opened_studies(place).values("pk")
    return Extraction.objects.filter(study__project=place.project).filter(
        Q(author=place.membership.user) | Q(study__in=opened)
    )


@dataclass(frozen=True)
class StudyLine:
    """A study in the list: one's own work in full, the other's only as a state."""

    study: Study
    mine: Extraction | None
    others: list[Extraction]
    opened: bool
    may_start: bool
    datasets: int | None
    peaks: int | None
    seats: list["Seat"]
    agreed: str
    why_not: str = ""
    """Why a place that is free is not this person's to take."""
    criteria: dict[str, int] | None = None
    free_to_start: bool = False
    """This person may start it although no place there was given to them."""

    @property
    def state(self) -> str:
        if self.opened:
            return "complete"
        return "drafting" if self.mine or self.others else "open"


@dataclass(frozen=True)
class Seat:
    """The place of reviewer A or B in a study: who holds it, and their extraction once it is begun."""

    position: str
    person: User | None
    extraction: Extraction | None
    mine: bool


SHOWN = {
    "all": "All studies",
    "todo": "To do for me",
    "mine": "Mine",
    "open": "Free to start",
    "unassigned": "Not fully assigned",
    "complete": "Complete",
}


def studies_shown(place: Place, show: str = "all", words: str = "") -> QuerySet[Study]:
    """The studies of a project that this person may see and asked for; a viewer sees opened ones only."""
    studies = Study.objects.filter(project=place.project)
    if words:
        studies = studies_named(studies, words)
    if place.membership.role == Role.VIEWER or show == "complete":
        studies = studies.filter(pk__in=opened_studies(place).values("pk"))
    own, assigned = _own(place), Exists(_assigned(place))
    if show == "mine":
        studies = studies.filter(Exists(own) | assigned)
    elif show == "todo":
        studies = studies.filter(_to_do(place))
    elif show == "open":
        studies = studies.filter(~_to_do(place) & _may_start(place)) if place.may(EXTRACT) else studies.none()
    elif show == "unassigned":
        studies = studies.filter(_unheld("A") | (Q(extractors_needed__gt=1) & _unheld("B")))
    return studies.order_by("label", "pk")


def studies_named(studies: QuerySet[Study], words: str) -> QuerySet[Study]:
    """Those with the words in their label, or in an author or title of a report."""
    in_report = Q(reports__title__icontains=words) | Q(reports__authors__icontains=words)
    return studies.filter(pk__in=Study.objects.filter(Q(label__icontains=words) | in_report).values("pk"))


def own_extractions(place: Place) -> QuerySet[Extraction]:
    """What this person extracts in the project as A or B; the author of a consensus does not own it."""
    own = Extraction.objects.filter(study__project=place.project, author=place.membership.user)
    return own.exclude(position=Extraction.Position.CONSENSUS)


def _own(place: Place) -> QuerySet[Extraction]:
    return own_extractions(place).filter(study=OuterRef("pk"))


def _to_do(place: Place) -> Q:
    own = _own(place)
    return Q(Exists(own.filter(state=Extraction.State.DRAFT))) | (Q(Exists(_assigned(place))) & ~Exists(own))


def _assigned(place: Place) -> QuerySet[Assignment]:
    return Assignment.objects.filter(study=OuterRef("pk"), reviewer=place.membership.user)


def _read(place: Place) -> QuerySet[Any]:
    """The note that this person has read what the reviewers of a study entered."""
    return readings("extraction").filter(blind_study_id=OuterRef("pk"), actor=place.membership.user)


def why_not_start(label: str) -> str:
    """Said to who has read a study of which a place became free."""
    return (
        f"You have read what the reviewers of {label} entered, so you are not blind to it: the free place is somebody "
        "else's."
    )


def _unheld(position: str) -> Q:
    begun = Extraction.objects.filter(study=OuterRef("pk"), position=position)
    assigned = Assignment.objects.filter(study=OuterRef("pk"), position=position)
    return ~Exists(begun) & ~Exists(assigned)


def _may_start(place: Place) -> Q:
    return ~Exists(_own(place)) & _startable(place) & ~Exists(_read(place))


def _startable(place: Place) -> Q:
    """What `free_position` answers for one study, as a condition on many."""
    begun = Extraction.objects.filter(study=OuterRef("study"), position=OuterRef("position"))
    waiting = Exists(_assigned(place).filter(~Exists(begun)))
    return Q(waiting) | _unheld("A") | (Q(extractors_needed__gt=1) & _unheld("B"))


class Positioned(Protocol):
    """The work of reviewer A or B: an extraction, a score."""

    position: Any


def free_position(
    needed: int, person_id: int, works: Iterable[Positioned], assignments: Iterable[Assignment]
) -> str | None:
    """The position that a person may begin: the one assigned, or one that is neither begun nor assigned to another."""
    begun = {item.position for item in works}
    mine = next((item.position for item in assignments if item.reviewer_id == person_id), None)
    if mine and mine not in begun:
        return mine
    held = begun | {item.position for item in assignments if item.reviewer_id != person_id}
    return next((position for position in POSITIONS[:needed] if position not in held), None)


def study_lines(place: Place, studies: Sequence[Study] | QuerySet[Study]) -> list[StudyLine]:
    """The lines of some studies, as this person may see them, in a fixed number of queries."""
    keys = [study.pk for study in studies]
    by_author = Extraction.objects.select_related("author").order_by("position")
    rows = (
        with_locks(Study.objects.filter(pk__in=keys))
        .annotate(read=Exists(_read(place)))
        .prefetch_related(
            Prefetch("extractions", by_author),
            Prefetch("assignments", Assignment.objects.select_related("reviewer")),
            "reports",
        )
    )
    sizes = _visible_sizes(place, keys)
    lines = {study.pk: _study_line(place, study, sizes) for study in rows}
    return [lines[key] for key in keys if key in lines]


def _visible_sizes(place: Place, keys: Sequence[int]) -> dict[int, tuple[int, int]]:
    """Datasets and peaks of each visible extraction of these studies."""
    rows = visible_extractions(place).filter(study__in=keys).values("pk").annotate(
        found_datasets=Count("datasets", distinct=True), found_peaks=Count("datasets__peaks", distinct=True)
    )  # fmt: skip
    return {row["pk"]: (row["found_datasets"], row["found_peaks"]) for row in rows.order_by()}


def _study_line(place: Place, study: Study, sizes: dict[int, tuple[int, int]]) -> StudyLine:
    extractions, assignments = list(study.extractions.all()), list(study.assignments.all())
    independent = [item for item in extractions if item.position != Extraction.Position.CONSENSUS]
    person = place.membership.user_id
    mine = next((item for item in independent if item.author_id == person), None)
    others = [item for item in independent if item is not mine]
    agreed = next((item for item in extractions if _is_agreed(item)), None)
    counted = [item for item in (mine, agreed, *others) if item and item.pk in sizes]
    shown = next((item for item in counted if may_be_counted(place, study, item)), None)
    datasets, peaks = sizes[shown.pk] if shown else (None, None)
    free = free_position(study.extractors_needed, person, independent, assignments)
    startable = mine is None and free is not None and place.may(EXTRACT)
    return StudyLine(
        study=study,
        mine=mine,
        others=others,
        opened=study.opened,
        may_start=startable and not study.read,
        free_to_start=startable and not study.read and all(item.reviewer_id != person for item in assignments),
        why_not=why_not_start(study.label) if startable and study.read else "",
        datasets=datasets,
        peaks=peaks,
        seats=_seats(place, study, independent, assignments),
        agreed=_agreed(study, extractions),
    )


def may_be_counted(place: Place, study: Study, extraction: Extraction) -> bool:
    """Whether a list may count what is in a visible extraction, as nobody is noted to have read what a list shows.

    It is one's own, a single reader's, or what was agreed; or this person has read it (`study.read` of `study_lines`).
    """
    own = extraction.author_id == place.membership.user_id
    return own or study.extractors_needed == 1 or _is_agreed(extraction) or study.read


def _is_agreed(extraction: Extraction) -> bool:
    return extraction.position == Extraction.Position.CONSENSUS and extraction.state == Extraction.State.COMPLETE


def _seats(
    place: Place, study: Study, independent: Sequence[Extraction], assignments: Sequence[Assignment]
) -> list[Seat]:
    begun = {item.position: item for item in independent}
    assigned = {item.position: item.reviewer for item in assignments}
    seats = []
    for position in POSITIONS[: study.extractors_needed]:
        extraction = begun.get(position)
        person = extraction.author if extraction else assigned.get(position)
        mine = person is not None and person.pk == place.membership.user_id
        seats.append(Seat(position, person, extraction, mine))
    return seats


def _agreed(study: Study, extractions: Iterable[Extraction]) -> str:
    """How far the agreement is, in words: empty before all have locked."""
    consensus = next((item for item in extractions if item.position == Extraction.Position.CONSENSUS), None)
    if not study.opened:
        return ""
    if consensus is None:
        return "agreed" if study.extractors_needed == 1 else "to compare"
    return "agreed" if consensus.state == Extraction.State.COMPLETE else "being compared"


def get_study(place: Place, study_id: int) -> Study:
    """A study of this project; a viewer finds only those that all reviewers have locked."""
    studies = Study.objects.filter(project=place.project)
    if place.membership.role == Role.VIEWER:
        studies = studies.filter(pk__in=opened_studies(place).values("pk"))
    study = studies.filter(pk=study_id).select_related("project").first()
    if study is None:
        raise Http404
    return study


def get_own_extraction(place: Place, study_id: int) -> Extraction:
    """This person's own extraction of a study; another's answers like none at all."""
    extraction = own_extractions(place).filter(study=study_id).select_related("study__project", "author").first()
    if extraction is None:
        raise Http404
    return extraction


def whole_extractions(extractions: QuerySet[Extraction]) -> QuerySet[Extraction]:
    """With their rows, and with who did what when."""
    return with_rows(extractions).select_related("author", "study", "form").prefetch_related("events__actor")


def with_rows(extractions: QuerySet[Extraction]) -> QuerySet[Extraction]:
    """With cohorts, groups, datasets and peaks, one query for each kind."""
    datasets = Dataset.objects.select_related("cohort", "group_a", "group_b").prefetch_related("peaks")
    return extractions.prefetch_related(
        Prefetch("cohorts", Cohort.objects.prefetch_related("groups")), Prefetch("datasets", datasets)
    )


def study_reports(study: Study) -> list[Report]:
    return list(study.reports.all())


def label_is_taken(place: Place, label: str, but: Study | None = None) -> bool:
    taken = Study.objects.filter(project=place.project, label__iexact=label)
    return (taken.exclude(pk=but.pk) if but else taken).exists()


def state_counts(studies: QuerySet[Study]) -> dict[str, int]:
    """How many studies are complete, in work and not started, and their total, in one query."""
    begun = Q(independent__gt=0)
    return with_locks(studies).aggregate(
        total=Count("pk"),
        complete=Count("pk", filter=Q(opened=True)),
        drafting=Count("pk", filter=begun & Q(opened=False)),
        open=Count("pk", filter=~begun),
    )


def waiting_drafts(membership: Membership) -> Waiting:
    """The studies that this person has begun and not yet locked, or is to begin."""
    place = Place(membership.project, membership)
    count = Study.objects.filter(_to_do(place), project=membership.project_id).count()
    return Waiting(count, "study" if count == 1 else "studies", "to extract")


def free_drafts(membership: Membership) -> int:
    """How many studies this person may begin although nobody has given them to them."""
    place = Place(membership.project, membership)
    if not place.may(EXTRACT):
        return 0
    return Study.objects.filter(~_to_do(place) & _may_start(place), project=membership.project_id).count()
