"""What may be wrong with the peaks of a dataset, asked of the numeric core: where they are, and whether their
statistics are possible.

Every problem names its place and how to mend it. Distances are to the gray-matter mask: up to WARN_MM a warning,
up to CONFIRM_MM the reviewer's tick is needed, beyond it the row is refused with the probable cause.
"""

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.spatial import cKDTree

from meta_app.extraction.domain import PeakRow, Problem
from meta_app.extraction.models import Dataset, Group, Peak
from meta_app.extraction.parsers import read_row
from meta_app.extraction.peak_patterns import (
    close_sub_peaks,
    f_without_df,
    lost_minus,
    mixed_units,
    orphaned_sub_peak,
    problem,
    repeated_rows,
)
from meta_app.extraction.peak_words import areas_said, direction_said, no_peak_said
from sdm_core.effects import conversions
from sdm_core.spaces import distance_to_mask, load_mask, talairach_to_mni, voxel_to_mm
from sdm_core.spaces.labels import label_at, label_volume

Points = npt.NDArray[np.float64]

WARN_MM: Final = 4.0
CONFIRM_MM: Final = 10.0
MIDLINE_MM: Final = 4.0
LEAST_POSSIBLE_P: Final = 1e-30
LARGEST_USUAL_EFFECT: Final = 5.0
"""Standardised mean differences beyond this are rarely true; a lost decimal point makes 45.2 of t = 4.52."""
LEAST_N: Final = 4
BETTER_SPACE_MM: Final = 1.0
AREA_MM: Final = 20.0
"""A Brodmann area farther than this from the coordinate is asked about: atlases differ by about a centimetre."""
ROWS_ALIKE: Final = 3
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
    placed = place_rows(rows, transform_of(dataset))
    found = [*_study_problems(dataset), *_state_problems(dataset, peaks_state, rows), *_pattern_problems(placed)]
    for pattern in (lost_minus, mixed_units, f_without_df, orphaned_sub_peak, repeated_rows):
        found += pattern(rows)
    found += close_sub_peaks(rows, np.array([row.mni or (np.nan,) * 3 for row in placed]).reshape(-1, 3))
    found += _same_elsewhere(dataset, rows)
    for number, row in enumerate(placed, start=1):
        found += _row_problems(dataset, number, row)
    place = f"{dataset.extraction.study.label}, {dataset.label}"
    return Checked(tuple(placed), tuple(_told(place, problem, rows) for problem in found))


def place_rows(rows: Sequence[PeakRow], transform: str) -> list[PlacedRow]:
    """Where the rows are in MNI space; None where a coordinate is bad or the space is unknown."""
    mni = to_mni(rows, transform)
    placeable = np.isfinite(mni).all(axis=1)
    distance = np.full(len(rows), np.nan)
    if placeable.any():
        distance[placeable] = distance_to_mask(mni[placeable], load_mask("gray_matter"))
    return [
        PlacedRow(row, (float(mm[0]), float(mm[1]), float(mm[2])), float(far), _region(*mm.tolist()))
        if known
        else PlacedRow(row, None, None, "")
        for row, mm, far, known in zip(rows, mni, distance, placeable, strict=True)
    ]


@functools.lru_cache(maxsize=16_384)
def _region(x: float, y: float, z: float) -> str:
    return label_at((x, y, z)).text


def transform_of(dataset: Dataset) -> str:
    """The transform that brings the Talairach coordinates of a dataset into MNI space."""
    return dataset.transform or dataset.software


def to_mni(rows: Sequence[PeakRow], transform: str) -> Points:
    """ndarray of shape (n_rows, 3), MNI mm; NaN where a row has no place or its space is unknown."""
    reported = _reported(rows)
    talairach = np.array([row.space == "talairach" for row in rows], dtype=bool)
    unknown = np.array([row.space == "unknown" for row in rows], dtype=bool)
    mni = reported.copy()
    if talairach.any():
        mni[talairach] = np.round(talairach_to_mni(reported[talairach], transform), 2)
    mni[unknown] = np.nan
    return mni


def t_threshold_from_p(p_one_tailed: float, df: float) -> float:
    """The t that a one-tailed p stands for at `df` degrees of freedom."""
    return float(conversions.t_threshold_from_p(p_one_tailed, df))


def _reported(rows: Sequence[PeakRow]) -> Points:
    return np.array([(row.x, row.y, row.z) if row.located else (np.nan,) * 3 for row in rows], float).reshape(-1, 3)


def _told(place: str, found: Problem, rows: Sequence[PeakRow]) -> Problem:
    """The problem with its full place; a confirmed row is no longer asked."""
    level, mend = found.level, found.mend
    if found.row is not None:
        place = f"{place}, row {found.row}" + (f", {found.field}" if found.field else "")
        if level == "confirm" and rows[found.row - 1].confirmed:
            level, mend = "warning", "Confirmed by the reviewer."
    return Problem(level, place, found.message, mend, found.row, found.field)


# The dataset as a whole


def _study_problems(dataset: Dataset) -> Iterator[Problem]:
    if dataset.space == Dataset.Space.UNKNOWN:
        mend = "Choose MNI or Talairach in the dataset's settings; ask the authors if the paper does not say."
        yield problem("error", "The space of the coordinates is not stated.", mend, field="space")
    if dataset.t_threshold is None:
        mend = "Enter the t threshold of the study, or its p, in the dataset's settings."
        message = "The statistical threshold is missing, so the bounds of the effects are wider."
        yield problem("warning", message, mend, field="t_threshold")
    yield from _group_problems(dataset)


def _group_problems(dataset: Dataset) -> Iterator[Problem]:
    needed = dataset.design == Dataset.Design.TWO_SAMPLE
    if needed and dataset.group_b is None:
        yield problem("error", "The second group is missing.", "Choose it in the dataset's settings.", field="group_b")
    for field, group in _groups(dataset):
        if group.n is None:
            mend = "Enter how many people were analysed."
            yield problem("error", f"n of {group} is missing.", mend, field=field)
        elif group.n < LEAST_N:
            mend = f"Check the number; a group of fewer than {LEAST_N} people cannot be analysed."
            yield problem("error", f"n of {group} is {group.n}.", mend, field=field)


def _groups(dataset: Dataset) -> list[tuple[str, Group]]:
    groups = [("group_a", dataset.group_a)]
    if dataset.design == Dataset.Design.TWO_SAMPLE and dataset.group_b is not None:
        groups.append(("group_b", dataset.group_b))
    return groups


def _state_problems(dataset: Dataset, peaks_state: str, rows: Sequence[PeakRow]) -> Iterator[Problem]:
    state, stated = Dataset.PeaksState, Dataset.PeaksState(peaks_state).label
    if peaks_state == state.NOT_EXTRACTED:
        mend = "Enter the peaks, or choose “No peaks” if nothing survived the threshold."
        yield problem("error", "The peaks are not extracted yet.", mend, field="peaks_state")
    elif peaks_state == state.NO_PEAKS:
        if rows:
            mend = "Delete the rows, or choose “Peaks”."
            yield problem("error", f"“No peaks” is stated, but there are rows: {len(rows)}.", mend, field="peaks_state")
    elif not rows:
        mend = "Enter at least one, or choose “No peaks” if nothing survived the threshold."
        yield problem("error", "There are neither peaks nor the statement “No peaks”.", mend, field="peaks_state")
    if peaks_state in (state.SIGN_ONLY, state.THRESHOLD_ONLY):
        for number, row in enumerate(rows, start=1):
            if row.statistic is not None:
                mend = "Clear the statistic and give the sign, or choose “Peaks”."
                yield problem(
                    "error", f"There is a statistic, but the table says “{stated}”.", mend, number, "statistic"
                )
    if peaks_state == state.THRESHOLD_ONLY and dataset.t_threshold is None:
        mend = "Enter the t threshold of the study, or its p, in the dataset's settings; or choose “sign only”."
        yield problem("error", f"“{stated}” is stated, but the dataset has no threshold.", mend, field="t_threshold")


def _pattern_problems(placed: Sequence[PlacedRow]) -> Iterator[Problem]:
    """What only the whole table shows: axes swapped, voxel indices, sides mirrored."""
    known = [row for row in placed if row.mni is not None]
    if len(known) >= ROWS_FOR_A_PATTERN:
        yield from _better_readings(np.array([row.mni for row in known]))
        yield from _other_space(known)
    left = [row.mni[0] for row in known if row.mni and _side(row) < 0 and abs(row.mni[0]) > MIDLINE_MM]
    if len(left) >= LEFT_FOR_A_PATTERN and min(row.mni[0] for row in known if row.mni) >= 0:
        mend = "If the table gives the side in a column of its own, give x of each left row its minus."
        yield problem("error", f"No x is below 0, but {len(left)} labels say left.", mend, field="x")
        return
    told = [side * row.mni[0] for row in known if row.mni and (side := _side(row)) and abs(row.mni[0]) > MIDLINE_MM]
    if len(told) >= ROWS_FOR_A_PATTERN and max(told) < 0:
        mend = "Check whether the table uses the radiological convention; if so, change the sign of every x."
        yield problem("error", f"All {len(told)} labels with a side contradict the sign of x.", mend, field="x")


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
        yield problem("error", message, "Compare a row with the paper and correct all rows.", field="x")


def _other_space(known: Sequence[PlacedRow]) -> Iterator[Problem]:
    """Talairach passing for MNI, or MNI for Talairach: the fit of both is compared."""
    for space, other, read in (("mni", "Talairach", talairach_to_mni), ("talairach", "MNI", lambda mm: mm)):
        rows = [row for row in known if row.row.space == space]
        if len(rows) < ROWS_FOR_A_PATTERN:
            continue
        now = _mean_distance(np.array([row.mni for row in rows]))
        then = _mean_distance(read(_reported([row.row for row in rows])))
        if now - then >= BETTER_SPACE_MM >= then:
            stated = "MNI" if space == "mni" else "Talairach"
            message = (
                f"Read as {stated} the peaks are {now:.1f} mm from gray matter on average, as {other} {then:.1f} mm."
            )
            mend = f"Are they {other} coordinates? Check the paper's methods, and ask the authors if it does not say."
            yield problem("warning", message, mend, field="space")


def _mean_distance(mni: Points) -> float:
    return float(distance_to_mask(mni, load_mask("gray_matter")).mean())


# One row


def _row_problems(dataset: Dataset, number: int, placed: PlacedRow) -> Iterator[Problem]:
    row = placed.row
    for cell in row.problems:
        yield problem(cell.level, cell.message, cell.mend, number, cell.field)
    yield from _origin_problems(number, row)
    if row.space != Dataset.Space.UNKNOWN:
        yield from _distance_problems(number, placed)
        yield from _side_problems(number, placed)
        yield from _area_problems(number, placed)
    yield from _word_problems(dataset, number, row)
    if not any(cell.field in ("statistic", "kind") for cell in row.problems):
        yield from _statistic_problems(dataset, number, row)


def _distance_problems(number: int, placed: PlacedRow) -> Iterator[Problem]:
    if placed.mni is None or not placed.distance_mm:
        return
    far, field = placed.distance_mm, _farthest_axis(placed.mni)
    message = f"{far:.1f} mm outside gray matter."
    if far <= WARN_MM:
        yield problem("warning", message, "Nothing to do if this is what the paper says.", number, field)
    elif far <= CONFIRM_MM:
        mend = "Compare with the paper, then tick “confirmed” or correct the coordinates."
        yield problem("confirm", message, mend, number, field)
    else:
        yield problem("error", f"{message} {_probable_cause(placed)}", "Correct the coordinates.", number, field)


def _origin_problems(number: int, row: PeakRow) -> Iterator[Problem]:
    if row.located and not any(np.round([row.x, row.y, row.z])):
        message = "0, 0, 0 is rarely a peak: check the table."
        yield problem("warning", message, "Nothing to do if this is what the paper says.", number, "x")


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
    "the signs of x, y and z are all wrong": lambda mm: -mm,
    **{
        f"the axes are swapped ({_columns_of(order)})": _permuted(order)
        for order in ((1, 0, 2), (0, 2, 1), (2, 1, 0), (1, 2, 0), (2, 0, 1))
    },
    "they are voxel indices, not mm": _from_indices,
}
_SINGLE_ONLY: Final = ("a decimal point is missing",)


def _side(placed: PlacedRow) -> int:
    """-1 where the row says left, in the column of sides or in its label, +1 right, 0 where neither or both."""
    if placed.row.hemisphere:
        return {"left": -1, "right": 1}.get(placed.row.hemisphere, 0)
    return _side_in_label(placed.row.label)


@functools.lru_cache(maxsize=16_384)
def _side_in_label(label: str) -> int:
    left, right = (bool(side.search(label)) for side in (_LEFT, _RIGHT))
    return int(right) - int(left)


def _side_problems(number: int, placed: PlacedRow) -> Iterator[Problem]:
    side, label = _side(placed), _side_in_label(placed.row.label)
    if side * label < 0:
        mend = "Correct one of them, or tick “confirmed”."
        yield problem("confirm", "The side contradicts the label.", mend, number, "hemisphere")
    if placed.mni is None or abs(placed.mni[0]) <= MIDLINE_MM or side * placed.mni[0] >= 0:
        return
    where, field = ("side", "hemisphere") if placed.row.hemisphere else ("label", "label")
    word, sign = ("left", "above") if side < 0 else ("right", "below")
    message = f"The {where} says {word}, but x is {sign} 0."
    yield problem("confirm", message, f"Correct the sign of x or the {where}, or tick “confirmed”.", number, field)


def _area_problems(number: int, placed: PlacedRow) -> Iterator[Problem]:
    areas = placed.row.brodmann or areas_said(placed.row.label)
    if placed.mni is None or not areas:
        return
    distances = [tree.query(placed.mni)[0] for area in areas if (tree := _area_tree(area)) is not None]
    if distances and min(distances) > AREA_MM:
        named = "/".join(map(str, areas))
        here = f"; the atlas says {placed.region} here" if placed.region else ""
        message = f"BA {named} is {min(distances):.0f} mm away in the atlas{here}."
        mend = "Compare area and coordinates with the paper, then tick “confirmed” or correct them."
        yield problem("confirm", message, mend, number, "brodmann" if placed.row.brodmann else "label")


@functools.cache
def _area_tree(area: int) -> cKDTree | None:
    """The voxels of a Brodmann area, MNI mm; None where the atlas lacks it."""
    voxels = np.argwhere(label_volume("brodmann") == area)
    return cKDTree(voxel_to_mm(voxels)) if len(voxels) else None


def _word_problems(dataset: Dataset, number: int, row: PeakRow) -> Iterator[Problem]:
    text = f"{row.label}; {row.note}"
    correlation = dataset.comparison == Dataset.Comparison.CORRELATION
    asked = no_peak_said(text, correlation)
    if asked:
        yield problem("confirm", *asked, number, "label")
    if row.kind == "r" and not correlation and dataset.design == Dataset.Design.TWO_SAMPLE:
        mend = "Enter it in a dataset of correlations, or tick “confirmed”."
        yield problem("confirm", "r in a comparison of groups: is this a table of correlations?", mend, number, "kind")
    names = _GROUP_WORDS.get(dataset.comparison)
    if names is None or not row.sign:
        return
    own = [(dataset.group_a.label,), (dataset.group_b.label if dataset.group_b else "",)]
    first, second = ([*words, *filter(None, label)] for words, label in zip(names, own, strict=True))
    said = direction_said(text, first, second)
    if said * row.sign < 0:
        higher = "first group higher" if said > 0 else "first group lower"
        message = f"The words say “{higher}”, but the sign is {'+' if row.sign > 0 else '−'}."
        yield problem("error", message, "Turn the direction of the row, or correct its sign or words.", number, "sign")


_GROUP_WORDS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    Dataset.Comparison.PATIENTS_CONTROLS: (
        ("patients", "patient", "患者", "病例"),
        ("controls", "control", "HC", "HCs", "NC", "healthy", "对照", "健康"),
    ),
    Dataset.Comparison.PATIENTS_OTHER_PATIENTS: ((), ()),
    Dataset.Comparison.AFTER_BEFORE: (
        ("after", "post", "posttreatment", "治疗后"),
        ("before", "pre", "baseline", "pretreatment", "治疗前"),
    ),
}
"""What papers call the first and the second group of a comparison, besides the names of the groups themselves."""


def _same_elsewhere(dataset: Dataset, rows: Sequence[PeakRow]) -> Iterator[Problem]:
    """Other tables of the same reviewer with these coordinates; another reviewer's stay unseen."""
    mine = {(row.x, row.y, row.z) for row in rows if row.located}
    if len(mine) < ROWS_ALIKE:
        return
    others = Peak.objects.filter(
        dataset__extraction__author=dataset.extraction.author_id,
        dataset__extraction__position=dataset.extraction.position,
        dataset__extraction__study__project=dataset.extraction.study.project_id,
        x_reported__in={x for x, _, _ in mine},
    ).exclude(dataset=dataset)
    names = ("dataset__extraction__study__label", "dataset__label", "x_reported", "y_reported", "z_reported")
    shared = Counter((study, label) for study, label, *mm in others.values_list(*names) if tuple(mm) in mine)
    for (study, label), count in sorted(shared.items()):
        if count >= max(ROWS_ALIKE, len(mine) / 2):
            message = f"{count} of {len(mine)} peaks are also in “{study}, {label}”."
            mend = (
                "Was a table pasted twice, or do two papers tell of the same people? Nothing to do if both are right."
            )
            yield problem("warning", message, mend, field="peaks_state")


def _statistic_problems(dataset: Dataset, number: int, row: PeakRow) -> Iterator[Problem]:
    df = degrees_of_freedom(dataset)
    if row.statistic is None or df is None:
        return
    if not _tail(row, df) >= LEAST_POSSIBLE_P:
        message = f"{row.kind} = {row.statistic:g} is impossible with {df} degrees of freedom."
        yield problem("error", message, "Check the value, its kind and the numbers of people.", number, "statistic")
        return
    t = _as_t(row, df)
    if t is not None and abs(d := _effect(dataset, t)) > LARGEST_USUAL_EFFECT:
        message = f"{row.kind} = {row.statistic:g} would be a difference of {abs(d):.0f} standard deviations."
        mend = "Check the decimal point, the kind and the numbers of people, or tick “confirmed”."
        yield problem("confirm", message, mend, number, "statistic")
    if t is not None and dataset.t_threshold is not None and abs(t) < dataset.t_threshold - 0.005:
        message = f"|t| = {abs(t):.2f} is below the stated threshold, t = {dataset.t_threshold:.2f}."
        yield problem("warning", message, "Check the value, or the threshold of the dataset.", number, "statistic")


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
