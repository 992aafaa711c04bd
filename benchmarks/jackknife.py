"""What leaving every dataset out costs, as a share of one run: processor time, and how far maps are from runs anew.

    python benchmarks/jackknife.py FOLDER [--imputations 50] [--edge 16] [--anew 1]

In a block of gray matter (--edge 0: the whole packaged mask).  Kernels are compiled before anything is timed.  The run
has no permutations; the jackknife starts from its bounds.
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
from sdm_core.io import read_sdm_folder
from sdm_core.pipeline import jackknife
from sdm_core.studies import leave_out

TINY = 6
"""Edge of the block on which kernels are compiled."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="SDM inputs")
    parser.add_argument("--imputations", type=int, default=50)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--edge", type=int, default=16, help="voxels of the block; 0: the whole mask")
    parser.add_argument("--anew", type=int, default=1, help="analyses made anew for comparison")
    options = parser.parse_args()
    tables = read_sdm_folder(options.folder)[:2]
    specification = AnalysisSpecification(imputations=options.imputations)
    given = {"keep_bounds": True, "threads": options.threads}
    small = AnalysisSpecification(imputations=2)
    tiny = run(*tables, small, mask=block_mask(TINY), **given)
    jackknife(*tables, small, tiny, tiny.bounds, threads=options.threads)

    began = time.process_time()
    result = run(*tables, specification, mask=block_mask(options.edge) if options.edge else None, **given)
    whole, began, kept = time.process_time() - began, time.process_time(), {}
    jackknife(*tables, specification, result, result.bounds, keep=lambda name, maps: kept.update({name: maps["z"]}),
              threads=options.threads)  # fmt: skip
    left_out, began = time.process_time() - began, time.process_time()
    voxels, differences = result.bounds.mask.voxels, {}
    for i in range(options.anew):
        name = tables[0].names[i]
        others = run(*leave_out(*tables, i), specification, bounds=result.bounds, threads=options.threads)
        apart = np.abs(others.maps["z"] - kept[name])[voxels]
        differences[name] = {"largest": float(apart.max()), "99 %": float(np.quantile(apart, 0.99))}
    document = {
        "datasets": len(tables[0]),
        "imputations": options.imputations,
        "voxels": int(voxels.sum()),
        "run_processor_seconds": round(whole, 1),
        "seconds_of_the_run": result.provenance["seconds"],
        "jackknife_processor_seconds": round(left_out, 1),
        "jackknife_as_share_of_a_run": round(left_out / whole, 2),
        "one_analysis_anew_processor_seconds": round((time.process_time() - began) / max(options.anew, 1), 1),
        "difference_of_z_from_an_analysis_anew": differences,
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
