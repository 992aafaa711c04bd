"""Which voxels of a map are shown, by the rules of the viewer (static/js/results/brain-viewer/maps.js, clusters.js)."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
from scipy import ndimage

from meta_app.analyses import engine
from meta_app.results.domain import ClusterRow, MapKind, PeakRow, Scale

TOP_SHARE = 0.999
TOP_LOG_P = 6.0
SMALLEST_P = 1e-30
Volume = np.ndarray


@lru_cache(maxsize=12)
def read_volume(path: Path, _sha256: str = "") -> tuple[Volume, np.ndarray]:
    """Values and affine of a map file; the hash keeps a replaced file from being taken for the old one."""
    values, affine = engine.read_map(path)
    values.flags.writeable = False
    return values, affine


def shown_scale(kind: MapKind, volumes: Sequence[Volume]) -> Volume:
    """A map as coloured: p as signed -log10 p (positive direction above 0), everything else as it is."""
    if kind.scale != "p":
        return np.nan_to_num(volumes[0])
    positive, negative = volumes
    smaller = np.clip(np.minimum(positive, negative), SMALLEST_P, 1.0)
    shown = np.where(positive <= negative, -1.0, 1.0) * np.log10(smaller)
    return np.where((positive == 0) & (negative == 0), 0.0, shown)


def display_top(scale: Scale, values: Volume) -> float:
    """The top of the colour bar: the largest size of a signed map; p 10^-6 at most; else above 99.9 % of voxels."""
    sizes = np.sort(np.abs(values[values != 0]))
    if not len(sizes):
        return 1.0
    if scale == "signed":
        return float(sizes[-1])
    if scale == "p":
        return float(min(sizes[-1], TOP_LOG_P))
    return float(sizes[min(len(sizes) - 1, int(TOP_SHARE * len(sizes)))])


def reported_voxels(
    clusters: Sequence[ClusterRow],
    z: Volume,
    p_positive: Volume,
    p_negative: Volume,
    affine: np.ndarray,
    voxel_p: float,
) -> np.ndarray:
    """Voxels of the reported clusters, shape of `z`: those that touch a cluster's peak through passing voxels."""
    kept = np.zeros(z.shape, dtype=bool)
    for sign, p in ((1, p_positive), (-1, p_negative)):
        pieces, _ = ndimage.label((sign * z > 0) & (p <= voxel_p), np.ones((3, 3, 3)))
        peaks = [(cluster.x, cluster.y, cluster.z) for cluster in clusters if cluster.sign == sign]
        numbers = {int(pieces[voxel_of(affine, mm)]) for mm in peaks} - {0}
        kept |= np.isin(pieces, list(numbers))
    return kept


def voxel_of(affine: np.ndarray, mm: Sequence[float]) -> tuple[int, int, int]:
    i, j, k = np.rint(np.linalg.solve(affine, [*mm, 1.0])[:3]).astype(int)
    return int(i), int(j), int(k)


def beyond(values: Volume, threshold: float, threshold_negative: float, kept: np.ndarray | None = None) -> Volume:
    """`values` where they pass either threshold (and are kept), 0 elsewhere."""
    passing = ((values > 0) & (values >= threshold)) | ((values < 0) & (values <= threshold_negative))
    return np.where(passing if kept is None else passing & kept, values, 0.0)


def strongest(z: Volume, affine: np.ndarray) -> list[PeakRow]:
    """The voxels with the highest and the lowest z where there are any, for results without a cluster."""
    found = []
    for place, z_value in ((np.argmax(z), float(z.max())), (np.argmin(z), float(z.min()))):
        if z_value:
            mm = affine[:3] @ [*np.unravel_index(place, z.shape), 1]
            x, y, up = (round(float(value)) for value in mm)
            p = NormalDist().cdf(-abs(z_value))
            found.append(PeakRow(0, x, y, up, z_value, p, engine.label_text((x, y, up))))
    return found
