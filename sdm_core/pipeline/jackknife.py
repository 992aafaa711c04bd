"""Every dataset, or every cohort, left out in turn, over the whole brain: which clusters stay?

Bounds belong to single studies and are taken from the main analysis.  The fields of a study do not depend on the
others, so that two analyses differ by nothing but the studies left out.  For the mean by DerSimonian and Laird all
analyses are made in one pass over the fields, from what changes against the analysis of all studies
(`sdm_core.imputation.left_out`, `left_out`); with covariates, by REML, with averaged cohorts, drawn means or in the
compatibility mode each one is made anew from the bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from sdm_core.effects import EffectScale
from sdm_core.errors import InputError, Problem, Stopped
from sdm_core.imputation import FieldGenerator, default_discards
from sdm_core.imputation.left_out import most_likely_without
from sdm_core.inference import Cluster, cluster_labels
from sdm_core.pooling import RubinPool
from sdm_core.pooling.random_effects import N_SUMS
from sdm_core.spaces import Mask, Template, mm_to_voxel
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import BoundsMaps, PeakTable, StudyTable, leave_out, members_of

from .blocks import Tick, Workers, part_of, voxel_blocks
from .composites import Composites
from .left_out import add_subsets
from .progress import Progress
from .run import Result, chosen_studies, model_of, run
from .stages import Analysis, analysed_template, given_bounds

Volume = NDArray[np.float32]
Signed = dict[int, NDArray[np.bool_]]
Maps = Mapping[str, Volume]
By = Literal["datasets", "cohorts"]

LIKELIHOOD_SHARE: Final = 0.2
"""Of the time of all analyses."""
_TOUCHING: Final = np.ones((3, 3, 3))
LEFT_OUT_MAPS: Final = ("g", "var", "z", "tau2", "i2", "h2", "q")


@dataclass(frozen=True)
class Jackknife:
    """What leaving each dataset or cohort out does to the clusters of the main analysis.

    Attributes
    ----------
    names : tuple of str
        The datasets or cohorts left out.
    stays : tuple, per cluster a tuple of bool or None per name
        Whether a cluster of the same sign and thresholds still overlaps it; None where the model cannot be fitted
        without the dataset.
    peak_z : tuple, per cluster a tuple of float or None per name
        z at the cluster's peak without the dataset.
    by : {"datasets", "cohorts"}
    method : {"expanded", "anew"}
        Whether the analyses were expanded about that of all studies, or each made anew from the bounds.
    """

    names: tuple[str, ...]
    stays: tuple[tuple[bool | None, ...], ...]
    peak_z: tuple[tuple[float | None, ...], ...]
    by: str = "datasets"
    method: str = "expanded"

    def count(self, cluster: int) -> tuple[int, int]:
        """In how many analyses the cluster stays, and of how many."""
        judged = [stays for stays in self.stays[cluster] if stays is not None]
        return sum(judged), len(judged)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: the datasets, and per cluster n/N and both rows."""
        rows = zip(self.stays, self.peak_z, strict=True)
        return {
            "by": self.by,
            "method": self.method,
            "left_out": list(self.names),
            "clusters": [
                {"stays_in": "{}/{}".format(*self.count(i)), "stays": list(stays), "peak_z": list(peak_z)}
                for i, (stays, peak_z) in enumerate(rows)
            ],
        }


def jackknife(
    studies: StudyTable,
    peaks: PeakTable,
    specification: AnalysisSpecification,
    result: Result,
    bounds: BoundsMaps,
    *,
    template: Template | None = None,
    by: By = "datasets",
    anew: bool = False,
    keep: Callable[[str, Maps], None] | None = None,
    progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    threads: int | None = None,
) -> Jackknife:
    """Leave every dataset, or every cohort with all its datasets, out in turn.

    Parameters
    ----------
    studies, peaks, specification : as given to the main analysis
    result : Result
        Of the main analysis.
    bounds : BoundsMaps
        Of the main analysis (`keep_bounds`); peak heights pooled over studies stay as they were.
    by : {"datasets", "cohorts"}
        A dataset without a cohort is one of its own.
    anew : bool
        Make each analysis anew from the bounds although it could be expanded.
    keep : callable, optional
        Given the name left out and the maps (91, 109, 91) of that analysis, by the names LEFT_OUT_MAPS.
    template, progress, should_stop, threads : as for `sdm_core.run`

    Raises
    ------
    InputError
        With a single dataset or cohort.
    Stopped
        When asked to stop.
    """
    studies, peaks = chosen_studies(studies, peaks, specification)
    groups = _groups(studies, by)
    if len(groups) < 2:
        raise InputError([Problem("jackknife", f"needs at least two {by}", f"Add {by}.", field="jackknife")])
    specification = replace(specification, study_filter="", allow_few=True, permutations=0)
    bounds = given_bounds(bounds, studies)
    expanded = not anew and _can_be_expanded(studies, specification)
    job = _Job(studies, peaks, specification, bounds, groups, template, progress, should_stop, threads)
    places = [_place(cluster) for cluster in result.clusters]
    labels = _labels(result, specification, bounds.mask)
    stays: list[list[bool | None]] = []
    peak_z: list[list[float | None]] = []
    for name, maps in zip(groups, _expanded(job) if expanded else _anew(job), strict=True):
        if maps is None:
            stays.append([None] * len(places))
            peak_z.append([None] * len(places))
            continue
        alive = _alive(maps["z"], bounds.mask, specification)
        stays.append([bool((alive[c.sign] & (labels == c.number)).any()) for c in result.clusters])
        peak_z.append([float(maps["z"][place]) for place in places])
        if keep is not None:
            keep(name, maps)
    rows = tuple(zip(*stays, strict=True)), tuple(zip(*peak_z, strict=True))
    return Jackknife(tuple(groups), *rows, by, "expanded" if expanded else "anew")


def _can_be_expanded(studies: StudyTable, specification: AnalysisSpecification) -> bool:
    """Whether the analyses without a group can be made from what changes against that of all studies."""
    plain = specification.estimator == "DL" and Composites.of(studies, specification) is None
    own_likelihood = specification.compatibility is None and specification.imputed_mean == "most_likely"
    return plain and own_likelihood and model_of(studies, specification).is_mean


def _groups(studies: StudyTable, by: By) -> dict[str, list[int]]:
    """Places of the studies that are left out together, by name."""
    if by == "datasets":
        return {name: [i] for i, name in enumerate(studies.names)}
    return members_of(studies)


@dataclass(frozen=True)
class _Job:
    """What is left out of what, and who is told; `groups` are places of studies by name."""

    studies: StudyTable
    peaks: PeakTable
    specification: AnalysisSpecification
    bounds: BoundsMaps
    groups: Mapping[str, Sequence[int]]
    template: Template | None
    progress: Callable[[Progress], None] | None
    should_stop: Callable[[], bool] | None
    threads: int | None


def _anew(job: _Job) -> Iterator[Maps | None]:
    """Maps without each group, one analysis after another; None where the model cannot be fitted."""
    options: dict[str, Any] = {"should_stop": job.should_stop, "threads": job.threads}
    options |= {"bounds": job.bounds, "template": job.template}
    for i, (name, own) in enumerate(job.groups.items()):
        report = _shifted(job.progress, name, i, len(job.groups))
        tables = leave_out(job.studies, job.peaks, *own)
        try:
            yield run(*tables, job.specification, progress=report, **options).maps
        except InputError:
            yield None


def _expanded(job: _Job) -> Iterator[Maps]:
    """Maps without each group, all made in one pass."""
    template = analysed_template(job.specification, job.bounds.mask, job.template)
    message = f"Leaving out each of {len(job.groups)}"

    def tick(share: float) -> None:
        if job.should_stop is not None and job.should_stop():
            raise Stopped("The jackknife was stopped before its end; nothing was written.")
        if job.progress is not None:
            job.progress(Progress("jackknife", share, message))

    with Workers(job.threads) as workers:
        scale, model = EffectScale.of(job.studies), model_of(job.studies, job.specification)
        analysis = Analysis(job.studies, job.peaks, job.specification, template, scale, workers, model)
        for pool in _pools(analysis, job.bounds, job.groups, tick):
            pooled = pool.pooled()
            values = (pooled.estimate, *(getattr(pooled, name) for name in ("variance", *LEFT_OUT_MAPS[2:])))
            named = zip(LEFT_OUT_MAPS, values, strict=True)
            yield {name: job.bounds.mask.to_volume(value) for name, value in named}


def _pools(analysis: Analysis, bounds: BoundsMaps, groups: Mapping[str, Sequence[int]], tick: Tick) -> list[RubinPool]:
    """Pooled analyses without each group."""
    n_studies, scale, specification = len(analysis.studies), analysis.scale, analysis.specification
    n_voxels, workers = bounds.mask.size, analysis.workers
    left = np.full((len(groups) + 1, max(map(len, groups.values()))), -1)
    for row, own in zip(left[1:], groups.values(), strict=True):
        row[: len(own)] = own
    n_kept = n_studies - (left >= 0).sum(axis=1)
    discards = np.array([_discards(int(n), specification.mle_discards) for n in n_kept])
    mean, tau2 = (np.empty((len(left), n_voxels)) for _ in range(2))
    lower, upper, base, slope = bounds.lower, bounds.upper, scale.base, scale.slope

    def solve(block: slice) -> None:
        own = np.ascontiguousarray(lower[:, block]), np.ascontiguousarray(upper[:, block])
        found = np.empty((2, len(left), own[0].shape[1]))
        most_likely_without(*own, base, slope, left, discards, found[0], found[1])
        mean[:, block], tau2[:, block] = found

    workers.each(solve, voxel_blocks(n_voxels), part_of(tick, 0.0, LIKELIHOOD_SHARE))
    generator, names = FieldGenerator.of(analysis.template), analysis.studies.names
    fields = np.empty((n_studies, n_voxels), dtype=np.float32)
    sums = np.zeros((len(left), n_voxels, N_SUMS))

    def draw(j: int, i: int) -> None:
        fields[i] = generator.draw(specification.seed, names[i], j).ravel()[generator.voxels]

    def add(j: int, block: slice) -> None:
        add_subsets(fields, lower, upper, base, slope, left, mean, tau2, j + 1, block.start, block.stop, sums)

    for j in range(specification.imputations):
        done = part_of(tick, LIKELIHOOD_SHARE + (1 - LIKELIHOOD_SHARE) * j / specification.imputations)
        workers.each(partial(draw, j), range(n_studies), done)
        workers.each(partial(add, j), voxel_blocks(n_voxels), done)
    rows = zip(sums[1:], n_kept[1:], strict=True)
    return [RubinPool.of_mean(own, int(n), specification.imputations) for own, n in rows]


def _discards(n_studies: int, chosen: int | None) -> int:
    return min(default_discards(n_studies) if chosen is None else chosen, n_studies - 1)


def _place(cluster: Cluster) -> tuple[int, ...]:
    return tuple(np.rint(mm_to_voxel(cluster.peak.mm)).astype(int).tolist())


def _labels(result: Result, specification: AnalysisSpecification, mask: Mask) -> NDArray[np.int32]:
    """The number of the main analysis' cluster at each voxel."""
    p, p_negative = result.maps["p_uncorrected"], result.maps["p_uncorrected_neg"]
    return cluster_labels(result.clusters, result.maps["z"], mask, p, p_negative, voxel_p=specification.voxel_p)


def _alive(z: Volume, mask: Mask, specification: AnalysisSpecification) -> Signed:
    """Voxels of the clusters of each sign that pass all thresholds."""
    found = {}
    for sign in (1, -1):
        p = special.ndtr(-sign * z.astype(np.float64)).astype(np.float32)
        labels, count = ndimage.label(mask.voxels & (sign * z > 0) & (p <= specification.voxel_p), _TOUCHING)
        heights = ndimage.maximum(sign * z, labels, range(1, count + 1))
        large = np.bincount(labels.ravel())[1:] >= specification.min_extent
        passes = np.concatenate([[False], large & (np.asarray(heights) >= specification.min_peak_z)])
        found[sign] = passes[labels]
    return found


def _shifted(
    progress: Callable[[Progress], None] | None, name: str, done: int, total: int
) -> Callable[[Progress], None] | None:
    """Progress of one analysis as a part of all."""
    if progress is None:
        return None
    message = f"Without {name} ({done + 1} of {total})"
    return lambda one: progress(Progress("jackknife", (done + one.fraction) / total, message))
