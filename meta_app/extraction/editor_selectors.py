"""Reads of the editor: an extraction as sections of lines of answers, by its form."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import Http404

from meta_app.extraction.form_domain import FormField, Level, stored_value
from meta_app.extraction.form_selectors import level_fields
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.selectors import own_extractions
from meta_app.projects.permissions import Place

STEMS: Final = ("_mean", "_sd", "_unit")
"""Endings of fields that stand on one line: a mean, its SD, their unit."""
NOTHING: Final = (None, "", [], {})
Row = Extraction | Cohort | Group | Dataset


@dataclass(frozen=True)
class Answer:
    """A field of one row as the page shows it."""

    field: FormField
    row: str
    of: str
    value: Any
    source: dict[str, Any] | None
    choices: Sequence[tuple[Any, str]] = ()

    @property
    def value_json(self) -> str:
        return json.dumps(self.value)

    @property
    def source_json(self) -> str:
        return json.dumps(self.source)

    @property
    def name(self) -> str:
        """What the control is called for those who hear it."""
        unit = f", {self.unit}" if self.unit else ""
        return f"{self.field.label}{unit}{f', {self.of}' if self.of else ''}"

    @property
    def nothing_chosen(self) -> str:
        """The words of an empty choice: its own where the table has some."""
        return dict(self.choices).get("", "–")

    @property
    def is_number(self) -> bool:
        return self.field.kind in ("integer", "number")

    @property
    def quantity_text(self) -> str:
        return f"{self.value['value']:.12g}" if self.value else ""

    @property
    def is_sd(self) -> bool:
        return self.field.key.endswith("_sd")

    @property
    def html_id(self) -> str:
        return f"{self.row}-{self.field.key}".replace(":", "-")

    @property
    def unit(self) -> str:
        """The unit to print beside a control that has only one."""
        return self.field.units[0] if len(self.field.units) == 1 else ""

    @property
    def text(self) -> str:
        """What a text control shows."""
        if isinstance(self.value, float):
            return f"{self.value:.12g}"
        return "" if self.value is None else str(self.value)

    @property
    def shown(self) -> str:
        """The same in words, for those who only read."""
        value = self.value
        if value is None:
            return "–"
        if self.field.kind == "yes_no":
            return "yes" if value else "no"
        if self.field.kind in ("choice", "group"):
            return dict(self.choices).get(value, str(value))
        if self.field.kind == "quantity":
            unit = "unit not stated" if value["unit"] == "unstated" else value["unit"]
            return f"{value['value']:.12g} {unit}"
        if self.field.kind == "scales":
            return "; ".join(scale_in_words(scale) for scale in value)
        return f"{self.text} {self.unit}".strip() if self.field.kind in ("integer", "number") else self.text


def scale_in_words(scale: dict[str, Any]) -> str:
    spread = f" ± {scale['sd']:g}" if scale.get("sd") is not None else ""
    mean = f" {scale['mean']:g}{spread}" if scale.get("mean") is not None else ""
    limits = [scale.get("lowest"), scale.get("highest")]
    out_of = f" ({limits[0]:g} to {limits[1]:g})" if None not in limits else ""
    when = f", {scale['when']}" if scale.get("when") else ""
    return f"{scale['name']}{mean}{out_of}{when}"


@dataclass(frozen=True)
class Line:
    """Fields that stand on one line (mean, SD, unit), with their answers: one list for each row."""

    title: str
    help: str
    unit: str
    cells: list[list[Answer]]

    @property
    def is_wide(self) -> bool:
        """Its answer is text of any length."""
        return any(answer.field.kind in ("text", "long_text") for cell in self.cells[:1] for answer in cell)

    @property
    def otherwise(self) -> str:
        """The targets of the conversions that lead to these answers; empty for none."""
        keys = [answer.field.key for cell in self.cells[:1] for answer in cell]
        if any(key.endswith("_mean") for key in keys) and any(key.endswith("_sd") for key in keys):
            return "mean_sd years" if self.unit == "years" else "mean_sd"
        return {"n_female": "women", "t_threshold": "t_threshold"}.get(keys[0], "") if keys else ""


@dataclass(frozen=True)
class Section:
    title: str
    lines: list[Line]


@dataclass(frozen=True)
class CohortShown:
    cohort: Cohort
    name: str
    sections: list[Section]
    groups: list[tuple[str, Group]]
    group_lines: list[Line]


@dataclass(frozen=True)
class DatasetShown:
    dataset: Dataset
    name: str
    sections: list[Section]


@dataclass(frozen=True)
class Shown:
    """A whole extraction as the page shows it."""

    extraction: Extraction
    study: list[Section]
    cohorts: list[CohortShown]
    datasets: list[DatasetShown]
    unasked: list[tuple[str, str, Any]]


def shown_extraction(whole: Extraction) -> Shown:
    """From an extraction with its rows at hand (`whole_extractions`): no further query but for its form."""
    cohorts, datasets = list(whole.cohorts.all()), list(whole.datasets.all())
    groups = [(group.pk, _group_name(group, cohort)) for cohort in cohorts for group in cohort.groups.all()]
    fields = {level: level_fields(whole.form, level) for level in ("study", "cohort", "group", "dataset")}
    return Shown(
        extraction=whole,
        study=_sections(fields["study"], [("study", whole)]),
        cohorts=[_cohort_shown(cohort, fields["cohort"], fields["group"]) for cohort in cohorts],
        datasets=[
            DatasetShown(row, f"dataset:{row.pk}", _sections(fields["dataset"], [(f"dataset:{row.pk}", row)], groups))
            for row in datasets
        ],
        unasked=list(_unasked(whole, cohorts, datasets, fields)),
    )


def _cohort_shown(cohort: Cohort, fields: Sequence[FormField], group_fields: Sequence[FormField]) -> CohortShown:
    groups = [(f"group:{group.pk}", group) for group in cohort.groups.all()]
    name = f"cohort:{cohort.pk}"
    return CohortShown(cohort, name, _sections(fields, [(name, cohort)]), groups, _lines(group_fields, groups))


def _group_name(group: Group, cohort: Cohort) -> str:
    size = "n not stated" if group.n is None else f"n = {group.n}"
    return f"{group} ({size}), {cohort.label}"


def _sections(
    fields: Sequence[FormField], rows: Sequence[tuple[str, Row]], groups: Sequence[tuple[Any, str]] = ()
) -> list[Section]:
    titles = list(dict.fromkeys(field.section for field in fields))
    return [
        Section(title, _lines([field for field in fields if field.section == title], rows, groups)) for title in titles
    ]


def _lines(
    fields: Sequence[FormField], rows: Sequence[tuple[str, Row]], groups: Sequence[tuple[Any, str]] = ()
) -> list[Line]:
    together: dict[str, list[FormField]] = {}
    for field in fields:
        together.setdefault(_stem(field.key), []).append(field)
    return [_line(alike, rows, groups) for alike in together.values()]


def _stem(key: str) -> str:
    ending = next((ending for ending in STEMS if key.endswith(ending)), "")
    return key.removesuffix(ending)


def _line(fields: Sequence[FormField], rows: Sequence[tuple[str, Row]], groups: Sequence[tuple[Any, str]]) -> Line:
    first = fields[0]
    title = first.label if len(fields) == 1 else first.label.rpartition(",")[0] or first.label
    unit = first.units[0] if len(first.units) == 1 else ""
    cells = [[_answer(field, name, row, groups) for field in fields] for name, row in rows]
    return Line(title, first.help, unit, cells)


def _answer(field: FormField, name: str, row: Row, groups: Sequence[tuple[Any, str]]) -> Answer:
    value = stored_value(row, field)
    choices = groups if field.kind == "group" else field.choices
    of = "" if isinstance(row, Extraction) else str(row)
    return Answer(field, name, of, None if value in NOTHING else value, row.sources.get(field.key), choices)


def _unasked(
    whole: Extraction, cohorts: Iterable[Cohort], datasets: Iterable[Dataset], fields: dict[Level, Sequence[FormField]]
) -> Iterable[tuple[str, str, Any]]:
    """Row, key and value of what a form before asked and this one does not; it is kept."""
    rows: list[tuple[Level, str, Row]] = [("study", "Study", whole)]
    for cohort in cohorts:
        rows += [("cohort", cohort.label, cohort), *(("group", str(group), group) for group in cohort.groups.all())]
    rows += [("dataset", dataset.label, dataset) for dataset in datasets]
    for level, name, row in rows:
        asked = {field.key for field in fields[level]}
        yield from ((name, key, value) for key, value in row.values.items() if key not in asked)


def get_own(place: Place, extraction_id: int) -> Extraction:
    """This person's own extraction by its number; another's answers like none at all."""
    extraction = own_extractions(place).filter(pk=extraction_id).select_related("form", "study").first()
    if extraction is None:
        raise Http404
    return extraction


def answers_by_row(shown: Shown) -> dict[str, dict[str, Any]]:
    """Every answer as data: {row: {key: {"value", "source"}}}."""
    lines = [line for section in shown.study for line in section.lines]
    for cohort in shown.cohorts:
        lines += [line for section in cohort.sections for line in section.lines] + cohort.group_lines
    lines += [line for dataset in shown.datasets for section in dataset.sections for line in section.lines]
    rows: dict[str, dict[str, Any]] = {}
    for answer in (answer for line in lines for cell in line.cells for answer in cell):
        rows.setdefault(answer.row, {})[answer.field.key] = {"value": answer.value, "source": answer.source}
    return rows
