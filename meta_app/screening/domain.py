"""The counts of a PRISMA 2020 flow, and the sums that must hold between its boxes. Plain Python.

Units: databases, registers and other sources give *records*; what is sought, assessed and excluded after reading are
*reports*; what is included is counted in *studies* and in *reports* (one study can be told in several reports).
A count nobody has entered is None, never 0.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

LARGEST_COUNT = 10_000_000
LONGEST_NAME = 200

Count = int | None


class FlowError(ValueError):
    """Some counts cannot be read; `problems` says which and how to mend each, by field or by `list:row`."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(" ".join(problems.values()))
        self.problems = dict(problems)


@dataclass(frozen=True)
class Line:
    """A named part of a box: a database, another source or a reason for exclusion."""

    name: str
    n: Count


@dataclass(frozen=True)
class FlowCounts:
    databases: tuple[Line, ...] = ()
    registers: tuple[Line, ...] = ()
    duplicates: Count = None
    automation: Count = None
    removed_other: Count = None
    screened: Count = None
    excluded: Count = None
    sought: Count = None
    not_retrieved: Count = None
    assessed: Count = None
    reasons: tuple[Line, ...] = ()
    other_sources: tuple[Line, ...] = ()
    other_sought: Count = None
    other_not_retrieved: Count = None
    other_assessed: Count = None
    other_reasons: tuple[Line, ...] = ()
    previous_studies: Count = None
    previous_reports: Count = None
    new_studies: Count = None
    new_reports: Count = None
    total_studies: Count = None
    total_reports: Count = None

    @property
    def uses_other_methods(self) -> bool:
        numbers = (self.other_sought, self.other_not_retrieved, self.other_assessed)
        return bool(self.other_sources or self.other_reasons or any(numbers))

    @property
    def updates_a_review(self) -> bool:
        return self.previous_studies is not None or self.previous_reports is not None

    @property
    def template(self) -> Literal["v1", "v2"]:
        """PRISMA's v1 has databases and registers only; v2 adds the lane of other methods."""
        return "v2" if self.uses_other_methods else "v1"

    @property
    def is_empty(self) -> bool:
        return self == FlowCounts()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class LaterExclusion:
    """Studies that were included at full text and are excluded afterwards, such as by their quality score."""

    reason: str
    studies: int
    reports: int


def with_later_exclusions(counts: FlowCounts, excluded: Iterable[LaterExclusion]) -> FlowCounts:
    """Moves them from the included to the excluded, so that every sum holds as before.

    A reason that the team has typed itself is taken as counted.
    """
    typed = {line.name.casefold() for line in counts.reasons}
    for one in excluded:
        if one.reports and one.reason.casefold() not in typed:
            counts = replace(
                counts,
                reasons=(*counts.reasons, Line(one.reason, one.reports)),
                new_studies=_less(counts.new_studies, one.studies),
                new_reports=_less(counts.new_reports, one.reports),
                total_studies=_less(counts.total_studies, one.studies),
                total_reports=_less(counts.total_reports, one.reports),
            )
    return counts


def _less(count: Count, by: int) -> Count:
    return None if count is None else max(count - by, 0)


LISTS = ("databases", "registers", "reasons", "other_sources", "other_reasons")
NUMBERS = tuple(field.name for field in fields(FlowCounts) if field.name not in LISTS)


def parse_flow(raw: Mapping[str, Any]) -> FlowCounts:
    """Counts from what was typed or stored; texts such as "1,421" or full-width digits are read as numbers.

    Raises
    ------
    FlowError
        With every problem at once.
    """
    problems: dict[str, str] = {}
    numbers = {name: _read_count(raw.get(name), name, problems) for name in NUMBERS}
    lists = {name: _read_lines(raw.get(name) or (), name, problems) for name in LISTS}
    if problems:
        raise FlowError(problems)
    return FlowCounts(**numbers, **lists)  # type: ignore[arg-type]


def _read_count(value: Any, place: str, problems: dict[str, str]) -> Count:
    typed = "" if value is None else str(value)
    # NFKC makes full-width digits plain, but would also turn a footnote mark (895²) into a digit.
    marked = any(unicodedata.category(letter) == "No" for letter in typed)
    text = typed.strip() if marked else unicodedata.normalize("NFKC", typed).strip()
    digits = text.replace(",", "").replace(" ", "")
    if not digits:
        return None
    if not (digits.isascii() and digits.isdigit()):
        problems[place] = f"“{text[:40]}” is not a whole number of 0 or more. Write digits only, for example 1421."
        return None
    if len(digits) > 12 or int(digits) > LARGEST_COUNT:
        problems[place] = f"{text[:40]} is more than any search finds. Check for a digit too many."
        return None
    return int(digits)


def _read_lines(rows: Iterable[Mapping[str, Any]], key: str, problems: dict[str, str]) -> tuple[Line, ...]:
    lines: list[Line] = []
    for index, row in enumerate(rows):
        place = f"{key}:{index}"
        name = str(row.get("name") or "").strip()
        n = _read_count(row.get("n"), place, problems)
        if not name and n is not None:
            problems[place] = f"The count {n} has no name beside it. Say what it counts, or clear it."
        elif len(name) > LONGEST_NAME:
            problems[place] = f"This name is longer than {LONGEST_NAME} characters. Shorten it."
        elif name and name in {line.name for line in lines}:
            problems[place] = f"“{name}” stands here twice. Put both counts into one row."
        elif name:
            lines.append(Line(name, n))
    return tuple(lines)


@dataclass(frozen=True)
class Sum:
    """What goes into a box and what comes out of it; `holds` is None while a count is missing."""

    name: str
    into: Count
    out: Count
    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class _Term:
    label: str
    n: Count


def sums(counts: FlowCounts) -> list[Sum]:
    """Every sum that the flow must keep, in the order of the diagram; lanes that are not used have none."""
    found = [
        _sum(
            "Records identified",
            "records",
            [_Term("identified", _total(counts.databases + counts.registers))],
            [
                _Term("duplicates removed", counts.duplicates),
                _Term("removed by automation tools", counts.automation or 0),
                _Term("removed for other reasons", counts.removed_other or 0),
                _Term("screened", counts.screened),
            ],
        ),
        _sum(
            "Records screened",
            "records",
            [_Term("screened", counts.screened)],
            [_Term("excluded", counts.excluded), _Term("sought as reports", counts.sought)],
        ),
        _sum(
            "Reports sought",
            "reports",
            [_Term("sought", counts.sought)],
            [_Term("not retrieved", counts.not_retrieved), _Term("assessed", counts.assessed)],
        ),
    ]
    return found + _other_sums(counts) + [_assessed_sum(counts)] + _total_sums(counts)


def _other_sums(counts: FlowCounts) -> list[Sum]:
    if not counts.uses_other_methods:
        return []
    return [
        _sum(
            "Other methods: records identified",
            "records",
            [_Term("identified", _total(counts.other_sources))],
            [_Term("sought as reports", counts.other_sought)],
        ),
        _sum(
            "Other methods: reports sought",
            "reports",
            [_Term("sought", counts.other_sought)],
            [_Term("not retrieved", counts.other_not_retrieved), _Term("assessed", counts.other_assessed)],
        ),
    ]


def _assessed_sum(counts: FlowCounts) -> Sum:
    """Both lanes end in one box, so only their total can be checked."""
    into = [_Term("assessed", counts.assessed)]
    out = [_Term("excluded with a reason", _total(counts.reasons))]
    if counts.uses_other_methods:
        into.append(_Term("assessed from other methods", counts.other_assessed))
        out.append(_Term("excluded from other methods", _total(counts.other_reasons)))
    return _sum("Reports assessed", "reports", into, [*out, _Term("included", counts.new_reports)])


def _total_sums(counts: FlowCounts) -> list[Sum]:
    if not counts.updates_a_review:
        return []
    studies = [_Term("studies in the previous version", counts.previous_studies), _Term("new", counts.new_studies)]
    reports = [_Term("reports in the previous version", counts.previous_reports), _Term("new", counts.new_reports)]
    return [
        _sum("Studies in total", "studies", studies, [_Term("included in total", counts.total_studies)]),
        _sum("Reports in total", "reports", reports, [_Term("included in total", counts.total_reports)]),
    ]


def _total(lines: tuple[Line, ...]) -> Count:
    """0 without lines: nothing was counted there; None while one of them has no count."""
    return None if any(line.n is None for line in lines) else sum(line.n or 0 for line in lines)


def _sum(name: str, unit: str, into: list[_Term], out: list[_Term]) -> Sum:
    missing = [term.label for term in into + out if term.n is None]
    if missing:
        return Sum(name, None, None, None, f"Not checked yet: no count for {_listed(missing)}.")
    total_in, total_out = sum(term.n or 0 for term in into), sum(term.n or 0 for term in out)
    parts = f"{_added(into)} go in; {_added(out)} come out"
    if total_in == total_out:
        return Sum(name, total_in, total_out, True, f"{parts}: {total_in} {unit} on both sides.")
    gap = abs(total_in - total_out)
    verdict = "unaccounted for" if total_in > total_out else "too many"
    sides = f"{total_in} {unit} against {total_out}"
    return Sum(name, total_in, total_out, False, f"{parts}: {sides}, {gap} {verdict}.")


def _added(terms: list[_Term]) -> str:
    return " + ".join(f"{term.n} {term.label}" for term in terms if term.n or len(terms) == 1) or "0"


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


RECORD_BOXES = frozenset(
    {"databases", "registers", "duplicates", "automation", "removed_other", "screened", "excluded", "other_sources"}
)


def unit_of(key: str) -> str:
    """What a box counts: records, reports or studies."""
    if key in RECORD_BOXES:
        return "records"
    return "studies" if key.endswith("_studies") else "reports"


def flow_rows(counts: FlowCounts) -> list[tuple[str, str, Count, str]]:
    """(box, source or reason, count, unit) for each count, in the order of the diagram."""
    rows: list[tuple[str, str, Count, str]] = []
    for field in fields(counts):
        value = getattr(counts, field.name)
        if isinstance(value, tuple):
            rows += [(field.name, line.name, line.n, unit_of(field.name)) for line in value]
        else:
            rows.append((field.name, "", value, unit_of(field.name)))
    return rows
