"""Reads. Every read starts from `opened_studies`: of a study that is not open to all nothing is told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Case, Count, Exists, OuterRef, Prefetch, Q, QuerySet, When, prefetch_related_objects
from django.http import Http404

from meta_app.agreement.domain import NEAR_MM, PeakAgreement
from meta_app.agreement.models import Comparison, Difference, Letter
from meta_app.extraction.models import Assignment, Dataset, Extraction, Peak, Study
from meta_app.extraction.selectors import opened_studies, studies_named, whole_extractions, with_locks
from meta_app.projects.models import Membership, Role
from meta_app.projects.permissions import ADJUDICATE, Place
from meta_app.projects.stages import Waiting

LEFT = ~Q(differences__state=Difference.State.SETTLED)
PEAK_GROUPS = {
    "values": "at the same place",
    "near": f"at most {NEAR_MM:g} mm apart",
    "slip": "explained by a slip",
    "only_a": "only A has",
    "only_b": "only B has",
}
"""The kinds of differing peaks that can be settled at once, in words."""


def current_comparisons() -> QuerySet[Comparison]:
    """With `left`, the number of differences that are not settled, and `total`."""
    return Comparison.objects.exclude(state=Comparison.State.SUPERSEDED).annotate(
        total=Count("differences"), left=Count("differences", filter=LEFT & Q(differences__isnull=False))
    )


@dataclass(frozen=True)
class StudyLine:
    """A study in the list; `comparison` is None until both have locked."""

    study: Study
    comparison: Comparison | None
    may_settle: bool
    agreement: PeakAgreement
    compared: int

    @property
    def state(self) -> str:
        if self.comparison is not None:
            return self.comparison.state
        return "uncompared" if self.study.opened else "waiting"


def compared_studies(place: Place, words: str = "") -> QuerySet[Study]:
    """Studies that two people read, those with work for this person first; a viewer's are those that are agreed."""
    studies = with_locks(Study.objects.filter(project=place.project, extractors_needed__gte=2))
    if words:
        studies = studies_named(studies, words)
    agreed = Comparison.objects.filter(study=OuterRef("pk"), state=Comparison.State.AGREED)
    if place.membership.role == Role.VIEWER:
        return studies.filter(Exists(agreed), opened=True)
    if not place.may(ADJUDICATE):
        return studies
    user = place.membership.user
    read = Exists(Extraction.objects.filter(study=OuterRef("pk"), author=user, position__in=("A", "B")))
    assigned = Exists(Assignment.objects.filter(study=OuterRef("pk"), reviewer=user))
    waits = Q(opened=True) & ~Exists(agreed) & ~read & ~assigned
    return studies.annotate(turn=Case(When(waits, then=0), default=1)).order_by("turn", "label", "pk")


def study_lines(place: Place, studies: Sequence[Study] | QuerySet[Study]) -> list[StudyLine]:
    """Those of `compared_studies` as this person may see them, in a fixed number of queries."""
    found = list(studies)
    prefetch_related_objects(
        found, "assignments", Prefetch("comparisons", current_comparisons(), to_attr="current"),
        Prefetch("extractions", Extraction.objects.filter(position__in=("A", "B")), to_attr="independent_extractions"),
    )  # fmt: skip
    return [_line(place, study) for study in found]


def _line(place: Place, study: Study) -> StudyLine:
    comparison = study.current[0] if study.current and study.opened else None
    readers = {item.author_id for item in study.independent_extractions}
    readers |= {item.reviewer_id for item in study.assignments.all()}
    return StudyLine(
        study=study,
        comparison=comparison,
        may_settle=place.may(ADJUDICATE) and place.membership.user_id not in readers,
        agreement=agreement_of(comparison.peak_agreement.values()) if comparison else PeakAgreement(),
        compared=sum(compared for _equal, compared in comparison.value_agreement.values()) if comparison else 0,
    )


def agreement_of(peaks: Iterable[dict[str, Any]]) -> PeakAgreement:
    """That of several datasets together, from what `Comparison.peak_agreement` stores."""
    total = PeakAgreement()
    for stored in peaks:
        counts = {name: stored[name] for name in ("pairs", "only_a", "only_b", "near", "exact")}
        total += PeakAgreement(**counts, distances=tuple(stored["distances"]))
    return total


def get_opened_study(place: Place, study_id: int) -> Study:
    """A study that all its reviewers have locked; any other answers like none at all."""
    study = opened_studies(place).filter(pk=study_id, extractors_needed__gte=2).select_related("project").first()
    if study is None:
        raise Http404
    return study


def get_comparison(place: Place, study_id: int) -> Comparison:
    """The current comparison of an opened study; a viewer finds only what is agreed."""
    opened = opened_studies(place).filter(pk=study_id)
    found = current_comparisons().filter(study__in=opened.values("pk")).select_related("study__project")
    if place.membership.role == Role.VIEWER:
        found = found.filter(state=Comparison.State.AGREED)
    comparison = found.first()
    if comparison is None:
        raise Http404
    return comparison


def reviewers_of(comparison: Comparison) -> tuple[Extraction, Extraction]:
    """The whole extractions of A and B."""
    independent = Extraction.objects.filter(study=comparison.study_id, position__in=("A", "B"))
    a, b = whole_extractions(independent).select_related("form", "study", "author").order_by("position")
    return a, b


def get_difference(place: Place, study_id: int, difference_id: int) -> Difference:
    comparison = get_comparison(place, study_id)
    found = with_letters(comparison.differences.filter(pk=difference_id)).first()
    if found is None:
        raise Http404
    found.comparison = comparison
    return found


def with_letters(differences: QuerySet[Difference]) -> QuerySet[Difference]:
    letters = Letter.objects.select_related("author")
    return differences.select_related("decided_by").prefetch_related(Prefetch("letters", letters))


def why_not_settle(place: Place, study: Study) -> str:
    """The sentence why this person does not settle the differences of a study; empty if they may."""
    if not place.may(ADJUDICATE):
        return f"Your role here, {place.membership.get_role_display().lower()}, does not include settling differences."
    user = place.membership.user_id
    read_it = study.extractions.filter(author=user, position__in=("A", "B")).exists()
    if read_it or Assignment.objects.filter(study=study, reviewer=user).exists():
        return "You are one of the two reviewers of this study: someone else settles what differs."
    return ""


def peak_group(difference: Difference) -> str:
    """Which of `PEAK_GROUPS` a differing peak belongs to; empty for what is not a peak."""
    if difference.kind != Difference.Kind.PEAK:
        return ""
    if difference.a is None or difference.b is None:
        return "only_b" if difference.a is None else "only_a"
    if "place" not in difference.a["fields"]:
        return "values"
    distance = difference.a["distance"]
    near = distance is not None and distance <= NEAR_MM
    return "near" if near and not difference.slip else "slip"


def open_in(comparison: Comparison, section: str, group: str) -> list[Difference]:
    """The open differences of a section; of its peaks only those of `group`, where one is named.

    What is doubted although both have it is no choice between A and B.
    """
    found = comparison.differences.filter(state=Difference.State.OPEN, section=section, of_equal=False)
    return [difference for difference in found if not group or peak_group(difference) == group]


@dataclass
class Section:
    """A section of the compare page; `groups` counts its open differences that can be settled at once."""

    name: str
    total: int = 0
    left: int = 0
    open: int = 0
    first: int = 0
    groups: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    table_slip: str = ""
    other_order: bool = False

    @property
    def bulk(self) -> list[tuple[str, str, int]]:
        """What can be settled at once: group, in words, how many."""
        groups = [(group, words, self.groups[group]) for group, words in PEAK_GROUPS.items() if self.groups[group]]
        everything = [("", "open ones of this section, all of them", self.open)]
        return (groups if len(groups) > 1 else []) + everything


def sections(comparison: Comparison) -> list[Section]:
    """In the order of the queue, with what explains a whole table of peaks."""
    found: dict[str, Section] = {}
    for difference in comparison.differences.all():
        section = found.setdefault(difference.section, Section(difference.section, first=difference.position))
        section.total += 1
        section.left += difference.state != Difference.State.SETTLED
        if difference.state == Difference.State.OPEN and not difference.of_equal:
            section.open += 1
            if group := peak_group(difference):
                section.groups[group] += 1
        if difference.kind == Difference.Kind.PEAK and not section.table_slip:
            told = comparison.peak_agreement.get(difference.path.split("/")[0], {})
            section.table_slip, section.other_order = told.get("table_slip", ""), told.get("other_order", False)
    return list(found.values())


def brains(comparison: Comparison) -> list[dict[str, Any]]:
    """For each dataset that both have: its peaks in MNI mm, those of A and of B, and which pair they form."""
    keys = [key for pair in comparison.pairs.get("dataset", []) if None not in pair for key in pair]
    places: dict[int, dict[int, list[float]]] = defaultdict(dict)
    for dataset, row, *place in Peak.objects.filter(dataset__in=keys).values_list("dataset", "position", "x", "y", "z"):
        if None not in place:
            places[dataset][row] = place
    found = []
    for number, (path, pairs) in enumerate(comparison.pairs.get("peak", {}).items(), start=1):
        here, there = (places[int(key)] for key in path.split(":")[1:])
        told = comparison.peak_agreement[path]
        drawn = [
            {"path": f"{path}/peak:{one or '-'}:{other or '-'}", "a": here.get(one), "b": there.get(other)}
            for one, other in pairs
            if here.get(one) or there.get(other)
        ]
        if drawn:
            brain = {"element": f"brain-{number}", "dataset": told["dataset"], "pairs": drawn}
            found.append(brain | {"agreement": agreement_of([told])})
    return found


def to_settle(membership: Membership) -> QuerySet[Comparison]:
    """Open comparisons that this person settles: of studies of which they are neither reviewer."""
    if membership.role not in ADJUDICATE:
        return Comparison.objects.none()
    own = Q(study__extractions__author=membership.user, study__extractions__position__in=("A", "B"))
    return (
        Comparison.objects.filter(study__project=membership.project_id, state=Comparison.State.OPEN)
        .exclude(pk__in=Comparison.objects.filter(own).values("pk"))
        .exclude(study__assignments__reviewer=membership.user)
    )


def waiting_to_settle(membership: Membership) -> Waiting | None:
    """For those who settle: how many studies have differences left; in one query."""
    if membership.role not in ADJUDICATE:
        return None
    count = to_settle(membership).count()
    return Waiting(count, "study" if count == 1 else "studies", "with differences to settle")


def default_space(difference: Difference) -> str:
    """The space in which a row of peaks without one of its own is read: that of the dataset of A, or of B's alone."""
    keys = [key for key in difference.path.split("/")[0].split(":")[1:] if key != "-"]
    dataset = Dataset.objects.filter(pk=int(keys[0])).first()
    return dataset.space if dataset else Dataset.Space.UNKNOWN


def missed_peaks(comparison: Comparison) -> list[Difference]:
    """The rows that who settles added, as both overlooked them, undone ones among them."""
    return [difference for difference in comparison.differences.all() if difference.missed]


def compared_datasets(comparison: Comparison) -> list[tuple[str, str]]:
    """The datasets of A and B, by their path, with their name."""
    both = [(path, told["dataset"]) for path, told in comparison.peak_agreement.items()]
    return both + [
        (
            difference.path,
            f"{difference.section.removeprefix('Dataset ')} ({difference.slip.replace('Only', 'only').rstrip('.')})",
        )
        for difference in comparison.differences.all()
        if difference.kind == Difference.Kind.ROW and difference.path.startswith("dataset:")
    ]


# The whole project


@dataclass(frozen=True)
class SectionAgreement:
    name: str
    equal: int
    compared: int

    @property
    def percent(self) -> float:
        return 100 * self.equal / self.compared


@dataclass(frozen=True)
class ProjectAgreement:
    """How far two readers of each study agreed before anyone talked: by the first comparison of each."""

    sections: list[SectionAgreement]
    studies: list[tuple[Study, SectionAgreement, PeakAgreement]]
    peaks: PeakAgreement

    @property
    def values(self) -> SectionAgreement:
        return _summed("All values", ((item.equal, item.compared) for item in self.sections))

    def as_rows(self) -> list[list[Any]]:
        rows: list[list[Any]] = [["What", "Name", "Equal", "Compared", "Percent agreement"]]
        rows += [["Section", *_cells(item)] for item in [*self.sections, self.values] if item.compared]
        rows += [["Study", study.label, *_cells(item)[1:]] for study, item, _peaks in self.studies]
        rows += [[], PEAK_COLUMNS]
        rows += [_peak_cells(study.label, peaks) for study, _values, peaks in self.studies if peaks.peaks]
        return [*rows, _peak_cells("All studies", self.peaks)]


PEAK_COLUMNS = [
    "Study", "Different peaks", "Pairs", "Only A", "Only B", "Pairs up to 4 mm apart", "Pairs at the same place",
    "Matched share", "Exact share", "Median distance of pairs (mm)",
]  # fmt: skip


def _cells(item: SectionAgreement) -> list[Any]:
    return [item.name, item.equal, item.compared, round(item.percent, 1)]


def _peak_cells(name: str, peaks: PeakAgreement) -> list[Any]:
    shares = [None if share is None else round(share, 3) for share in (peaks.matched_share, peaks.exact_share)]
    median = None if peaks.median_mm is None else round(peaks.median_mm, 2)
    return [name, peaks.peaks, peaks.pairs, peaks.only_a, peaks.only_b, peaks.near, peaks.exact, *shares, median]


def project_agreement(place: Place) -> ProjectAgreement:
    """Of studies that are open to all; a viewer's are those that are agreed."""
    opened = opened_studies(place)
    if place.membership.role == Role.VIEWER:
        opened = opened.filter(comparisons__state=Comparison.State.AGREED)
    firsts = Comparison.objects.filter(number=1, study__in=opened.values("pk")).select_related("study")
    studies, by_section = [], defaultdict(list)
    for comparison in firsts.order_by("study__label", "study"):
        for name, counts in comparison.value_agreement.items():
            by_section[name].append(counts)
        values = {name: counts for name, counts in comparison.value_agreement.items() if name != "Peaks"}
        of_study = _summed(comparison.study.label, values.values())
        studies.append((comparison.study, of_study, agreement_of(comparison.peak_agreement.values())))
    return ProjectAgreement(
        sections=[_summed(name, counts) for name, counts in by_section.items() if name != "Peaks"],
        studies=[study for study in studies if study[1].compared],
        peaks=sum((peaks for _study, _values, peaks in studies), PeakAgreement()),
    )


def _summed(name: str, counts: Iterable[Any]) -> SectionAgreement:
    pairs = list(counts)
    return SectionAgreement(name, sum(equal for equal, _ in pairs), sum(compared for _, compared in pairs))
