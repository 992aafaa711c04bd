"""What a run needs of a machine, told before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["MEBIBYTE", "Resources", "resources_needed"]

MEBIBYTE: Final = 1024**2
SINGLE, DOUBLE = 4, 8
"""Bytes of a number."""
BLOCK: Final = 32
AT_START: Final = 320 * MEBIBYTE
"""Interpreter, libraries, kernels, template and atlas, as measured."""
MAPS_PER_STUDY: Final = 6
"""Of double precision, while effects are imputed: bounds (two in single), truncations, effects, variances, field."""
POOLED_MAPS: Final = 16
MOMENTS: Final = 2


@dataclass(frozen=True)
class Resources:
    """Bytes.

    Attributes
    ----------
    memory : int
        Most that one process holds at a time; several processes of a machine share the arrays that lie in its cache.
    disk : int
        Of the prepared arrays in the cache of each machine.
    """

    memory: int
    disk: int


def resources_needed(
    *, studies: int, subjects: int, imputations: int, voxels: int, permutations: int, algebra: str = "exact"
) -> Resources:
    """Memory and disk of an analysis, from its size.

    Parameters
    ----------
    studies, subjects : int
        Of the analysis; subjects of all groups.
    imputations, voxels, permutations : int
        Without permutations nothing is kept on disk but the results.
    algebra : {"exact", "moments"}
        Of the permutations; moments keep the mean and variance of the imputations in their place.
    """
    maps = voxels * DOUBLE * (MAPS_PER_STUDY * studies + POOLED_MAPS)
    if not permutations:
        return Resources(AT_START + maps, 0)
    kept = MOMENTS if algebra == "moments" else imputations
    prepared = voxels * SINGLE * (studies * kept + subjects)
    block = voxels * SINGLE * BLOCK
    return Resources(AT_START + prepared + max(maps, block), prepared + POOLED_MAPS * DOUBLE * voxels)
