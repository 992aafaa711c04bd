"""Reads for the list of studies: what a list would add, and who is to extract what."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from meta_app.accounts.models import User
from meta_app.common.texts import plain_line
from meta_app.extraction.list_parsers import Entry, ListProblem, Unit
from meta_app.extraction.models import Assignment, Dataset, Extraction, Study
from meta_app.library.domain import (
    LONGEST_LABEL,
    folded,
    label_question,
    label_year,
    new_label_question,
    read_authors,
    spread_labels,
    study_label,
    title_key,
)
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Project
from meta_app.projects.permissions import EXTRACT, Place


@dataclass(frozen=True)
class ListLine:
    """A row of a list as it would be imported: its label, what to ask about it, and whom it repeats."""

    entry: Entry
    label: str
    question: str = ""
    repeats: str = ""
    problems: tuple[ListProblem, ...] = ()

    @property
    def blocked(self) -> bool:
        return bool(self.problems)

    @property
    def fresh(self) -> bool:
        return not self.blocked and not self.repeats


def list_lines(
    project: Project,
    entries: Sequence[Entry],
    labels: Mapping[int, str],
    keep: Collection[int] = (),
    unit: Unit = "row",
) -> list[ListLine]:
    """The rows with their labels, compared with the project's reports, in two queries.

    Parameters
    ----------
    labels : mapping
        Labels that the person typed, by number of row.
    keep : collection
        Rows that are wanted although they repeat a report.
    unit : str
        What the numbers of the entries count.
    """
    known = _known_reports(project)
    taken = list(Study.objects.filter(project=project).values_list("label", flat=True))
    repeats = _repeats(entries, known, {folded(label): label for label in taken}, labels, unit)
    repeats = {number: name for number, name in repeats.items() if number not in keep}
    wanted = {entry.number: _wanted_label(entry, labels.get(entry.number, "")) for entry in entries}
    free = [entry for entry in entries if not entry.blocked and wanted[entry.number]]
    fresh = [entry for entry in free if entry.number not in repeats]
    spread = dict(
        zip(
            (entry.number for entry in fresh),
            spread_labels([wanted[entry.number] for entry in fresh], taken),
            strict=True,
        )
    )
    return [
        _line(entry, spread.get(entry.number, wanted[entry.number]), repeats.get(entry.number, ""), labels)
        for entry in entries
    ]


def _wanted_label(entry: Entry, typed: str) -> str:
    told = plain_line(typed or entry.label)[:LONGEST_LABEL]
    return told or study_label(read_authors(entry.report["authors"]), entry.report["year"])[:LONGEST_LABEL]


def _line(entry: Entry, label: str, repeats: str, labels: Mapping[int, str]) -> ListLine:
    problems, question = entry.problems, ""
    if entry.blocked:
        return ListLine(entry, label, problems=problems)
    if not label:
        mend = "Type a label here, for example Cao 2017."
        problems = (*problems, ListProblem(entry.number, "label", "No label can be made of this row.", mend))
    elif entry.number not in labels:
        question = _question(entry, label)
    return ListLine(entry, label, question, repeats, problems)


def _question(entry: Entry, label: str) -> str:
    """A label that was typed is compared with the authors; one that was made is asked about where names are unsure."""
    authors = entry.report["authors"]
    if entry.label:
        asked = label_question(label, authors)
        years = {label_year(label), entry.report["year"]} - {None}
        return asked or (
            f"The label says {label_year(label)}, the row {entry.report['year']}." if len(years) > 1 else ""
        )
    if not read_authors(authors):
        return "No author is named. Is this label good?"
    if entry.report["year"] is None:
        return "The year is not named. Is this label good?"
    return new_label_question(read_authors(authors))


def _known_reports(project: Project) -> dict[str, tuple[str, str]]:
    """The label of a study (or the words of a report without one) and the DOI, by DOI and by title."""
    known: dict[str, tuple[str, str]] = {}
    rows = Report.objects.filter(project=project).values_list("doi", "title", "studies__label", "authors", "year")
    for doi, title, label, authors, year in rows.order_by("pk"):
        name = label or f"the report of {authors[:40] or title[:40]} {year or ''}".strip()
        for key in _keys(doi, title):
            known.setdefault(key, (name, doi.lower()))
    return known


def _keys(doi: str, title: str) -> Iterable[str]:
    if doi:
        yield f"doi:{doi.lower()}"
    if title_key(title):
        yield f"title:{title_key(title)}"


def _repeats(
    entries: Sequence[Entry],
    known: Mapping[str, tuple[str, str]],
    taken: Mapping[str, str],
    labels: Mapping[int, str],
    unit: Unit,
) -> dict[int, str]:
    """What each repeated row repeats: a report of the project or a row above. Two DOIs that differ are two papers."""
    seen = dict(known)
    found: dict[int, str] = {}
    for entry in entries:
        if entry.blocked:
            continue
        doi = entry.report["doi"].lower()
        keys = list(_keys(doi, entry.report["title"]))
        same = next((seen[key] for key in keys if key in seen and not _other_doi(seen[key][1], doi)), None)
        bare = folded(labels.get(entry.number, "") or entry.label)
        if same:
            found[entry.number] = same[0]
        elif not keys and bare in taken:
            found[entry.number] = taken[bare]
        for key in keys:
            seen.setdefault(key, (f"{unit} {entry.number}", doi))
    return found


def _other_doi(theirs: str, ours: str) -> bool:
    return bool(theirs and ours and theirs != ours)


# Who is to extract what


@dataclass(frozen=True)
class Workload:
    """How many places of a project's studies a person holds: to begin, in work and complete."""

    person: User
    waiting: int
    drafts: int
    complete: int

    @property
    def places(self) -> int:
        return self.waiting + self.drafts + self.complete


def extractors(project: Project) -> list[User]:
    """The people who may extract in a project; an adjudicator is never one of the two."""
    members = Membership.objects.filter(project=project, role__in=EXTRACT).select_related("user").order_by("pk")
    return [member.user for member in members]


def workloads(project: Project) -> list[Workload]:
    """The places of everyone who extracts here, in three queries."""
    begun = Extraction.objects.filter(study=OuterRef("study"), position=OuterRef("position"))
    waiting = Assignment.objects.filter(~Exists(begun), study__project=project)
    own = Extraction.objects.filter(study__project=project).exclude(position=Extraction.Position.CONSENSUS)
    asked = Counter(waiting.order_by().values_list("reviewer", flat=True))
    states = Counter(own.order_by().values_list("author", "state"))
    return [
        Workload(
            person,
            asked[person.pk],
            states[person.pk, Extraction.State.DRAFT],
            states[person.pk, Extraction.State.COMPLETE],
        )
        for person in extractors(project)
    ]


def extraction_counts(place: Place, extractions: Iterable[Extraction]) -> dict[str, int]:
    """Reports, studies, comparisons (a study's groups in one modality) and datasets (a comparison in one metric).

    Parameters
    ----------
    extractions : iterable
        One of each study, as `speaking_extractions` answers.
    """
    studies = Study.objects.filter(project=place.project)
    datasets = Dataset.objects.filter(extraction__in=[extraction.pk for extraction in extractions])
    return {
        "reports": Report.objects.filter(studies__in=studies).distinct().count(),
        "studies": studies.count(),
        "comparisons": datasets.values("extraction", "comparison", "modality").distinct().order_by().count(),
        "datasets": datasets.count(),
    }
