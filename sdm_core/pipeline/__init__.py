"""From studies and peaks to maps and clusters.

- `blocks`: work spread over threads, each on its own block
- `progress`: how far a run is, and whether it should stop
- `stages`: bounds, most likely effects, imputation and pooling, each over all voxels
- `permutations`: the permutation test, block by block
- `provenance`: what a run was made of
- `composites`: one effect for each cohort
- `left_out`: many subsets of the studies at once
- `run`: the stages in their order
- `jackknife`: every dataset left out in turn
- `places`: the imputed effects at single places of an analysis
"""

from .composites import Composites, pooled_design
from .jackknife import Jackknife, jackknife
from .places import effects_at, voxels_at, voxels_of
from .progress import Progress
from .provenance import check_same_tables
from .run import Result, chosen_studies, cohort_problems, model_of, run

__all__ = [
    "Composites",
    "Jackknife",
    "Progress",
    "Result",
    "check_same_tables",
    "chosen_studies",
    "cohort_problems",
    "effects_at",
    "jackknife",
    "model_of",
    "pooled_design",
    "run",
    "voxels_at",
    "voxels_of",
]
