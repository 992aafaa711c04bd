"""From studies and peaks to maps and clusters.

- `blocks`: work spread over threads, each on its own block
- `progress`: how far a run is, and whether it should stop
- `stages`: bounds, most likely effects, imputation and pooling, each over all voxels
- `provenance`: what a run was made of
- `run`: the stages in their order
"""

from .progress import Progress
from .run import Result, run

__all__ = ["Progress", "Result", "run"]
