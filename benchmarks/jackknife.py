"""What leaving every dataset out costs, as a share of one run: processor time, and how far maps are from runs anew.

python benchmarks/jackknife.py FOLDER --imputations 10 --threads 1
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sdm_core import AnalysisSpecification, run
from sdm_core.io import read_mask, read_sdm_folder
from sdm_core.pipeline import jackknife
from sdm_core.studies import leave_out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="SDM inputs")
    parser.add_argument("--imputations", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--mask", type=Path, help="NIfTI file, to take fewer voxels")
    parser.add_argument("--anew", type=int, default=1, help="analyses made anew for comparison")
    options = parser.parse_args()
    studies, peaks, *_ = read_sdm_folder(options.folder)
    specification = AnalysisSpecification(imputations=options.imputations)
    mask = read_mask(options.mask) if options.mask else None
    began = time.process_time()
    result = run(studies, peaks, specification, mask=mask, keep_bounds=True, threads=options.threads)
    whole, began, kept = time.process_time() - began, time.process_time(), {}
    arguments = studies, peaks, specification, result, result.bounds
    jackknife(*arguments, keep=lambda name, maps: kept.update({name: maps["z"]}), threads=options.threads)
    left_out, began = time.process_time() - began, time.process_time()
    voxels, differences = result.bounds.mask.voxels, {}
    for i in range(options.anew):
        others = run(*leave_out(studies, peaks, i), specification, bounds=result.bounds, threads=options.threads)
        differences[studies.names[i]] = float(np.abs(others.maps["z"] - kept[studies.names[i]])[voxels].max())
    document = {
        "datasets": len(studies),
        "imputations": options.imputations,
        "voxels": int(voxels.sum()),
        "run_processor_seconds": round(whole, 1),
        "jackknife_processor_seconds": round(left_out, 1),
        "jackknife_as_share_of_a_run": round(left_out / whole, 2),
        "one_analysis_anew_processor_seconds": round((time.process_time() - began) / max(options.anew, 1), 1),
        "largest_difference_of_z": differences,
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
