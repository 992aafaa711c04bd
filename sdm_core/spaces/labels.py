"""The anatomical name of a place: AAL region and Brodmann area.

The region at a coordinate is that of the voxel which holds it; where that voxel has none, that of the nearest
labelled voxel within NEAREST_MM.  The Brodmann area is read at the same voxel as the region.  Both atlases give one
label per voxel of one brain: they are a guide to reading, not evidence of where a region ends.
"""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sdm_core.spaces import packaged
from sdm_core.spaces.grid import SHAPE, VOXEL_MM, mm_to_voxel
from sdm_core.spaces.region_names import readable

NEAREST_MM: Final = 4.0
UNDEFINED: Final = "(undefined)"

Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Label:
    """Name of a place.

    Attributes
    ----------
    region : str
        E.g. ``"Left insula"``; empty where the atlas has none.
    brodmann : int or None
    distance_mm : float
        From the coordinate to the voxel that carries the label; 0 if it is its own.
    """

    region: str
    brodmann: int | None = None
    distance_mm: float = 0.0

    @property
    def text(self) -> str:
        """E.g. ``"Left insula, BA 48"`` or ``"(undefined)"``."""
        region = self.region or UNDEFINED
        return f"{region}, BA {self.brodmann}" if self.brodmann else region


@functools.cache
def region_names() -> tuple[str, ...]:
    """Readable name by region number; number 0, no region, has the empty name."""
    codes: dict[str, str] = json.loads((packaged.DATA / "aal.json").read_text("utf-8"))
    return ("", *(readable(codes[str(number)]) for number in range(1, len(codes) + 1)))


def label_volume(atlas: str = "regions") -> Codes:
    """The atlas ``regions`` (numbers of `region_names`) or ``brodmann`` (areas), shape (91, 109, 91), 0 = none."""
    return packaged.arrays("atlases")[atlas]


def label_of_voxel(ijk: npt.ArrayLike) -> Label:
    """The label of one voxel itself, `ijk` of shape (3,), without looking further."""
    place = tuple(np.asarray(ijk, dtype=np.intp))
    region, brodmann = (int(label_volume(atlas)[place]) for atlas in ("regions", "brodmann"))
    return Label(region_names()[region], brodmann or None)


def label_at(mm: npt.ArrayLike) -> Label:
    """The label at an MNI coordinate in mm, shape (3,); nearest within NEAREST_MM."""
    point = mm_to_voxel(mm)
    own = np.rint(point).astype(np.intp)
    label = _on_grid(own) and label_of_voxel(own)
    if label and label.region:
        return label
    near = own + _steps()
    distance = np.linalg.norm(near - point, axis=1) * VOXEL_MM
    usable = (distance <= NEAREST_MM) & ((near >= 0) & (near < SHAPE)).all(axis=1)
    near, distance = near[usable], distance[usable]
    labelled = np.flatnonzero(label_volume()[tuple(near.T)])
    if len(labelled) == 0:
        return label or Label("")
    nearest = labelled[np.argmin(distance[labelled])]
    found = label_of_voxel(near[nearest])
    return Label(found.region, found.brodmann, float(distance[nearest]))


def breakdown(voxels: npt.NDArray[np.bool_]) -> list[tuple[str, int, float]]:
    """What a set of voxels consists of.

    Parameters
    ----------
    voxels : ndarray of shape (91, 109, 91), bool

    Returns
    -------
    list of (text, number of voxels, share)
        Largest first; voxels without a label count as undefined.
    """
    pairs = np.stack([label_volume("regions")[voxels], label_volume("brodmann")[voxels]], axis=1)
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    names = region_names()
    rows = [
        (Label(names[region], int(area) or None).text, int(count), float(count / len(pairs)))
        for (region, area), count in zip(kinds, counts, strict=True)
    ]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def _on_grid(ijk: npt.NDArray[np.intp]) -> bool:
    return bool(((ijk >= 0) & (ijk < SHAPE)).all())


@functools.cache
def _steps() -> npt.NDArray[np.int64]:
    reach = range(-3, 4)
    return np.array(list(itertools.product(reach, reach, reach)))
