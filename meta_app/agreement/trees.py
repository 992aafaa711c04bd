"""Compares two extractions of a study, each a whole tree, field by field and peak by peak.

A place in both trees has a path: `study/design`, `group:12:34/age_mean` (the key of the row of A, then of B),
`dataset:12:-` (a row that only A has), `dataset:12:34/peak:3:4` (row 3 of A, row 4 of B), `dataset:12:34/peak:new:1`
(the first row that who settles added, as both overlooked it).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
from django.db import models

from meta_app.agreement.domain import (
    PeakPoint,
    in_words,
    is_reported,
    more_precise,
    normal_text,
    peak_agreement,
    same_value,
    second_is_finer,
    slip_of_number,
    with_units,
)
from meta_app.agreement.models import Comparison, Difference
from meta_app.agreement.pairing import Pair, PairedPeaks, Reading, pair_peaks, pair_rows, with_rows
from meta_app.agreement.selectors import reviewers_of
from meta_app.extraction.checks import to_mni, transform_of
from meta_app.extraction.form_domain import FormField, Level, at_level, fields_from_json, stored_value
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group, Peak
from meta_app.extraction.parsers import read_row

Json = dict[str, Any]
Pairs = list[tuple[Any | None, Any | None]]

MODELS: Final = {"study": Extraction, "cohort": Cohort, "group": Group, "dataset": Dataset}
NAMES_ONLY: Final = frozenset({("cohort", "label"), ("dataset", "label")})
"""How a reviewer calls a row says nothing of the paper: the name of A stays."""
GROUP_OF_DATASET: Final = {"group_a": "First group (positive where it is higher)", "group_b": "Second group"}
_LEAST_ALIKE: Final = {"cohort": 2.0, "group": 3.0, "dataset": 4.0}


@dataclass(frozen=True)
class Found:
    """A difference before it is stored; the names are those of `Difference`."""

    path: str
    section: str
    label: str
    kind: str
    a: Json | None
    b: Json | None
    slip: str = ""


@dataclass
class Compared:
    """What the comparison of two trees found. `pairs` tells which rows are the same, in JSON."""

    pairs: dict[str, Any]
    found: list[Found] = field(default_factory=list)
    same: list[Found] = field(default_factory=list)
    """Values and peaks that both have equal, what neither reports among them."""
    values: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    peaks: dict[str, Json] = field(default_factory=dict)

    @property
    def equal(self) -> int:
        """Values, rows and peaks that agreed by themselves."""
        return sum(equal for equal, _compared in self.values.values())

    def count(self, section: str, equal: bool) -> None:
        self.values[section][0] += equal
        self.values[section][1] += 1


def compare(a: Extraction, b: Extraction) -> Compared:
    """Every difference between two whole extractions, in the order of the form."""
    fields = fields_of(a, b)
    cohorts = pair_rows(list(a.cohorts.all()), list(b.cohorts.all()), _cohort_likeness, _LEAST_ALIKE["cohort"])
    groups = [pair for cohort_pair in cohorts for pair in _group_pairs(*cohort_pair)]
    datasets = _dataset_pairs(a, b, groups)
    compared = Compared({"cohort": _keys(cohorts), "group": _keys(groups), "dataset": _keys(datasets), "peak": {}})
    _compare_values(compared, "study", "Study", (a, b), fields)
    for level, pairs in (("cohort", cohorts), ("group", groups)):
        for pair in pairs:
            _compare_row(compared, level, pair, fields)
    for pair in datasets:
        _compare_row(compared, "dataset", pair, fields)
        if pair[0] is not None and pair[1] is not None:
            _compare_groups(compared, pair, groups)
            _compare_peaks(compared, pair)
    return compared


def equal_places(comparison: Comparison) -> list[Found]:
    """What A and B have equal and nobody doubts.

    Nothing where rows are paired otherwise by now than when the comparison was made.
    """
    compared = compare(*reviewers_of(comparison))
    doubted = set(comparison.differences.filter(of_equal=True).values_list("path", flat=True))
    return [item for item in compared.same if item.path not in doubted] if compared.pairs == comparison.pairs else []


def fields_of(*extractions: Extraction) -> tuple[FormField, ...]:
    """Those of the latest of their versions of the form; versions only add fields."""
    later = max((extraction.form for extraction in extractions), key=lambda form: form.version)
    return fields_from_json(later.fields)


def values_at(fields: Iterable[FormField], level: Level) -> list[FormField]:
    """The fields of a level that hold values; which groups a dataset compares is asked apart, of the rows."""
    return [asked for asked in at_level(fields, level) if asked.kind != "group"]


def choices_of(field: FormField) -> dict[str, str]:
    """The keys and words of a choice: those of the form, or of the column."""
    if field.choices or not field.column:
        return dict(field.choices)
    column = MODELS[field.level]._meta.get_field(field.key)
    return {str(key): str(words) for key, words in column.flatchoices}


def _keys(pairs: Pairs) -> list[list[int | None]]:
    return [[row and row.pk for row in pair] for pair in pairs]


def row_path(level: str, pair: Sequence[Any | None]) -> str:
    return key_path(level, [row and row.pk for row in pair])


def key_path(level: str, keys: Sequence[int | None]) -> str:
    return ":".join([level, *(str(key or "-") for key in keys)])


# Which rows are the same


def _group_likeness(a: Group, b: Group) -> float:
    return (
        4.0 * (a.kind == b.kind)
        + 3.0 * _same_words(a.label, b.label)
        + 2.0 * _same_given(a.n, b.n)
        + 1.0 * _same_given(a.age_mean, b.age_mean)
        + 0.5 * _same_given(a.n_female, b.n_female)
    )


def _group_pairs(a: Cohort | None, b: Cohort | None) -> Pairs:
    """The groups of a cohort that only one has come and go with it."""
    if a is None or b is None:
        return []
    return pair_rows(list(a.groups.all()), list(b.groups.all()), _group_likeness, _LEAST_ALIKE["group"])


def _cohort_likeness(a: Cohort, b: Cohort) -> float:
    groups = [pair for pair in _group_pairs(a, b) if None not in pair]
    alone = a.extraction.cohorts.all().count() == b.extraction.cohorts.all().count() == 1
    return (
        5.0 * _same_words(a.identity, b.identity)
        + 3.0 * _same_words(a.label, b.label)
        + 3.0 * alone
        + sum(1.0 + _same_given(one.n, other.n) for one, other in groups)
    )


def _dataset_pairs(a: Extraction, b: Extraction, groups: Pairs) -> Pairs:
    same_groups = {(one.pk, other.pk) for one, other in groups if one and other}

    def likeness(one: Dataset, other: Dataset) -> float:
        same_metric = _same_words(one.metric, other.metric)
        shared = _shared_places(one, other)
        return (
            3.0 * (one.comparison == other.comparison)
            + 3.0 * same_metric
            + 2.0 * _same_words(one.label, other.label)
            + 1.0 * (one.modality == other.modality)
            + 1.0 * ((one.group_a_id, other.group_a_id) in same_groups)
            + 1.0 * ((one.group_b_id, other.group_b_id) in same_groups)
            + 4.0 * (shared or 0.0)
            - 3.0 * (shared == 0.0 and not same_metric)
        )

    return pair_rows(list(a.datasets.all()), list(b.datasets.all()), likeness, _LEAST_ALIKE["dataset"])


def _shared_places(a: Dataset, b: Dataset) -> float | None:
    """The share of equal places among the peaks of two datasets; None where one has no peaks."""
    here, there = ({point.reported for point in points_of(dataset)} for dataset in (a, b))
    return len(here & there) / max(len(here), len(there)) if here and there else None


def _same_words(a: str, b: str) -> bool:
    return bool(normal_text(a)) and normal_text(a) == normal_text(b)


def _same_given(a: float | None, b: float | None) -> bool:
    return a is not None and a == b


# Values


def _compare_row(compared: Compared, level: Level, pair: tuple[Any, Any], fields: Sequence[FormField]) -> None:
    a, b = pair
    compared.count("Rows", a is not None and b is not None)
    if a is not None and b is not None:
        _compare_values(compared, row_path(level, pair), section_of(level, a), pair, fields, level)
        return
    row = a if a is not None else b
    told = {"value": summary_of(level, row), "source": {}}
    compared.found.append(
        Found(
            path=row_path(level, pair),
            section=section_of(level, row),
            label=f"The whole {'dataset' if level == 'dataset' else level}",
            kind=Difference.Kind.ROW,
            a=told if a is not None else None,
            b=told if b is not None else None,
            slip=f"Only {'A' if a is not None else 'B'} has it.",
        )
    )


def section_of(level: str, row: Any) -> str:
    if level == "group":
        return f"Cohort {row.cohort}, group {row}"[:200]
    return f"{level.capitalize()} {row}"[:200]


def summary_of(level: str, row: Any) -> str:
    """A whole row in words, with the units of what it counts."""
    if level == "cohort":
        return f"{row.label}: " + ("; ".join(summary_of("group", group) for group in row.groups.all()) or "no group")
    if level == "group":
        return f"{row}, n = {row.n if row.n is not None else 'not reported'}"
    n_peaks = len(row.peaks.all())
    return f"{row.metric}, {row.get_comparison_display()}, {n_peaks} peak{'' if n_peaks == 1 else 's'}"


def _compare_values(
    compared: Compared, path: str, section: str, pair: tuple[Any, Any], fields: Sequence[FormField],
    level: Level = "study",
) -> None:  # fmt: skip
    for asked in values_at(fields, level):
        if (level, asked.key) in NAMES_ONLY:
            continue
        a, b = (stored_value(row, asked) for row in pair)
        equal = same_value(asked, a, b)
        if is_reported(a) or is_reported(b):
            compared.count(asked.section, equal)
        told = [_told_value(row, asked, value) for row, value in zip(pair, (a, b), strict=True)]
        slip = "" if equal else _slip_of_value(asked, pair, (a, b))
        (compared.same if equal else compared.found).append(
            Found(f"{path}/{asked.key}", section, with_units(asked), Difference.Kind.VALUE, told[0], told[1], slip)
        )


def _slip_of_value(asked: FormField, pair: tuple[Any, Any], values: tuple[Any, Any]) -> str:
    a, b = values
    if asked.kind in ("integer", "number") and a is not None and b is not None and max(abs(a), abs(b)) >= 10:
        return slip_of_number(a, b, asked.label)
    if asked.level == "dataset" and asked.key == "space" and _shared_places(*pair):
        return "Both have the same coordinates, but read them in different spaces."
    return ""


def _told_value(row: Any, asked: FormField, value: Any) -> Json:
    return {
        "value": value,
        "words": in_words(asked, value, choices_of(asked)),
        "source": row.sources.get(asked.key) or {},
    }


def _compare_groups(compared: Compared, pair: tuple[Dataset, Dataset], groups: Pairs) -> None:
    """Whether a dataset compares the same groups on both sides, and the same way round."""
    same = {(one.pk, other.pk) for one, other in groups if one and other} | {(None, None)}
    for key, label in GROUP_OF_DATASET.items():
        a, b = (getattr(dataset, key) for dataset in pair)
        if a is None and b is None:
            continue
        equal = (a and a.pk, b and b.pk) in same
        compared.count("Contrast", equal)
        if not equal:
            told = [{"value": group and group.pk, "words": str(group or "none"), "source": {}} for group in (a, b)]
            path, section = f"{row_path('dataset', pair)}/{key}", section_of("dataset", pair[0])
            compared.found.append(Found(path, section, label, Difference.Kind.VALUE, told[0], told[1]))


# Peaks


def points_of(dataset: Dataset) -> list[PeakPoint]:
    return [_point(peak) for peak in dataset.peaks.all()]


def _point(peak: Peak) -> PeakPoint:
    return PeakPoint(
        row=peak.position,
        reported=_triple(peak.x_reported, peak.y_reported, peak.z_reported) or _triple(peak.x, peak.y, peak.z),
        mni=_triple(peak.x, peak.y, peak.z),
        space=str(peak.cells.get("space", "")).strip().lower(),
        kind=peak.statistic_kind,
        statistic=peak.statistic,
        sign=peak.sign,
        cluster_size=peak.cluster_size,
        cluster_unit=peak.cluster_unit,
        label=peak.label,
        hemisphere=peak.hemisphere,
        brodmann=peak.brodmann,
        sub_peak=peak.sub_peak,
        p_kind=peak.p_kind,
        page=peak.page,
        typed=peak.cells,
    )


def _triple(x: float | None, y: float | None, z: float | None) -> tuple[float, float, float] | None:
    return None if x is None or y is None or z is None else (x, y, z)


def _compare_peaks(compared: Compared, pair: tuple[Dataset, Dataset]) -> None:
    a, b = (points_of(dataset) for dataset in pair)
    paired = with_rows(pair_peaks(a, b, _readings(pair, a, b)), a, b)
    path, section = row_path("dataset", pair), f"{section_of('dataset', pair[0])}, peaks"[:200]
    compared.pairs["peak"][path] = [[peak.a, peak.b] for peak in paired.pairs]
    compared.peaks[path] = _agreement(pair[0].label, paired)
    here, there = {point.row: point for point in a}, {point.row: point for point in b}
    for peak in sorted(paired.pairs, key=_place_in_table):
        one, other = here.get(peak.a or 0), there.get(peak.b or 0)
        equal = one is not None and other is not None and not peak.fields
        compared.count("Peaks", equal)
        (compared.same if equal else compared.found).append(_peak_found(path, section, peak, one, other))


def _place_in_table(pair: Pair) -> tuple[int, int]:
    return (pair.a or pair.b or 0, pair.b or 0)


def _peak_found(path: str, section: str, pair: Pair, a: PeakPoint | None, b: PeakPoint | None) -> Found:
    rows = [f"row {row} of {name}" for row, name in ((pair.a, "A"), (pair.b, "B")) if row is not None]
    shown = a or b
    label = f"{shown.label if shown and shown.label else 'Peak'} ({', '.join(rows)})"
    return Found(
        path=f"{path}/peak:{pair.a or '-'}:{pair.b or '-'}",
        section=section,
        label=label if len(label) <= 200 else f"Peak ({', '.join(rows)})",
        kind=Difference.Kind.PEAK,
        a=_told_peak(a, pair),
        b=_told_peak(b, pair),
        slip=pair.slip,
    )


def _told_peak(point: PeakPoint | None, pair: Pair) -> Json | None:
    if point is None:
        return None
    value = asdict(point)
    beside = {name: value.pop(name) for name in ("row", "mni", "typed", "page")}
    return {
        "value": value,
        **beside,
        "fields": list(pair.fields),
        "distance": pair.distance,
        "source": {"page": point.page} if point.page else {},
    }


def _agreement(label: str, paired: PairedPeaks) -> Json:
    distances = [pair.distance for pair in paired.pairs if pair.a is not None and pair.b is not None]
    only_a = sum(pair.b is None for pair in paired.pairs)
    only_b = sum(pair.a is None for pair in paired.pairs)
    return {
        "dataset": label,
        "table_slip": paired.table_slip,
        "other_order": paired.other_order,
        **asdict(peak_agreement(distances, only_a, only_b)),
    }


def _readings(pair: tuple[Dataset, Dataset], a: Sequence[PeakPoint], b: Sequence[PeakPoint]) -> list[Reading]:
    """Talairach against MNI: one has the coordinates of the other after, or before, the conversion."""
    if not a or not b:
        return []
    here, there = _matrix(a, lambda point: point.reported), _matrix(b, lambda point: point.reported)
    return [
        Reading(
            "A may have Talairach coordinates where B has the same places in MNI.", _as_mni(pair[0], a), there
        ),
        Reading(
            "B may have Talairach coordinates where A has the same places in MNI.", here, _as_mni(pair[1], b)
        ),
    ]  # fmt: skip


def _matrix(points: Sequence[PeakPoint], place: Callable[[PeakPoint], Any]) -> Any:
    return np.array([place(point) or (np.nan,) * 3 for point in points], dtype=float).reshape(-1, 3)


def _as_mni(dataset: Dataset, points: Sequence[PeakPoint]) -> Any:
    """The coordinates as reported, taken for Talairach, in MNI mm."""
    texts = [dict(zip("xyz", map("{:.12g}".format, point.reported or ()), strict=False)) for point in points]
    return to_mni([read_row(cells, "talairach") for cells in texts], transform_of(dataset))


# What becomes of a place


def agreed_value(asked: FormField, decision: Difference | None, a: Any, b: Any) -> Any:
    """What both were asked, once it is settled; None stands for a value that they have equal and nobody doubts."""
    if decision is None or decision.choice == Difference.Choice.EQUAL:
        return more_precise(stored_value(a, asked), stored_value(b, asked))
    if decision.choice == Difference.Choice.OTHER:
        return decision.value
    return stored_value(a if decision.choice == Difference.Choice.A else b, asked)


def for_column(row: models.Model, key: str, value: Any) -> Any:
    column = row._meta.get_field(key)
    return "" if value is None and not column.null else value


def places_in_table(pairs: Iterable[Sequence[int | None]]) -> list[Sequence[int | None]]:
    """Pairs of rows in the order of the table of A, those that only B has at their number."""
    return sorted(pairs, key=lambda pair: (pair[0] or pair[1] or 0, pair[1] or 0))


def missed_below(decisions: Mapping[str, Difference], path: str) -> list[Difference]:
    """The rows of a dataset that both overlooked and that were added."""
    added = (item for place, item in decisions.items() if place.startswith(f"{path}/"))
    return [item for item in added if item.missed and item.choice == Difference.Choice.OTHER]


def agreed_rows(decision: Difference | None, a: Any, b: Any) -> list[dict[str, str]]:
    """The cells of the rows, none to two, that a pair of rows becomes once it is settled."""
    choice = Difference.Choice
    if decision is None or decision.choice == choice.EQUAL:
        return [_equal_cells(a, b)]
    if decision.choice == choice.OTHER:
        return [seen(decision.value)]
    taken = {choice.A: [a], choice.B: [b], choice.BOTH: [a, b], choice.NEITHER: []}[choice(decision.choice)]
    return [seen(cells_of(peak)) for peak in taken if peak is not None]


def seen(cells: Mapping[str, str]) -> dict[str, str]:
    """A row that a person has decided about needs no further tick."""
    return {**cells, "confirmed": "yes"}


def cells_of(peak: Peak) -> dict[str, str]:
    """What was typed; rows that were stored as numbers only are written out."""
    if peak.cells:
        return dict(peak.cells)
    numbers = {
        "x": peak.x_reported if peak.x_reported is not None else peak.x,
        "y": peak.y_reported if peak.y_reported is not None else peak.y,
        "z": peak.z_reported if peak.z_reported is not None else peak.z,
        "statistic": peak.statistic,
        "cluster_size": peak.cluster_size,
    }
    texts = {"label": peak.label, "kind": peak.statistic_kind, "cluster_unit": peak.cluster_unit, "page": peak.page}
    texts |= {name: f"{number:.12g}" for name, number in numbers.items() if number is not None}
    signed = peak.statistic is not None and peak.statistic_kind in ("t", "z", "r")
    if peak.sign and not signed:
        texts["sign"] = "+" if peak.sign > 0 else "-"
    return {name: text for name, text in texts.items() if text}


def _equal_cells(a: Peak, b: Peak) -> dict[str, str]:
    """The row of A, or of B where that has more decimals; with page and note of the other where it has none."""
    finer = second_is_finer((getattr(a, name), getattr(b, name)) for name in ("statistic", "cluster_size"))
    cells, other = (cells_of(b), cells_of(a)) if finer else (cells_of(a), cells_of(b))
    return {name: other[name] for name in ("page", "note", "confirmed") if name in other} | cells
