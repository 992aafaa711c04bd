"""From what a paper prints to effect sizes: t values, Hedges' g, and the bounds of g at every voxel.

- `conversions`: z, p, r, F and beta to t
- `hedges`: exact small-sample correction, g, its variance; `EffectScale` for a whole study table
- `groups`: how a study's subjects make its effect, for permuting them
- `peak_statistics`: thresholds that were not reported, t of peaks known only by their sign
- `kernels`: virtual distances along the correlation template, by shortest paths
- `bounds`: lower and upper effect of every voxel of a study, from its peaks and threshold
- `images`: the same from its map
"""

from importlib import import_module
from typing import TYPE_CHECKING

from .conversions import t_from_beta, t_from_f, t_from_p, t_from_r, t_from_z, t_threshold_from_p, t_threshold_from_z
from .groups import Group, curvatures, groups_of
from .hedges import EffectScale, g_variance, hedges_g, hedges_j
from .images import image_bounds, image_effect
from .peak_statistics import effective_thresholds, peak_statistics

if TYPE_CHECKING:
    from .bounds import PeakSources, source_voxels, study_bounds
    from .kernels import KernelGraph, virtual_distances
else:
    _COMPILED = {
        "PeakSources": "bounds",
        "source_voxels": "bounds",
        "study_bounds": "bounds",
        "KernelGraph": "kernels",
        "virtual_distances": "kernels",
    }

    def __getattr__(name: str) -> object:
        """Import what needs the compiler when it is asked for: conversions and effect sizes do not."""
        if name not in _COMPILED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_COMPILED[name]}"), name)


__all__ = [
    "EffectScale",
    "Group",
    "KernelGraph",
    "PeakSources",
    "curvatures",
    "effective_thresholds",
    "g_variance",
    "groups_of",
    "hedges_g",
    "hedges_j",
    "image_bounds",
    "image_effect",
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
