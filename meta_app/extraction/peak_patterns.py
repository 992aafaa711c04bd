"""What only the rows together show: repeated, too close, signs lost, units mixed. Millimetres and rows; no core."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from meta_app.extraction.domain import Level, PeakRow, Problem

CLOSEST_MAXIMA_MM: Final = 8.0
ROWS_WITHOUT_MINUS: Final = 5
LIKELY: Final = "Nothing to do if this is what the paper says."


def problem(level: Level, message: str, mend: str, row: int | None = None, field: str | None = None) -> Problem:
    return Problem(level, "", message, mend, row, field)


def repeated_rows(rows: Sequence[PeakRow]) -> Iterator[Problem]:
    first: dict[tuple[object, ...], int] = {}
    for number, row in enumerate(rows, start=1):
        if not row.located:
            continue
        earlier = first.setdefault((row.space, row.x, row.y, row.z), number)
        if earlier != number:
            mend = "Delete one of them, or tick “confirmed” if the paper lists both."
            yield problem("confirm", f"The same coordinates as row {earlier}.", mend, number, "x")


def close_sub_peaks(rows: Sequence[PeakRow], mni: npt.NDArray[np.float64]) -> Iterator[Problem]:
    """Sub-peaks nearer to another row than programs list maxima; `mni` of shape (n_rows, 3), NaN where unknown."""
    placed = np.flatnonzero(np.isfinite(mni).all(axis=1))
    if not any(row.sub_peak for row in rows) or len(placed) < 2:
        return
    distances, nearest = cKDTree(mni[placed]).query(mni[placed], k=2)
    for index, far, other in zip(placed, distances[:, 1], placed[nearest[:, 1]], strict=True):
        if rows[index].sub_peak and 0 < far < CLOSEST_MAXIMA_MM:
            message = f"Only {far:.0f} mm from row {other + 1}: programs list maxima at least 8 mm apart."
            yield problem("warning", message, LIKELY, int(index) + 1, "sub_peak")


def orphaned_sub_peak(rows: Sequence[PeakRow]) -> Iterator[Problem]:
    if rows and rows[0].sub_peak:
        mend = "Put it below the peak of its cluster, or clear “sub-peak”."
        yield problem("warning", "A sub-peak has no peak above it.", mend, 1, "sub_peak")


def lost_minus(rows: Sequence[PeakRow]) -> Iterator[Problem]:
    """A minus that is no hyphen is easily lost when a PDF is read."""
    numbers = [number for row in rows if row.located for number in (row.x, row.y, row.z) if number is not None]
    if len(numbers) >= 3 * ROWS_WITHOUT_MINUS and min(numbers) >= 0:
        mend = "Compare a row with the paper: its minus signs may have been lost, or these are voxel indices."
        yield problem("warning", "No coordinate of the table is below 0.", mend, field="x")


def mixed_units(rows: Sequence[PeakRow]) -> Iterator[Problem]:
    units = Counter(row.cluster_unit for row in rows if row.cluster_size is not None and row.cluster_unit != "unstated")
    if units["voxels"] and units["mm3"]:
        message = f"Cluster sizes in two units: {units['voxels']} in voxels, {units['mm3']} in mm³."
        yield problem("warning", message, LIKELY, field="cluster_unit")


def f_without_df(rows: Sequence[PeakRow]) -> Iterator[Problem]:
    count = sum(row.f_unknown_df for row in rows)
    if count:
        message = f"F is read as that of two groups, F(1, df), in {count} row{'s' if count > 1 else ''}."
        mend = (
            "With three groups or more enter the post-hoc t; or type it with its degrees of freedom, as F(1, 34) = 12."
        )
        yield problem("warning", message, mend, field="kind")
