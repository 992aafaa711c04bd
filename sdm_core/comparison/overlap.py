"""How much of one run's clusters lies in the other's."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from sdm_core.inference import Cluster, cluster_labels

from .runs import FinishedRun, Thresholds, check_comparable, shared, sources

Labels = npt.NDArray[np.signedinteger]


def overlap(
    main: FinishedRun, moderator: FinishedRun, correction: str = "uncorrected", moderator_correction: str | None = None
) -> dict[str, Any]:
    """Overlap of a moderator's clusters with those of the main analysis, each by the thresholds of its own run.

    Parameters
    ----------
    correction, moderator_correction : str
        Which p of each run, one of CORRECTIONS; the second is the first's if left out.

    Returns
    -------
    dict
        JSON-able: voxels of both and of their overlap, Dice; for each cluster of either run the share inside the
        other's clusters; each pair of clusters that meet, with its voxels and whether they have the same sign.

    Raises
    ------
    InputError
        If the runs have different masks or templates, or lack the p that is asked for.

    Notes
    -----
    Dice is 2 x overlap / (voxels of the one + voxels of the other); None where neither run has a cluster.
    """
    check_comparable(main, moderator)
    found, labels, thresholds = [], [], []
    for run, wanted in ((main, correction), (moderator, moderator_correction or correction)):
        own = Thresholds.of(run.specification, wanted)
        z, signed = run.map("z"), own.maps(run)
        clusters = own.clusters(z, run.mask, *signed)
        thresholds.append(dataclasses.asdict(own))
        found.append(clusters)
        labels.append(cluster_labels(clusters, z, run.mask, *signed, voxel_p=own.p))
    inside = [label > 0 for label in labels]
    both, total = int((inside[0] & inside[1]).sum()), int(inside[0].sum() + inside[1].sum())
    return {
        "comparison": "overlap",
        "thresholds": dict(zip(("main", "moderator"), thresholds, strict=True)),
        "voxels": {"main": int(inside[0].sum()), "moderator": int(inside[1].sum()), "overlap": both},
        "dice": 2 * both / total if total else None,
        "main": _shares(found[0], labels[0], inside[1]),
        "moderator": _shares(found[1], labels[1], inside[0]),
        "pairs": _pairs(found[0], found[1], labels[0], labels[1]),
        "shared": shared(main, moderator),
        "runs": sources(main, moderator),
    }


def _shares(clusters: list[Cluster], labels: Labels, other: npt.NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Each cluster, and how much of it the other run covers."""
    covered = np.bincount(labels[other], minlength=len(clusters) + 1)
    return [
        {
            "cluster": cluster.number,
            "sign": cluster.sign,
            "peak_mm": list(cluster.peak.mm),
            "peak_label": cluster.peak.label.text,
            "voxels": cluster.size_voxels,
            "overlap_voxels": int(covered[cluster.number]),
            "share": float(covered[cluster.number] / cluster.size_voxels),
        }
        for cluster in clusters
    ]


def _pairs(main: list[Cluster], moderator: list[Cluster], labels: Labels, other: Labels) -> list[dict[str, Any]]:
    both = (labels > 0) & (other > 0)
    meetings, counts = np.unique(np.stack([labels[both], other[both]]), axis=1, return_counts=True)
    return [
        {
            "main": int(a),
            "moderator": int(b),
            "voxels": int(count),
            "dice": float(2 * count / (main[a - 1].size_voxels + moderator[b - 1].size_voxels)),
            "same_sign": main[a - 1].sign == moderator[b - 1].sign,
        }
        for a, b, count in zip(*meetings, counts, strict=True)
    ]
