"""Threshold-free cluster enhancement by a max-tree: exact, both signs from one sort.

TFCE(v) = integral from 0 to \\|z(v)\\| of extent(v, h)^0.5 h^2 dh, where extent(v, h) is the number of voxels of v's
sign that are connected to v at height h or above (Smith and Nichols 2009).

Notes
-----
Voxels enter from the highest down and join the components of their neighbours (union-find over components, of which
there are few).  Between two changes a component has one extent, so its share of the integral has a closed form and no
step is needed.  A component carries one running sum for all its voxels; a voxel keeps what the sum was when it came.
Which neighbours are looked at is told in `neighbours`.

SDM-PSI 6.21 sums steps instead, at heights k max/100 for k = 1..100, where max is the maximum of that map and sign, and
does not multiply by the step: its scale changes with the map.  The same tree gives that sum.  The heights are added
up in single precision, as the published maxima show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from sdm_core.compiled import compiled
from sdm_core.inference.neighbours import NONE, Neighbours, Places, faces_entered, root_of
from sdm_core.spaces import Mask

SDM_STEPS: Final = 100
SDM_NEIGHBOURS: Final = 6
_DIGIT_BITS: Final = 11
_DIGITS: Final = 1 << _DIGIT_BITS
_SIGN_BIT: Final = np.uint32(0x80000000)
_ZERO_KEY: Final = np.uint32(0x7FFFFFFF)

Heights = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]


class Enhanced(NamedTuple):
    """Enhanced map of shape (n_voxels,), negative where z is, and its largest size of each sign (2,)."""

    values: Floats
    maxima: Floats


class Forest(NamedTuple):
    """Components of voxels, numbered from 1; each array has a place for every possible one.

    `size`; running sum `total`; weight `last` down to which it is summed; `best`, the lead on `total` of its best
    voxel.  Of a component that joined another: `parent` leads to that it is part of now, `host` is the one it joined,
    `gain` how much more its voxels have.  `joins` lists them in time; `counts` are of components and of joins.
    """

    parent: Places
    host: Places
    joins: Places
    size: Floats
    total: Floats
    last: Floats
    best: Floats
    gain: Floats
    counts: npt.NDArray[np.int64]

    @classmethod
    def of(cls, n_voxels: int) -> Forest:
        """Room for a map of that many voxels."""
        parent, host, joins = (np.empty(n_voxels + 1, np.uint32) for _ in range(3))
        size, total, last, best, gain = (np.empty(n_voxels + 1) for _ in range(5))
        return cls(parent, host, joins, size, total, last, best, gain, np.zeros(2, np.int64))


@dataclass(frozen=True)
class Enhancer:
    """TFCE of maps of one mask.

    Attributes
    ----------
    neighbours : Neighbours
    stepped : bool
        SDM-PSI's sum instead of the integral.
    """

    neighbours: Neighbours
    stepped: bool = False

    @classmethod
    def of(cls, mask: Mask, neighbours: int = 26, *, stepped: bool = False) -> Enhancer:
        """The enhancer of a mask with 6, 18 or 26 neighbours; InputError for another number."""
        return cls(Neighbours.of(mask, neighbours), stepped)

    def enhance(self, z: npt.ArrayLike) -> Enhanced:
        """The whole map of z, shape (n_voxels,), finite; taken in single precision, which is what maps hold."""
        values = np.zeros(self.neighbours.corners.size)
        return Enhanced(values, self._run(z, values))

    def maxima(self, z: npt.ArrayLike) -> Floats:
        """Only the largest size of each sign, (positive, negative)."""
        return self._run(z, np.empty(0))

    def _run(self, z: npt.ArrayLike, values: Floats) -> Floats:
        heights = np.ascontiguousarray(z, dtype=np.float32)
        maxima, label = np.zeros(2), np.empty(self.neighbours.box_size, np.uint32)
        _enhance(heights, self.neighbours, self.stepped, Forest.of(heights.size), label, values, maxima)
        return maxima


@compiled
def _fall(z: Heights, order: Places) -> None:
    """Sort voxels from the highest z to the lowest: a stable radix sort of the bits."""
    n = z.size
    bits = z.view(np.uint32)
    keys, other_keys, other = np.empty(n, np.uint32), np.empty(n, np.uint32), np.empty(n, np.uint32)
    counts = np.zeros((3, _DIGITS), np.uint32)
    for v in range(n):
        keys[v] = bits[v] if bits[v] >= _SIGN_BIT else _ZERO_KEY - bits[v]
        order[v] = v
        for digit in range(3):
            counts[digit, (keys[v] >> np.uint32(digit * _DIGIT_BITS)) & np.uint32(_DIGITS - 1)] += 1
    for digit in range(3):
        total = 0
        for value in range(_DIGITS):
            count = counts[digit, value]
            counts[digit, value] = total
            total += count
        for k in range(n):
            value = (keys[k] >> np.uint32(digit * _DIGIT_BITS)) & np.uint32(_DIGITS - 1)
            target = counts[digit, value]
            counts[digit, value] += 1
            other_keys[target], other[target] = keys[k], order[k]
        keys, other_keys = other_keys, keys
        order[:] = other


@compiled
def _weigh(z: Heights, order: Places, stepped: bool, weights: Floats) -> None:
    """Integral of h^2 (or SDM-PSI's sum) up to the height of each voxel in falling order, shape (n,)."""
    if not stepped:
        for position in range(order.size):
            weights[position] = abs(np.float64(z[order[position]])) ** 3 / 3.0
        return
    levels, sums, k = np.empty(SDM_STEPS, np.float32), np.zeros(SDM_STEPS + 1), SDM_STEPS
    step, level = abs(z[order[0]]) / np.float32(SDM_STEPS), np.float32(0)
    for i in range(SDM_STEPS):
        level = np.float32(level + step)
        levels[i] = level
        sums[i + 1] = sums[i] + np.float64(level) ** 2
    for position in range(order.size):
        height = abs(z[order[position]])
        while k > 0 and levels[k - 1] > height:
            k -= 1
        weights[position] = sums[k]


@compiled
def _lower(forest: Forest, component: np.uint32, weight: float) -> None:
    """Take a component down to a height: its share of the integral on the way."""
    drop = forest.last[component] - weight
    forest.total[component] += np.sqrt(forest.size[component]) * drop
    forest.last[component] = weight


@compiled
def _join(forest: Forest, mine: np.uint32, other: np.uint32) -> np.uint32:
    """Join two components at one height; returns the larger, which goes on."""
    if forest.size[other] > forest.size[mine]:
        mine, other = other, mine
    forest.parent[other] = forest.host[other] = mine
    forest.size[mine] += forest.size[other]
    forest.gain[other] = forest.total[other] - forest.total[mine]
    forest.best[mine] = max(forest.best[mine], forest.best[other] + forest.gain[other])
    forest.joins[forest.counts[1]] = other
    forest.counts[1] += 1
    return mine


@compiled
def _enter(forest: Forest, label: Places, corner: np.uint32, neighbours: Neighbours, weight: float) -> np.uint32:
    """The component that a voxel enters: those of its neighbours, joined, or one of its own."""
    visits, mine = neighbours.visits, NONE
    row = faces_entered(label, corner, neighbours.faces)
    for k in range(1, 1 + visits[row, 0]):
        other = label[corner + visits[row, k]]
        if other == NONE or other == mine:  # noqa: SIM109 - a tuple is not compiled well
            continue
        other = root_of(forest.parent, other)
        if other != mine:
            _lower(forest, other, weight)
            mine = other if mine == NONE else _join(forest, mine, other)
    if mine == NONE:
        forest.counts[0] += 1
        mine = np.uint32(forest.counts[0])
        forest.parent[mine] = mine
        forest.size[mine] = forest.total[mine] = forest.best[mine] = 0.0
        forest.last[mine] = weight
    forest.size[mine] += 1.0
    return mine


@compiled
def _one_sign(order: Places, weights: Floats, neighbours: Neighbours, forest: Forest, label: Places,
              values: Floats) -> float:  # fmt: skip
    """Largest enhanced size of the voxels in `order`, all of one sign and falling; fills `values` unless empty.

    `label` (box_size,), 0 at the start, becomes the component each voxel entered.
    """
    corners, centre, largest, whole = neighbours.corners, neighbours.centre, 0.0, values.size > 0
    for position in range(order.size):
        voxel = order[position]
        corner = corners[voxel]
        mine = _enter(forest, label, corner, neighbours, weights[position])
        label[corner + centre] = mine
        if whole:
            values[voxel] = -forest.total[mine]
    for component in range(1, forest.counts[0] + 1):
        if forest.parent[component] == component:
            _lower(forest, np.uint32(component), 0.0)
            largest = max(largest, forest.total[component] + forest.best[component])
    if whole:
        for k in range(forest.counts[1] - 1, -1, -1):
            joined = forest.joins[k]
            forest.total[joined] = forest.total[forest.host[joined]] + forest.gain[joined]
        for voxel in order:
            values[voxel] += forest.total[label[corners[voxel] + centre]]
    return largest


@compiled
def _enhance(z: Heights, neighbours: Neighbours, stepped: bool, forest: Forest, label: Places, values: Floats,
             maxima: Floats) -> None:  # fmt: skip
    """Fill the maxima of both signs (2,), and `values` (n_voxels,) unless it is empty."""
    order = np.empty(z.size, np.uint32)
    _fall(z, order)
    n_positive = 0
    while n_positive < z.size and z[order[n_positive]] > 0:
        n_positive += 1
    first_negative = n_positive
    while first_negative < z.size and z[order[first_negative]] == 0:
        first_negative += 1
    falling = (order[:n_positive], order[first_negative:][::-1].copy())
    for sign in range(2):
        if falling[sign].size > 0:
            label[:] = 0
            forest.counts[:] = 0
            weights = np.empty(falling[sign].size)
            _weigh(z, falling[sign], stepped, weights)
            maxima[sign] = _one_sign(falling[sign], weights, neighbours, forest, label, values)
    if values.size > 0:
        for voxel in falling[1]:
            values[voxel] = -values[voxel]
