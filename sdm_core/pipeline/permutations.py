"""The permutation test, in blocks of 32 permutations that are always computed whole.

A hypothesis in which the intercept has a part (a mean, or a mean adjusted for covariates) permutes the images of the
subjects; one about covariates alone permutes the studies by Freedman and Lane's method, and needs no subjects.

A block needs the residuals of all subjects and the effects of all imputations, which stay in memory in single
precision; it leaves the maxima of its permutations.  Blocks depend on nothing but the prepared data, the seed and their
number, so that any number of threads and any order give the same maxima.
"""

from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sdm_core.effects import curvatures, groups_of
from sdm_core.imputation import SDM_ROUGHNESS, SUBJECT_ROUGHNESS, SubjectFields, fill_residuals, n_tiles, to_tiles
from sdm_core.inference import (
    BLOCK,
    SDM_NEIGHBOURS,
    Assignments,
    BlockMaxima,
    ClusterExtents,
    Enhancer,
    GammaTail,
    NullMaxima,
    StudyAssignments,
    corrected_p,
    count_exceeding,
)
from sdm_core.lanes import WIDTH as TILE
from sdm_core.pooling import permuted_studies_z, permuted_subjects_z, permuted_z, propagated_z

from .blocks import Tick, part_of
from .prepared import REPORTING, Arrays, Keep, Note, choices_without, in_memory, prepared_parts
from .stages import Analysis, Floats

TILES_PER_TASK = 32
MOMENTS = 2
"""Mean and variance."""
Tiled = NDArray[np.float32]


class ImputedEffects:
    """The effects of all imputations, kept while they are drawn; of correlations, their sinh."""

    def __init__(self, analysis: Analysis, n_voxels: int, imputations: int, tiles: Tiled | None = None) -> None:
        shape = (n_tiles(n_voxels), imputations, len(analysis.studies), TILE)
        self.tiles: Tiled = np.empty(shape, dtype=np.float32) if tiles is None else tiles
        self._correlation = analysis.scale.correlation

    def keep(self, imputation: int, study: int, effects: Floats) -> None:
        """Keep one imputation of one study, shape (n_voxels,)."""
        self.tiles[:, imputation, study] = self._tiled(study, effects)

    def _tiled(self, study: int, effects: Floats) -> Tiled:
        return to_tiles(np.sinh(effects) if self._correlation[study] else effects)


class EffectMoments(ImputedEffects):
    """Only their mean and variance over the imputations: `tiles` has these two in the place of the imputations."""

    def __init__(self, analysis: Analysis, n_voxels: int, tiles: Tiled | None = None) -> None:
        super().__init__(analysis, n_voxels, MOMENTS, tiles)
        self._last = analysis.specification.imputations - 1

    def keep(self, imputation: int, study: int, effects: Floats) -> None:
        """Update the mean and the sum of squared deviations (Welford); imputations come in their order."""
        values, mean, squares = self._tiled(study, effects), self.tiles[:, 0, study], self.tiles[:, 1, study]
        if imputation == 0:
            self.tiles[:, :, study] = 0
        deviation = values - mean
        mean += deviation / np.float32(imputation + 1)
        squares += deviation * (values - mean)
        if imputation == self._last:
            squares /= np.float32(max(self._last, 1))


def effects_shape(analysis: Analysis, n_voxels: int) -> tuple[int, ...]:
    """(n_tiles, n_imputations or 2 moments, n_studies, 64): what the algebra of the permutations needs."""
    specification = analysis.specification
    kept = MOMENTS if specification.permutation_algebra == "moments" else specification.imputations
    return n_tiles(n_voxels), kept, len(analysis.studies), TILE


def kept_effects(analysis: Analysis, n_voxels: int, tiles: Tiled | None = None) -> ImputedEffects:
    """What the algebra of the permutations needs of the imputations; `tiles`, if given, hold it or are to hold it."""
    if analysis.specification.permutation_algebra == "moments":
        return EffectMoments(analysis, n_voxels, tiles)
    return ImputedEffects(analysis, n_voxels, analysis.specification.imputations, tiles)


@dataclass(frozen=True)
class PermutationTest:
    """Everything a block of permutations needs.

    Attributes
    ----------
    residuals : ndarray of shape (n_tiles, n_subjects, 64)
        No subjects, where studies are permuted.
    effects : ndarray of shape (n_tiles, n_imputations, n_studies, 64)
        Or (n_tiles, 2, n_studies, 64): their moments.
    starts : ndarray of shape (n_studies + 1,)
        First subject of each study.
    model : ndarray of shape (n_studies, 4)
        As `sdm_core.pooling.permuted` has it.
    design : ndarray of shape (n_studies, n_columns)
        The tested column last.
    observed : ndarray of shape (n_voxels,) or None
        z of the data, if every voxel's own p is wanted.
    """

    analysis: Analysis
    residuals: Tiled
    effects: Tiled
    starts: NDArray[np.int64]
    model: Tiled
    design: Tiled
    assignments: Assignments | StudyAssignments
    enhancer: Enhancer
    extents: ClusterExtents
    observed: Tiled | None

    @classmethod
    def prepare(
        cls, analysis: Analysis, effects: ImputedEffects, z: Floats, tick: Tick, keep: Keep = in_memory
    ) -> "PermutationTest":
        """Draw the residuals of all subjects, if they are permuted; z (n_voxels,) is that of the data."""
        studies, scale, specification = analysis.studies, analysis.scale, analysis.specification
        groups = [] if analysis.model.tests_covariates else groups_of(studies, scale)
        starts = np.cumsum([0] + [group.code.size for group in groups])
        roughness = SUBJECT_ROUGHNESS if specification.compatibility is None else SDM_ROUGHNESS
        fields = SubjectFields.of(analysis.template, roughness)

        def draw(residuals: Tiled, i: int) -> None:
            own = residuals[:, starts[i] : starts[i + 1]]
            fill_residuals(fields, specification.seed, studies.names[i], groups[i], own)

        def fill(arrays: Arrays) -> Note:
            analysis.workers.each(partial(draw, arrays["residuals"]), range(len(groups)), tick)
            return {}

        shape = effects.tiles.shape[0], int(starts[-1]), TILE
        residuals = keep("subjects", {"residuals": (shape, np.float32)}, fill)[0]["residuals"]
        model = np.column_stack([curvatures(studies, scale), scale.base, scale.slope, scale.correlation])
        test = cls(
            analysis,
            residuals,
            effects.tiles,
            starts,
            model.astype(np.float32),
            analysis.model.tested_last.astype(np.float32),
            assignments_of(analysis),
            enhancer_of(analysis),
            ClusterExtents.of(analysis.template.mask, specification.voxel_p),
            None,
        )
        return replace(test, observed=test.ranked(z).astype(np.float32)) if specification.permutation_p else test

    def maxima(self, tick: Tick, blocks: MutableMapping[int, BlockMaxima] | None = None) -> NullMaxima:
        """Maxima of all permutations; blocks that are not yet in `blocks` are computed and added."""
        blocks, n_blocks = {} if blocks is None else blocks, self.assignments.n_blocks
        for number in range(n_blocks):
            if number not in blocks:
                blocks[number] = self.block(number, part_of(tick, number / n_blocks, 1 / n_blocks))
        return gathered(self.assignments, blocks)

    def block(self, number: int, tick: Tick) -> BlockMaxima:
        """What one block leaves."""
        z = self.permuted(number, part_of(tick, 0.0, 0.8))
        z = z.reshape(BLOCK, -1)[:, : self.analysis.template.mask.size]
        tfce, extent = np.empty((BLOCK, 2)), np.empty((BLOCK, 2))

        def measure(p: int) -> None:
            tfce[p], extent[p] = self.enhancer.maxima(z[p]), self.extents.maxima(z[p])

        self.analysis.workers.each(measure, range(BLOCK), part_of(tick, 0.8, 0.2))
        largest = np.column_stack([z.max(axis=1), -z.min(axis=1)]).astype(np.float64)
        others = z[self.assignments.others(number)]
        exceeded = None if self.observed is None else count_exceeding(others, self.observed)
        return BlockMaxima(largest, tfce, extent, len(others), exceeded)

    def permuted(self, number: int, tick: Tick) -> Tiled:
        """z of one block, shape (32, n_tiles, 64)."""
        total, fill = self.effects.shape[0], self._filling(number)
        z = np.empty((BLOCK, total, TILE), dtype=np.float32)

        def one(first: int) -> None:
            fill(first, min(first + TILES_PER_TASK, total), z)

        self.analysis.workers.each(one, range(0, total, TILES_PER_TASK), tick)
        return z

    def ranked(self, z: Floats) -> Floats:
        """z of the data (n_voxels,) by the algebra of the permutations, among which it is ranked."""
        if self.analysis.specification.permutation_algebra == "exact":
            return z
        own = self.permuted(0, lambda _: None)[0].reshape(-1)
        return np.asarray(own[: self.analysis.template.mask.size], dtype=np.float64)

    def _filling(self, number: int) -> Callable[[int, int, Tiled], None]:
        """Fills z of a block from a first to an end tile."""
        if isinstance(self.assignments, StudyAssignments):
            given = self.effects, self.assignments.block(number), self.design, self.model
            return partial(permuted_studies_z, *given, self.analysis.raw_residuals)
        weights, shares = (part.astype(np.float32) for part in self.assignments.block(number))
        subjects = self.residuals, self.effects, weights, shares, self.starts
        specification = self.analysis.specification
        if specification.permutation_algebra == "moments":
            return partial(propagated_z, *subjects, self.model, specification.imputations)
        if self.analysis.model.is_mean:
            return partial(permuted_z, *subjects, self.model)
        return partial(permuted_subjects_z, *subjects, self.design, self.model)


def assignments_of(analysis: Analysis) -> Assignments | StudyAssignments:
    """What is permuted, and in which ways."""
    specification = analysis.specification
    if analysis.model.tests_covariates:
        return StudyAssignments.of(len(analysis.studies), specification.seed, specification.permutations)
    groups = groups_of(analysis.studies, analysis.scale)
    return Assignments.of(groups, specification.seed, specification.permutations)


def blocks_parts(analysis: Analysis) -> dict[str, Any]:
    """Everything that the maxima of a block depend on, by name; JSON-able."""
    assignments = assignments_of(analysis)
    return {
        **prepared_parts(analysis),
        "choices": choices_without(analysis, REPORTING),
        "all_permutations": assignments.count if assignments.exact else None,
    }


def gathered(assignments: Assignments | StudyAssignments, blocks: Mapping[int, BlockMaxima]) -> NullMaxima:
    """The maxima of all permutations, from those of their blocks; KeyError where one is missing."""
    ordered = [blocks[number] for number in range(assignments.n_blocks)]
    return NullMaxima.of(ordered, assignments.count, exact=assignments.exact)


def enhancer_of(analysis: Analysis) -> Enhancer:
    """TFCE as the specification has it."""
    stepped = analysis.specification.compatibility is not None
    neighbours = SDM_NEIGHBOURS if stepped else analysis.specification.tfce_neighbours
    return Enhancer.of(analysis.template.mask, neighbours, stepped=stepped)


def p_maps(z: Floats, maxima: NullMaxima, analysis: Analysis) -> dict[str, Floats]:
    """p from permutations by name, each of shape (n_voxels,), of z (n_voxels,).

    Family-wise corrected; beside it the approximation by a gamma distribution; each voxel's own.
    """
    extents = ClusterExtents.of(analysis.template.mask, analysis.specification.voxel_p)
    statistics = {
        "voxel": (z, maxima.z),
        "tfce": (enhancer_of(analysis).enhance(z).values, maxima.tfce),
        "cluster": (extents.sizes(z), maxima.extent),
    }
    maps = {}
    for name, (statistic, largest) in statistics.items():
        for column, (sign, suffix) in enumerate(((1, ""), (-1, "_neg"))):
            maps[f"p_fwe_{name}{suffix}"] = corrected_p(sign * statistic, largest[:, column])
            if (gamma := GammaTail.of(largest[:, column])) is not None:
                maps[f"p_gamma_{name}{suffix}"] = gamma.p(sign * statistic)
    if (own := maxima.uncorrected_p) is not None:
        maps["p_permutation"], maps["p_permutation_neg"] = own
    return maps
