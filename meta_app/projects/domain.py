"""Eligibility rules in plain Python: what a protocol promises, in a shape that can be checked.

A row of `Protocol.eligibility` is a sentence that people read, or {"field", "operator", "value", "unit", "words"},
which the program checks as well.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Level = Literal["study", "group", "dataset"]
Shape = Literal["number", "band", "yes_no", "words", "stated"]

AT_LEAST: Final = ((">=", "at least"), (">", "more than"), ("<=", "at most"), ("<", "less than"))
OPERATORS: Final = dict(
    (*AT_LEAST, ("is", "is"), ("within", "lies within"), ("one_of", "is one of"), ("stated", "is stated"))
)


@dataclass(frozen=True)
class RuleField:
    """Something that rules can be about."""

    key: str
    label: str
    level: Level
    shape: Shape
    units: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[str, ...]:
        return {
            "number": tuple(key for key, _words in AT_LEAST), "band": ("is", "within"), "yes_no": ("is",),
            "words": ("one_of",), "stated": ("stated",),
        }[self.shape]  # fmt: skip


FIELDS: Final = {
    field.key: field
    for field in (
        RuleField("n", "People in each group", "group", "number", ("people",)),
        RuleField("age_mean", "Mean age of each group", "group", "number", ("years",)),
        RuleField("duration", "Mean illness duration", "group", "number", ("days", "weeks", "months", "years")),
        RuleField("band", "Frequency band (resting state)", "dataset", "band", ("Hz",)),
        RuleField("whole_brain", "Whole brain searched", "dataset", "yes_no"),
        RuleField("field_strength", "Field strength", "dataset", "number", ("T",)),
        RuleField("scan_time", "Scan time", "dataset", "number", ("s",)),
        RuleField("fwhm_mm", "Smoothing FWHM", "dataset", "number", ("mm",)),
        RuleField("metric", "Metric", "dataset", "words"),
        RuleField("space", "Space of the coordinates", "dataset", "words"),
        RuleField("language", "Language of the report", "study", "words"),
        RuleField("diagnostic_criteria", "Diagnostic criteria", "study", "stated"),
    )
}
_NUMBER: Final = re.compile(r"^\d+(?:[.,]\d+)?$")
_BAND: Final = re.compile(r"^(\d+(?:\.\d+)?)\s*(?:-|–|—|~|to)\s*(\d+(?:\.\d+)?)$")
YES: Final = ("yes", "y", "true")
NO: Final = ("no", "n", "false")


@dataclass(frozen=True)
class Rule:
    """A rule that can be checked; `value` is its text as typed, already found to be readable."""

    field: str
    operator: str
    value: str = ""
    unit: str = ""
    words: str = ""

    @property
    def key(self) -> str:
        """Names the rule across versions of the protocol, whatever words stand beside it."""
        text = "|".join((self.field, self.operator, self.value, self.unit))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def sentence(self) -> str:
        parts = (FIELDS[self.field].label, OPERATORS[self.operator], self.value, self.unit)
        return self.words or " ".join(part for part in parts if part)

    @property
    def number(self) -> float:
        return float(self.value.replace(",", "."))

    @property
    def band(self) -> tuple[float, float]:
        found = _BAND.match(self.value)
        assert found is not None
        return float(found[1]), float(found[2])

    @property
    def wanted(self) -> bool:
        return self.value.lower() in YES

    @property
    def choices(self) -> tuple[str, ...]:
        return tuple(word.strip() for word in re.split(r"[,;/、，；]", self.value) if word.strip())

    def as_row(self) -> dict[str, str]:
        return asdict(self)


def rule_problem(row: Mapping[str, str]) -> tuple[str, str] | None:
    """The first cell of a typed row that cannot be read, and what to type; None for a good one."""
    field = FIELDS.get(row.get("field", ""))
    if field is None:
        return "field", "Choose what the rule is about."
    if row.get("operator") not in field.operators:
        names = " or ".join(f"“{OPERATORS[key]}”" for key in field.operators)
        return "operator", f"Choose {names}."
    if field.units and row.get("unit") not in field.units:
        return "unit", f"Choose {' or '.join(field.units)}."
    sentence = _value_problem(field, row.get("value", "").strip())
    return ("value", sentence) if sentence else None


def _value_problem(field: RuleField, value: str) -> str:
    if field.shape == "number" and not _NUMBER.match(value):
        return "Type one number, for example 10."
    if field.shape == "band":
        ends = _BAND.match(value)
        if ends is None or float(ends[1]) >= float(ends[2]):
            return "Type both ends, for example 0.01-0.08."
    if field.shape == "yes_no" and value.lower() not in YES + NO:
        return "Type yes or no."
    return "Type the words, with commas between them." if field.shape == "words" and not value else ""


def rules_of(eligibility: Iterable[Any]) -> list[Rule]:
    """The rows that can be checked; others, and rows of fields that are no longer known, are left to people."""
    rows = [row for row in eligibility if isinstance(row, dict) and rule_problem(row) is None]
    return [Rule(**{name: str(row.get(name, "")) for name in Rule.__dataclass_fields__}) for row in rows]


def sentences_of(eligibility: Iterable[Any]) -> list[str]:
    """Every row as a sentence."""
    return [_sentence(row) for row in eligibility]


def _sentence(row: Any) -> str:
    checked = rules_of([row])
    if checked:
        return checked[0].sentence
    return str(row.get("words", "")) if isinstance(row, dict) else str(row)
