"""From what a paper prints to effect sizes: t values, Hedges' g, and the bounds of g at every voxel.

- `conversions`: z, p, r, F and beta to t
- `hedges`: exact small-sample correction, g, its variance; `EffectScale` for a whole study table
- `peak_statistics`: thresholds that were not reported, t of peaks known only by their sign
- `kernels`: virtual distances along the correlation template, by shortest paths
- `bounds`: lower and upper effect of every voxel of a study, from its peaks and threshold
"""

from .bounds import PeakSources, source_voxels, study_bounds
from .conversions import t_from_beta, t_from_f, t_from_p, t_from_r, t_from_z, t_threshold_from_p, t_threshold_from_z
from .hedges import EffectScale, g_variance, hedges_g, hedges_j
from .kernels import KernelGraph, virtual_distances
from .peak_statistics import effective_thresholds, peak_statistics

__all__ = [
    "EffectScale",
    "KernelGraph",
    "PeakSources",
    "effective_thresholds",
    "g_variance",
    "hedges_g",
    "hedges_j",
    "peak_statistics",
    "source_voxels",
    "study_bounds",
    "t_from_beta",
    "t_from_f",
    "t_from_p",
    "t_from_r",
    "t_from_z",
    "t_threshold_from_p",
    "t_threshold_from_z",
    "virtual_distances",
]
