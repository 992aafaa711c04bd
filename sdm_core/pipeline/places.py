"""The imputed effects of every study at single places of an analysis, exactly as the maps were made of them.

Fields belong to a seed, a study's name and an imputation, so that they can be drawn again at any time; everything
else is needed at the chosen voxels only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sdm_core.diagnostics import PlaceEffects
from sdm_core.effects import EffectScale
from sdm_core.errors import InputError, Problem
from sdm_core.imputation import FieldGenerator, impute, truncations
from sdm_core.spaces import Mask, Template, mm_to_voxel
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import BoundsMaps, PeakTable, StudyTable, largest_of, members_of

from .blocks import Tick, Workers, part_of
from .composites import Composites
from .likelihood import most_likely_at
from .progress import Progress, Reporter
from .run import chosen_studies, model_of
from .stages import (
    Analysis,
    analysed_mask,
    analysed_template,
    compute_bounds,
    given_bounds,
    imputed_means,
)

Floats = NDArray[np.float64]
Voxels = NDArray[np.intp]


def voxels_at(mm: Sequence[float], mask: Mask) -> Voxels:
    """Place in the mask's flat order of the voxel that holds a coordinate (MNI mm), shape (1,).

    Raises
    ------
    InputError
        If that voxel is not in the mask.
    """
    ijk = np.rint(mm_to_voxel(mm)).astype(int)
    inside = bool(((ijk >= 0) & (ijk < mask.voxels.shape)).all())
    place = int(mask.index_volume[tuple(ijk)]) if inside else -1
    if place < 0:
        where = ", ".join(f"{value:g}" for value in mm)
        message = f"is outside the mask {mask.name}"
        raise InputError([Problem(f"place {where}", message, "Choose a coordinate inside it.", field="mm")])
    return np.array([place])


def voxels_of(region: Mask, mask: Mask) -> Voxels:
    """Places of a region's voxels that are in the mask; InputError if there is none."""
    places: Voxels = mask.index_volume[region.voxels & mask.voxels].astype(np.intp)
    if not places.size:
        raise InputError([Problem(f"mask {region.name}", "has no voxel inside the analysed mask", field="mask")])
    return np.sort(places)


def effects_at(
    studies: StudyTable,
    peaks: PeakTable,
    specification: AnalysisSpecification,
    places: Mapping[str, Callable[[Mask], Voxels]],
    *,
    bounds: BoundsMaps | None = None,
    mask: Mask | None = None,
    template: Template | None = None,
    progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    threads: int | None = None,
) -> dict[str, PlaceEffects]:
    """Effects of every study at every place.

    Parameters
    ----------
    places : mapping
        Name of each place, and what finds its voxels in the mask: see `voxels_at` and `voxels_of`.
    bounds, mask, template, progress, should_stop, threads
        As for `sdm_core.run`.

    Returns
    -------
    dict
        Per place the imputed effects; over several voxels their mean, with the variance of an effect of that size,
        because the voxels of one study share its subjects.  One effect for each cohort where cohorts are averaged.

    Raises
    ------
    InputError
        As `sdm_core.run`; or if a place has no voxel in the mask.
    """
    reporter = Reporter(progress, should_stop)
    studies, peaks = chosen_studies(studies, peaks, specification)
    if bounds is not None:
        bounds = given_bounds(bounds, studies)
    mask, _ = analysed_mask(studies, specification, mask, bounds, template)
    voxels = {name: find(mask) for name, find in places.items()}
    template, model = analysed_template(specification, mask, template), model_of(studies, specification)
    with Workers(threads) as workers:
        analysis = Analysis(studies, peaks, specification, template, EffectScale.of(studies), workers, model)
        if bounds is None:
            with reporter.stage("bounds"):
                bounds, _ = compute_bounds(analysis, reporter.tick)
        with reporter.stage("imputation"):
            effects = _impute(analysis, bounds, list(voxels.values()), reporter.tick)
    return {name: _place(analysis, own) for name, own in zip(voxels, effects, strict=True)}


def _impute(analysis: Analysis, bounds: BoundsMaps, groups: Sequence[Voxels], tick: Tick) -> Floats:
    """Imputed effects, averaged over each group of voxels, shape (n_groups, n_imputations, n_studies)."""
    every = np.concatenate(groups)
    ends = np.cumsum([group.size for group in groups])
    parts = [slice(end - group.size, end) for end, group in zip(ends, groups, strict=True)]
    lowest, highest = (np.ascontiguousarray(side[:, every]) for side in (bounds.lower, bounds.upper))
    coefficients, tau2 = most_likely_at(analysis, bounds, every, part_of(tick, 0.0))
    scale, specification, names = analysis.scale, analysis.specification, analysis.studies.names
    generator = FieldGenerator.of(analysis.template)
    means, flat = np.empty((len(groups), specification.imputations, len(names))), generator.voxels[every]
    given = (lowest, highest), coefficients, tau2, generator, flat
    mean_of = imputed_means(analysis, *given, part_of(tick, 0.0))
    imputed_about = [mean_of(j) for j in range(specification.imputations)]

    def one(i: int) -> None:
        below, inside, effects, variances = (np.empty(every.size) for _ in range(4))
        for j, mean in enumerate(imputed_about):
            own = lowest[i], highest[i], mean[i], tau2, scale.base[i], scale.slope[i], below, inside
            if j == 0 or analysis.draws_mean:
                truncations(*own)
            impute(generator.draw(specification.seed, names[i], j), flat, *own, effects, variances)
            means[:, j, i] = [effects[part].mean() for part in parts]

    analysis.workers.each(one, range(len(names)), tick)
    return means


def _place(analysis: Analysis, means: Floats) -> PlaceEffects:
    studies, scale = analysis.studies, analysis.scale
    variances, people = scale.base + scale.slope * means**2, studies.n1 + studies.n2
    composites = Composites.of(studies, analysis.specification)
    if composites is None:
        cohorts = {i: name for name, own in members_of(studies).items() for i in own}
        shared = [cohorts[i] for i in range(len(studies))]
        return PlaceEffects.of(means, variances, studies.names, people, studies.n1, shared)
    effects, variances = (values.T for values in composites.combine(means.T, variances.T))
    largest = [largest_of(studies, own) for own in members_of(studies).values()]
    return PlaceEffects.of(effects, variances, composites.names, people[largest], studies.n1[largest])
