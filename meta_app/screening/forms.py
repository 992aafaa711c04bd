"""The form of the flow counts: boxes in the order of the diagram, each a number or a list of named numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict

from meta_app.screening.domain import LISTS, NUMBERS


@dataclass(frozen=True)
class Row:
    name: str
    n: Any
    problem: str


@dataclass(frozen=True)
class Entry:
    """One number, or with `rows` a list of named numbers."""

    key: str
    label: str
    unit: str
    value: Any = ""
    problem: str = ""
    rows: list[Row] | None = None
    hint: str = ""
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    title: str
    entries: list[Entry] = field(default_factory=list)
    hint: str = ""
    optional: bool = False

    @property
    def is_open(self) -> bool:
        """An optional lane is folded away until something stands in it."""
        return not self.optional or any(
            entry.value not in ("", None) or any(row.name or row.problem for row in entry.rows or ())
            for entry in self.entries
        )


DATABASES = ("PubMed", "Embase", "Web of Science", "Scopus", "PsycInfo", "CNKI", "WanFang")
REGISTERS = ("ClinicalTrials.gov", "WHO ICTRP", "ChiCTR")
OTHER_METHODS = ("Websites", "Organisations", "Citation searching")
REASONS = ("Not original research", "Wrong population", "No whole-brain analysis", "No coordinates reported")


def read_flow(post: QueryDict) -> dict[str, Any]:
    """The typed texts in the shape that `domain.parse_flow` reads; rows left blank are dropped."""
    raw: dict[str, Any] = {name: post.get(name, "") for name in NUMBERS}
    for key in LISTS:
        rows = zip(post.getlist(f"{key}-name"), post.getlist(f"{key}-n"), strict=False)
        raw[key] = [{"name": name, "n": n} for name, n in rows if name.strip() or n.strip()]
    return raw


def flow_sections(raw: Mapping[str, Any], problems: Mapping[str, str]) -> list[Section]:
    def number(key: str, label: str, unit: str, hint: str = "") -> Entry:
        value = raw.get(key)
        return Entry(key, label, unit, "" if value is None else value, problems.get(key, ""), hint=hint)

    def named(key: str, label: str, unit: str, suggestions: tuple[str, ...]) -> Entry:
        rows = [
            Row(row["name"], "" if row["n"] is None else row["n"], problems.get(f"{key}:{index}", ""))
            for index, row in enumerate(raw.get(key) or ())
        ]
        blank = [Row("", "", "")] * (1 if rows else 2)
        return Entry(key, label, unit, rows=rows + blank, suggestions=suggestions)

    return [
        Section(
            "Identification",
            [
                named("databases", "Databases", "records", DATABASES),
                named("registers", "Registers", "records", REGISTERS),
                number("duplicates", "Duplicates removed", "records"),
                number("automation", "Removed by automation tools", "records", "Blank counts as none."),
                number("removed_other", "Removed for other reasons", "records", "Blank counts as none."),
            ],
        ),
        Section(
            "Screening",
            [
                number("screened", "Screened by title and abstract", "records"),
                number("excluded", "Excluded", "records"),
                number("sought", "Sought for retrieval", "reports"),
                number("not_retrieved", "Not retrieved", "reports"),
                number("assessed", "Assessed for eligibility", "reports"),
                named("reasons", "Excluded, by reason", "reports", REASONS),
            ],
        ),
        Section(
            "Other methods",
            [
                named("other_sources", "Identified from", "records", OTHER_METHODS),
                number("other_sought", "Sought for retrieval", "reports"),
                number("other_not_retrieved", "Not retrieved", "reports"),
                number("other_assessed", "Assessed for eligibility", "reports"),
                named("other_reasons", "Excluded, by reason", "reports", REASONS),
            ],
            "Reference lists searched by hand count as citation searching. With this lane the diagram has two halves.",
            optional=True,
        ),
        Section(
            "Previous version of the review",
            [
                number("previous_studies", "Studies in it", "studies"),
                number("previous_reports", "Reports of them", "reports"),
            ],
            "Only for an update of an earlier review.",
            optional=True,
        ),
        Section(
            "Included",
            [
                number("new_studies", "New studies included", "studies"),
                number("new_reports", "Reports of them", "reports"),
                number("total_studies", "Studies in total", "studies", "Only for an update."),
                number("total_reports", "Reports of them in total", "reports", "Only for an update."),
            ],
        ),
    ]
