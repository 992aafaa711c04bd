"""Time and memory of everything up to the pooled maps, on SIMULATED studies with the packaged mask.

    python benchmarks/pooled_maps.py [--studies 50] [--imputations 50] [--threads N]

Prints one JSON object: seconds by stage, processor seconds, peak memory, machine.
"""

import argparse
import json
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
from sdm_core.spaces import load_mask, voxel_to_mm

PEAKS_PER_STUDY = 14


def simulated(n_studies: int) -> tuple[StudyTable, PeakTable]:
    """Studies of 10 to 40 people with peaks anywhere in the mask; one peak in three known only by its sign."""
    rng, mask = np.random.default_rng(20), load_mask("gray_matter")
    rows = [{"study": f"simulated{i}", "n1": int(rng.integers(10, 41)), "t_thr": 3.2} for i in range(n_studies)]
    studies = StudyTable.from_rows(rows)
    count = n_studies * PEAKS_PER_STUDY
    t = rng.uniform(3.3, 6, count) * rng.choice([1, 1, -1], count)
    signed_only = rng.random(count) < 1 / 3
    mm = voxel_to_mm(mask.indices[rng.integers(0, mask.size, count)])
    index = np.repeat(np.arange(n_studies), PEAKS_PER_STUDY)
    return studies, PeakTable(index, mm, np.where(signed_only, np.nan, t), np.sign(t).astype(np.int8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=50)
    parser.add_argument("--imputations", type=int, default=50)
    parser.add_argument("--threads", type=int)
    options = parser.parse_args()
    studies, peaks = simulated(options.studies)
    processor = time.process_time()
    result = run(studies, peaks, AnalysisSpecification(imputations=options.imputations), threads=options.threads)
    figures = {
        "data": "simulated",
        "studies": options.studies,
        "imputations": options.imputations,
        "voxels": result.provenance["mask"]["voxels"],
        "seconds": result.provenance["seconds"],
        "processor_seconds": round(time.process_time() - processor, 1),
        "peak_memory_mb": result.provenance["peak_memory_mb"],
        "machine": {**result.provenance["machine"], "processors": os.cpu_count(), "processor": platform.machine()},
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "software": result.provenance["software"],
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
