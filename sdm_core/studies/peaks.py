"""PeakTable: where the studies found effects, and how strong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Level, Problem, raise_errors
from sdm_core.spaces import distance_to_mask, load_mask, talairach_to_mni, voxel_to_mm
from sdm_core.spaces.grid import SHAPE
from sdm_core.spaces.talairach import SOFTWARE
from sdm_core.studies.cells import CellError, Row, clean, frozen, is_missing, number
from sdm_core.studies.table import StudyTable

SPACES: Final = ("mni", "tal")
SIGN_ONLY: Final = {"p": 1, "n": -1}
FAR_MM: Final = 10.0
"""A peak further outside the brain than this has no voxel to start from: it is kept in the table and not analysed."""
FURTHEST_MM: Final = 20.0
"""A peak further outside the brain than this is refused.  (Three of the 2,500 peaks of two published collections lie
10 to 15 mm outside; none lies further.)"""
HIGHEST_T: Final = 100.0
ROUNDING_T: Final = 0.01
HIGHEST_G: Final = 5.0
"""Effects beyond this are nearly always a mistyped t, or an F."""
LARGEST_MM: Final = 150.0
"""No coordinate of a head is larger."""

_AXES: Final = ("x", "y", "z")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PeakTable:
    """One entry per peak, grouped by study in the order of the study table.

    Attributes
    ----------
    study_index : ndarray of shape (n_peaks,), int
        Place of the peak's study in its StudyTable.
    mm : ndarray of shape (n_peaks, 3), MNI mm
    t : ndarray of shape (n_peaks,)
        NaN where only the sign is known.
    sign : ndarray of shape (n_peaks,), int8, +1 or -1

    Notes
    -----
    Invariants: (1) all entries have the same length, 0 allowed; (2) study_index never decreases; (3) every
    coordinate is finite and at most 20 mm outside the brain; (4) where t is a number it is finite, not 0, and has
    the sign of ``sign``; (5) a study has peaks exactly if its ``no_peaks`` is false and it
    has no map; (6) all arrays are read-only.
    """

    study_index: npt.NDArray[np.int64]
    mm: Floats
    t: Floats
    sign: npt.NDArray[np.int8]

    def __post_init__(self) -> None:
        for name, dtype in (("study_index", np.int64), ("mm", np.float64), ("t", np.float64), ("sign", np.int8)):
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))

    def __len__(self) -> int:
        return len(self.study_index)

    def of_study(self, index: int) -> npt.NDArray[np.intp]:
        """Places of the peaks of one study."""
        return np.flatnonzero(self.study_index == index)

    @classmethod
    def from_rows(cls, rows: Iterable[Row], studies: StudyTable) -> PeakTable:
        """Table from one mapping per peak.

        Parameters
        ----------
        rows : iterable of mappings
            Keys ``study``, ``x``, ``y``, ``z`` (mm), ``statistic`` (a t value, or ``p`` / ``n`` for a peak known only
            as positive / negative); optional ``space`` ("mni", default, or "tal") and ``software`` ("spm", "fsl",
            "other", default, or "brett"), which choose the way from Talairach to MNI, and ``place``, which names
            the row in messages.
        studies : StudyTable

        Raises
        ------
        InputError
            With every problem of every row.
        """
        table, problems = parse_peaks(rows, studies)
        raise_errors(problems)
        if table is None:
            raise InputError(problems)
        return table


def parse_peaks(rows: Iterable[Row], studies: StudyTable) -> tuple[PeakTable | None, list[Problem]]:
    """Read peak rows as `PeakTable.from_rows` does, without raising.

    Returns
    -------
    table : PeakTable or None
        None if any row has an error.
    problems : list of Problem
    """
    readers = _readers(rows, studies)
    for reader in readers:
        reader.read(studies)
    sound = [reader for reader in readers if not reader.problems]
    if sound:
        _to_mni(sound)
        _check_brain(sound)
        _check_statistics(sound, studies)
        _check_duplicates(sound)
    problems = [problem for reader in readers for problem in reader.problems]
    problems += _check_presence(Counter(reader.study for reader in readers), studies)
    if any(problem.level == "error" for problem in problems):
        return None, problems
    return _table(readers, studies), problems


def _readers(rows: Iterable[Row], studies: StudyTable) -> list[_PeakReader]:
    """One reader per row, in the order of the study table; rows of unknown studies last."""
    count: Counter[str] = Counter()
    readers = []
    for row in rows:
        study = clean(row.get("study"))
        count[study] += 1
        readers.append(_PeakReader(row, study, count[study]))
    order = {name: place for place, name in enumerate(studies.names)}
    return sorted(readers, key=lambda reader: order.get(reader.study, len(order)))


def _table(readers: Sequence[_PeakReader], studies: StudyTable) -> PeakTable:
    order = {name: place for place, name in enumerate(studies.names)}
    return PeakTable(
        study_index=np.array([order[reader.study] for reader in readers], dtype=np.int64),
        mm=np.array([reader.mm for reader in readers]).reshape(-1, 3),
        t=np.array([reader.t for reader in readers]),
        sign=np.array([reader.sign for reader in readers], dtype=np.int8),
    )


class _PeakReader:
    """Reads one row and notes what is wrong with it."""

    def __init__(self, row: Row, study: str, position: int) -> None:
        self.row, self.study, self.position = row, study, position
        self.place = clean(row.get("place")) or f"study {study}, peak {position}"
        self.problems: list[Problem] = []
        self.mm: Floats = np.full(3, np.nan)
        self.t = float("nan")
        self.sign = 0
        self.space, self.software = "mni", "other"

    def read(self, studies: StudyTable) -> None:
        if self.study not in studies.names:
            self.note("study", f'"{self.study}" is not in the study table', "Add the study or correct its name.")
        self.mm = np.array([self._coordinate(axis) for axis in _AXES])
        self.space = self._choice("space", SPACES, "mni")
        self.software = self._choice("software", SOFTWARE, "other")
        self._read_statistic()

    def note(self, column: str, message: str, mend: str, level: Level = "error") -> None:
        place = f"{self.place}, {column}" if column else self.place
        self.problems.append(Problem(place, message, mend, level, self.study, self.position, column or None))

    def _coordinate(self, axis: str) -> float:
        try:
            return number(self.row.get(axis))
        except CellError as error:
            self.note(axis, error.message, error.mend)
            return float("nan")

    def _read_statistic(self) -> None:
        cell = self.row.get("statistic")
        self.sign = SIGN_ONLY.get(clean(cell).lower(), 0)
        if self.sign:
            return
        if is_missing(cell):
            self.note("t", "is missing", "Give the t value, or p (n) for a peak known only as positive (negative).")
            return
        try:
            self.t = number(cell)
        except CellError as error:
            self.note("t", error.message, f"{error.mend} Or write p (n) if only the sign is known.")
            return
        self.sign = int(np.sign(self.t))
        if abs(self.t) > HIGHEST_T:
            self.note("t", f"{self.t:g} is impossible for a t value", "Check the number and its decimal point.")
        elif self.t == 0:
            self.note("t", "is 0", "A peak has a sign: give its t value, or p or n.")

    def _choice(self, column: str, choices: Sequence[str], default: str) -> str:
        cell = self.row.get(column)
        if is_missing(cell):
            return default
        text = clean(cell).lower()
        if text not in choices:
            self.note(column, f'"{text}" is not known', f"Choose one of {', '.join(choices)}.")
        return text


def _to_mni(readers: Sequence[_PeakReader]) -> None:
    for software in SOFTWARE:
        group = [reader for reader in readers if reader.space == "tal" and reader.software == software]
        if group:
            converted = talairach_to_mni(np.array([reader.mm for reader in group]), software)
            for reader, mm in zip(group, converted, strict=True):
                reader.mm = mm


def _check_brain(readers: Sequence[_PeakReader]) -> None:
    distances = distance_to_mask([reader.mm for reader in readers], load_mask("brain"))
    slightly = []
    for reader, distance in zip(readers, distances, strict=True):
        where = f"is {distance:.0f} mm outside the brain"
        mend = f"{_probable_cause(reader.mm)} Check the paper's table." if distance > FAR_MM else ""
        if distance > FURTHEST_MM:
            reader.note("x, y, z", where, mend)
        elif distance > FAR_MM:
            reader.note("x, y, z", f"{where}, too far to count", mend, "warning")
        elif distance > 0:
            slightly.append((reader, float(distance)))
    for group in _by_study(slightly):
        message = f"{_listed(group)}: up to {max(group.values()):.0f} mm outside the brain"
        _note_study(group, "x, y, z", message, "Check the coordinates and their space.")


def _by_study(flagged: Iterable[tuple[_PeakReader, float]]) -> Iterable[dict[_PeakReader, float]]:
    groups: dict[str, dict[_PeakReader, float]] = defaultdict(dict)
    for reader, value in flagged:
        groups[reader.study][reader] = value
    return groups.values()


def _listed(group: Mapping[_PeakReader, float]) -> str:
    numbers = ", ".join(str(reader.position) for reader in group)
    return f"peak {numbers}" if len(group) == 1 else f"peaks {numbers}"


def _note_study(group: Mapping[_PeakReader, float], column: str, message: str, mend: str) -> None:
    """One warning for all peaks of a study, noted at the first of them."""
    first = next(iter(group))
    place = f"study {first.study}, {column}"
    first.problems.append(Problem(place, message, mend, "warning", first.study, first.position, column))


def _probable_cause(mm: Floats) -> str:
    """What most likely happened to a coordinate far outside the brain."""
    x, y, z = mm
    brain = load_mask("brain")
    candidates = [
        ("The axes may be swapped", [(y, x, z), (z, y, x), (x, z, y), (y, z, x), (z, x, y)]),
        ("The sign of a coordinate may be lost or turned", [(x, -y, z), (x, y, -z), (x, -y, -z)]),
    ]
    if np.abs(mm).max() > LARGEST_MM:
        candidates.append(("The decimal point may be lost", [(x / 10, y / 10, z / 10)]))
    if all(0 <= value < size and value == round(value) for value, size in zip(mm, SHAPE, strict=True)):
        candidates.insert(0, ("The numbers may be voxel indices instead of mm", [tuple(voxel_to_mm(mm))]))
    for cause, options in candidates:
        if (distance_to_mask(options, brain) == 0).any():
            return f"{cause}."
    return "One of the numbers is too large."


def _check_statistics(readers: Sequence[_PeakReader], studies: StudyTable) -> None:
    """Warn of values that the study's size or its own threshold make unlikely."""
    second = np.divide(1, studies.n2, where=studies.n2 > 0, out=np.zeros(len(studies)))
    g_per_t = dict(zip(studies.names, np.sqrt(1 / studies.n1 + second), strict=True))
    thresholds = dict(zip(studies.names, studies.t_threshold, strict=True))
    effects = [(reader, abs(reader.t) * float(g_per_t[reader.study])) for reader in readers]
    for group in _by_study((reader, g) for reader, g in effects if g > HIGHEST_G):
        message = f"{_listed(group)}: up to {max(group.values()):.1f} standard deviations"
        _note_study(group, "t", message, "Check that the values are t, not F or per cent.")
    below = [reader for reader in readers if abs(reader.t) < thresholds[reader.study] - ROUNDING_T]
    for group in _by_study((reader, abs(reader.t)) for reader in below):
        message = f"{_listed(group)}: below the study's threshold t_thr {thresholds[next(iter(group)).study]:.2f}"
        _note_study(group, "t", message, "Check whether t_thr is right and all values are t values.")


def _check_duplicates(readers: Sequence[_PeakReader]) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for reader in readers:
        key = (reader.study, *np.round(reader.mm, 3).tolist())
        if key in seen:
            message = f"has the same coordinates as peak {seen[key]} of the study"
            reader.note("x, y, z", message, "Delete one of the two if it was entered twice.", "warning")
        seen.setdefault(key, reader.position)


def _check_presence(count: Counter[str], studies: StudyTable) -> list[Problem]:
    problems = []
    for name, silent, image in zip(studies.names, studies.no_peaks, studies.images, strict=True):
        if image is not None:
            if count[name] or silent:
                message = (
                    f"has {count[name]} peaks beside its map" if count[name] else 'has a map and is marked "no peaks"'
                )
                problems.append(Problem(f"study {name}", message, "Keep the map alone.", study=name))
        elif silent and count[name]:
            message = f'has {count[name]} peaks and is marked "no peaks"'
            problems.append(Problem(f"study {name}", message, "Remove the peaks or the mark.", study=name))
        elif not silent and not count[name]:
            mend = 'Enter its peaks, or mark it "no peaks" if the study found nothing in the whole brain.'
            problems.append(Problem(f"study {name}", "has no peak", mend, study=name))
    return problems
