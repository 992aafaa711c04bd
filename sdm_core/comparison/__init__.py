"""Two finished runs beside each other.

===========  ======================================================================================
module       what it answers
===========  ======================================================================================
runs         what is asked of a run, which voxels count in it, and whether two runs can be compared
conjunction  where both runs have an effect of the same sign
contrast     where one run's effect is larger than the other's
overlap      how much of one run's clusters lies in the other's, such as a moderator's in the mean's
===========  ======================================================================================

Maps of finished runs flow in; maps, clusters and a JSON-able document flow out.
"""

from .conjunction import conjunction
from .contrast import contrast
from .overlap import overlap
from .runs import CORRECTIONS, Comparison, FinishedRun, Thresholds, cluster_masks, shared

__all__ = [
    "CORRECTIONS",
    "Comparison",
    "FinishedRun",
    "Thresholds",
    "cluster_masks",
    "conjunction",
    "contrast",
    "overlap",
    "shared",
]
