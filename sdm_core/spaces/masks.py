"""Which voxels are analysed.

The flat order of a mask's voxels is Fortran order (x fastest, then y, then z) everywhere in the package: an
array with an axis of ``mask.size`` voxels follows it.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import packaged
from sdm_core.spaces.grid import SHAPE, VOXEL_MM, FloatArray, mm_to_voxel, voxel_to_mm

Scalar = TypeVar("Scalar", bound=np.generic)

NAMES = ("gray_matter", "white_matter", "brain")


@dataclass(frozen=True, eq=False)
class Mask:
    """A set of voxels of the grid.

    Attributes
    ----------
    name : str
    voxels : ndarray of shape (91, 109, 91), bool, read-only
    """

    name: str
    voxels: npt.NDArray[np.bool_]

    @classmethod
    def from_volume(cls, volume: npt.ArrayLike, name: str) -> Mask:
        """Mask of the voxels where `volume` is true.

        Raises
        ------
        InputError
            If the volume is not on the grid, or no voxel is true.
        """
        voxels = np.array(volume, dtype=bool)
        if voxels.shape != SHAPE:
            raise _refused(name, f"has {voxels.shape} voxels", f"Resample it to the {SHAPE} grid of 2 mm in MNI space.")
        if not voxels.any():
            raise _refused(name, "has no voxel", "Give a mask with voxels above 0.")
        voxels.flags.writeable = False
        return cls(name, voxels)

    @property
    def size(self) -> int:
        """Number of voxels."""
        return len(self.indices)

    @functools.cached_property
    def indices(self) -> npt.NDArray[np.int32]:
        """ndarray of shape (n_voxels, 3): ijk of each voxel, in Fortran order."""
        reversed_axes = np.argwhere(self.voxels.transpose(2, 1, 0))
        return _frozen(np.ascontiguousarray(reversed_axes[:, ::-1], dtype=np.int32))

    @functools.cached_property
    def index_volume(self) -> npt.NDArray[np.int32]:
        """ndarray of shape (91, 109, 91): each voxel's place in the flat order, -1 outside."""
        volume = np.full(SHAPE, -1, dtype=np.int32)
        volume[tuple(self.indices.T)] = np.arange(self.size, dtype=np.int32)
        return _frozen(volume)

    @functools.cached_property
    def sha256(self) -> str:
        """Hash of the set of voxels; the name does not enter."""
        return hashlib.sha256(np.packbits(self.voxels).tobytes()).hexdigest()

    @functools.cached_property
    def _tree(self) -> KDTree:
        return KDTree(voxel_to_mm(self.indices))

    def to_volume(self, values: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Volume of shape (91, 109, 91) holding `values` of shape (n_voxels,), 0 outside."""
        volume = np.zeros(SHAPE, dtype=np.float32)
        volume[tuple(self.indices.T)] = values
        return volume

    def take(self, volume: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """The values of a volume of shape (91, 109, 91) at the mask's voxels, shape (n_voxels,)."""
        values: npt.NDArray[Scalar] = volume[tuple(self.indices.T)]
        return values


@functools.cache
def load_mask(name: str) -> Mask:
    """The packaged mask ``gray_matter``, ``white_matter`` or ``brain``.

    Raises
    ------
    InputError
        If there is no mask of that name.
    """
    if name not in NAMES:
        raise _refused(name, "is not packaged", f"Choose one of {', '.join(NAMES)}.")
    packed = packaged.arrays("masks")[name]
    return Mask.from_volume(np.unpackbits(packed, count=int(np.prod(SHAPE))).reshape(SHAPE), name)


def distance_to_mask(mm: npt.ArrayLike, mask: Mask) -> FloatArray:
    """Distance from coordinates to the mask.

    Parameters
    ----------
    mm : array of shape (n, 3), MNI mm
    mask : Mask

    Returns
    -------
    ndarray of shape (n,), mm
        To the centre of the nearest mask voxel; 0 inside the mask, where the voxel that holds the coordinate
        counts.
    """
    points = np.asarray(mm, dtype=np.float64).reshape(-1, 3)
    distance, nearest = mask._tree.query(points)
    off_centre = np.abs(mm_to_voxel(points) - mask.indices[nearest]).max(axis=1)
    return np.where(off_centre * VOXEL_MM <= VOXEL_MM / 2, 0.0, distance)


def _frozen(array: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    array.flags.writeable = False
    return array


def _refused(name: str, message: str, mend: str) -> InputError:
    return InputError([Problem(f"mask {name}", message, mend, field="mask")])
