"""Reads. Blinding is enforced here: everything that shows extractions starts from `visible_extractions`."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import BooleanField, Count, ExpressionWrapper, F, Prefetch, Q, QuerySet
from django.http import Http404

from meta_app.extraction.models import Cohort, Dataset, Extraction, Study
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Role
from meta_app.projects.permissions import EXTRACT, Place
from meta_app.projects.stages import Waiting

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

    @property
    def state(self) -> str:
        if self.opened:
            return "complete"
        return "drafting" if self.mine or self.others else "open"


SHOWN = {"all": "All studies", "mine": "Mine", "open": "Free to start", "complete": "Complete"}


def study_lines(place: Place, show: str = "all", words: str = "") -> list[StudyLine]:
    """The studies of a project as this person may see them, in a fixed number of queries."""
    studies = with_locks(Study.objects.filter(project=place.project))
    if words:
        in_report = Q(reports__title__icontains=words) | Q(reports__authors__icontains=words)
        studies = studies.filter(pk__in=Study.objects.filter(Q(label__icontains=words) | in_report).values("pk"))
    sizes = _visible_sizes(place)
    by_author = Extraction.objects.select_related("author").order_by("position")
    studies = studies.prefetch_related(Prefetch("extractions", by_author), "reports")
    lines = [_study_line(place, study, sizes) for study in studies]
    return [line for line in lines if _is_shown(place, line, show)]


def _visible_sizes(place: Place) -> dict[int, tuple[int, int]]:
    """Datasets and peaks of each visible extraction."""
    rows = visible_extractions(place).values("pk").annotate(
        found_datasets=Count("datasets", distinct=True), found_peaks=Count("datasets__peaks", distinct=True)
    )  # fmt: skip
    return {row["pk"]: (row["found_datasets"], row["found_peaks"]) for row in rows.order_by()}


def _study_line(place: Place, study: Study, sizes: dict[int, tuple[int, int]]) -> StudyLine:
    extractions = list(study.extractions.all())
    independent = [item for item in extractions if item.position != Extraction.Position.CONSENSUS]
    mine = next((item for item in independent if item.author_id == place.membership.user_id), None)
    others = [item for item in independent if item is not mine]
    shown = next((item for item in [mine, *others] if item and item.pk in sizes), None)
    datasets, peaks = sizes[shown.pk] if shown else (None, None)
    return StudyLine(
        study=study,
        mine=mine,
        others=others,
        opened=study.opened,
        may_start=mine is None and len(others) < study.extractors_needed and place.may(EXTRACT),
        datasets=datasets,
        peaks=peaks,
    )


def _is_shown(place: Place, line: StudyLine, show: str) -> bool:
    if place.membership.role == Role.VIEWER and not line.opened:
        return False
    return {
        "mine": line.mine is not None,
        "open": line.may_start,
        "complete": line.opened,
    }.get(show, True)


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
    own = Extraction.objects.filter(
        study_id=study_id, study__project=place.project, author=place.membership.user
    ).exclude(position=Extraction.Position.CONSENSUS)
    extraction = own.select_related("study__project", "author").first()
    if extraction is None:
        raise Http404
    return extraction


def whole_extractions(extractions: QuerySet[Extraction]) -> QuerySet[Extraction]:
    """With cohorts, groups, datasets and peaks, one query for each kind."""
    datasets = Dataset.objects.select_related("cohort", "group_a", "group_b").prefetch_related("peaks")
    return extractions.select_related("author", "study", "form").prefetch_related(
        Prefetch("cohorts", Cohort.objects.prefetch_related("groups")),
        Prefetch("datasets", datasets),
        "events__actor",
    )


def study_reports(study: Study) -> list[Report]:
    return list(study.reports.all())


def label_is_taken(place: Place, label: str, but: Study | None = None) -> bool:
    taken = Study.objects.filter(project=place.project, label__iexact=label)
    return (taken.exclude(pk=but.pk) if but else taken).exists()


def state_counts(lines: list[StudyLine]) -> Counter[str]:
    return Counter(line.state for line in lines)


def waiting_drafts(membership: Membership) -> Waiting:
    """The studies whose extraction this person has begun and not yet locked."""
    drafts = Extraction.objects.filter(
        author=membership.user, study__project=membership.project_id, state=Extraction.State.DRAFT
    )
    count = drafts.count()
    return Waiting(count, "study" if count == 1 else "studies", "in your drafts")
