"""What the pages show of a comparison: differences as cards with two sides, and the consensus with its origins."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from meta_app.agreement.domain import (
    equal_in_words,
    in_words,
    is_reported,
    more_precise,
    second_is_finer,
    with_units,
)
from meta_app.agreement.models import Comparison, Difference
from meta_app.agreement.selectors import compared_datasets, missed_peaks, reviewers_of
from meta_app.agreement.services import choices_for
from meta_app.agreement.trees import (
    GROUP_OF_DATASET,
    choices_of,
    equal_places,
    fields_of,
    points_of,
    section_of,
    values_at,
)
from meta_app.common.exceptions import UserError
from meta_app.common.words import minus
from meta_app.extraction.form_domain import FormField, Level, fields_from_json, stored_value
from meta_app.extraction.models import Extraction

Fields = Mapping[tuple[str, str], FormField]
SIGNS = {1: "+", -1: "−"}
HIDDEN = ("confirmed", "note")
"""Cells of a row that are not asked for when another row is typed: who decides confirms."""


@dataclass(frozen=True)
class Side:
    """What one of the two says: words, or the cells of a row; and where it stands in the paper."""

    letter: str
    words: str
    present: bool
    source: Mapping[str, Any]
    cells: Mapping[str, str] = field(default_factory=dict)
    row: int | None = None


@dataclass(frozen=True)
class Other:
    """The input for a value that neither has; of a peak its `cells` (name, label, what is in it)."""

    kind: str
    value: str = ""
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    units: tuple[str, ...] = ()
    cells: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True)
class Card:
    """A difference as the page shows it: `left` and `right` in the order that was drawn."""

    difference: Difference
    left: Side
    right: Side
    choices: tuple[str, ...]
    columns: tuple[tuple[str, str, bool], ...] = ()
    """Of a row of peaks: name, label and whether it differs."""
    said_before: bool = False
    """Whether the section already says the slip, of its whole table."""
    other: Other | None = None
    refusal: UserError | None = None
    typed: Mapping[str, Any] = field(default_factory=dict)

    asked: FormField | None = None
    yes_no = ("yes", "no")

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.left, self.right

    @property
    def table(self) -> list[tuple[Side, list[tuple[str, bool]]]]:
        """The two rows of peaks, cell by cell: words and whether they differ."""
        return [
            (side, [(side.cells.get(name, ""), differs) for name, _, differs in self.columns]) for side in self.sides
        ]

    @property
    def two_peaks(self) -> bool:
        """Whether the two rows may be two peaks after all."""
        return "both" in self.choices and any(name == "place" and differs for name, _label, differs in self.columns)

    @property
    def one_sided(self) -> bool:
        return not (self.left.present and self.right.present)

    @property
    def decision(self) -> str:
        """What was decided, in words."""
        difference = self.difference
        if difference.missed:
            other = difference.choice == Difference.Choice.OTHER
            return f"Added: {self._other_words()}" if other else "Left out: neither has it"
        if difference.choice == Difference.Choice.OTHER:
            return f"Another value: {self._other_words()}"
        if difference.kind != Difference.Kind.VALUE and None in (difference.a, difference.b):
            owner = "A" if difference.b is None else "B"
            return f"Kept, as {owner} has it" if difference.choice == owner else f"Left out, though {owner} has it"
        return difference.get_choice_display()

    def _other_words(self) -> str:
        value = self.difference.value
        if self.difference.kind == Difference.Kind.PEAK:
            return ", ".join(f"{name} {text}" for name, text in value.items() if name != "confirmed")
        asked = self.asked
        return in_words(asked, value, choices_of(asked)) if asked else str(value)


def fields_by_place(comparison: Comparison) -> Fields:
    """The fields of the form by level and key."""
    return {(asked.level, asked.key): asked for asked in fields_of(*_forms(comparison))}


def _forms(comparison: Comparison) -> list[Extraction]:
    found = Extraction.objects.filter(study=comparison.study_id, position__in=("A", "B"))
    return list(found.select_related("form").order_by("position"))


def asked_field(difference: Difference, fields: Fields) -> FormField | None:
    """The field of the form that a differing value answers; None for rows, peaks and the groups of a dataset."""
    place, _, key = difference.path.rpartition("/")
    return fields.get((place.split(":")[0], key))


def card(
    difference: Difference, fields: Fields, comparison: Comparison, refusal: UserError | None = None,
    typed: Mapping[str, Any] | None = None,
) -> Card:  # fmt: skip
    sides = [_side("A", difference, difference.a), _side("B", difference, difference.b)]
    left, right = reversed(sides) if comparison.b_is_left else sides
    asked = asked_field(difference, fields)
    return Card(
        difference=difference,
        left=left,
        right=right,
        choices=choices_for(difference),
        columns=_peak_columns(difference, left, right),
        said_before=bool(difference.slip) and difference.slip in _table_slip(difference, comparison),
        other=_other(difference, asked, typed or {}),
        refusal=refusal,
        typed=typed or {},
        asked=asked,
    )


def _side(letter: str, difference: Difference, told: Mapping[str, Any] | None) -> Side:
    if told is None:
        return Side(letter, "does not have it", False, {})
    source = told.get("source") or {}
    if difference.kind == Difference.Kind.PEAK:
        return Side(letter, f"row {told['row']}", True, source, peak_words(told["value"]), told["row"])
    return Side(letter, told.get("words", told["value"]), True, source)


def _table_slip(difference: Difference, comparison: Comparison) -> str:
    return comparison.peak_agreement.get(difference.path.split("/")[0], {}).get("table_slip", "")


COLUMNS = {
    "place": ("x, y, z (mm)", ("place",)),
    "space": ("Space", ("space",)),
    "statistic": ("Statistic", ("statistic", "kind", "sign", "p_kind")),
    "cluster_size": ("Cluster", ("cluster_size", "cluster_unit")),
    "label": ("Label", ("label", "hemisphere", "brodmann", "sub_peak")),
}
"""What stands in one cell of the table of two rows, and the fields that it tells."""


def peak_words(value: Mapping[str, Any]) -> dict[str, str]:
    """A row of peaks in words, by the name of `COLUMNS`; empty where it says nothing."""
    place, statistic = value["reported"], value["statistic"]
    kind = "" if value["kind"] == "none" else value["kind"]
    signed = value["kind"] in ("t", "z", "r") and statistic is not None
    number = f"{kind} = {_number(statistic)}" if statistic is not None else kind
    label = [value["label"], value["hemisphere"], value["brodmann"] and f"BA {value['brodmann']}"]
    return {
        "place": ", ".join(_number(axis) for axis in place) if place else "",
        "space": value["space"],
        "statistic": _joined(number, "" if signed else SIGNS.get(value["sign"], ""), value["p_kind"]),
        "cluster_size": f"{_number(value['cluster_size'])} {value['cluster_unit']}".strip(),
        "label": _joined(*label, "sub-peak" if value["sub_peak"] else ""),
    }


def _joined(*words: str) -> str:
    return ", ".join(word for word in words if word)


def _number(number: float | None) -> str:
    return "" if number is None else minus(number)


def _peak_columns(difference: Difference, left: Side, right: Side) -> tuple[tuple[str, str, bool], ...]:
    """Those in which one of the two says something."""
    if difference.kind != Difference.Kind.PEAK:
        return ()
    differing = set((difference.a or difference.b)["fields"]) if left.present and right.present else set()
    return tuple(
        (name, label, bool(differing & set(told)))
        for name, (label, told) in COLUMNS.items()
        if left.cells.get(name) or right.cells.get(name)
    )


def _other(difference: Difference, asked: FormField | None, typed: Mapping[str, Any]) -> Other | None:
    if difference.kind == Difference.Kind.PEAK:
        cells = (difference.value or {}) if difference.missed else (difference.a or difference.b)["typed"]
        hidden = () if difference.missed else HIDDEN
        asked_of = ((name, label) for name, (label, _) in CELLS.items() if name not in hidden)
        return Other(
            "peak",
            cells=tuple((name, label, typed.get(f"cell_{name}", cells.get(name, ""))) for name, label in asked_of),
        )
    if asked is None:
        return None
    stored = difference.value if difference.choice == Difference.Choice.OTHER else None
    value = typed.get("value", _typed_as(asked, stored))
    return Other(
        kind=asked.kind,
        value=value,
        unit=typed.get("unit", stored["unit"] if isinstance(stored, dict) else ""),
        choices=tuple(choices_of(asked).items()) if asked.kind == "choice" else (),
        units=asked.units,
    )


def _typed_as(asked: FormField, value: Any) -> str:
    if not is_reported(value):
        return ""
    if asked.kind == "choice":
        return str(value)
    if asked.kind == "scales":
        keys = ("name", "when", "mean", "sd", "lowest", "highest")
        return "\n".join(" | ".join(str(scale.get(key) or "") for key in keys) for scale in value)
    return _number(value["value"]) if isinstance(value, dict) else in_words(asked, value, {})


# A peak that both overlooked

CELLS = {
    "label": ("Label as reported", ()),
    "hemisphere": ("Side", ("left", "right", "both")),
    "brodmann": ("Brodmann area", ()),
    "x": ("x, mm", ()),
    "y": ("y, mm", ()),
    "z": ("z, mm", ()),
    "space": ("Space, if another", ("MNI", "Talairach")),
    "statistic": ("Statistic", ()),
    "kind": ("Kind", ("t", "z", "p", "r", "F", "none")),
    "p_kind": ("Type of p", ("one-tailed", "two-tailed", "corrected")),
    "sign": ("Sign", ("+", "-")),
    "direction": ("Direction", ("turned",)),
    "cluster_size": ("Cluster size", ()),
    "cluster_unit": ("Its unit", ("voxels", "mm3", "not stated")),
    "sub_peak": ("Sub-peak", ("yes",)),
    "page": ("Page", ()),
    "note": ("Note", ()),
}
"""The cells of a row as its form asks for them: label and choices, as the grid has them; "confirmed" is a tick."""


@dataclass(frozen=True)
class MissedCell:
    name: str
    label: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class MissedRow:
    """The form for a peak that both overlooked, with what was typed; `expected` is how many were added before."""

    datasets: list[tuple[str, str]]
    cells: list[MissedCell]
    expected: int
    typed: Mapping[str, Any]

    @property
    def open(self) -> bool:
        return "expected" in self.typed and "dataset" in self.typed


def missed_row(comparison: Comparison, typed: Mapping[str, Any]) -> MissedRow:
    return MissedRow(
        datasets=compared_datasets(comparison),
        cells=[
            MissedCell(name, label, typed.get(f"cell_{name}", ""), choices) for name, (label, choices) in CELLS.items()
        ],
        expected=len(missed_peaks(comparison)),
        typed=typed,
    )


# The consensus


@dataclass(frozen=True)
class AgreedValue:
    label: str
    words: str
    origin: Mapping[str, Any]
    source: Mapping[str, Any]


@dataclass(frozen=True)
class AgreedPeak:
    """A row in the words of `peak_words`."""

    row: int
    words: Mapping[str, str]
    origin: Mapping[str, Any]


@dataclass(frozen=True)
class AgreedSection:
    name: str
    values: list[AgreedValue]
    peaks: list[AgreedPeak] = field(default_factory=list)
    has_peaks: bool = False


def agreed_sections(consensus: Extraction) -> list[AgreedSection]:
    """Every reported value of a consensus, with where it came from, in the order of the form."""
    fields = fields_from_json(consensus.form.fields)
    found = [AgreedSection("Study", _agreed_values(consensus, "study", fields))]
    for cohort in consensus.cohorts.all():
        found.append(AgreedSection(section_of("cohort", cohort), _agreed_values(cohort, "cohort", fields)))
        for group in cohort.groups.all():
            found.append(AgreedSection(section_of("group", group), _agreed_values(group, "group", fields)))
    for dataset in consensus.datasets.all():
        values = _agreed_values(dataset, "dataset", fields)
        peaks = [
            AgreedPeak(point.row, peak_words(asdict(point)), peak.origin)
            for point, peak in zip(points_of(dataset), dataset.peaks.all(), strict=True)
        ]
        found.append(AgreedSection(section_of("dataset", dataset), values, peaks, True))
    return [section for section in found if section.values or section.has_peaks]


def _agreed_values(row: Any, level: Level, fields: Iterable[FormField]) -> list[AgreedValue]:
    groups = [
        AgreedValue(label, str(getattr(row, key) or "none"), row.origins[key], {})
        for key, label in GROUP_OF_DATASET.items()
        if level == "dataset" and key in row.origins
    ]
    return groups + [
        AgreedValue(
            with_units(asked),
            in_words(asked, stored_value(row, asked), choices_of(asked)),
            row.origins[asked.key],
            row.sources.get(asked.key) or {},
        )
        for asked in values_at(fields, level)
        if asked.key in row.origins
    ]


@dataclass(frozen=True)
class EqualPlace:
    """A value or peak that both have equal, as A has it."""

    path: str
    section: str
    label: str
    words: str
    source: Mapping[str, Any]


def equal_lines(comparison: Comparison, section: str) -> list[EqualPlace]:
    """In the order of the form; of one section where one is named."""
    return [
        EqualPlace(item.path, item.section, item.label, _equal_words(item.a, item.b), item.a["source"])
        for item in equal_places(comparison)
        if item.a and item.b and (not section or item.section == section)
    ]


def _equal_words(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    one, other = a["value"], b["value"]
    if "words" in a:
        return equal_in_words(
            _words_of(a), _words_of(b), more_precise(one, other) != one, rounded=not isinstance(one, str)
        )
    numbers = [(one[name], other[name]) for name in ("statistic", "cluster_size")]
    rounded = any(number != second for number, second in numbers)
    return equal_in_words(_words_of(a), _words_of(b), second_is_finer(numbers), rounded)


def _words_of(told: Mapping[str, Any]) -> str:
    return str(told["words"]) if "words" in told else _joined(*peak_words(told["value"]).values())


def names_of(comparison: Comparison) -> dict[str, str]:
    """Who A and B are; shown on request only."""
    return {extraction.position: str(extraction.author) for extraction in reviewers_of(comparison)}
