"""StudyTable: who was studied, how, and with which threshold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Level, Problem, raise_errors
from sdm_core.studies.cells import CellError, Row, clean, frozen, is_missing, number, whole_number
from sdm_core.studies.images import StudyImage

DESIGNS: Final = ("one_sample", "two_sample", "correlation")
THRESHOLD_KINDS: Final = ("corrected", "uncorrected", "")
COLUMNS: Final = ("study", "n1", "n2", "t_thr", "threshold", "design", "no_peaks", "nuisance")
PAIRED: Final = "paired"
"""Another word for one_sample: the sample is that of the pairs' differences."""

MIN_N: Final = 4
"""The variance of Hedges' g needs more than 2 degrees of freedom."""
SMALL_N: Final = 10
LARGEST_N: Final = 1_000_000
"""No imaging study has more people in a group."""
LARGEST_T_THRESHOLD: Final = 100.0
LEAST_T_THRESHOLD: Final = 0.5
"""Nobody thresholds at a smaller t; what is below is a p value in the wrong column."""

DF_TOLERANCE: Final = 0.5
"""Programs that estimate degrees of freedom do not give whole numbers."""

_NAME = re.compile(r"[\w.-]+")
_LOST_DF: Final = {"one_sample": 1, "two_sample": 2, "correlation": 2}
_TRUE: Final = frozenset({"1", "true", "yes"})
_FALSE: Final = frozenset({"", "0", "false", "no"})

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StudyTable:
    """One entry per study, in the order given.

    Attributes
    ----------
    names : tuple of str
    design : tuple of {"one_sample", "two_sample", "correlation"}
    n1, n2 : ndarray of shape (n_studies,), int
        People in the (first) group; in the second one.
    t_threshold : ndarray of shape (n_studies,)
        The study's own threshold as a t value; NaN where not reported.
    threshold_kind : tuple of {"corrected", "uncorrected", ""}
    no_peaks : ndarray of shape (n_studies,), bool
        The study looked at the whole brain and found nothing.
    covariates : mapping from name to ndarray of shape (n_studies,), NaN where missing
    labels : mapping from name to tuple of str, "" where missing
        Further columns that hold text; they select studies.
    images : tuple of StudyImage or None
        The study's map, where it has one; empty for none at all.

    Notes
    -----
    Invariants: (1) all entries have the same length, at least 1; (2) names are unique and made of letters, digits
    and ``_ . -``; (3) n2 is 0 unless the design is two_sample; (4) every study has at least 4 people and more than
    2 degrees of freedom (a correlation: at least 4 people); (5) t_threshold is positive or NaN; (6) all arrays are
    read-only; (7) a study has no map if its no_peaks is true, and a map of g only if its design is not correlation.
    """

    names: tuple[str, ...]
    design: tuple[str, ...]
    n1: Ints
    n2: Ints
    t_threshold: Floats
    threshold_kind: tuple[str, ...]
    no_peaks: npt.NDArray[np.bool_]
    covariates: Mapping[str, Floats] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    images: tuple[StudyImage | None, ...] = ()

    def __post_init__(self) -> None:
        for name, dtype in (("n1", np.int64), ("n2", np.int64), ("t_threshold", np.float64), ("no_peaks", np.bool_)):
            object.__setattr__(self, name, frozen(getattr(self, name), dtype))
        columns = {name: frozen(values, np.float64) for name, values in self.covariates.items()}
        object.__setattr__(self, "covariates", MappingProxyType(columns))
        object.__setattr__(self, "labels", MappingProxyType(dict(self.labels)))
        object.__setattr__(self, "images", tuple(self.images) or (None,) * len(self.names))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def df(self) -> Ints:
        """Degrees of freedom of each study's t, shape (n_studies,)."""
        lost: Ints = np.array([_LOST_DF[design] for design in self.design])
        return self.n1 + self.n2 - lost

    def index(self, name: str) -> int:
        """Place of a study; ValueError if there is none of that name."""
        return self.names.index(name)

    @classmethod
    def from_rows(cls, rows: Iterable[Row], images: Mapping[str, StudyImage] | None = None) -> StudyTable:
        """Table from one mapping per study.

        Parameters
        ----------
        rows : iterable of mappings
            Keys ``study``, ``n1``; optional ``n2``, ``t_thr``, ``threshold``, ``design``, ``no_peaks``, ``nuisance``
            (covariates in the study's own model, which explain the degrees of freedom of its map); every other key is
            a covariate.  Values are numbers or text.  The design ``paired`` is one_sample, with n1 pairs.
        images : mapping, optional
            Maps by study.

        Raises
        ------
        InputError
            With every problem of every row.
        """
        table, problems = parse_studies(rows, images)
        raise_errors(problems)
        if table is None:
            raise InputError(problems)
        return table


def parse_studies(
    rows: Iterable[Row], images: Mapping[str, StudyImage] | None = None
) -> tuple[StudyTable | None, list[Problem]]:
    """Read study rows as `StudyTable.from_rows` does, without raising.

    Returns
    -------
    table : StudyTable or None
        Of the rows without an error; None if there is none.
    problems : list of Problem
    """
    rows, images = list(rows), images or {}
    problems: list[Problem] = []
    if not rows:
        problems.append(Problem("study table", "has no study", "Give at least one study."))
    kept: list[tuple[Row, dict[str, Any]]] = []
    seen: set[str] = set()
    for position, row in enumerate(rows, start=1):
        reader = _StudyReader(row, position, images)
        values = reader.values(seen)
        problems += reader.problems
        if not any(problem.level == "error" for problem in reader.problems):
            kept.append((row, values))
    covariates, labels, more = _further_values([row for row, _ in kept])
    return _table([values for _, values in kept], covariates, labels), problems + more


def _table(
    entries: Sequence[dict[str, Any]], covariates: Mapping[str, Floats], labels: Mapping[str, tuple[str, ...]]
) -> StudyTable | None:
    if not entries:
        return None
    columns = {name: [entry[name] for entry in entries] for name in entries[0]}
    for name in ("names", "design", "threshold_kind", "images"):
        columns[name] = tuple(columns[name])  # type: ignore[assignment]
    return StudyTable(**columns, covariates=covariates, labels=labels)  # type: ignore[arg-type]


class _StudyReader:
    """Reads one row and notes what is wrong with it."""

    def __init__(self, row: Row, position: int, images: Mapping[str, StudyImage]) -> None:
        self.row, self.position = row, position
        self.name = clean(row.get("study"))
        self.image = images.get(self.name)
        self.problems: list[Problem] = []

    def values(self, seen: set[str]) -> dict[str, Any]:
        self._check_name(seen)
        n1 = self._people("n1")
        n2 = 0 if is_missing(self.row.get("n2")) else self._people("n2")
        design = self._design(n2)
        if None not in (n1, n2):
            self._check_size(design, n1 or 0, n2 or 0)
            self._check_image(design, n1 or 0, n2 or 0)
        return {
            "names": self.name,
            "design": design,
            "n1": n1,
            "n2": n2 if design == "two_sample" else 0,
            "t_threshold": self._threshold(),
            "threshold_kind": self._choice("threshold", THRESHOLD_KINDS, ""),
            "no_peaks": self._no_peaks(),
            "images": self.image,
        }

    def _note(self, column: str, message: str, mend: str, level: Level = "error") -> None:
        who = f"study {self.name}" if self.name else f"study table, row {self.position}"
        place = f"{who}, {column}" if column else who
        self.problems.append(Problem(place, message, mend, level, self.name or None, self.position, column or None))

    def _check_name(self, seen: set[str]) -> None:
        if not _NAME.fullmatch(self.name):
            self._note("study", f'"{self.name}" cannot be a name', "Use letters, digits, _ . and - only, no blanks.")
        elif self.name in seen:
            self._note("study", "is in the table twice", "Rename one of the two or delete it.")
        seen.add(self.name)

    def _people(self, column: str) -> int | None:
        return self._count(column, "people")

    def _count(self, column: str, of: str) -> int | None:
        try:
            value = whole_number(self.row.get(column))
        except CellError as error:
            self._note(column, error.message, error.mend)
            return None
        if value < 0:
            self._note(column, f"{value} is negative", f"Give a count of {of}.")
            return None
        if value > LARGEST_N:
            self._note(column, f"{value:.3g} is impossible", f"Give a count of {of}.")
            return None
        return value

    def _design(self, n2: int | None) -> str:
        default = "two_sample" if n2 else "one_sample"
        design = self._choice("design", (*DESIGNS, PAIRED), default)
        if design == PAIRED:
            if n2:
                self._note("n2", "is given in a paired study", "Give the number of pairs as n1 and leave n2 empty.")
            return "one_sample"
        if design == "two_sample" and n2 == 0:
            self._note("n2", "is missing in a two-sample study", "Give the size of the second group.")
        elif design != "two_sample" and n2:
            self._note("n2", f"is given in a {design} study", "Leave n2 empty or choose the design two_sample.")
        return design

    def _check_size(self, design: str, n1: int, n2: int) -> None:
        total = n1 + n2
        least = MIN_N + 1 if design == "two_sample" else MIN_N
        if total < least:
            self._note("n1", f"{total} people are too few", f"An effect size needs at least {least}.")
        elif design == "two_sample" and 0 < min(n1, n2) < 2:
            self._note("n1" if n1 < n2 else "n2", "a group of 1 has no variance", "Give at least 2.")
        elif total < SMALL_N:
            self._note("n1", f"only {total} people", "Check the number: results of so few are unstable.", "warning")

    def _check_image(self, design: str, n1: int, n2: int) -> None:
        """Whether the map is one of this design and of so many people."""
        if self.image is None or design not in _LOST_DF:
            return
        if self.image.statistic == "g" and design == "correlation":
            self._note("map", "holds g, and the design is a correlation", "Give the map as t or z.")
        nuisance = 0 if is_missing(self.row.get("nuisance")) else self._count("nuisance", "covariates")
        df = n1 + n2 - _LOST_DF[design] - (nuisance or 0)
        if self.image.df is not None and abs(self.image.df - df) > DF_TOLERANCE:
            people = f"n1 = {n1}" + (f" and n2 = {n2}" if n2 else "")
            message = f"has {self.image.df:g} degrees of freedom, where {people} give {df} ({design})"
            mend = "Correct n1, n2 or the design; write the covariates of the study's own model as nuisance."
            self._note("map", message, mend)

    def _threshold(self) -> float:
        cell = self.row.get("t_thr")
        if is_missing(cell) and self.image is not None:
            return float("nan")
        if is_missing(cell):
            mend = "Give the t value of the study's threshold; else its smallest |t| is used."
            self._note("t_thr", "is missing", mend, "warning")
            return float("nan")
        try:
            value = number(cell)
        except CellError as error:
            self._note("t_thr", error.message, error.mend)
            return float("nan")
        if value <= 0:
            self._note("t_thr", f"{value:g} is not positive", "Give the threshold as a positive t value.")
        elif value < LEAST_T_THRESHOLD:
            self._note("t_thr", f"{value:g} looks like a p value", "Give the t value that belongs to it.")
        elif value > LARGEST_T_THRESHOLD:
            self._note("t_thr", f"{value:g} is impossible for a t value", "Check the number and its decimal point.")
        return value

    def _choice(self, column: str, choices: Sequence[str], default: str) -> str:
        cell = self.row.get(column)
        if is_missing(cell):
            return default
        text = clean(cell).lower().replace("-", "_").replace(" ", "_")
        if text not in choices:
            self._note(column, f'"{text}" is not known', f"Choose one of {', '.join(filter(None, choices))}.")
        return text

    def _no_peaks(self) -> bool:
        text = clean(self.row.get("no_peaks")).lower()
        if text not in _TRUE | _FALSE:
            self._note("no_peaks", f'"{text}" is neither yes nor no', "Write 1 for a study without any peak, else 0.")
        return text in _TRUE


def _further_values(
    rows: Sequence[Row],
) -> tuple[dict[str, Floats], dict[str, tuple[str, ...]], list[Problem]]:
    """Every further column: as numbers if it holds nothing else, as text otherwise."""
    covariates: dict[str, Floats] = {}
    labels: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for name in _further_columns(rows):
        try:
            covariates[name] = np.array([_covariate(row.get(name)) for row in rows])
        except CellError as error:
            labels[name] = tuple("" if is_missing(row.get(name)) else clean(row.get(name)) for row in rows)
            message = f"{error.message}; the column can select studies, but is no covariate"
            problems.append(Problem(f"study table, column {name}", message, error.mend, "warning", field=name))
    return covariates, labels, problems


def _covariate(cell: object) -> float:
    return float("nan") if is_missing(cell) else number(cell)


def _further_columns(rows: Sequence[Row]) -> Iterator[str]:
    return (name for name in dict.fromkeys(key for row in rows for key in row) if name not in COLUMNS)
