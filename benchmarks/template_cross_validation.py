"""How well the packaged gray-matter template does on studies that it was not fitted to.

    python benchmarks/template_cross_validation.py [--run ../shared/data/sdm_psi_run] [--folds 5] [--start shipped]

Makes the bounds of every study of a published SDM-PSI run from its peaks (compatibility mode, the run's mask), and
correlates their mid-points with the published ones where a peak reaches in either, as the fidelity tool does.  The
coefficients of the template come from one step of Gauss and Newton's: least squares of the mid-points and of the
kernels, each study weighing the same.  The step begins at a template of the share of gray matter alone, which no study
chose, or at the shipped one: then it shows what the other folds ask for near it, but the place was chosen by all.  Each
fold of the studies is scored with the coefficients of the other folds.  Prints JSON.  About three minutes of processor
time.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
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
from sdm_core.spaces.templates import TissueModel, border_share, neighbour_correlations, tissue_share
from sdm_core.specification import COMPATIBILITY

STEPS = {
    "constant": 0.02,
    "share": 0.1,
    "wide_share": 0.1,
    "border_gradient": 2.0,
    "border_variance": 0.3,
}
"""By how much each coefficient is moved to see what it does."""
STARTS = {
    "share": TissueModel(**dict.fromkeys(STEPS, 0.0) | {"constant": -3.0, "share": -1.7}),
    "shipped": TissueModel(),
}
"""Where the fit starts.  Without the share of gray matter many paths are equally long, without a slope."""
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
        self.published = [
            self._signal(i, published.lower[j] / one[i], published.upper[j] / one[i]) for i, j in enumerate(order)
        ]

    def signals(self, model: TissueModel) -> list[np.ndarray]:
        """Mid-points of the bounds and kernels (2, n_voxels), one a study."""
        tissues = tissue_share("gray_matter"), border_share("gray_matter")
        graph = KernelGraph.of(Template("candidate", neighbour_correlations(*tissues, self.mask, model), self.mask))

        def one(i: int) -> np.ndarray:
            bounds = study_bounds(graph, self.sources, self.t, self.peaks.of_study(i), float(self.thresholds[i]))
            return self._signal(i, *bounds)

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(one, range(len(self.studies))))

    def _signal(self, i: int, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        kernel = 1 - (upper - lower) / (2 * self.thresholds[i])
        return np.array([(lower + upper) / 2, kernel], dtype=np.float32)

    def reached(self, i: int, signal: np.ndarray) -> np.ndarray:
        return (signal[1] > REACHED) | (self.published[i][1] > REACHED)

    def scores(self, model: TissueModel) -> np.ndarray:
        """Correlation of the mid-points of the bounds, one a study."""
        return np.array([self._score(i, signal) for i, signal in enumerate(self.signals(model))])

    def _score(self, i: int, signal: np.ndarray) -> float:
        reached = self.reached(i, signal)
        return float(np.corrcoef(signal[0, reached], self.published[i][0, reached])[0, 1])

    def normal_equations(self, start: TissueModel) -> tuple[np.ndarray, np.ndarray]:
        """Products of the derivatives with each other, (n_studies, 5, 5), and with what is missing, (n_studies, 5)."""
        signals = self.signals(start)
        moved = [
            [self.signals(replace(start, **{k: getattr(start, k) + way * step})) for way in (1, -1)]
            for k, step in STEPS.items()
        ]
        squares, products = np.zeros((2, len(signals), len(STEPS), len(STEPS)))
        products = products[:, 0]
        for i, signal in enumerate(signals):
            reached = self.reached(i, signal)
            for kind, published in enumerate(self.published[i][:, reached]):
                own = signal[kind, reached]
                slopes = [
                    (up[i][kind, reached] - down[i][kind, reached]) / (2 * step)
                    for (up, down), step in zip(moved, STEPS.values(), strict=True)
                ]
                scaled = np.array(slopes, dtype=np.float64) / (published.std() * np.sqrt(reached.sum()))
                missing = (published - own) / (published.std() * np.sqrt(reached.sum()))
                squares[i] += scaled @ scaled.T
                products[i] += scaled @ missing
        return squares, products


def fitted(start: TissueModel, squares: np.ndarray, products: np.ndarray) -> TissueModel:
    """The model one step away from the start, by some studies."""
    step = np.linalg.solve(squares.sum(axis=0), products.sum(axis=0))
    return replace(start, **{k: getattr(start, k) + float(d) for k, d in zip(STEPS, step, strict=True)})


def coefficients(model: TissueModel) -> dict[str, float]:
    return {name: round(getattr(model, name), 3) for name in STEPS}


def summary(scores: np.ndarray) -> dict[str, float]:
    return {
        "mean_r": round(float(scores.mean()), 4),
        "least": round(float(scores.min()), 4),
        "largest": round(float(scores.max()), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("../shared/data/sdm_psi_run"))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--start", choices=STARTS, default="share")
    options = parser.parse_args()
    run, start = PublishedRun(options.run), STARTS[options.start]
    squares, products = run.normal_equations(start)
    fold = np.arange(len(run.studies)) % options.folds
    models = [fitted(start, squares[fold != k], products[fold != k]) for k in range(options.folds)]
    held_out = np.array([run.scores(model) for model in models])[fold, np.arange(len(run.studies))]
    document = {
        "studies": len(run.studies),
        "fitted_to_all": coefficients(fitted(start, squares, products)),
        "fitted_without_each_fold": [coefficients(model) for model in models],
        "start": summary(run.scores(start)),
        "shipped": summary(run.scores(TissueModel())),
        "held_out": summary(held_out),
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
