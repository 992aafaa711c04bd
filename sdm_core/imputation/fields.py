"""Standard normal random fields with the template's correlations between neighbouring voxels.

White noise on the box around the mask goes through three passes, along x, y and z; each makes a voxel of its
predecessor p and its own value e: rho p + sqrt(1 - rho^2) e.

Notes
-----
Every voxel stays exactly standard normal.  The correlation with the face neighbour is rho along z, and along x and y
wherever rho changes slowly (between rows with different rho it falls by the ratio of the geometric to the arithmetic
mean of their 1 - rho); edges and corners get the product of their steps, which is the packaged template's own rule.
SDM-PSI's sequential generator sets face correlations among sampled subjects instead; for one field it needs the
unknown correlations of voxels with a common neighbour, and makes seams where separate parts of a mask meet.  Here
the passes run through the voxels outside the mask with the correlations of the nearest voxel inside.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdm_core.compiled import compiled
from sdm_core.spaces import SHAPE, Template

Field = NDArray[np.float32]


@dataclass(frozen=True)
class FieldGenerator:
    """Draws fields for a template.

    Attributes
    ----------
    keep, renew : ndarray of shape (3, nz, ny, nx)
        Along x, y and z: weight of the predecessor, and of the voxel's own noise.
    voxels : ndarray of shape (n_voxels,)
        Flat place of each mask voxel in the box.
    """

    keep: Field
    renew: Field
    voxels: NDArray[np.int64]

    @classmethod
    def of(cls, template: Template) -> "FieldGenerator":
        """The generator of a template's mask; the first three directions of a template are the faces x, y, z."""
        indices = template.mask.indices
        first, last = indices.min(axis=0), indices.max(axis=0) + 1
        box = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
        keep = np.stack([_backwards(template, axis, box).transpose(2, 1, 0) for axis in range(3)])
        keep = np.ascontiguousarray(keep, dtype=np.float32)
        place = np.ravel_multi_index(tuple((indices - first).T[::-1]), keep.shape[1:])
        return cls(keep, np.sqrt(1 - keep**2), place.astype(np.int64))

    def draw(self, seed: int, study: str, number: int) -> Field:
        """The field of one imputation of a study on the whole box, shape (nz, ny, nx)."""
        field = white_noise(self.keep.shape[1:], seed, study, number)
        _correlate(field, self.keep, self.renew)
        return field


def white_noise(shape: tuple[int, ...], seed: int, study: str, number: int, *, purpose: int = 0) -> Field:
    """Standard normal noise of a seed, a study's name and a number: an imputation's, or another purpose's subject.

    It depends on nothing else: neither on the other studies nor on who else draws at the same time.
    """
    name = int.from_bytes(hashlib.sha256(study.encode()).digest()[:8], "little")
    bits = np.random.Philox(key=np.array([seed, name], dtype=np.uint64), counter=[0, 0, purpose, number])
    return np.random.Generator(bits).standard_normal(shape, dtype=np.float32)


def _backwards(template: Template, axis: int, box: tuple[slice, ...]) -> Field:
    """Correlation of each voxel of the box with its predecessor along an axis; the first plane's is not used."""
    rho = np.full(SHAPE, np.nan, dtype=np.float32)
    rho[tuple(template.mask.indices.T)] = template.correlations[axis]
    rho = rho[box]
    if np.isnan(rho).all():
        return np.zeros(rho.shape, dtype=np.float32)
    nearest = ndimage.distance_transform_edt(np.isnan(rho), return_distances=False, return_indices=True)
    return np.roll(rho[tuple(nearest)], 1, axis=axis)


@compiled
def _correlate(field: Field, keep: Field, renew: Field) -> None:
    nz, ny, nx = field.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(1, nx):
                field[z, y, x] = keep[0, z, y, x] * field[z, y, x - 1] + renew[0, z, y, x] * field[z, y, x]
        for y in range(1, ny):
            for x in range(nx):
                field[z, y, x] = keep[1, z, y, x] * field[z, y - 1, x] + renew[1, z, y, x] * field[z, y, x]
        if z > 0:
            for y in range(ny):
                for x in range(nx):
                    field[z, y, x] = keep[2, z, y, x] * field[z - 1, y, x] + renew[2, z, y, x] * field[z, y, x]
