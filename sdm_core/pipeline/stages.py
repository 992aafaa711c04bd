"""The stages of an analysis over all voxels, each spread over threads."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sdm_core.effects import (
    EffectScale,
    KernelGraph,
    effective_thresholds,
    image_bounds,
    peak_statistics,
    source_voxels,
    study_bounds,
)
from sdm_core.errors import InputError, Problem
from sdm_core.imputation import (
    KNOTS,
    SDM_FURTHER_DISCARDS,
    FieldGenerator,
    default_discards,
    draw_mean,
    impute,
    mean_deviations,
    truncations,
)
from sdm_core.pooling import PooledMaps, RubinPool, random_effects_mean
from sdm_core.spaces import Mask, Template, load_mask, load_template, template_on
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import BoundsMaps, LinearModel, PeakTable, StudyTable, covered_mask

from .blocks import Tick, Workers, part_of, voxel_blocks
from .composites import Composites, pooled_design

Floats = NDArray[np.float64]
Bounds = NDArray[np.float32]

_NO_FIELD = np.empty((0, 0, 0), dtype=np.float32)
"""Nothing is drawn for a study whose effect is known everywhere."""

_MEAN_OF_ALL = "mean of all"
"""Names the fields that say which mean is drawn; no study has such a name."""

ROUNDING_OF_BOUNDS = 1e-5
"""Maps in single precision may cross by this at a known voxel, as the published ones do (2e-6)."""


@dataclass(frozen=True)
class Analysis:
    """What every stage needs; `given` are bounds to start from instead of peaks and thresholds, `doubts` about data."""

    studies: StudyTable
    peaks: PeakTable
    specification: AnalysisSpecification
    template: Template
    scale: EffectScale
    workers: Workers
    model: LinearModel
    given: BoundsMaps | None = None
    doubts: Sequence[Problem] = ()

    @property
    def n_discards(self) -> int:
        """Studies that the most likely coefficients leave out; as many as there are coefficients stay."""
        specification, n_studies = self.specification, len(self.studies)
        chosen = specification.mle_discards
        if chosen is None:
            further = 0 if specification.compatibility is None else SDM_FURTHER_DISCARDS
            chosen = default_discards(n_studies) + further
        return min(chosen, n_studies - len(self.model.names))

    @property
    def draws_mean(self) -> bool:
        """Whether each imputation has a mean of its own."""
        return self.specification.compatibility is None and self.specification.imputed_mean == "drawn"

    @property
    def raw_residuals(self) -> bool:
        """Whether residuals of studies are permuted as they are."""
        return self.specification.compatibility is not None or self.specification.permuted_residuals == "raw"


def compute_bounds(analysis: Analysis, tick: Tick) -> tuple[BoundsMaps, list[Problem]]:
    """Bounds of every study from its peaks and threshold or from its map, and what had to be assumed."""
    studies, peaks, specification = analysis.studies, analysis.peaks, analysis.specification
    compatible, mask = specification.compatibility is not None, analysis.template.mask
    thresholds, warnings = effective_thresholds(studies, peaks)
    rule = specification.compatibility or specification.sign_peaks
    t = peak_statistics(studies, peaks, thresholds, rule, random_effects_mean)
    sources, moved = source_voxels(peaks, studies, mask, truncate=compatible)
    tick(0.0)
    graph = KernelGraph.of(analysis.template, specification.anisotropy, specification.fwhm_mm)
    lower = np.empty((len(studies), mask.size), dtype=np.float32)
    upper = np.empty_like(lower)

    def one(i: int) -> None:
        image, threshold = studies.images[i], float(thresholds[i])
        if image is not None:
            lower[i], upper[i] = image_bounds(image, analysis.scale, i, mask, threshold)
        else:
            bounds = study_bounds(graph, sources, t, peaks.of_study(i), threshold)
            lower[i], upper[i] = (analysis.scale.effect(i, bound) for bound in bounds)

    analysis.workers.each(one, range(len(studies)), tick)
    return BoundsMaps(studies.names, lower, upper, mask), warnings + moved


def analysed_mask(
    studies: StudyTable,
    specification: AnalysisSpecification,
    mask: Mask | None,
    bounds: BoundsMaps | None,
    template: Template | None = None,
) -> tuple[Mask, list[Problem]]:
    """Given bounds bring their mask; otherwise the mask asked for, where the studies' maps let it be analysed.

    A template that is given brings its mask, unless another than the template's is asked for.
    """
    if bounds is not None:
        return bounds.mask, []
    if mask is None and template is not None and specification.mask == specification.template:
        mask = template.mask
    return covered_mask(mask or load_mask(specification.mask), studies)


def analysed_template(specification: AnalysisSpecification, mask: Mask, template: Template | None) -> Template:
    """The template given, or the packaged one, at the voxels of a mask."""
    return load_template(specification.template, mask) if template is None else template_on(template, mask)


def given_bounds(bounds: BoundsMaps, studies: StudyTable) -> BoundsMaps:
    """Bounds in the order of the studies; InputError naming every study without, or whose bounds are none."""
    problems = [problem for name in studies.names if (problem := _bounds_problem(bounds, name))]
    if problems:
        raise InputError(problems)
    order = [bounds.names.index(name) for name in studies.names]
    return BoundsMaps(studies.names, bounds.lower[order], bounds.upper[order], bounds.mask)


def _bounds_problem(bounds: BoundsMaps, name: str) -> Problem | None:
    if name not in bounds.names:
        words, mend = "has no bounds maps.", "Add its lower and upper map."
        return Problem(f"study {name}", words, mend, study=name)
    i = bounds.names.index(name)
    lower, upper = bounds.lower[i], bounds.upper[i]
    crossed = lower > upper + ROUNDING_OF_BOUNDS
    bad = int((~(np.isfinite(lower) & np.isfinite(upper)) | crossed).sum())
    if bad:
        words = f"has {bad} voxels whose bounds are not finite, or whose lower bound is above the upper one."
        return Problem(f"study {name}", words, "Check its lower and upper map.", study=name)
    return None


def expected_effects(model: LinearModel, coefficients: Floats) -> list[Floats]:
    """What the model expects of each study at every voxel, n_studies arrays of shape (n_voxels,)."""
    if model.is_mean:
        return [coefficients[0]] * len(model.design)
    return [row @ coefficients for row in model.design]


def imputed_means(
    analysis: Analysis,
    bounds: tuple[Bounds, Bounds],
    coefficients: Floats,
    tau2: Floats,
    generator: FieldGenerator,
    voxels: NDArray[np.int64],
    tick: Tick,
) -> Callable[[int], list[Floats]]:
    """What the effects of each study are imputed about in an imputation: n_studies arrays of shape (n_voxels,).

    Always the most likely, or drawn; `voxels` are the flat places, in the generator's fields, of those of the bounds.
    """
    if not analysis.draws_mean:
        expected = expected_effects(analysis.model, coefficients)
        return lambda _: expected
    scale, mean, seed = analysis.scale, coefficients[0], analysis.specification.seed
    deviations = np.empty((KNOTS.size, mean.size))

    def one(block: slice) -> None:
        lower, upper = (side[:, block] for side in bounds)
        mean_deviations(lower, upper, scale.base, scale.slope, mean[block], tau2[block], deviations[:, block])

    def drawn(imputation: int) -> list[Floats]:
        own = np.empty(mean.size)
        draw_mean(generator.draw(seed, _MEAN_OF_ALL, imputation), voxels, mean, deviations, own)
        return [own] * len(analysis.studies)

    analysis.workers.each(one, voxel_blocks(mean.size), part_of(tick, 0.0))
    return drawn


def impute_and_pool(
    analysis: Analysis,
    bounds: BoundsMaps,
    coefficients: Floats,
    tau2: Floats,
    tick: Tick,
    keep: Callable[[int, int, Floats], None] | None = None,
) -> PooledMaps:
    """Pooled maps; one imputation of all studies is in memory at a time.

    `keep` is given every imputation's number, study and effects (n_voxels,) while they last.
    """
    studies, seed, scale = analysis.studies, analysis.specification.seed, analysis.scale
    shape = (len(studies), bounds.mask.size)
    below, inside, effects, variances = (np.empty(shape) for _ in range(4))
    generator = FieldGenerator.of(analysis.template)
    given = (bounds.lower, bounds.upper), coefficients, tau2, generator, generator.voxels
    model, mean_of = analysis.model, imputed_means(analysis, *given, tick)
    composites = Composites.of(studies, analysis.specification)
    design = pooled_design(model, composites)
    pool = RubinPool(design, model.contrast, analysis.specification.estimator, bounds.mask.size)

    def prepare(mean: Sequence[Floats], i: int) -> None:
        truncations(
            bounds.lower[i], bounds.upper[i], mean[i], tau2, scale.base[i], scale.slope[i], below[i], inside[i]
        )  # fmt: skip

    def draw(mean: Sequence[Floats], j: int, i: int) -> None:
        field = generator.draw(seed, studies.names[i], j) if inside[i].any() else _NO_FIELD
        impute(
            field, generator.voxels, bounds.lower[i], bounds.upper[i], mean[i],
            tau2, scale.base[i], scale.slope[i], below[i], inside[i], effects[i], variances[i],
        )  # fmt: skip
        if keep is not None:
            keep(j, i, effects[i])

    def add(j: int, block: slice) -> None:
        own = effects[:, block], variances[:, block]
        pool.add(*(own if composites is None else composites.combine(*own)), block, count=j + 1)

    for j in range(analysis.specification.imputations):
        done = part_of(tick, j / analysis.specification.imputations)
        mean = mean_of(j)
        if j == 0 or analysis.draws_mean:
            analysis.workers.each(partial(prepare, mean), range(len(studies)), done)
        analysis.workers.each(partial(draw, mean, j), range(len(studies)), done)
        analysis.workers.each(partial(add, j), voxel_blocks(bounds.mask.size), done)
    tick(1.0)
    return pool.pooled()
