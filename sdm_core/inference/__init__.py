"""From maps to findings.

clusters      suprathreshold clusters of a z map, their peaks and their anatomy
tfce          threshold-free cluster enhancement
assignments   permutations of subjects, in blocks of 32
null          family-wise corrected p from the maxima of all permutations
"""

from importlib import import_module
from typing import TYPE_CHECKING

from sdm_core.inference.assignments import BLOCK, Assignments
from sdm_core.inference.clusters import Cluster, Peak, find_clusters
from sdm_core.inference.null import NullMaxima, corrected_p

if TYPE_CHECKING:
    from sdm_core.inference.tfce import SDM_NEIGHBOURS, Enhanced, Enhancer
else:
    _COMPILED = ("SDM_NEIGHBOURS", "Enhanced", "Enhancer")

    def __getattr__(name: str) -> object:
        """Import what needs the compiler when it is asked for: clusters and corrected p do not."""
        if name not in _COMPILED:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.tfce"), name)


__all__ = [
    "BLOCK",
    "SDM_NEIGHBOURS",
    "Assignments",
    "Cluster",
    "Enhanced",
    "Enhancer",
    "NullMaxima",
    "Peak",
    "corrected_p",
    "find_clusters",
]
