"""Residuals of the subjects of a study: one set for all imputations.

Fields with the template's correlations, made to have mean 0 (within each group), to be orthogonal to the code of a
correlation, and to have a variance of exactly 1, at each voxel over the subjects.

Voxels are kept in tiles: the last axis is one tile of TILE voxels, the first the number of the tile; the last tile is
filled up with its last voxel.
"""

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled
from sdm_core.effects import Group
from sdm_core.lanes import WIDTH as TILE

from .fields import FieldGenerator

_SUBJECT_FIELDS = 1

Tiled = NDArray[np.float32]
Floats = NDArray[np.float64]


def n_tiles(n_voxels: int) -> int:
    """Tiles that hold so many voxels."""
    return -(-n_voxels // TILE)


def to_tiles(values: NDArray[np.floating]) -> Tiled:
    """Values of shape (n_voxels,) as (n_tiles, TILE)."""
    tiled = np.empty(n_tiles(values.size) * TILE, dtype=np.float32)
    tiled[: values.size] = values
    tiled[values.size :] = values[-1]
    return tiled.reshape(-1, TILE)


def fill_residuals(generator: FieldGenerator, seed: int, study: str, group: Group, out: Tiled) -> None:
    """Fill the residuals of one study's subjects, `out` of shape (n_tiles, n_subjects, TILE)."""
    for subject in range(group.code.size):
        field = generator.draw(seed, study, subject, purpose=_SUBJECT_FIELDS)
        out[:, subject] = to_tiles(field.ravel()[generator.voxels])
    second = group.n1 if group.design == "two_sample" else group.code.size
    code = group.code if group.design == "correlation" else np.zeros(group.code.size)
    _standardise(out, 0, second, code)
    _standardise(out, second, group.code.size, code)


@compiled
def _standardise(tiles: Tiled, first: int, end: int, code: Floats) -> None:
    """Subjects `first` to `end`: mean 0, nothing along the code, variance 1 with n - 1."""
    n = end - first
    code_squares = (code * code).sum()
    for tile in range(tiles.shape[0] if n > 0 else 0):
        for v in range(tiles.shape[2]):
            mean, along, squares = 0.0, 0.0, 0.0
            for s in range(first, end):
                mean += tiles[tile, s, v]
                along += code[s] * tiles[tile, s, v]
            mean /= n
            if code_squares > 0.0:
                along /= code_squares
            for s in range(first, end):
                squares += (tiles[tile, s, v] - mean - along * code[s]) ** 2
            scale = np.sqrt((n - 1) / squares)
            for s in range(first, end):
                tiles[tile, s, v] = (tiles[tile, s, v] - mean - along * code[s]) * scale
