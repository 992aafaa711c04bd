"""How well the packaged gray-matter template does on studies that it was not chosen on.

    python benchmarks/template_cross_validation.py [--run ../shared/data/sdm_psi_run] [--folds 5]

Makes the bounds of every study of a published SDM-PSI run from its peaks (compatibility mode, the run's mask) with each
candidate model of the template, and correlates their mid-points with the published ones where a peak reaches in either,
as the fidelity tool does.  Each fold of the studies is scored with the candidate that is best on the other folds.
Prints JSON.  About 15 seconds of processor time a candidate.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sdm_core.effects import (
    EffectScale,
    KernelGraph,
    effective_thresholds,
    peak_statistics,
    source_voxels,
    study_bounds,
)
from sdm_core.io import read_bounds, read_sdm_folder
from sdm_core.pooling import random_effects_mean
from sdm_core.spaces import Template
from sdm_core.spaces.templates import TissueModel, neighbour_correlations, tissue_share
from sdm_core.specification import COMPATIBILITY

FACES = (0.974, 0.977, 0.98, 0.983)
FACTORS = ((1.0, 0.0), (1.4, 0.8), (1.75, 1.5), (2.1, 2.0))
REACHED = 1e-3
"""Least kernel of a voxel that counts as reached by a peak."""


class PublishedRun:
    """The peaks of a run and its published bounds, in units of t."""

    def __init__(self, folder: Path) -> None:
        self.studies, self.peaks, _, _ = read_sdm_folder(folder / "inputs")
        published = read_bounds(folder / "bounds", self.studies)
        self.mask, scale = published.mask, EffectScale.of(self.studies)
        self.thresholds, _ = effective_thresholds(self.studies, self.peaks)
        self.t = peak_statistics(self.studies, self.peaks, self.thresholds, COMPATIBILITY, random_effects_mean)
        self.sources, _ = source_voxels(self.peaks, self.studies, self.mask, truncate=True)
        order = [published.names.index(name) for name in self.studies.names]
        one = [float(scale.effect(i, np.ones(1))[0]) for i in range(len(order))]
        self.lower = [published.lower[j] / one[i] for i, j in enumerate(order)]
        self.upper = [published.upper[j] / one[i] for i, j in enumerate(order)]

    def scores(self, model: TissueModel) -> np.ndarray:
        """Correlation of the mid-points of the bounds, one a study."""
        correlations = neighbour_correlations(tissue_share("gray_matter"), self.mask, model)
        graph = KernelGraph.of(Template("candidate", correlations, self.mask))
        with ThreadPoolExecutor(2) as pool:
            return np.array(list(pool.map(lambda i: self._score(graph, i), range(len(self.studies)))))

    def _score(self, graph: KernelGraph, i: int) -> float:
        threshold = float(self.thresholds[i])
        lower, upper = study_bounds(graph, self.sources, self.t, self.peaks.of_study(i), threshold)
        widths = [upper - lower, self.upper[i] - self.lower[i]]
        reached = np.any([1 - width / (2 * threshold) > REACHED for width in widths], axis=0)
        return float(np.corrcoef((lower + upper)[reached], (self.lower[i] + self.upper[i])[reached])[0, 1])


def cross_validate(scores: np.ndarray, folds: int) -> tuple[list[int], np.ndarray]:
    """The best candidate without each fold, and the score of every study by the candidate of its fold.

    Parameters
    ----------
    scores : ndarray of shape (n_candidates, n_studies)
    """
    fold = np.arange(scores.shape[1]) % folds
    chosen = [int(scores[:, fold != k].mean(axis=1).argmax()) for k in range(folds)]
    return chosen, scores[np.array(chosen)[fold], np.arange(scores.shape[1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("../shared/data/sdm_psi_run"))
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    run = PublishedRun(options.run)
    models = [TissueModel(face, *factor) for face, factor in itertools.product(FACES, FACTORS)]
    scores = np.array([run.scores(model) for model in models])
    chosen, held_out = cross_validate(scores, options.folds)
    print(
        json.dumps(
            {
                "studies": len(run.studies),
                "candidates": [
                    {**asdict(model), "mean_r": round(float(row.mean()), 4)}
                    for model, row in zip(models, scores, strict=True)
                ],
                "chosen_without_each_fold": [asdict(models[k]) for k in chosen],
                "held_out": {
                    "mean_r": round(float(held_out.mean()), 4),
                    "least": round(float(held_out.min()), 4),
                    "largest": round(float(held_out.max()), 4),
                },
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
