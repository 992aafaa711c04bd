"""What may be wrong with the peaks of a dataset, asked of the numeric core: where they are, and whether their
statistics are possible.

Every problem names its place and how to mend it. Distances are to the gray-matter mask: up to WARN_MM a warning,
up to CONFIRM_MM the reviewer's tick is needed, beyond it the row is refused with the probable cause.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special

from meta_app.extraction.domain import Level, PeakRow, Problem
from meta_app.extraction.models import Dataset, Group
from meta_app.extraction.parsers import read_row
from sdm_core.effects import conversions
from sdm_core.spaces import distance_to_mask, load_mask, talairach_to_mni, voxel_to_mm
from sdm_core.spaces.labels import label_at

Points = npt.NDArray[np.float64]

WARN_MM: Final = 4.0
CONFIRM_MM: Final = 10.0
MIDLINE_MM: Final = 4.0
LEAST_POSSIBLE_P: Final = 1e-30
LARGEST_USUAL_EFFECT: Final = 5.0
"""Standardised mean differences beyond this are rarely true; a lost decimal point makes 45.2 of t = 4.52."""
LEAST_N: Final = 4
ROWS_FOR_A_PATTERN: Final = 4
LEFT_FOR_A_PATTERN: Final = 2

_LEFT: Final = re.compile(r"\b(?:left|lt|lh|l)\b|左", re.IGNORECASE)
_RIGHT: Final = re.compile(r"\b(?:right|rt|rh|r)\b|右", re.IGNORECASE)
_AXIS_NAMES: Final = "xyz"
_BOUNDING_BOX: Final = ((-72.0, 72.0), (-106.0, 74.0), (-72.0, 82.0))
"""mm on x, y and z: the extent of the gray-matter mask."""


@dataclass(frozen=True)
class PlacedRow:
    """A row with what was computed from it: MNI mm, distance to the mask in mm, anatomical label."""

    row: PeakRow
    mni: tuple[float, float, float] | None
    distance_mm: float | None
    region: str


@dataclass(frozen=True)
class Checked:
    rows: tuple[PlacedRow, ...]
    problems: tuple[Problem, ...]


def dataset_problems(dataset: Dataset) -> list[Problem]:
    """Every problem of a stored dataset; errors and unconfirmed "confirm" problems block its completion."""
    cells = [peak.cells for peak in dataset.peaks.all()]
    return list(check_rows(dataset, dataset.peaks_state, cells).problems)


def check_rows(dataset: Dataset, peaks_state: str, cells: Sequence[dict[str, str]]) -> Checked:
    """The same for rows that need not be saved yet."""
    rows = [read_row(row, dataset.space) for row in cells]
    placed = place_rows(rows, dataset.software)
    found = [*_study_problems(dataset), *_state_problems(peaks_state, len(rows)), *_pattern_problems(placed)]
    for number, row in enumerate(placed, start=1):
        found += _row_problems(dataset, number, row)
    found += _duplicates(rows)
    place = f"{dataset.extraction.study.label}, {dataset.label}"
    return Checked(tuple(placed), tuple(_told(place, problem, rows) for problem in found))


def place_rows(rows: Sequence[PeakRow], software: str) -> list[PlacedRow]:
    """Where the rows are in MNI space; None where a coordinate is bad or the space is unknown."""
    mni = to_mni(rows, software)
    placeable = np.isfinite(mni).all(axis=1)
    distance = np.full(len(rows), np.nan)
    if placeable.any():
        distance[placeable] = distance_to_mask(mni[placeable], load_mask("gray_matter"))
    return [
        PlacedRow(row, (float(mm[0]), float(mm[1]), float(mm[2])), float(far), label_at(mm).text)
        if known
        else PlacedRow(row, None, None, "")
        for row, mm, far, known in zip(rows, mni, distance, placeable, strict=True)
    ]


def to_mni(rows: Sequence[PeakRow], software: str) -> Points:
    """ndarray of shape (n_rows, 3), MNI mm; NaN where a row has no place or its space is unknown."""
    reported = _reported(rows)
    talairach = np.array([row.space == "talairach" for row in rows], dtype=bool)
    unknown = np.array([row.space == "unknown" for row in rows], dtype=bool)
    mni = reported.copy()
    if talairach.any():
        mni[talairach] = np.round(talairach_to_mni(reported[talairach], software), 2)
    mni[unknown] = np.nan
    return mni


def t_threshold_from_p(p_one_tailed: float, df: float) -> float:
    """The t that a one-tailed p stands for at `df` degrees of freedom."""
    return float(conversions.t_threshold_from_p(p_one_tailed, df))


def _reported(rows: Sequence[PeakRow]) -> Points:
    return np.array([(row.x, row.y, row.z) if row.located else (np.nan,) * 3 for row in rows], float).reshape(-1, 3)


def _told(place: str, problem: Problem, rows: Sequence[PeakRow]) -> Problem:
    """The problem with its full place; a confirmed row is no longer asked."""
    level, mend = problem.level, problem.mend
    if problem.row is not None:
        place = f"{place}, row {problem.row}" + (f", {problem.field}" if problem.field else "")
        if level == "confirm" and rows[problem.row - 1].confirmed:
            level, mend = "warning", "Confirmed by the reviewer."
    return Problem(level, place, problem.message, mend, problem.row, problem.field)


def _problem(level: Level, message: str, mend: str, row: int | None = None, field: str | None = None) -> Problem:
    return Problem(level, "", message, mend, row, field)


# The dataset as a whole


def _study_problems(dataset: Dataset) -> Iterator[Problem]:
    if dataset.space == Dataset.Space.UNKNOWN:
        mend = "Choose MNI or Talairach in the dataset's settings; ask the authors if the paper does not say."
        yield _problem("error", "The space of the coordinates is not stated.", mend, field="space")
    if dataset.t_threshold is None:
        mend = "Enter the t threshold of the study, or its p, in the dataset's settings."
        message = "The statistical threshold is missing, so the bounds of the effects are wider."
        yield _problem("warning", message, mend, field="t_threshold")
    yield from _group_problems(dataset)


def _group_problems(dataset: Dataset) -> Iterator[Problem]:
    needed = dataset.design == Dataset.Design.TWO_SAMPLE
    if needed and dataset.group_b is None:
        yield _problem("error", "The second group is missing.", "Choose it in the dataset's settings.", field="group_b")
    for field, group in _groups(dataset):
        if group.n is None:
            mend = "Enter how many people were analysed."
            yield _problem("error", f"n of {group} is missing.", mend, field=field)
        elif group.n < LEAST_N:
            mend = f"Check the number; a group of fewer than {LEAST_N} people cannot be analysed."
            yield _problem("error", f"n of {group} is {group.n}.", mend, field=field)


def _groups(dataset: Dataset) -> list[tuple[str, Group]]:
    groups = [("group_a", dataset.group_a)]
    if dataset.design == Dataset.Design.TWO_SAMPLE and dataset.group_b is not None:
        groups.append(("group_b", dataset.group_b))
    return groups


def _state_problems(peaks_state: str, n_rows: int) -> Iterator[Problem]:
    if peaks_state == Dataset.PeaksState.NOT_EXTRACTED:
        mend = "Enter the peaks, or choose “No peaks” if nothing survived the threshold."
        yield _problem("error", "The peaks are not extracted yet.", mend, field="peaks_state")
    if peaks_state == Dataset.PeaksState.PEAKS and n_rows == 0:
        mend = "Enter at least one, or choose “No peaks” if nothing survived the threshold."
        yield _problem("error", "There are neither peaks nor the statement “No peaks”.", mend, field="peaks_state")
    if peaks_state == Dataset.PeaksState.NO_PEAKS and n_rows:
        mend = "Delete the rows, or choose “Peaks”."
        yield _problem("error", f"“No peaks” is stated, but there are rows: {n_rows}.", mend, field="peaks_state")


def _pattern_problems(placed: Sequence[PlacedRow]) -> Iterator[Problem]:
    """What only the whole table shows: axes swapped, voxel indices, sides mirrored."""
    known = [row for row in placed if row.mni is not None]
    if len(known) >= ROWS_FOR_A_PATTERN:
        yield from _better_readings(np.array([row.mni for row in known]))
    left = [row.mni[0] for row in known if row.mni and _side(row) < 0 and abs(row.mni[0]) > MIDLINE_MM]
    if len(left) >= LEFT_FOR_A_PATTERN and min(row.mni[0] for row in known if row.mni) >= 0:
        mend = "If the table gives the side in a column of its own, give x of each left row its minus."
        yield _problem("error", f"No x is below 0, but {len(left)} labels say left.", mend, field="x")
        return
    told = [side * row.mni[0] for row in known if row.mni and (side := _side(row)) and abs(row.mni[0]) > MIDLINE_MM]
    if len(told) >= ROWS_FOR_A_PATTERN and max(told) < 0:
        mend = "Check whether the table uses the radiological convention; if so, change the sign of every x."
        yield _problem("error", f"All {len(told)} labels with a side contradict the sign of x.", mend, field="x")


def _better_readings(mni: Points) -> Iterator[Problem]:
    now = _mean_distance(mni)
    if now <= WARN_MM:
        return
    readings = {name: _mean_distance(read(mni)) for name, read in _READINGS.items() if name not in _SINGLE_ONLY}
    best = min(readings, key=lambda name: readings[name])
    if readings[best] <= min(now / 3, WARN_MM):
        message = (
            f"The coordinates are {now:.0f} mm from gray matter on average, but {readings[best]:.0f} mm if {best}."
        )
        yield _problem("error", message, "Compare a row with the paper and correct all rows.", field="x")


def _mean_distance(mni: Points) -> float:
    return float(distance_to_mask(mni, load_mask("gray_matter")).mean())


# One row


def _row_problems(dataset: Dataset, number: int, placed: PlacedRow) -> Iterator[Problem]:
    row = placed.row
    for cell in row.problems:
        yield _problem(cell.level, cell.message, cell.mend, number, cell.field)
    yield from _origin_problems(number, row)
    if row.space != Dataset.Space.UNKNOWN:
        yield from _distance_problems(number, placed)
        yield from _side_problems(number, placed)
    if not any(cell.field in ("statistic", "kind") for cell in row.problems):
        yield from _statistic_problems(dataset, number, row)


def _distance_problems(number: int, placed: PlacedRow) -> Iterator[Problem]:
    if placed.mni is None or not placed.distance_mm:
        return
    far, field = placed.distance_mm, _farthest_axis(placed.mni)
    message = f"{far:.1f} mm outside gray matter."
    if far <= WARN_MM:
        yield _problem("warning", message, "Nothing to do if this is what the paper says.", number, field)
    elif far <= CONFIRM_MM:
        mend = "Compare with the paper, then tick “confirmed” or correct the coordinates."
        yield _problem("confirm", message, mend, number, field)
    else:
        yield _problem("error", f"{message} {_probable_cause(placed)}", "Correct the coordinates.", number, field)


def _origin_problems(number: int, row: PeakRow) -> Iterator[Problem]:
    if row.located and not any(np.round([row.x, row.y, row.z])):
        message = "0, 0, 0 is rarely a peak: check the table."
        yield _problem("warning", message, "Nothing to do if this is what the paper says.", number, "x")


def _farthest_axis(mni: tuple[float, float, float]) -> str:
    """The axis on which a coordinate leaves the brain's bounding box the most; x where it stays inside."""
    beyond = [max(low - mm, mm - high, 0.0) for mm, (low, high) in zip(mni, _BOUNDING_BOX, strict=True)]
    return _AXIS_NAMES[beyond.index(max(beyond))]


def _probable_cause(placed: PlacedRow) -> str:
    """The readings of the same three numbers that lie in gray matter."""
    mm = np.array([placed.mni])
    names = [name for name, read in _READINGS.items() if _mean_distance(read(mm)) == 0]
    if placed.row.space == Dataset.Space.MNI and _mean_distance(talairach_to_mni(mm)) == 0:
        names.insert(0, "they are Talairach coordinates")
    if not names:
        return "No usual slip explains it."
    return f"It would fit if {' or if '.join(names[:2])}."


def _permuted(order: tuple[int, ...]) -> Callable[[Points], Points]:
    return lambda mm: mm[:, list(order)]


def _columns_of(order: tuple[int, ...]) -> str:
    return "columns hold " + ", ".join(_AXIS_NAMES[order.index(column)] for column in range(3))


def _flipped(axis: int) -> Callable[[Points], Points]:
    signs = np.where(np.arange(3) == axis, -1.0, 1.0)
    return lambda mm: mm * signs


def _from_indices(mm: Points) -> Points:
    """Millimetres of numbers that are voxel indices; far away where they cannot be."""
    whole = (mm >= 0) & (mm == np.round(mm))
    return np.where(whole.all(axis=1, keepdims=True), voxel_to_mm(mm), 1e3)


_READINGS: Final[dict[str, Callable[[Points], Points]]] = {
    "a decimal point is missing": lambda mm: np.where(np.abs(mm) > 120, mm / 10, mm),
    **{f"the sign of {_AXIS_NAMES[axis]} is wrong": _flipped(axis) for axis in range(3)},
    **{
        f"the axes are swapped ({_columns_of(order)})": _permuted(order)
        for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1))
    },
    "they are voxel indices, not mm": _from_indices,
}
_SINGLE_ONLY: Final = ("a decimal point is missing",)


def _side(placed: PlacedRow) -> int:
    """-1 where the label says left, +1 right, 0 where it says neither or both."""
    left, right = (bool(side.search(placed.row.label)) for side in (_LEFT, _RIGHT))
    return int(right) - int(left)


def _side_problems(number: int, placed: PlacedRow) -> Iterator[Problem]:
    side = _side(placed)
    if placed.mni is None or abs(placed.mni[0]) <= MIDLINE_MM or side * placed.mni[0] >= 0:
        return
    word, sign = ("left", "above") if side < 0 else ("right", "below")
    message = f"The label says {word}, but x is {sign} 0."
    yield _problem("confirm", message, "Correct the sign of x or the label, or tick “confirmed”.", number, "label")


def _statistic_problems(dataset: Dataset, number: int, row: PeakRow) -> Iterator[Problem]:
    df = degrees_of_freedom(dataset)
    if row.statistic is None or df is None:
        return
    if not _tail(row, df) >= LEAST_POSSIBLE_P:
        message = f"{row.kind} = {row.statistic:g} is impossible with {df} degrees of freedom."
        yield _problem("error", message, "Check the value, its kind and the numbers of people.", number, "statistic")
        return
    t = _as_t(row, df)
    if t is not None and abs(d := _effect(dataset, t)) > LARGEST_USUAL_EFFECT:
        message = f"{row.kind} = {row.statistic:g} would be a difference of {abs(d):.0f} standard deviations."
        mend = "Check the decimal point, the kind and the numbers of people, or tick “confirmed”."
        yield _problem("confirm", message, mend, number, "statistic")
    if t is not None and dataset.t_threshold is not None and abs(t) < dataset.t_threshold - 0.005:
        message = f"|t| = {abs(t):.2f} is below the stated threshold, t = {dataset.t_threshold:.2f}."
        yield _problem("warning", message, "Check the value, or the threshold of the dataset.", number, "statistic")


def _effect(dataset: Dataset, t: float) -> float:
    """Standardised mean difference of a t; 0 for a correlation, whose t has no such bound."""
    if dataset.design == Dataset.Design.CORRELATION:
        return 0.0
    return t * float(np.sqrt(sum(1 / group.n for _, group in _groups(dataset) if group.n)))


def degrees_of_freedom(dataset: Dataset) -> int | None:
    """Of the dataset's design; None where a number of people is missing or too small."""
    sizes = [group.n for _, group in _groups(dataset)]
    two = dataset.design == Dataset.Design.TWO_SAMPLE
    if None in sizes or len(sizes) != 1 + two:
        return None
    lost = 1 if dataset.design == Dataset.Design.ONE_SAMPLE else 2
    df = sum(size for size in sizes if size is not None) - lost
    return df if df > 0 else None


def _tail(row: PeakRow, df: int) -> float:
    """Two-sided p of the statistic."""
    value = row.statistic
    if value is None:
        return 1.0
    if row.kind == "z":
        return float(2 * special.ndtr(-abs(value)))
    if row.kind == "p":
        return value
    if row.kind == "r" and abs(value) >= 1:
        return 0.0
    if row.kind == "r":
        value = float(conversions.t_from_r(value, df))
    elif row.kind == "F":
        value = float(conversions.t_from_f(value))
    return float(2 * special.stdtr(df, -abs(value)))


def t_of_statistic(kind: str, statistic: float | None, sign: int, df: int | None) -> float | None:
    """The t of a reported statistic with its direction, as a run reads it; None where only the sign can be told.

    A p is one-tailed, as the programs print it.
    """
    if statistic is None or kind == "none" or df is None or df < 1:
        return None
    if kind == "p" and not 0 < statistic < 0.5:
        return None
    read: dict[str, Callable[[float], Any]] = {
        "t": float,
        "z": lambda value: conversions.t_from_z(value, df),
        "p": lambda value: conversions.t_from_p(value, df),
        "r": lambda value: conversions.t_from_r(value, df),
        "F": conversions.t_from_f,
    }
    t = sign * abs(float(read[kind](statistic)))
    return t if t and np.isfinite(t) else None


def _as_t(row: PeakRow, df: int) -> float | None:
    if row.kind == "t":
        return row.statistic
    if row.kind == "z" and row.statistic is not None:
        return float(conversions.t_from_z(row.statistic, df))
    return float(conversions.t_from_r(row.statistic, df)) if row.kind == "r" and row.statistic is not None else None


def _duplicates(rows: Sequence[PeakRow]) -> Iterator[Problem]:
    first: dict[tuple[object, ...], int] = {}
    for number, row in enumerate(rows, start=1):
        if not row.located:
            continue
        earlier = first.setdefault((row.space, row.x, row.y, row.z), number)
        if earlier != number:
            mend = "Delete one of them, or tick “confirmed” if the paper lists both."
            yield _problem("confirm", f"The same coordinates as row {earlier}.", mend, number, "x")
