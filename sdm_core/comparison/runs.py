"""What is asked of a finished run, and whether two of them can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.inference import Cluster, cluster_labels, find_clusters
from sdm_core.spaces import Mask
from sdm_core.specification import AnalysisSpecification

Volume = npt.NDArray[np.float32]

CORRECTIONS: Final = ("uncorrected", "permutation", "fwe_voxel", "fwe_tfce", "fwe_cluster")
"""Which p of a run: its maps are called ``p_`` and one of these."""


class FinishedRun(Protocol):
    """A run that can be compared; `sdm_core.io.read_run` makes one of a folder."""

    @property
    def name(self) -> str:
        """For a reader."""

    @property
    def document(self) -> Mapping[str, Any]:
        """The content of run.json."""

    @property
    def specification(self) -> AnalysisSpecification:
        """What was asked."""

    @property
    def mask(self) -> Mask:
        """The analysed voxels."""

    def map(self, name: str) -> Volume:
        """A map of shape (91, 109, 91); InputError if the run has none of that name."""


@dataclass(frozen=True)
class Thresholds:
    """Which voxels and clusters count.

    Attributes
    ----------
    correction : {"uncorrected", "permutation", "fwe_voxel", "fwe_tfce", "fwe_cluster"}
        Which one-sided p.
    p : float
    min_peak_z : float
    min_extent : int, voxels
    """

    correction: str = "uncorrected"
    p: float = 0.005
    min_peak_z: float = 1.0
    min_extent: int = 10

    def __post_init__(self) -> None:
        if self.correction not in CORRECTIONS:
            mend = f"Choose one of {', '.join(CORRECTIONS)}."
            raise InputError([Problem("correction", f'"{self.correction}" is not known', mend, field="correction")])
        if not 0 < self.p <= 1:
            raise InputError([Problem("p", f"{self.p:g} is no threshold", "Give one above 0, up to 1.", field="p")])

    @classmethod
    def of(cls, specification: AnalysisSpecification, correction: str = "uncorrected") -> Thresholds:
        """The thresholds that a run's own tables were made with."""
        p = specification.fwe_p if correction.startswith("fwe") else specification.voxel_p
        return cls(correction, p, specification.min_peak_z, specification.min_extent)

    def maps(self, run: FinishedRun) -> tuple[Volume, Volume]:
        """One-sided p for positive and for negative effects of a run, each of shape (91, 109, 91)."""
        return run.map(f"p_{self.correction}"), run.map(f"p_{self.correction}_neg")

    def clusters(self, z: Volume, mask: Mask, p: Volume, p_negative: Volume) -> list[Cluster]:
        """Clusters of maps of shape (91, 109, 91)."""
        return find_clusters(
            z, mask, p, p_negative, voxel_p=self.p, min_peak_z=self.min_peak_z, min_extent=self.min_extent
        )


def cluster_masks(run: FinishedRun, numbers: Sequence[int], correction: str = "uncorrected") -> list[Mask]:
    """The voxels of some clusters of a run's own table, each named "cluster N".

    Raises
    ------
    InputError
        With every number that no cluster has.
    """
    if not numbers:
        return []
    thresholds, z = Thresholds.of(run.specification, correction), run.map("z")
    signed = thresholds.maps(run)
    clusters = thresholds.clusters(z, run.mask, *signed)
    mend = f"The run has {len(clusters)} clusters."
    unknown = [number for number in numbers if not 1 <= number <= len(clusters)]
    if unknown:
        raise InputError(Problem(f"cluster {number}", "is not in the run", mend, field="cluster") for number in unknown)
    labels = cluster_labels(clusters, z, run.mask, *signed, voxel_p=thresholds.p)
    return [Mask.from_volume(labels == number, f"cluster {number}") for number in numbers]


@dataclass(frozen=True)
class Comparison:
    """Maps and clusters made of two runs; `sdm_core.io.write_result` writes them as it writes a run.

    Attributes
    ----------
    maps : dict of ndarray of shape (91, 109, 91), float32
        Outside the mask p is 1 and everything else 0.
    clusters : sequence of Cluster
    provenance : dict
        What was compared, and how; JSON-able.
    """

    maps: dict[str, Volume]
    clusters: Sequence[Cluster]
    provenance: dict[str, Any]
    bounds: None = None
    null_maxima: None = None
    corrected_clusters: Mapping[str, Sequence[Cluster]] = field(default_factory=dict)


def check_comparable(first: FinishedRun, second: FinishedRun) -> None:
    """Raise InputError unless both runs have the same template and the same mask."""
    problems = []
    for part in ("template", "mask"):
        own, other = first.document[part], second.document[part]
        if own["sha256"] != other["sha256"]:
            message = f"{first.name} has {_named(own)}, {second.name} has {_named(other)}"
            problems.append(Problem(part, message, f"Run one of them again with the other's {part}.", field=part))
    if problems:
        raise InputError(problems)


def shared(first: FinishedRun, second: FinishedRun) -> dict[str, list[str]]:
    """Datasets of the same name, and cohorts of the same name, that are in both runs."""
    own, other = first.document["studies"], second.document["studies"]
    return {
        "datasets": sorted(set(own["names"]) & set(other["names"])),
        "cohorts": sorted(set(own.get("cohorts", ())) & set(other.get("cohorts", ()))),
    }


def sources(first: FinishedRun, second: FinishedRun) -> list[dict[str, Any]]:
    """What both runs were, for a comparison's document."""
    return [
        {
            "name": run.name,
            "studies": run.document["studies"],
            "specification": run.document["specification"],
            "tables_sha256": run.document.get("tables_sha256"),
            "template": run.document["template"],
            "mask": run.document["mask"],
        }
        for run in (first, second)
    ]


def _named(part: Mapping[str, Any]) -> str:
    voxels = f", {part['voxels']} voxels" if "voxels" in part else ""
    return f"{part['name']} ({part['sha256'][:8]}{voxels})"
