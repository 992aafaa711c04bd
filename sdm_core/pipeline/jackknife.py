"""Every dataset left out in turn, over the whole brain: which clusters stay?

Bounds belong to single studies and are taken from the main analysis; the likelihood step, imputation and pooling are
done anew without the dataset.  The fields of a study do not depend on the others, so that two analyses differ by
nothing but the dataset left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sdm_core.errors import InputError, Problem
from sdm_core.inference import Cluster
from sdm_core.spaces import mm_to_voxel
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import BoundsMaps, PeakTable, StudyTable, leave_out

from .progress import Progress
from .run import Result, chosen_studies, run

_TOUCHING = np.ones((3, 3, 3))
_P_MAPS = {1: "p_uncorrected", -1: "p_uncorrected_neg"}

Labels = NDArray[np.signedinteger]


@dataclass(frozen=True)
class Jackknife:
    """What leaving each dataset out does to the clusters of the main analysis.

    Attributes
    ----------
    names : tuple of str
        The datasets left out.
    stays : tuple, per cluster a tuple of bool or None per dataset
        Whether a cluster of the same sign and thresholds still overlaps it; None where the model cannot be fitted
        without the dataset.
    peak_z : tuple, per cluster a tuple of float or None per dataset
        z at the cluster's peak without the dataset.
    """

    names: tuple[str, ...]
    stays: tuple[tuple[bool | None, ...], ...]
    peak_z: tuple[tuple[float | None, ...], ...]

    def count(self, cluster: int) -> tuple[int, int]:
        """In how many analyses the cluster stays, and of how many."""
        judged = [stays for stays in self.stays[cluster] if stays is not None]
        return sum(judged), len(judged)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: the datasets, and per cluster n/N and both rows."""
        rows = zip(self.stays, self.peak_z, strict=True)
        return {
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
    progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    threads: int | None = None,
) -> Jackknife:
    """Leave every dataset out in turn.

    Parameters
    ----------
    studies, peaks, specification : as given to the main analysis
    result : Result
        Of the main analysis.
    bounds : BoundsMaps
        Of the main analysis (`keep_bounds`); peak heights pooled over studies stay as they were.
    progress, should_stop, threads : as for `sdm_core.run`

    Raises
    ------
    InputError
        With a single dataset.
    Stopped
        When asked to stop.
    """
    studies, peaks = chosen_studies(studies, peaks, specification)
    if len(studies) < 2:
        raise InputError([Problem("jackknife", "needs at least two datasets", "Add datasets.", field="jackknife")])
    specification = replace(specification, study_filter="", allow_few=True, permutations=0)
    members = [_members(result, specification, cluster) for cluster in result.clusters]
    places = [_place(cluster) for cluster in result.clusters]
    stays: list[list[bool | None]] = []
    peak_z: list[list[float | None]] = []
    for i, name in enumerate(studies.names):
        report = _shifted(progress, name, i, len(studies))
        options: dict[str, Any] = {"bounds": bounds, "progress": report, "should_stop": should_stop, "threads": threads}
        try:
            others = run(*leave_out(studies, peaks, i), specification, **options)
        except InputError:
            stays.append([None] * len(members))
            peak_z.append([None] * len(members))
            continue
        stays.append([*_which_stay(others, specification, result.clusters, members)])
        peak_z.append([float(others.maps["z"][place]) for place in places])
    return Jackknife(studies.names, tuple(zip(*stays, strict=True)), tuple(zip(*peak_z, strict=True)))


def _place(cluster: Cluster) -> tuple[int, ...]:
    return tuple(np.rint(mm_to_voxel(cluster.peak.mm)).astype(int).tolist())


def _labels(result: Result, specification: AnalysisSpecification, sign: int) -> Labels:
    """Touching voxels of one sign that pass the voxel threshold, numbered."""
    passing = (result.maps[_P_MAPS[sign]] <= specification.voxel_p) & (sign * result.maps["z"] > 0)
    labels: Labels = ndimage.label(passing, _TOUCHING)[0]
    return labels


def _members(result: Result, specification: AnalysisSpecification, cluster: Cluster) -> NDArray[np.bool_]:
    labels = _labels(result, specification, cluster.sign)
    members: NDArray[np.bool_] = labels == labels[_place(cluster)]
    return members


def _which_stay(
    others: Result,
    specification: AnalysisSpecification,
    clusters: Sequence[Cluster],
    members: Sequence[NDArray[np.bool_]],
) -> list[bool]:
    """Whether each cluster overlaps one of the same sign that passes all thresholds in the other analysis."""
    found = {sign: _labels(others, specification, sign) for sign in _P_MAPS}
    alive = {
        sign: [found[sign][_place(cluster)] for cluster in others.clusters if cluster.sign == sign] for sign in _P_MAPS
    }
    return [
        bool(np.isin(found[cluster.sign][own], alive[cluster.sign]).any())
        for cluster, own in zip(clusters, members, strict=True)
    ]


def _shifted(
    progress: Callable[[Progress], None] | None, name: str, done: int, total: int
) -> Callable[[Progress], None] | None:
    """Progress of one analysis as a part of all."""
    if progress is None:
        return None
    message = f"Without {name} ({done + 1} of {total})"
    return lambda one: progress(Progress("jackknife", (done + one.fraction) / total, message))
