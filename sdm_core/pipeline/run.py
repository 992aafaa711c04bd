"""One analysis from its tables to its maps: `run` at once, or stage by stage on any number of machines.

`opened` -> `pooled_maps` -> [`prepare` -> `PermutationTest.block` of every number, anywhere] -> `conclude`
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdm_core import __version__
from sdm_core.effects import EffectScale
from sdm_core.errors import Problem
from sdm_core.inference import BlockMaxima, Cluster, NullMaxima, find_clusters
from sdm_core.pooling import PooledMaps
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, Mask, Template, mm_to_voxel
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import (
    KEEP_ONE,
    BoundsMaps,
    LinearModel,
    PeakTable,
    StudyTable,
    cohort_warnings,
    keep_largest,
    linear_model,
    select_studies,
)

from .blocks import Tick, Workers
from .likelihood import most_likely_maps
from .permutations import ImputedEffects, PermutationTest, blocks_parts, effects_shape, kept_effects, p_maps
from .prepared import Arrays, Keep, Note, bounds_sha256, in_memory
from .progress import Progress, Reporter
from .provenance import describe
from .stages import (
    Analysis,
    Floats,
    analysed_mask,
    analysed_template,
    compute_bounds,
    given_bounds,
    impute_and_pool,
)

Volume = NDArray[np.float32]


@dataclass(frozen=True)
class Result:
    """What a run found.

    Attributes
    ----------
    maps : dict of ndarray of shape (91, 109, 91), float32
        g, var, z, tau2, i2 (per cent), h2, q, and the one-sided p_uncorrected and p_uncorrected_neg; outside the mask
        p is 1 and everything else 0.
    clusters : sequence of Cluster
        Of voxels whose uncorrected p passes the specification's thresholds.
    provenance : dict
        The content of run.json.
    bounds : BoundsMaps or None
        Bounds of every study, if they were asked for.
    null_maxima : NullMaxima or None
        Of all permutations, if there were any; `maps` then also holds p_fwe_voxel, p_fwe_tfce, p_fwe_cluster and their
        _neg, p_gamma_ of the same from 100 permutations on, and p_permutation if it was asked for.
    corrected_clusters : dict
        Clusters of the voxels whose corrected p passes, by correction (voxel, tfce, cluster).
    """

    maps: dict[str, Volume]
    clusters: Sequence[Cluster]
    provenance: dict[str, Any]
    bounds: BoundsMaps | None = None
    null_maxima: NullMaxima | None = None
    corrected_clusters: Mapping[str, Sequence[Cluster]] = field(default_factory=dict)


def run(
    studies: StudyTable,
    peaks: PeakTable,
    specification: AnalysisSpecification,
    *,
    bounds: BoundsMaps | None = None,
    mask: Mask | None = None,
    template: Template | None = None,
    keep_bounds: bool = False,
    inputs: Mapping[str, str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    threads: int | None = None,
    open_blocks: Callable[[Mapping[str, Any]], MutableMapping[int, BlockMaxima]] | None = None,
) -> Result:
    """Meta-analyse the studies at every voxel.

    Parameters
    ----------
    bounds : BoundsMaps, optional
        Start from these instead of peaks and thresholds; their mask is then the mask.
    mask : Mask, optional
        Instead of the specification's packaged mask.
    template : Template, optional
        Instead of the specification's packaged template; with its own mask unless another is asked for.
    keep_bounds : bool
        Return the bounds of every study.
    inputs : mapping, optional
        sha256 of the input files, for the provenance.
    progress, should_stop : callables, optional
        Called at least once a second, `progress` with a Progress; when `should_stop` answers True the run ends.
    threads : int, optional
        The maps do not depend on it.
    open_blocks : callable, optional
        Given everything that blocks of permutations depend on, answers those that were computed before; new ones are
        added to it (`sdm_core.io.BlockFolder`).

    Raises
    ------
    InputError
        When bounds maps are missing, the mask or template is not known, the filter cannot be understood or fits no
        study, or the covariates make no model.
    Stopped
        When asked to stop.

    Notes
    -----
    A single study has a most likely effect of 0 at the voxels where it is not known, and no variance between studies.
    """
    reporter, started = Reporter(progress, should_stop, specification.permutations), datetime.now(UTC)
    given: dict[str, Any] = {"bounds": bounds, "mask": mask, "template": template}
    with opened(studies, peaks, specification, reporter, **given, threads=threads) as analysis:
        preview = pooled_maps(analysis, reporter)
        maxima, ranked = None, None
        if specification.permutations:
            test = prepare(analysis, preview, reporter)
            maxima = permute(test, reporter, open_blocks(blocks_parts(analysis)) if open_blocks else None)
            ranked = test.ranked(preview.pooled.z)
    result = conclude(analysis, preview, reporter, started, inputs=inputs, maxima=maxima, ranked=ranked)
    return result if keep_bounds else replace(result, bounds=None)


@contextmanager
def opened(
    studies: StudyTable,
    peaks: PeakTable,
    specification: AnalysisSpecification,
    reporter: Reporter,
    *,
    bounds: BoundsMaps | None = None,
    mask: Mask | None = None,
    template: Template | None = None,
    threads: int | None = None,
) -> Iterator[Analysis]:
    """What every stage needs, with compiled kernels and a pool of threads; parameters and errors are those of `run`."""
    shared = cohort_problems(studies, peaks, specification)
    studies, peaks = chosen_studies(studies, peaks, specification)
    model = model_of(studies, specification)
    if bounds is not None:
        bounds = given_bounds(bounds, studies)
    mask, open_voxels = analysed_mask(studies, specification, mask, bounds, template)
    template, scale = analysed_template(specification, mask, template), EffectScale.of(studies)
    with Workers(threads) as workers:
        with reporter.stage("compile", announce=False):
            workers.each(_compile_kernels, [specification], reporter.tick_if_slow)
        doubts = [*shared, *open_voxels]
        yield Analysis(studies, peaks, specification, template, scale, workers, model, bounds, doubts)


@dataclass(frozen=True)
class Preview:
    """The pooled maps, and what permutations start from.

    Attributes
    ----------
    pooled : PooledMaps
    warnings : sequence of Problem
        What had to be assumed.
    effects : ImputedEffects or None
        Kept if the specification asks for permutations.
    bounds : BoundsMaps or None
        None where the pooled maps were kept from before.
    """

    pooled: PooledMaps
    warnings: Sequence[Problem]
    effects: ImputedEffects | None = None
    bounds: BoundsMaps | None = None


def pooled_maps(analysis: Analysis, reporter: Reporter, keep: Keep = in_memory) -> Preview:
    """Bounds, most likely effects, imputation and pooling; `keep` has the maps and effects if they were made before."""
    found: list[BoundsMaps] = []
    n_voxels, fields = analysis.template.mask.size, [field.name for field in dataclasses.fields(PooledMaps)]
    shapes: dict[str, Any] = {"pooled": ((len(fields), n_voxels), np.float64)}
    if analysis.specification.permutations:
        shapes["effects"] = effects_shape(analysis, n_voxels), np.float32

    def fill(arrays: Arrays) -> Note:
        kept = kept_effects(analysis, n_voxels, arrays["effects"]) if "effects" in arrays else None
        bounds, pooled, warnings = _pooled_maps(analysis, kept, reporter)
        found.append(bounds)
        arrays["pooled"][:] = [getattr(pooled, name) for name in fields]
        return {"warnings": [dataclasses.asdict(problem) for problem in warnings]}

    arrays, note = keep("imputed", shapes, fill)
    effects = kept_effects(analysis, n_voxels, arrays["effects"]) if "effects" in arrays else None
    pooled = PooledMaps(*(np.asarray(values) for values in arrays["pooled"]))
    return Preview(pooled, [Problem(**problem) for problem in note["warnings"]], effects, *found)


def prepare(analysis: Analysis, preview: Preview, reporter: Reporter, keep: Keep = in_memory) -> PermutationTest:
    """The permutation test, ready for any block; `keep` has the subjects' residuals if they were drawn before."""
    if preview.effects is None:
        raise ValueError("Effects are kept for permutations only if the specification asks for some.")
    with reporter.stage("subjects"):
        return PermutationTest.prepare(analysis, preview.effects, preview.pooled.z, reporter.tick, keep)


def permute(
    test: PermutationTest, reporter: Reporter, blocks: MutableMapping[int, BlockMaxima] | None = None
) -> NullMaxima:
    """The maxima of all permutations; blocks that `blocks` has are not computed again, others are added to it."""
    with reporter.stage("permutations"):
        return test.maxima(reporter.tick, blocks)


def conclude(
    analysis: Analysis,
    preview: Preview,
    reporter: Reporter,
    started: datetime,
    *,
    inputs: Mapping[str, str] | None = None,
    maxima: NullMaxima | None = None,
    ranked: Floats | None = None,
) -> Result:
    """Maps, clusters and provenance: those of the pooled maps alone, or with corrected p where `maxima` are given.

    `ranked` is the z (n_voxels,) that is ranked among the permutations (`PermutationTest.ranked`), if not the pooled.
    """
    mask, specification = analysis.template.mask, analysis.specification
    maps = _volumes(preview.pooled, mask)
    with reporter.stage("clusters"):
        if maxima is not None:
            z = preview.pooled.z if ranked is None else ranked
            maps |= {name: _p_volume(p, mask) for name, p in p_maps(z, maxima, analysis).items()}
        clusters = _clusters(maps, mask, "p_uncorrected", specification.voxel_p, specification)
        corrections = ("voxel", "tfce", "cluster") if maxima else ()
        corrected_clusters = {name: _corrected_clusters(maps, mask, name, specification) for name in corrections}
    provenance = describe(
        analysis,
        version=__version__,
        started=started,
        seconds=reporter.seconds,
        warnings=[*analysis.doubts, *preview.warnings],
        inputs=inputs or {},
        bounds_sha256=bounds_sha256(analysis.given),
        null_maxima=maxima,
    )
    reporter.finish()
    return Result(maps, clusters, provenance, preview.bounds, maxima, corrected_clusters)


def _clusters(
    maps: dict[str, Volume], mask: Mask, p: str, threshold: float, specification: AnalysisSpecification
) -> list[Cluster]:
    return find_clusters(
        maps["z"],
        mask,
        maps[p],
        maps[f"{p}_neg"],
        voxel_p=threshold,
        min_peak_z=specification.min_peak_z,
        min_extent=specification.min_extent,
    )


def _corrected_clusters(
    maps: dict[str, Volume], mask: Mask, name: str, specification: AnalysisSpecification
) -> list[Cluster]:
    """Clusters by one correction, with the approximation of their peaks' p if there is one."""
    clusters = _clusters(maps, mask, f"p_fwe_{name}", specification.fwe_p, specification)
    gamma = {sign: maps.get(f"p_gamma_{name}{suffix}") for sign, suffix in ((1, ""), (-1, "_neg"))}
    return [
        cluster if (p := gamma[cluster.sign]) is None else replace(cluster, p_gamma=float(p[_voxel(cluster)]))
        for cluster in clusters
    ]


def _voxel(cluster: Cluster) -> tuple[int, ...]:
    return tuple(np.rint(mm_to_voxel(cluster.peak.mm)).astype(int).tolist())


def chosen_studies(
    studies: StudyTable, peaks: PeakTable, specification: AnalysisSpecification
) -> tuple[StudyTable, PeakTable]:
    """The studies of the specification's subgroup, one of each cohort if it says so, and their peaks."""
    if specification.study_filter:
        studies, peaks = select_studies(studies, peaks, specification.study_filter)
    return keep_largest(studies, peaks) if specification.cohorts == KEEP_ONE else (studies, peaks)


def cohort_problems(studies: StudyTable, peaks: PeakTable, specification: AnalysisSpecification) -> list[Problem]:
    """A warning for each cohort that several studies of the subgroup share, and what is done about it."""
    if specification.study_filter:
        studies, _ = select_studies(studies, peaks, specification.study_filter)
    return cohort_warnings(studies, specification.cohorts)


def model_of(studies: StudyTable, specification: AnalysisSpecification) -> LinearModel:
    """The specification's model of these studies."""
    return linear_model(
        studies,
        specification.covariates,
        specification.hypothesis,
        raw_discards=specification.compatibility is not None,
        allow_few=specification.allow_few,
    )


def _pooled_maps(
    analysis: Analysis, kept: ImputedEffects | None, reporter: Reporter
) -> tuple[BoundsMaps, PooledMaps, list[Problem]]:
    bounds, warnings = analysis.given, list[Problem]()
    if bounds is None:
        with reporter.stage("bounds"):
            bounds, warnings = compute_bounds(analysis, reporter.tick)
    with reporter.stage("likelihood"):
        coefficients, tau2 = most_likely_maps(analysis, bounds, reporter.tick)
    with reporter.stage("imputation"):
        keep = None if kept is None else kept.keep
        pooled = impute_and_pool(analysis, bounds, coefficients, tau2, reporter.tick, keep)
    return bounds, pooled, warnings


def _volumes(pooled: PooledMaps, mask: Mask) -> dict[str, Volume]:
    values = {
        "g": pooled.estimate,
        "var": pooled.variance,
        "z": pooled.z,
        "tau2": pooled.tau2,
        "i2": pooled.i2,
        "h2": pooled.h2,
        "q": pooled.q,
    }
    maps = {name: mask.to_volume(value) for name, value in values.items()}
    for name, z in (("p_uncorrected", pooled.z), ("p_uncorrected_neg", -pooled.z)):
        maps[name] = _p_volume(special.ndtr(-z), mask)
    return maps


def _p_volume(p: NDArray[np.float64], mask: Mask) -> Volume:
    """p outside the mask is 1."""
    return np.where(mask.voxels, mask.to_volume(p), np.float32(1))


def _compile_kernels(specification: AnalysisSpecification) -> None:
    """Run every kernel once on three made-up studies and 27 voxels, so that compiling shows as a stage of its own."""
    volume = np.zeros(SHAPE, dtype=bool)
    volume[40:43, 40:43, 40:43] = True
    mask = Mask.from_volume(volume, "compile")
    template = Template("compile", np.full((len(NEIGHBOUR_OFFSETS), mask.size), 0.9, dtype=np.float32), mask)
    rows = [{"study": name, "n1": 20, "t_thr": 3, "no_peaks": min(x, 1), "x": x} for x, name in enumerate("abc")]
    studies = StudyTable.from_rows(rows)
    covariates = ("x",) if specification.covariates else ()
    hypothesis = (0.0, 1.0) if covariates and specification.hypothesis[:1] == (0,) else ()
    model = linear_model(studies, covariates, hypothesis, allow_few=True)
    peaks = PeakTable(np.array([0]), np.array([[8.0, -44.0, 10.0]]), np.array([4.0]), np.array([1], dtype=np.int8))
    tiny = AnalysisSpecification(
        imputations=2,
        estimator=specification.estimator,
        imputed_mean=specification.imputed_mean,
        compatibility=specification.compatibility,
        permutations=min(specification.permutations, 1),
        permutation_algebra=specification.permutation_algebra,
    )
    silent: Tick = lambda _: None  # noqa: E731
    with Workers(1) as workers:
        analysis = Analysis(studies, peaks, tiny, template, EffectScale.of(studies), workers, model)
        bounds, _ = compute_bounds(analysis, silent)
        kept = kept_effects(analysis, mask.size)
        pooled = impute_and_pool(analysis, bounds, *most_likely_maps(analysis, bounds, silent), silent, kept.keep)
        if tiny.permutations:
            test = PermutationTest.prepare(analysis, kept, pooled.z, silent)
            p_maps(test.ranked(pooled.z), test.maxima(silent), analysis)
