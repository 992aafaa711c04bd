"""Time and memory of the permutation test on SIMULATED studies with the packaged mask.

    python benchmarks/permutations.py [--studies 20] [--subjects 40] [--imputations 50] [--permutations 64]
                                      [--workers 2]

Half of the studies have one sample, half have two.  Prints one JSON object: seconds by stage and by permutation, the
projected seconds of 1000 permutations, processor seconds of the parts, peak memory, machine.
"""

import argparse
import dataclasses
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
from sdm_core.inference import Enhancer
from sdm_core.spaces import load_mask, voxel_to_mm

PEAKS_PER_STUDY = 14


def simulated(n_studies: int, subjects: int) -> tuple[StudyTable, PeakTable]:
    """Studies with peaks anywhere in the mask."""
    rng, mask = np.random.default_rng(20), load_mask("gray_matter")
    sizes = ({"n1": subjects}, {"n1": subjects // 2, "n2": subjects - subjects // 2})
    studies = StudyTable.from_rows({"study": f"simulated{i}", "t_thr": 3.2, **sizes[i % 2]} for i in range(n_studies))
    count = n_studies * PEAKS_PER_STUDY
    t = rng.uniform(3.3, 6, count) * rng.choice([1, 1, -1], count)
    mm = voxel_to_mm(mask.indices[rng.integers(0, mask.size, count)])
    return studies, PeakTable(np.repeat(np.arange(n_studies), PEAKS_PER_STUDY), mm, t, np.sign(t).astype(np.int8))


def least_processor_seconds(task: Callable[[], object], times: int = 5) -> float:
    """The least of some tries, which other work on the machine disturbs least."""
    seconds = []
    for _ in range(times):
        began = time.thread_time()
        task()
        seconds.append(time.thread_time() - began)
    return min(seconds)


def tfce_milliseconds(z: np.ndarray) -> dict[str, float]:
    """Both signs of one map, maxima only and the whole map."""
    figures = {}
    for neighbours in (6, 26):
        enhancer = Enhancer.of(load_mask("gray_matter"), neighbours)
        for name, task in (("maxima", enhancer.maxima), ("map", enhancer.enhance)):
            figures[f"{name}_{neighbours}"] = round(1e3 * least_processor_seconds(lambda task=task: task(z)), 1)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--imputations", type=int, default=50)
    parser.add_argument("--permutations", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    studies, peaks = simulated(options.studies, options.subjects)
    specification = AnalysisSpecification(imputations=options.imputations, permutations=options.permutations)
    warm = dataclasses.replace(specification, imputations=2, permutations=1)
    run(*simulated(2, 8), warm, threads=options.workers)
    processor, load = time.process_time(), os.getloadavg() if hasattr(os, "getloadavg") else None
    result = run(studies, peaks, specification, threads=options.workers)
    processor = time.process_time() - processor
    seconds = result.provenance["seconds"]
    each = seconds["permutations"] / options.permutations
    before = seconds["total"] - seconds["permutations"]
    figures = {
        "data": "simulated",
        **vars(options),
        "voxels": result.provenance["mask"]["voxels"],
        "seconds": seconds,
        "seconds_per_permutation": round(each, 4),
        "projected_seconds_of_1000_permutations": round(1000 * each, 1),
        "projected_seconds_of_the_whole_run": round(before + 1000 * each, 1),
        "processor_seconds": round(processor, 1),
        "processor_milliseconds_of_tfce": tfce_milliseconds(load_mask("gray_matter").take(result.maps["z"])),
        "peak_memory_mb": result.provenance["peak_memory_mb"],
        "machine": {**result.provenance["machine"], "processors": os.cpu_count(), "processor": platform.machine()},
        "load_average_before": load,
        "load_average_after": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "software": result.provenance["software"],
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
