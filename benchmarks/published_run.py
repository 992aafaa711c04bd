"""What the compatibility mode's choices are worth, on a published run of SDM-PSI 6.21.

    python benchmarks/published_run.py clusters OUT
    python benchmarks/published_run.py search [--imputations 50]
    python benchmarks/published_run.py smoothness [--imputations 10] [--permutations 96]
    python benchmarks/published_run.py seeds [--imputations 50]

clusters    how far the peaks of a run OUT with permutations lie from those of the published clusters.
search      maps from the published bounds against the published ones, by the number of studies left out of the most
            likely mean and by the smoothing of its maps.
smoothness  maxima of z and of stepped TFCE over permutations, by the power a of the template's correlations that
            neighbouring voxels of the subjects' residuals have.
seeds       how far two seeds agree with each other.
--edge N analyses a block of gray matter only.  Prints one JSON object.
"""

import argparse
import csv
import json
import sys
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import block_mask

from sdm_core import AnalysisSpecification, run
from sdm_core.io import read_bounds, read_masked_map, read_sdm_folder
from sdm_core.pipeline import Result
from sdm_core.spaces import Mask
from sdm_core.specification import COMPATIBILITY
from sdm_core.studies import BoundsMaps

LEVEL = 0.05
SEARCHES = ((2, 1.2), (3, 1.0), (3, 1.2), (3, 1.4), (4, 1.2))
"""Studies left out, and the standard deviation of the smoothing in mm."""
POWERS = (1, 2, 3, 4.5, 5)


class PublishedRun:
    """Its bounds, analysed by the compatibility mode with the options given, and its maps."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.folder = options, options.run
        self.studies, self.peaks, *_ = read_sdm_folder(self.folder / "inputs")
        self.bounds = read_bounds(self.folder / "bounds", self.studies)
        if options.edge:
            self.bounds = inside(self.bounds, block_mask(options.edge))

    def analysed(self, **choices: int) -> Result:
        """The run made anew."""
        given = {"imputations": self.options.imputations, "compatibility": COMPATIBILITY, **choices}
        specification = AnalysisSpecification(**given)
        return run(self.studies, self.peaks, specification, bounds=self.bounds, threads=self.options.threads)

    def values(self, result: Result, name: str) -> np.ndarray:
        """A map of ours, shape (n_voxels,)."""
        return self.bounds.mask.take(result.maps[name]).astype(np.float64)

    def published(self, name: str) -> np.ndarray:
        """A published map, shape (n_voxels,)."""
        return np.asarray(read_masked_map(self.folder / "mean_model" / f"{name}.nii.gz", self.bounds.mask), np.float64)


def inside(bounds: BoundsMaps, block: Mask) -> BoundsMaps:
    """The bounds at the voxels of a block."""
    mask = Mask.from_volume(bounds.mask.voxels & block.voxels, block.name)
    places = bounds.mask.index_volume[tuple(mask.indices.T)]
    return BoundsMaps(bounds.names, bounds.lower[:, places], bounds.upper[:, places], mask)


def clusters(options: argparse.Namespace) -> dict[str, object]:
    """Distance of each published cluster's peak from the nearest peak of ours, by correction."""
    published = table(options.run / "mean_model" / "mod1_clusters.csv")
    found = {}
    for correction in ("voxel", "tfce"):
        ours = np.array([place(row) for row in table(options.out / "tables" / f"peaks_fwe_{correction}.csv")])
        found[correction] = [round(float(np.linalg.norm(ours - place(row), axis=1).min()), 1) for row in published]
    return {"published": [row["description"] for row in published], "mm_to_nearest_peak": found}


def table(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def place(row: dict[str, str]) -> np.ndarray:
    """MNI mm."""
    return np.array([float(row[axis]) for axis in "xyz"])


def search(options: argparse.Namespace) -> dict[str, object]:
    """Agreement of the maps, one row for each choice."""
    published, rows = PublishedRun(options), []
    significant = published.published("corrp_voxel") >= 1 - LEVEL
    for discards, mm in SEARCHES:
        with mock.patch("sdm_core.pipeline.likelihood.SDM_SMOOTHING_MM", mm):
            result = published.analysed(mle_discards=discards)
        pairs = {name: (published.values(result, name), published.published(name)) for name in ("g", "z", "tau2")}
        rows.append(
            {
                "discards": discards,
                "smoothed_mm": mm,
                **{f"r_{name}": round(float(np.corrcoef(*pair)[0, 1]), 4) for name, pair in pairs.items()},
                "z_above_published": round(float(np.subtract(*pairs["z"]).mean()), 3),
                "best_dice": round(best_dice(pairs["z"][0], significant), 3),
            }
        )
    return {"voxels": published.bounds.mask.size, "searches": rows}


def best_dice(z: np.ndarray, significant: np.ndarray) -> float:
    """Dice of the voxels above a threshold of z with those given, at the best threshold."""
    both = np.cumsum(significant[np.argsort(-z)])
    return float((2 * both / (np.arange(1, z.size + 1) + significant.sum())).max())


def smoothness(options: argparse.Namespace) -> dict[str, object]:
    """Median and 95 % quantile of the maxima of the positive sign, the data left out."""
    published, rows = PublishedRun(options), {}
    of_published = np.loadtxt(options.run / "mean_model" / "null_maxima.txt")
    rows["published"] = quantiles(of_published[1:, 0]), quantiles(of_published[1:, 2])
    for power in POWERS:
        with mock.patch("sdm_core.pipeline.permutations.SDM_ROUGHNESS", power):
            maxima = published.analysed(permutations=options.permutations).null_maxima
        rows[f"a = {power:g}"] = quantiles(maxima.z[1:, 0]), quantiles(maxima.tfce[1:, 0])
    return {"median_and_95": {name: {"z": z, "tfce": tfce} for name, (z, tfce) in rows.items()}}


def quantiles(maxima: np.ndarray) -> list[float]:
    """Median and 95 %."""
    return [round(float(value), 2) for value in np.quantile(maxima, (0.5, 0.95))]


def seeds(options: argparse.Namespace) -> dict[str, object]:
    """Spread of the difference of z, and Dice of the voxels above the published threshold of z."""
    published = PublishedRun(options)
    threshold = float(np.quantile(np.loadtxt(options.run / "mean_model" / "null_maxima.txt")[:, 0], 1 - LEVEL))
    one, other = (published.values(published.analysed(seed=seed), "z") for seed in (1, 2))
    above = one > threshold, other > threshold
    return {
        "sd_of_the_difference_of_z": round(float((one - other).std()), 3),
        "threshold": round(threshold, 3),
        "dice": round(2 * float((above[0] & above[1]).sum() / (above[0].sum() + above[1].sum())), 3),
    }


QUESTIONS = {"clusters": clusters, "search": search, "smoothness": smoothness, "seeds": seeds}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("question", choices=tuple(QUESTIONS))
    parser.add_argument("out", type=Path, nargs="?", help="what a run wrote, for clusters")
    parser.add_argument("--run", type=Path, default=Path("../shared/data/sdm_psi_run"))
    parser.add_argument("--imputations", type=int, help="default: 50, and 10 for smoothness")
    parser.add_argument("--permutations", type=int, default=96)
    parser.add_argument("--edge", type=int, default=0, help="voxels of the block; 0: the mask of the run")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    options.imputations = options.imputations or (10 if options.question == "smoothness" else 50)
    if options.question == "clusters" and options.out is None:
        parser.error("clusters needs the folder of a run")
    print(json.dumps({"question": options.question, **QUESTIONS[options.question](options)}, indent=2))


if __name__ == "__main__":
    main()
