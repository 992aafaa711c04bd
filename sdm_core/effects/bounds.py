"""Bounds of the effect at every voxel of a study, from its peaks and its threshold.

A peak of value t_p gives, where its kernel is K, the bounds -T + K (t_p + T) and T + K (t_p - T); several peaks are
averaged with weights 1 / D^2; where no peak reaches, the effect lies between -T and T.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.errors import Problem
from sdm_core.spaces import Mask, mm_to_voxel
from sdm_core.spaces.grid import SHAPE, voxel_to_mm
from sdm_core.studies import PeakTable, StudyTable

from .kernels import KernelGraph, fill_bounds

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]

# Peaks further than this outside the mask are left out.
LARGEST_MOVE_MM = 10.0


@dataclass(frozen=True)
class PeakSources:
    """The mask voxels where each peak starts: those of peak i are ``voxels[starts[i]:starts[i + 1]]``.

    `offsets` are their straight distances in mm from the peak's coordinate.
    """

    voxels: Ints
    offsets: Floats
    starts: NDArray[np.int64]


def source_voxels(
    peaks: PeakTable, studies: StudyTable, mask: Mask, *, truncate: bool = False
) -> tuple[PeakSources, list[Problem]]:
    """Mask voxels within 1 mm of each peak on every axis, after the coordinate is made a whole number of mm.

    A peak without any starts from the nearest mask voxel up to 10 mm away, else it has no source; both with a warning.

    Parameters
    ----------
    truncate : bool
        Cut coordinates toward zero, as SDM-PSI does; otherwise round half away from zero.
    """
    whole = np.trunc(peaks.mm) if truncate else np.copysign(np.floor(np.abs(peaks.mm) + 0.5), peaks.mm)
    found, offsets, warnings = [], [np.empty(0)], []
    for i, mm in enumerate(whole):
        voxels = _within_one_mm(mm, mask)
        if voxels.size == 0:
            voxels, problem = _moved(mm, mask, studies.names[peaks.study_index[i]])
            warnings.append(problem)
        found.append(voxels)
        offsets.append(np.linalg.norm(voxel_to_mm(mask.indices[voxels]) - mm, axis=1))
    starts = np.concatenate([[0], np.cumsum([len(v) for v in found])]).astype(np.int64)
    voxels = np.concatenate([np.empty(0, np.int32), *found]).astype(np.int32)
    return PeakSources(voxels, np.concatenate(offsets), starts), warnings


def _within_one_mm(mm: Floats, mask: Mask) -> Ints:
    voxel = mm_to_voxel(mm)
    corners = np.unique(np.stack([np.floor(voxel), np.ceil(voxel)]).astype(int), axis=0)
    axes = [np.unique(corners[:, axis]) for axis in range(3)]
    candidates = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    candidates = candidates[((candidates >= 0) & (candidates < SHAPE)).all(axis=1)]
    flat = mask.index_volume[tuple(candidates.T)]
    inside: Ints = flat[flat >= 0]
    return inside


def _moved(mm: Floats, mask: Mask, study: str) -> tuple[Ints, Problem]:
    distances = np.linalg.norm(voxel_to_mm(mask.indices) - mm, axis=1)
    nearest = int(distances.argmin())
    near = distances[nearest] <= LARGEST_MOVE_MM
    place = f"study {study}, peak at ({mm[0]:.0f}, {mm[1]:.0f}, {mm[2]:.0f})"
    message = f"lies {distances[nearest]:.1f} mm outside the mask and " + (
        "starts from the nearest voxel of it." if near else "is left out."
    )
    voxels = np.array([nearest] if near else [], dtype=np.int32)
    return voxels, Problem(place, message, "Check the coordinate and its space.", level="warning", study=study)


def study_bounds(graph: KernelGraph, sources: PeakSources, t: Floats, of_study: NDArray[np.intp],
                 threshold: float) -> tuple[Floats, Floats]:  # fmt: skip
    """Lower and upper t of every mask voxel for one study, each of shape (n_voxels,).

    Parameters
    ----------
    t : ndarray of shape (n_peaks,)
        Values of all peaks; `of_study` are the places of those of the study.
    """
    lower, upper = np.full(len(graph.neighbours), -threshold), np.full(len(graph.neighbours), threshold)
    if of_study.size:
        fill_bounds(
            of_study, sources.voxels, sources.offsets, sources.starts, t, threshold, graph.neighbours, graph.lengths,
            graph.positions, graph.sigma, graph.limit, graph.euclidean, lower, upper,
        )  # fmt: skip
    return lower, upper
