"""The voxels that the maps of studies leave open."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import Mask
from sdm_core.studies.table import StudyTable


def covered_mask(mask: Mask, studies: StudyTable) -> tuple[Mask, list[Problem]]:
    """The mask without the voxels that a map leaves open, and a warning for every map that leaves any.

    Where a map has no value, the study's effect lies between -t_thr and t_thr, as that of a study which reports peaks.
    A map of a study without t_thr says nothing there, and the voxel is not analysed.

    Raises
    ------
    InputError
        If no voxel is left.
    """
    lost = np.zeros(mask.size, dtype=bool)
    problems = []
    for name, open_voxels, threshold in _open_voxels(mask, studies):
        share = f"has no value at {open_voxels.sum()} of the {mask.size} voxels of the mask"
        if np.isnan(threshold):
            lost |= open_voxels
            message, mend = f"{share}, which are not analysed", "Give t_thr to analyse them, or a smaller mask."
        else:
            message, mend = f"{share}; there its t lies between -{threshold:g} and {threshold:g}", "Check the map."
        problems.append(Problem(f"study {name}, map", message, mend, "warning", name, field="map"))
    if not lost.any():
        return mask, problems
    if lost.all():
        message, mend = "is nowhere covered by all maps", "Give t_thr for the studies below, or another mask."
        raise InputError([Problem(f"mask {mask.name}", message, mend, field="mask"), *problems])
    return Mask.from_volume(mask.to_volume(~lost) > 0, f"{mask.name} within maps"), problems


def _open_voxels(mask: Mask, studies: StudyTable) -> Iterator[tuple[str, npt.NDArray[np.bool_], float]]:
    for name, image, threshold in zip(studies.names, studies.images, studies.t_threshold.tolist(), strict=True):
        if image is not None:
            missing = np.isnan(mask.take(image.values))
            if missing.any():
                yield name, missing, threshold
