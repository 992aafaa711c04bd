"""Which neighbours of a voxel have to be looked at when voxels of a mask enter one after the other.

Notes
-----
Two neighbours of a voxel that have entered and are neighbours of each other are in one component already, so that one
of them tells it.  Which of the six that share a face with the voxel are there says which others are left: where all 26
touch, mostly none.
"""

from __future__ import annotations

import functools
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sdm_core.compiled import compiled
from sdm_core.errors import InputError, Problem
from sdm_core.spaces import Mask

NEIGHBOURHOODS: Final = {6: 1, 18: 2, 26: 3}
"""Number of neighbours -> how many coordinates may differ."""
NONE: Final = np.uint32(0)
N_FACES: Final = 6

Places = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]


class Neighbours(NamedTuple):
    """Ways between the voxels of a mask, in the mask's box, which has a rim of one voxel.

    `corners` (n_voxels,) is the place of each voxel's first possible neighbour.  From there `centre` leads to the voxel
    itself and `faces` (6,) to the neighbours that share a face with it.  `visits` (64, 1 + n_neighbours) has a row for
    each set of faces that have entered (bit k: the k-th): how many neighbours to visit, and the way to each.
    """

    corners: Places
    faces: Places
    visits: Places
    centre: np.uint32
    box_size: int

    @classmethod
    def of(cls, mask: Mask, count: int = 26) -> Neighbours:
        """The neighbours of a mask's voxels, 6, 18 or 26; InputError for another number."""
        if count not in NEIGHBOURHOODS:
            raise InputError([Problem("neighbours", f"{count} is not a neighbourhood", "Choose 6, 18 or 26.")])
        ijk = mask.indices - mask.indices.min(axis=0) + 1
        lengths = ijk.max(axis=0) + 2
        strides = np.array([1, lengths[0], lengths[0] * lengths[1]])
        most, centre = NEIGHBOURHOODS[count], int(strides.sum())
        ways, visits = _offsets(most) @ strides + centre, np.zeros((1 << N_FACES, 1 + count), np.uint32)
        for entered, chosen in enumerate(_to_visit(most)):
            visits[entered, : 1 + len(chosen)] = len(chosen), *ways[chosen]
        corners = (ijk @ strides - centre).astype(np.uint32)
        return cls(corners, ways[:N_FACES].astype(np.uint32), visits, np.uint32(centre), int(lengths.prod()))


def _offsets(most: int) -> Offsets:
    """Steps that change at most so many coordinates, by one, shape (n_neighbours, 3); those across faces come first."""
    cube = np.array(list(np.ndindex(3, 3, 3))) - 1
    changed = np.abs(cube).sum(axis=1)
    return np.concatenate([cube[changed == count] for count in range(1, most + 1)])


@functools.cache
def _to_visit(most: int) -> list[list[int]]:
    """For each set of faces that have entered, one neighbour of each group that is known to be joined."""
    offsets = _offsets(most)
    apart = np.abs(offsets[:, None] - offsets[None])
    touching = (apart.max(axis=2) <= 1) & (apart.sum(axis=2) <= most)
    return [_one_of_each(entered, touching) for entered in range(1 << N_FACES)]


def _one_of_each(entered: int, touching: npt.NDArray[np.bool_]) -> list[int]:
    faces = [k for k in range(N_FACES) if entered >> k & 1]
    left, chosen = [*faces, *range(N_FACES, len(touching))], []
    while left:
        chosen.append(left[0])
        joined, before = {left[0]}, 0
        while len(joined) > before:
            before, known = len(joined), [k for k in faces if k in joined]
            joined |= {k for k in left if touching[k, known].any()}
        left = [k for k in left if k not in joined]
    return chosen


@compiled
def faces_entered(label: Places, corner: np.uint32, faces: Places) -> int:
    """The row of `visits` for a voxel; `label` (box_size,) is NONE where no voxel has entered."""
    entered = 0
    for k in range(N_FACES):
        if label[corner + faces[k]] != NONE:
            entered |= 1 << k
    return entered


@compiled
def root_of(parent: Places, component: np.uint32) -> np.uint32:
    """The component that a component is part of now; shortens the way there."""
    while parent[component] != component:
        parent[component] = parent[parent[component]]
        component = parent[component]
    return component
