"""Residuals of the subjects of a study: one set for all imputations.

Random fields, made to have mean 0 (within each group), to be orthogonal to the code of a correlation, and to have a
variance of exactly 1, at each voxel over the subjects.

White noise on the box around the mask goes through three passes, along x, y and z; each makes a voxel of the two before
it, 2 phi p - phi^2 q + e.  Such a field is smooth: its correlation over k steps,
phi^k (1 + k (1 - phi^2) / (1 + phi^2)), is flat at 0, as that of smoothed images is, and falls faster than that of a
field made of one predecessor.

Voxels are kept in tiles: the last axis is one tile of TILE voxels, the first the number of the tile; the last tile is
filled up with its last voxel.

Notes
-----
The papers say that neighbours have the template's correlation rho; the published null maxima say that they have less.
Neighbours get rho^ROUGHNESS: SUBJECT_ROUGHNESS makes them as smooth as the contrast images of 30 real subjects are
beyond what their whole brains share, SDM_ROUGHNESS makes the null maxima of the published run (docs/validation.md has
both comparisons).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled
from sdm_core.effects import Group
from sdm_core.lanes import WIDTH as TILE
from sdm_core.spaces import Template

from .fields import FieldGenerator, white_noise

SUBJECT_ROUGHNESS: Final = 2.0
SDM_ROUGHNESS: Final = 5.0
_SUBJECT_FIELDS = 1
_LARGEST_CORRELATION = 0.9999

Field = NDArray[np.float32]
Tiled = NDArray[np.float32]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class SubjectFields:
    """Draws fields of subjects for a template.

    Attributes
    ----------
    phi, renew : ndarray of shape (3, nz, ny, nx)
        Along x, y and z: the double root of the passes, and the weight of the voxel's own noise.
    voxels : ndarray of shape (n_voxels,)
        Flat place of each mask voxel in the box.
    """

    phi: Field
    renew: Field
    voxels: NDArray[np.int64]

    @classmethod
    def of(cls, template: Template, roughness: float = SUBJECT_ROUGHNESS) -> "SubjectFields":
        """Neighbours of these fields correlate by the template's correlations to the power of `roughness`."""
        generator = FieldGenerator.of(template)
        rho = np.clip(generator.keep.astype(np.float64) ** roughness, 0, _LARGEST_CORRELATION)
        phi = rho / (1 + np.sqrt(1 - rho**2))
        renew = np.sqrt((1 - phi**2) ** 3 / (1 + phi**2))
        return cls(phi.astype(np.float32), renew.astype(np.float32), generator.voxels)

    def draw(self, seed: int, study: str, subject: int) -> Field:
        """The field of one subject at the mask's voxels, shape (n_voxels,)."""
        field = white_noise(self.phi.shape[1:], seed, study, subject, purpose=_SUBJECT_FIELDS)
        _correlate_smoothly(field, self.phi, self.renew)
        return np.asarray(field.ravel()[self.voxels])


def n_tiles(n_voxels: int) -> int:
    """Tiles that hold so many voxels."""
    return -(-n_voxels // TILE)


def to_tiles(values: NDArray[np.floating]) -> Tiled:
    """Values of shape (n_voxels,) as (n_tiles, TILE)."""
    tiled = np.empty(n_tiles(values.size) * TILE, dtype=np.float32)
    tiled[: values.size] = values
    tiled[values.size :] = values[-1]
    return tiled.reshape(-1, TILE)


def fill_residuals(fields: SubjectFields, seed: int, study: str, group: Group, out: Tiled) -> None:
    """Fill the residuals of one study's subjects, `out` of shape (n_tiles, n_subjects, TILE)."""
    for subject in range(group.code.size):
        out[:, subject] = to_tiles(fields.draw(seed, study, subject))
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


@compiled
def _correlate_smoothly(field: Field, phi: Field, renew: Field) -> None:
    nz, ny, nx = field.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(1, nx):
                before = field[z, y, x - 2] if x > 1 else np.float32(0)
                field[z, y, x] = _step(
                    phi[0, z, y, x], renew[0, z, y, x], field[z, y, x - 1], before, field[z, y, x], x
                )
        for y in range(1, ny):
            for x in range(nx):
                before = field[z, y - 2, x] if y > 1 else np.float32(0)
                field[z, y, x] = _step(
                    phi[1, z, y, x], renew[1, z, y, x], field[z, y - 1, x], before, field[z, y, x], y
                )
        if z > 0:
            for y in range(ny):
                for x in range(nx):
                    before = field[z - 2, y, x] if z > 1 else np.float32(0)
                    field[z, y, x] = _step(
                        phi[2, z, y, x], renew[2, z, y, x], field[z - 1, y, x], before, field[z, y, x], z
                    )


@compiled
def _step(phi: np.float32, renew: np.float32, last: np.float32, before: np.float32, own: np.float32,
          number: int) -> np.float32:  # fmt: skip
    """The voxel's value from the two before it; the second of a row (number 1) has one, with the same correlation."""
    square = phi * phi
    if number == 1:
        return (np.float32(2) * phi * last + (np.float32(1) - square) * own) / (np.float32(1) + square)
    return np.float32(2) * phi * last - square * before + renew * own
