"""One analysis from its tables to its maps."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdm_core import __version__
from sdm_core.effects import EffectScale
from sdm_core.errors import Problem
from sdm_core.inference import Cluster, NullMaxima, find_clusters
from sdm_core.pooling import PooledMaps
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, Mask, Template, load_template, mm_to_voxel
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import BoundsMaps, LinearModel, PeakTable, StudyTable, linear_model, select_studies

from .blocks import Tick, Workers
from .permutations import ImputedEffects, PermutationTest, kept_effects, p_maps
from .progress import Progress, Reporter
from .provenance import describe
from .stages import Analysis, analysed_mask, compute_bounds, given_bounds, impute_and_pool, most_likely_maps

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
    keep_bounds: bool = False,
    inputs: Mapping[str, str] | None = None,
    progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    threads: int | None = None,
) -> Result:
    """Meta-analyse the studies at every voxel.

    Parameters
    ----------
    bounds : BoundsMaps, optional
        Start from these instead of peaks and thresholds; their mask is then the mask.
    mask : Mask, optional
        Instead of the specification's packaged mask.
    keep_bounds : bool
        Return the bounds of every study.
    inputs : mapping, optional
        sha256 of the input files, for the provenance.
    progress, should_stop : callables, optional
        Called at least once a second, `progress` with a Progress; when `should_stop` answers True the run ends.
    threads : int, optional
        The maps do not depend on it.

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
    studies, peaks = chosen_studies(studies, peaks, specification)
    model = model_of(studies, specification)
    if bounds is not None:
        bounds = given_bounds(bounds, studies)
    mask, open_voxels = analysed_mask(studies, specification, mask, bounds)
    template, scale = load_template(specification.template, mask), EffectScale.of(studies)
    with Workers(threads) as workers:
        with reporter.stage("compile", announce=False):
            workers.each(_compile_kernels, [specification], reporter.tick_if_slow)
        analysis = Analysis(studies, peaks, specification, template, scale, workers, model)
        bounds_sha256 = None if bounds is None else _bounds_sha256(bounds)
        kept = kept_effects(analysis, mask.size) if specification.permutations else None
        bounds, pooled, warnings = _pooled_maps(analysis, bounds, kept, reporter)
        maps, null_maxima = _volumes(pooled, mask), None
        if kept is not None:
            corrected, null_maxima = _permute(analysis, kept, pooled, reporter)
            maps.update(corrected)
    with reporter.stage("clusters"):
        clusters = _clusters(maps, mask, "p_uncorrected", specification.voxel_p, specification)
        corrections = ("voxel", "tfce", "cluster") if null_maxima else ()
        corrected_clusters = {name: _corrected_clusters(maps, mask, name, specification) for name in corrections}
    provenance = describe(
        analysis,
        version=__version__,
        started=started,
        seconds=reporter.seconds,
        warnings=[*open_voxels, *warnings],
        inputs=inputs or {},
        bounds_sha256=bounds_sha256,
        null_maxima=null_maxima,
    )
    reporter.finish()
    kept_bounds = bounds if keep_bounds else None
    return Result(maps, clusters, provenance, kept_bounds, null_maxima, corrected_clusters)


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


def _permute(
    analysis: Analysis, kept: ImputedEffects, pooled: PooledMaps, reporter: Reporter
) -> tuple[dict[str, Volume], NullMaxima]:
    mask = analysis.template.mask
    with reporter.stage("subjects"):
        test = PermutationTest.prepare(analysis, kept, pooled.z, reporter.tick)
    with reporter.stage("permutations"):
        null_maxima = test.maxima(reporter.tick)
        corrected = p_maps(test.ranked(pooled.z), null_maxima, test)
    return {name: _p_volume(p, mask) for name, p in corrected.items()}, null_maxima


def chosen_studies(
    studies: StudyTable, peaks: PeakTable, specification: AnalysisSpecification
) -> tuple[StudyTable, PeakTable]:
    """The studies of the specification's subgroup, and their peaks."""
    if not specification.study_filter:
        return studies, peaks
    return select_studies(studies, peaks, specification.study_filter)


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
    analysis: Analysis, bounds: BoundsMaps | None, kept: ImputedEffects | None, reporter: Reporter
) -> tuple[BoundsMaps, PooledMaps, list[Problem]]:
    warnings: list[Problem] = []
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


def _bounds_sha256(bounds: BoundsMaps) -> str:
    digest = hashlib.sha256(repr(bounds.names).encode())
    digest.update(np.ascontiguousarray(bounds.lower).tobytes())
    digest.update(np.ascontiguousarray(bounds.upper).tobytes())
    return digest.hexdigest()


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
            p_maps(test.ranked(pooled.z), test.maxima(silent), test)
