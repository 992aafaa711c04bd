"""How propagated moments agree with the exact loop over imputations on real inputs.

    python benchmarks/moments.py FOLDER [--bounds DIR] [--permutations 128] [--imputations 50] [--edge 0]

Both analyses have the same seed, so that their permutations are the same.  Prints one JSON object: per statistic and
sign the correlation of the maxima of all permutations but the first (the data), their mean difference in standard
deviations, the thresholds at corrected p <= 0.05, the voxels that pass and their Dice coefficient; processor seconds.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import block_mask

from sdm_core import AnalysisSpecification, run
from sdm_core.io import read_bounds, read_sdm_folder
from sdm_core.pipeline import Result

LEVEL = 0.05
STATISTICS = {"z": "voxel", "tfce": "tfce", "extent": "cluster"}


def agreement(exact: Result, moments: Result) -> dict[str, dict[str, float | None]]:
    """Maxima and corrected maps of both, by statistic and sign."""
    found = {}
    for statistic, name in STATISTICS.items():
        for column, suffix in enumerate(("", "_neg")):
            ours, theirs = (getattr(one.null_maxima, statistic)[1:, column] for one in (exact, moments))
            passing, theirs_passing = (one.maps[f"p_fwe_{name}{suffix}"] <= LEVEL for one in (exact, moments))
            either = int(passing.sum() + theirs_passing.sum())
            found[name + suffix] = {
                "correlation_of_maxima": float(np.corrcoef(ours, theirs)[0, 1]) if ours.any() else None,
                "mean_difference_of_maxima_in_sd": float((theirs - ours).mean() / (ours.std() or 1)),
                "threshold_exact": float(np.quantile(ours, 1 - LEVEL)),
                "threshold_moments": float(np.quantile(theirs, 1 - LEVEL)),
                "voxels_exact": int(passing.sum()),
                "voxels_moments": int(theirs_passing.sum()),
                "dice": 2 * int((passing & theirs_passing).sum()) / either if either else None,
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="SDM inputs")
    parser.add_argument("--bounds", type=Path, help="start from these maps")
    parser.add_argument("--permutations", type=int, default=128)
    parser.add_argument("--imputations", type=int, default=50)
    parser.add_argument("--edge", type=int, default=0, help="voxels of a block of gray matter; 0: the whole mask")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    studies, peaks, *_ = read_sdm_folder(options.folder)
    given = {"bounds": read_bounds(options.bounds, studies) if options.bounds else None, "threads": options.threads}
    given["mask"] = block_mask(options.edge) if options.edge else None
    results, seconds = {}, {}
    for algebra in ("moments", "exact"):
        specification = AnalysisSpecification(
            imputations=options.imputations, permutations=options.permutations, permutation_algebra=algebra
        )
        began = time.process_time()
        results[algebra] = run(studies, peaks, specification, **given)
        seconds[algebra] = round(time.process_time() - began, 1)
    document = {
        "studies": len(studies),
        "imputations": options.imputations,
        "permutations": options.permutations,
        "voxels": results["exact"].provenance["mask"]["voxels"],
        "processor_seconds": seconds,
        "seconds_by_stage": {name: one.provenance["seconds"] for name, one in results.items()},
        "agreement": agreement(results["exact"], results["moments"]),
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
