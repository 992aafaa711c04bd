"""Permutations of subjects, or of studies, drawn in blocks that depend on nothing but a seed and the block's number.

One-sample studies flip signs, two-sample studies exchange subjects between their groups, correlations shuffle
subjects; hypotheses about covariates permute the studies.  The first permutation is the data as they are.  Where all
sign flips, or all orders of the studies, are no more than the permutations asked for, each is taken once: repeats are
avoided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sdm_core.effects import Group

BLOCK: Final = 32
"""Permutations of a block; a block is always drawn and computed whole."""
_KEY: Final = 0x5045524D
_MOST_ORDERED: Final = 12
"""More studies have more orders than permutations can be asked for."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Blocks:
    """How many permutations there are, in blocks.

    Attributes
    ----------
    seed : int
    count : int
        Permutations, the data as they are included.
    exact : bool
        Every possible permutation is among them, once.
    """

    seed: int
    count: int
    exact: bool

    @property
    def n_blocks(self) -> int:
        """Blocks, the last of which may reach beyond `count`."""
        return -(-self.count // BLOCK)

    def others(self, number: int) -> slice:
        """Rows of a block that are none of the data as they are, nor a repeat of an exact test's permutations."""
        end = min(BLOCK, self.count - number * BLOCK) if self.exact else BLOCK
        return slice(1 if number == 0 else 0, end)

    def numbers(self, number: int) -> npt.NDArray[np.uint64]:
        """Numbers of a block's permutations in an exact test, shape (BLOCK,)."""
        return np.arange(number * BLOCK, (number + 1) * BLOCK, dtype=np.uint64) % np.uint64(self.count)

    def bits(self, number: int, columns: int) -> npt.NDArray[np.uint64]:
        """Random bits of a block, shape (BLOCK, columns)."""
        bits = np.random.Philox(key=np.array([self.seed, _KEY], dtype=np.uint64), counter=[0, 0, 0, number])
        return bits.random_raw(BLOCK * columns).reshape(BLOCK, columns)


@dataclass(frozen=True)
class StudyAssignments(Blocks):
    """Permutations of studies, for hypotheses about covariates.

    Attributes
    ----------
    n_studies : int
    """

    n_studies: int

    @classmethod
    def of(cls, n_studies: int, seed: int, permutations: int) -> StudyAssignments:
        """As many as were asked for, or all orders of the studies if those are no more."""
        exact = n_studies <= _MOST_ORDERED and math.factorial(n_studies) <= permutations
        return cls(seed, math.factorial(n_studies) if exact else permutations, exact, n_studies)

    def block(self, number: int) -> npt.NDArray[np.int64]:
        """Which study's residual each study takes, shape (BLOCK, n_studies)."""
        if self.exact:
            return np.array([_order(int(order), self.n_studies) for order in self.numbers(number)])
        orders = np.argsort(self.bits(number, self.n_studies), axis=1, kind="stable")
        if number == 0:
            orders[0] = np.arange(self.n_studies)
        return orders.astype(np.int64)


@dataclass(frozen=True)
class Assignments(Blocks):
    """Permutations of subjects.

    Attributes
    ----------
    groups : sequence of Group
    """

    groups: Sequence[Group]

    @classmethod
    def of(cls, groups: Sequence[Group], seed: int, permutations: int) -> Assignments:
        """As many as were asked for, or all sign flips if those are no more."""
        subjects = sum(group.code.size for group in groups)
        flips_only = all(group.design == "one_sample" for group in groups)
        if flips_only and subjects < permutations.bit_length() and 2**subjects <= permutations:
            return cls(seed, 2**subjects, True, groups)
        return cls(seed, permutations, False, groups)

    def block(self, number: int) -> tuple[Floats, Floats]:
        """Weights of the subjects (BLOCK, n_subjects) and shares of the effects (BLOCK, n_studies), 1 for the first."""
        raw = self._flips(number) if self.exact else self._draws(number)
        columns = np.split(raw, np.cumsum([group.code.size for group in self.groups])[:-1], axis=1)
        weights = [_permuted(group, own) for group, own in zip(self.groups, columns, strict=True)]
        if number == 0:
            for own, group in zip(weights, self.groups, strict=True):
                own[0] = group.weights
        shares = [
            own @ group.code / (group.weights @ group.code) for own, group in zip(weights, self.groups, strict=True)
        ]
        return np.hstack(weights), np.column_stack(shares)

    def _draws(self, number: int) -> npt.NDArray[np.uint64]:
        return self.bits(number, sum(group.code.size for group in self.groups))

    def _flips(self, number: int) -> npt.NDArray[np.uint64]:
        """The binary digits of the permutation's number, in the highest bit."""
        subjects = sum(group.code.size for group in self.groups)
        digits = (self.numbers(number)[:, None] >> np.arange(subjects, dtype=np.uint64)) & np.uint64(1)
        return digits << np.uint64(63)


def _order(number: int, size: int) -> list[int]:
    """The order of that number, of all sorted ones: 0 leaves everything in its place."""
    left, order = list(range(size)), []
    for remaining in range(size - 1, -1, -1):
        place, number = divmod(number, math.factorial(remaining))
        order.append(left.pop(place))
    return order


def _permuted(group: Group, raw: npt.NDArray[np.uint64]) -> Floats:
    """Weights of one study's subjects, from 64 random bits for each."""
    if group.design == "one_sample":
        return np.where(raw >> np.uint64(63), -group.weights, group.weights)
    permuted: Floats = group.weights[np.argsort(raw, axis=1, kind="stable")]
    return permuted
