"""Lower and upper maps of every study: ``STUDY_lower.nii.gz`` and ``STUDY_upper.nii.gz``, in units of Hedges' g."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sdm_core.errors import InputError, Problem
from sdm_core.io.nifti import Volume, read_grid_map, write_map
from sdm_core.spaces import SHAPE, Mask
from sdm_core.studies import BoundsMaps, StudyTable

SIDES = ("lower", "upper")
TOLERANCE_G = 1e-4
"""Rounding that may put a lower bound above its upper one."""


def read_bounds(folder: str | Path, studies: StudyTable) -> BoundsMaps:
    """Bounds of every study of the table.

    The mask is where any study has a finite bound that is not 0.

    Raises
    ------
    InputError
        With every map that is missing, not on the grid, empty inside the mask, or above its counterpart.
    """
    folder = Path(folder)
    problems: list[Problem] = []
    filled = np.zeros(SHAPE, dtype=bool)
    for name in studies.names:
        for side in SIDES:
            try:
                values = read_grid_map(_path(folder, name, side))
            except InputError as error:
                problems += error.problems
                continue
            filled |= np.isfinite(values) & (values != 0)
    filled[0, 0, 0] = False  # SDM-PSI writes into the first voxel of the grid too, far from any brain
    if problems:
        raise InputError(problems)
    mask = Mask.from_volume(filled, "bounds")
    lower, upper = (_stack(folder, studies, side, mask) for side in SIDES)
    _check(studies, lower, upper)
    return BoundsMaps(studies.names, lower, upper, mask)


def _stack(folder: Path, studies: StudyTable, side: str, mask: Mask) -> Volume:
    stack = np.empty((len(studies), mask.size), dtype=np.float32)
    for row, name in zip(stack, studies.names, strict=True):
        row[:] = mask.take(read_grid_map(_path(folder, name, side)))
    return stack


def _check(studies: StudyTable, lower: Volume, upper: Volume) -> None:
    """Refuse studies whose bounds are not finite or not in order."""
    problems = []
    for name, low, high in zip(studies.names, lower, upper, strict=True):
        odd = ~(np.isfinite(low) & np.isfinite(high))
        crossed = low > high + TOLERANCE_G
        for voxels, message in ((odd, "not finite"), (crossed, "lower above upper")):
            if voxels.any():
                place = f"study {name}, bounds"
                problems.append(
                    Problem(place, f"{message} at {voxels.sum()} voxels", "Make the maps again.", study=name)
                )
    if problems:
        raise InputError(problems)


def write_bounds(folder: str | Path, bounds: BoundsMaps) -> None:
    """Write both maps of every study."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for side, stack in zip(SIDES, (bounds.lower, bounds.upper), strict=True):
        for name, values in zip(bounds.names, stack, strict=True):
            write_map(_path(folder, name, side), bounds.mask.to_volume(values), f"{side} bound of Hedges' g, {name}")


def _path(folder: Path, name: str, side: str) -> Path:
    return folder / f"{name}_{side}.nii.gz"
