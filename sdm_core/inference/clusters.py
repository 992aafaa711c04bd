"""Suprathreshold clusters of a z map.

A voxel belongs to a cluster of positive (negative) sign if its z is above (below) 0 and its one-sided p in that
direction is at most the threshold.  Voxels that touch by a face, an edge or a corner are one cluster (26
neighbours), which is what SDM-PSI does.  Positive clusters come first, then negative ones, each by size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sdm_core.spaces import VOXEL_MM, Mask, voxel_to_mm
from sdm_core.spaces.labels import Label, breakdown, label_at

CONNECTIVITY: Final = {6: 1, 18: 2, 26: 3}
"""Number of neighbours -> the rank that scipy.ndimage gives to that neighbourhood."""

Volume = npt.NDArray[np.floating]
Voxels = npt.NDArray[np.bool_]
Sign = Literal[1, -1]


@dataclass(frozen=True)
class Peak:
    """A local maximum of the effect: MNI mm, z, one-sided p in the cluster's direction, and its label."""

    mm: tuple[float, float, float]
    z: float
    p: float
    label: Label


@dataclass(frozen=True)
class Cluster:
    """Touching voxels above the threshold.

    Attributes
    ----------
    number : int
        From 1, over both signs.
    sign : {1, -1}
    size_voxels : int
    volume_mm3 : float
    peak : Peak
        The highest of ``peaks``.
    peaks : tuple of Peak
        Every local maximum among 26 neighbours inside the cluster, strongest first.
    breakdown : tuple of (text, number of voxels, share)
        Regions of the cluster's voxels, largest first.
    p_gamma : float or None
        Of the peak, the gamma approximation of its corrected p (`sdm_core.inference.null`).
    """

    number: int
    sign: Sign
    size_voxels: int
    volume_mm3: float
    peak: Peak
    peaks: tuple[Peak, ...]
    breakdown: tuple[tuple[str, int, float], ...]
    p_gamma: float | None = None


def find_clusters(
    z: Volume,
    mask: Mask,
    p: Volume,
    p_negative: Volume | None = None,
    *,
    voxel_p: float,
    min_peak_z: float,
    min_extent: int,
    connectivity: int = 26,
) -> list[Cluster]:
    """Clusters of both signs.

    Parameters
    ----------
    z : ndarray of shape (91, 109, 91)
    mask : Mask
        Voxels outside belong to no cluster.
    p, p_negative : ndarray of shape (91, 109, 91)
        One-sided p values for positive and for negative effects, uncorrected or corrected; without the second,
        1 - p is taken.
    voxel_p : float
        A voxel is kept where p <= voxel_p.
    min_peak_z : float
        A cluster is kept if \\|z\\| at its peak is at least this.
    min_extent : int, voxels
    connectivity : {26, 18, 6}

    Returns
    -------
    list of Cluster
        Positive first, then negative; each by size, then by height.
    """
    structure = ndimage.generate_binary_structure(3, CONNECTIVITY[connectivity])
    found: list[Cluster] = []
    signed: tuple[tuple[Sign, Volume], ...] = ((1, p), (-1, 1 - p if p_negative is None else p_negative))
    for sign, p_signed in signed:
        kept = mask.voxels & (sign * z > 0) & (p_signed <= voxel_p)
        clusters = [
            _describe(voxels, corner, sign, z, p_signed) for voxels, corner in _pieces(kept, structure, min_extent)
        ]
        clusters = [cluster for cluster in clusters if abs(cluster.peak.z) >= min_peak_z]
        found += sorted(clusters, key=lambda cluster: (-cluster.size_voxels, -abs(cluster.peak.z)))
    return [replace(cluster, number=number) for number, cluster in enumerate(found, start=1)]


def _pieces(
    kept: Voxels, structure: npt.NDArray[np.bool_], min_extent: int
) -> Iterator[tuple[Voxels, npt.NDArray[np.intp]]]:
    """Each connected piece of enough voxels: its box of voxels, and the box's first corner."""
    everything = ndimage.find_objects(kept.view(np.int8))
    if not everything:
        return
    start = np.array([part.start for part in everything[0]])
    labelled, _ = ndimage.label(kept[everything[0]], structure)
    sizes = np.bincount(labelled.ravel())
    for number, box in enumerate(ndimage.find_objects(labelled), start=1):
        if sizes[number] >= min_extent:
            yield labelled[box] == number, start + [part.start for part in box]


def _describe(voxels: Voxels, corner: npt.NDArray[np.intp], sign: Sign, z: Volume, p: Volume) -> Cluster:
    whole = np.zeros(z.shape, dtype=bool)
    box = tuple(slice(start, start + length) for start, length in zip(corner, voxels.shape, strict=True))
    whole[box] = voxels
    height = np.where(voxels, sign * z[box], -np.inf)
    peaks = [_peak(tuple(place + corner), z, p) for place in _local_maxima(height)]
    peaks.sort(key=lambda peak: -abs(peak.z))
    size = int(voxels.sum())
    return Cluster(0, sign, size, size * VOXEL_MM**3, peaks[0], tuple(peaks), tuple(breakdown(whole)))


def _peak(ijk: tuple[int, ...], z: Volume, p: Volume) -> Peak:
    mm = voxel_to_mm(ijk)
    return Peak((float(mm[0]), float(mm[1]), float(mm[2])), float(z[ijk]), float(p[ijk]), label_at(mm))


def _local_maxima(height: Volume) -> npt.NDArray[np.intp]:
    """Places of the voxels that no neighbour exceeds; of a plateau, the first voxel.  Outside is -inf."""
    highest = ndimage.maximum_filter(height, size=3, mode="constant", cval=-np.inf)
    plateaus, count = ndimage.label((height == highest) & np.isfinite(height), np.ones((3, 3, 3)))
    first = ndimage.maximum_position(plateaus > 0, plateaus, range(1, count + 1))
    return np.array(first, dtype=np.intp).reshape(-1, 3)
