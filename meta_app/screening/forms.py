"""The form of the flow counts: boxes in the order of the diagram, each a number or a list of named numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.http import QueryDict

from meta_app.screening.domain import LISTS, NUMBERS, unit_of


@dataclass(frozen=True)
class Row:
    name: str = ""
    n: Any = ""
    problem: str = ""


@dataclass(frozen=True)
class Entry:
    """One number, or with `rows` a list of named numbers."""

    key: str
    label: str
    hint: str = ""
    suggestions: tuple[str, ...] = ()
    value: Any = ""
    problem: str = ""
    rows: tuple[Row, ...] | None = None

    @property
    def unit(self) -> str:
        return unit_of(self.key)

    @property
    def is_used(self) -> bool:
        return self.value != "" or any(row.name or row.problem for row in self.rows or ())


@dataclass(frozen=True)
class Section:
    title: str
    entries: tuple[Entry, ...]
    hint: str = ""
    optional: bool = False

    @property
    def is_open(self) -> bool:
        """An optional lane is folded away until something stands in it."""
        return not self.optional or any(entry.is_used for entry in self.entries)


NONE_IF_BLANK = "Blank counts as none and has no line in the diagram."
FOR_UPDATES = "Only for an update."
REASONS = ("Not original research", "Wrong population", "No whole-brain analysis", "No coordinates reported")
SECTIONS = (
    Section(
        "Identification",
        (
            Entry(
                "databases",
                "Databases",
                suggestions=("PubMed", "Embase", "Web of Science", "Scopus", "PsycInfo", "CNKI", "WanFang"),
            ),
            Entry("registers", "Registers", suggestions=("ClinicalTrials.gov", "WHO ICTRP", "ChiCTR")),
            Entry("duplicates", "Duplicates removed"),
            Entry("automation", "Removed by automation tools", NONE_IF_BLANK),
            Entry("removed_other", "Removed for other reasons", NONE_IF_BLANK),
        ),
    ),
    Section(
        "Screening",
        (
            Entry("screened", "Screened by title and abstract"),
            Entry("excluded", "Excluded"),
            Entry("sought", "Sought for retrieval"),
            Entry("not_retrieved", "Not retrieved"),
            Entry("assessed", "Assessed for eligibility"),
            Entry("reasons", "Excluded, by reason", suggestions=REASONS),
        ),
    ),
    Section(
        "Other methods",
        (
            Entry("other_sources", "Identified from", suggestions=("Websites", "Organisations", "Citation searching")),
            Entry("other_sought", "Sought for retrieval"),
            Entry("other_not_retrieved", "Not retrieved"),
            Entry("other_assessed", "Assessed for eligibility"),
            Entry("other_reasons", "Excluded, by reason", suggestions=REASONS),
        ),
        "Reference lists searched by hand count as citation searching. With this lane the diagram has two halves.",
        optional=True,
    ),
    Section(
        "Previous version of the review",
        (Entry("previous_studies", "Studies in it"), Entry("previous_reports", "Reports of them")),
        "Only for an update of an earlier review.",
        optional=True,
    ),
    Section(
        "Included",
        (
            Entry("new_studies", "New studies included"),
            Entry("new_reports", "Reports of them"),
            Entry("total_studies", "Studies in total", FOR_UPDATES),
            Entry("total_reports", "Reports of them in total", FOR_UPDATES),
        ),
    ),
)


def read_flow(post: QueryDict) -> dict[str, Any]:
    """The typed texts in the shape that `domain.parse_flow` reads; rows left blank are dropped."""
    raw: dict[str, Any] = {name: post.get(name, "") for name in NUMBERS}
    for key in LISTS:
        rows = zip(post.getlist(f"{key}-name"), post.getlist(f"{key}-n"), strict=False)
        raw[key] = [{"name": name, "n": n} for name, n in rows if name.strip() or n.strip()]
    return raw


def flow_sections(raw: Mapping[str, Any], problems: Mapping[str, str]) -> list[Section]:
    """The sections with what was typed or stored, and with each problem at its place."""
    return [
        replace(section, entries=tuple(_filled(entry, raw, problems) for entry in section.entries))
        for section in SECTIONS
    ]


def _filled(entry: Entry, raw: Mapping[str, Any], problems: Mapping[str, str]) -> Entry:
    if entry.key not in LISTS:
        return replace(entry, value=_shown(raw.get(entry.key)), problem=problems.get(entry.key, ""))
    rows = [
        Row(row["name"], _shown(row["n"]), problems.get(f"{entry.key}:{index}", ""))
        for index, row in enumerate(raw.get(entry.key) or ())
    ]
    return replace(entry, rows=(*rows, Row()) if rows else (Row(), Row()))


def _shown(n: Any) -> Any:
    return "" if n is None else n
