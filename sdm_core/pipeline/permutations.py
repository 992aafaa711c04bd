"""The permutation test of a mean analysis, in blocks of 32 permutations that are always computed whole.

A block needs the residuals of all subjects and the effects of all imputations, which stay in memory in single
precision; it leaves the maxima of its permutations.  Blocks depend on nothing but the prepared data, the seed and their
number, so that any number of threads and any order give the same maxima.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sdm_core.effects import curvatures, groups_of
from sdm_core.imputation import FieldGenerator, fill_residuals, n_tiles, to_tiles
from sdm_core.inference import BLOCK, SDM_NEIGHBOURS, Assignments, Enhancer, NullMaxima, corrected_p
from sdm_core.pooling import permuted_z

from .blocks import Tick
from .stages import Analysis, Floats

TILES_PER_TASK = 32
TILE = 64
Tiled = NDArray[np.float32]


class ImputedEffects:
    """The effects of all imputations, kept while they are drawn; of correlations, their sinh."""

    def __init__(self, analysis: Analysis, n_voxels: int) -> None:
        shape = (n_tiles(n_voxels), analysis.specification.imputations, len(analysis.studies), TILE)
        self.tiles: Tiled = np.empty(shape, dtype=np.float32)
        self._correlation = analysis.scale.correlation

    def keep(self, imputation: int, study: int, effects: Floats) -> None:
        """Keep one imputation of one study, shape (n_voxels,)."""
        self.tiles[:, imputation, study] = to_tiles(np.sinh(effects) if self._correlation[study] else effects)


@dataclass(frozen=True)
class PermutationTest:
    """Everything a block of permutations needs.

    Attributes
    ----------
    residuals : ndarray of shape (n_tiles, n_subjects, 64)
    effects : ndarray of shape (n_tiles, n_imputations, n_studies, 64)
    starts : ndarray of shape (n_studies + 1,)
        First subject of each study.
    model : ndarray of shape (n_studies, 4)
        As `sdm_core.pooling.permuted` has it.
    """

    analysis: Analysis
    residuals: Tiled
    effects: Tiled
    starts: NDArray[np.int64]
    model: Tiled
    assignments: Assignments
    enhancer: Enhancer

    @classmethod
    def prepare(cls, analysis: Analysis, effects: ImputedEffects, tick: Tick) -> "PermutationTest":
        """Draw the residuals of all subjects."""
        studies, scale, specification = analysis.studies, analysis.scale, analysis.specification
        groups = groups_of(studies, scale)
        starts = np.cumsum([0] + [group.code.size for group in groups])
        generator = FieldGenerator.of(analysis.template)
        residuals = np.empty((effects.tiles.shape[0], int(starts[-1]), TILE), dtype=np.float32)

        def draw(i: int) -> None:
            own = residuals[:, starts[i] : starts[i + 1]]
            fill_residuals(generator, specification.seed, studies.names[i], groups[i], own)

        analysis.workers.each(draw, range(len(studies)), tick)
        model = np.column_stack([curvatures(studies, scale), scale.base, scale.slope, scale.correlation])
        assignments = Assignments.of(groups, specification.seed, specification.permutations)
        return cls(
            analysis, residuals, effects.tiles, starts, model.astype(np.float32), assignments, enhancer_of(analysis)
        )

    def maxima(self, tick: Tick) -> NullMaxima:
        """Maxima of all permutations."""
        shape = (self.assignments.n_blocks * BLOCK, 2)
        z, tfce = np.empty(shape), np.empty(shape)
        for number in range(self.assignments.n_blocks):
            rows = slice(number * BLOCK, (number + 1) * BLOCK)
            z[rows], tfce[rows] = self.block(number, partial(_tick_part, tick, number, self.assignments.n_blocks))
        count = self.assignments.count
        return NullMaxima(z[:count], tfce[:count], self.assignments.exact)

    def block(self, number: int, tick: Tick) -> tuple[Floats, Floats]:
        """Maxima of z and of TFCE, each (32, 2), of one block."""
        z = self.permuted(number, lambda share: tick(0.8 * share))
        z = z.reshape(BLOCK, -1)[:, : self.analysis.template.mask.size]
        tfce = np.empty((BLOCK, 2))

        def enhance(p: int) -> None:
            tfce[p] = self.enhancer.maxima(z[p])

        self.analysis.workers.each(enhance, range(BLOCK), lambda share: tick(0.8 + 0.2 * share))
        return np.column_stack([z.max(axis=1), -z.min(axis=1)]).astype(np.float64), tfce

    def permuted(self, number: int, tick: Tick) -> Tiled:
        """z of one block, shape (32, n_tiles, 64)."""
        weights, shares = (part.astype(np.float32) for part in self.assignments.block(number))
        total = self.residuals.shape[0]
        z = np.empty((BLOCK, total, TILE), dtype=np.float32)

        def one(first: int) -> None:
            end = min(first + TILES_PER_TASK, total)
            permuted_z(self.residuals, self.effects, weights, shares, self.starts, self.model, first, end, z)

        self.analysis.workers.each(one, range(0, total, TILES_PER_TASK), tick)
        return z


def _tick_part(tick: Tick, done: int, parts: int, share: float) -> None:
    tick((done + share) / parts)


def enhancer_of(analysis: Analysis) -> Enhancer:
    """TFCE as the specification has it."""
    stepped = analysis.specification.compatibility is not None
    neighbours = SDM_NEIGHBOURS if stepped else analysis.specification.tfce_neighbours
    return Enhancer.of(analysis.template.mask, neighbours, stepped=stepped)


def corrected_maps(z: Floats, maxima: NullMaxima, enhancer: Enhancer) -> dict[str, Floats]:
    """Family-wise corrected p by name, each of shape (n_voxels,)."""
    enhanced = enhancer.enhance(z).values
    return {
        "p_fwe_voxel": corrected_p(z, maxima.z[:, 0]),
        "p_fwe_voxel_neg": corrected_p(-z, maxima.z[:, 1]),
        "p_fwe_tfce": corrected_p(enhanced, maxima.tfce[:, 0]),
        "p_fwe_tfce_neg": corrected_p(-enhanced, maxima.tfce[:, 1]),
    }
