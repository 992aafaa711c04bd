"""Time and memory of the permutation test on SIMULATED studies with the packaged mask.

    python benchmarks/permutations.py [--studies 20] [--subjects 40] [--imputations 50] [--permutations 64]
                                      [--workers 2]

Half of the studies have one sample, half have two.  Prints one JSON object: seconds by stage and by permutation, peak
memory and the projected seconds of 1000 permutations, with propagated moments and with the exact loop; one worker
against several; the fused loop against plain numpy; TFCE of one map against nilearn's and the tfce package's (the
dependency group `benchmarks`; without them it says so); machine.
"""

import argparse
import dataclasses
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
from sdm_core.effects import EffectScale, curvatures, groups_of
from sdm_core.inference import Assignments, Enhancer
from sdm_core.lanes import WIDTH
from sdm_core.pooling import permuted_z, propagated_z
from sdm_core.spaces import load_mask, voxel_to_mm

PEAKS_PER_STUDY = 14
LOOP_TILES = 8


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
    """The least of some tries, which other work disturbs least; all threads count, as some packages start their own."""
    seconds = []
    for _ in range(times):
        began = time.process_time()
        task()
        seconds.append(time.process_time() - began)
    return min(seconds)


def tfce_milliseconds(z: np.ndarray) -> dict[str, Any]:
    """Processor time of both signs of one map: maxima only, the whole map, and the same by others."""
    mask, figures = load_mask("gray_matter"), {}
    for neighbours in (6, 26):
        enhancer = Enhancer.of(mask, neighbours)
        for name, task in (("maxima", enhancer.maxima), ("map", enhancer.enhance)):
            figures[f"{name}_{neighbours}"] = round(1e3 * least_processor_seconds(lambda task=task: task(z)), 1)
    volume, own = mask.to_volume(z).astype(np.float64), Enhancer.of(mask).enhance(z).values
    for name, enhance in others_tfce().items():
        if isinstance(enhance, str):
            figures[name] = enhance
            continue
        figures[f"{name}_26"] = round(1e3 * least_processor_seconds(lambda e=enhance: e(volume), 2), 1)
        theirs = mask.take(enhance(volume))
        figures[f"{name}_correlation_with_ours"] = float(np.corrcoef(theirs, own)[0, 1])
        figures[f"{name}_maximum_over_ours"] = float(np.abs(theirs).max() / np.abs(own).max())
    return figures


def others_tfce() -> dict[str, Callable[[np.ndarray], np.ndarray] | str]:
    """TFCE of a volume by other packages, or why not."""
    found: dict[str, Callable[[np.ndarray], np.ndarray] | str] = {}
    for name, module in (("nilearn", "nilearn.mass_univariate._utils"), ("tfce_package", "tfce")):
        try:
            code = importlib.import_module(module)
        except ImportError as error:
            found[name] = f"skipped: {error}; uv pip install -r requirements-benchmarks.lock"
            continue
        if name == "nilearn":
            cube = np.ones((3, 3, 3), int)
            found[name] = lambda v, code=code, cube=cube: code.calculate_tfce(v[..., None], cube)[..., 0]
        else:
            found[name] = lambda v, code=code: code.tfce(v, connectivity=26)
    return found


def numpy_z(products: np.ndarray, effects: np.ndarray, share: np.ndarray, model: np.ndarray) -> np.ndarray:
    """One permutation in plain numpy: products (n_studies, n_voxels), effects (n_imputations, n_studies, n_voxels)."""
    curvature, base, slope = model[:3, :, None]
    d = products + share[:, None] * effects
    y = d / np.sqrt(np.maximum(1e-6, 1 + curvature * (effects**2 - d**2)))
    v = base + slope * y**2
    w = 1 / v
    total = w.sum(axis=1)
    q = (w * y**2).sum(axis=1) - (w * y).sum(axis=1) ** 2 / total
    tau2 = np.maximum(0, (q - (len(base) - 1)) / (total - (w**2).sum(axis=1) / total))
    w = 1 / (v + tau2[:, None])
    total = w.sum(axis=1)
    mean = (w * y).sum(axis=1) / total
    between = (1 + 1 / len(effects)) * mean.var(axis=0, ddof=1)
    return mean.mean(axis=0) / np.sqrt((1 / total).mean(axis=0) + between)


def loop_nanoseconds(options: argparse.Namespace) -> dict[str, float]:
    """Processor time for each study, imputation, voxel and permutation, on one processor."""
    rng, studies = np.random.default_rng(4), simulated(options.studies, options.subjects)[0]
    scale = EffectScale.of(studies)
    groups = groups_of(studies, scale)
    starts = np.cumsum([0] + [group.code.size for group in groups])
    weights, shares = (part.astype(np.float32) for part in Assignments.of(groups, 1, 1000).block(0))
    model = np.column_stack([curvatures(studies, scale), scale.base, scale.slope, scale.correlation])
    residuals = rng.standard_normal((LOOP_TILES, starts[-1], WIDTH)).astype(np.float32)
    effects = rng.normal(0.2, 0.3, (LOOP_TILES, options.imputations, len(studies), WIDTH)).astype(np.float32)
    moments = np.stack([effects.mean(axis=1), effects.var(axis=1, ddof=1)], axis=1)
    z = np.empty((len(weights), LOOP_TILES, WIDTH), np.float32)
    given = weights, shares, starts, model.astype(np.float32)
    exact = least_processor_seconds(lambda: permuted_z(residuals, effects, *given, 0, LOOP_TILES, z), 3)
    propagated = least_processor_seconds(
        lambda: propagated_z(residuals, moments, *given, options.imputations, 0, LOOP_TILES, z), 3
    )
    once = len(studies) * options.imputations * LOOP_TILES * WIDTH
    figures = {"exact": exact / once / len(weights), "moments": propagated / once / len(weights)}
    for kind in (np.float32, np.float64):
        products = np.add.reduceat(weights[1][None, :, None] * residuals, starts[:-1], axis=1)
        flat = [np.concatenate(list(part), axis=-1).astype(kind) for part in (products, effects)]
        plain = least_processor_seconds(lambda flat=flat, kind=kind: numpy_z(*flat, shares[1], model.T.astype(kind)), 3)
        figures[f"numpy_{kind.__name__}"] = plain / once
    return {name: round(1e9 * seconds, 2) for name, seconds in figures.items()}


def timed_run(options: argparse.Namespace, algebra: str, workers: int) -> tuple[dict[str, Any], Any]:
    """A whole run."""
    specification = AnalysisSpecification(
        imputations=options.imputations, permutations=options.permutations, permutation_algebra=algebra
    )
    run(*simulated(2, 8), dataclasses.replace(specification, imputations=2, permutations=1), threads=workers)
    processor = time.process_time()
    result = run(*simulated(options.studies, options.subjects), specification, threads=workers)
    seconds = result.provenance["seconds"]
    each = seconds["permutations"] / options.permutations
    before = seconds["total"] - seconds["permutations"]
    figures = {
        "workers": workers,
        "seconds": seconds,
        "seconds_per_permutation": round(each, 4),
        "projected_seconds_of_1000_permutations": round(1000 * each, 1),
        "projected_seconds_of_the_whole_run": round(before + 1000 * each, 1),
        "processor_seconds": round(time.process_time() - processor, 1),
        "peak_memory_mb": result.provenance["peak_memory_mb"],
    }
    return figures, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=20)
    parser.add_argument("--subjects", type=int, default=40)
    parser.add_argument("--imputations", type=int, default=50)
    parser.add_argument("--permutations", type=int, default=64)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    load = os.getloadavg() if hasattr(os, "getloadavg") else None
    # Moments first: memory once held stays in the process's peak.
    moments, _ = timed_run(options, "moments", options.workers)
    exact, result = timed_run(options, "exact", options.workers)
    alone, _ = timed_run(options, "exact", 1)
    figures = {
        "data": "simulated",
        **vars(options),
        "voxels": result.provenance["mask"]["voxels"],
        "exact": exact,
        "moments": moments,
        "one_worker": {name: alone[name] for name in ("seconds_per_permutation", "processor_seconds")},
        "workers_against_one": round(alone["seconds_per_permutation"] / exact["seconds_per_permutation"], 2),
        "loop_nanoseconds": loop_nanoseconds(options),
        "processor_milliseconds_of_tfce": tfce_milliseconds(load_mask("gray_matter").take(result.maps["z"])),
        "machine": {**result.provenance["machine"], "processors": os.cpu_count(), "processor": platform.machine()},
        "load_average_before": load,
        "load_average_after": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "software": result.provenance["software"],
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
