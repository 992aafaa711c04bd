"""From maps to findings.

clusters      suprathreshold clusters of a z map, their peaks and their anatomy
membership    which voxels belong to which cluster
neighbours    which neighbours of a voxel have to be looked at
tfce          threshold-free cluster enhancement
assignments   permutations of subjects and of studies, in blocks of 32
extents       sizes of clusters above a cluster-forming threshold
null          p from permutations: family-wise corrected by their maxima, and each voxel's own
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sdm_core.inference.assignments import BLOCK, Assignments, StudyAssignments
from sdm_core.inference.clusters import Cluster, Peak, find_clusters
from sdm_core.inference.membership import cluster_labels
from sdm_core.inference.null import BlockMaxima, GammaTail, NullMaxima, corrected_p, count_exceeding, null_summary

if TYPE_CHECKING:
    from sdm_core.inference.extents import ClusterExtents
    from sdm_core.inference.tfce import SDM_NEIGHBOURS, Enhanced, Enhancer
else:
    _COMPILED = {"ClusterExtents": "extents", "SDM_NEIGHBOURS": "tfce", "Enhanced": "tfce", "Enhancer": "tfce"}

    def __getattr__(name: str) -> object:
        """Import what needs the compiler when it is asked for: clusters and corrected p do not."""
        if name not in _COMPILED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_COMPILED[name]}"), name)


__all__ = [
    "BLOCK",
    "SDM_NEIGHBOURS",
    "Assignments",
    "BlockMaxima",
    "Cluster",
    "ClusterExtents",
    "Enhanced",
    "Enhancer",
    "GammaTail",
    "NullMaxima",
    "Peak",
    "StudyAssignments",
    "cluster_labels",
    "corrected_p",
    "count_exceeding",
    "find_clusters",
    "null_summary",
]
