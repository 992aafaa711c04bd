"""False alarms over the family of voxels, in SIMULATED meta-analyses without any effect.

    python benchmarks/familywise_error.py [--design one-sample] [--data images] [--smoothness 13] [--simulations 400]
                                          [--permutations 160] [--studies 10] [--imputations 10] [--edge 10] [--tau 0]
                                          [--discards N] [--imputed-mean most_likely] [--effect 0]
                                          [--algebra exact] [--seed 1]

Subjects are smooth noise: of a full width at half maximum in mm, "template" (as the template has it), or mixtures of
the real subjects of a 4-D file (../shared/data/subject_images/subjects_4d.nii.gz).  Each study gives its t map (--data
images: every effect is known) or the peaks that pass its threshold (--data peaks: everything else is imputed).  A
simulated meta-analysis is a false alarm if any voxel's corrected p is at most 0.05.  Prints one JSON object;
"expected" is the binomial 99 % interval around 5 %.  With --effect the subjects have one in the middle of the
block, and the rates of the positive sign tell how often it is found.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from scipy import stats

sys.path.insert(0, str(Path(__file__).parents[1]))

from simulated import SmoothNoise, block_mask, peaks_of, t_map

from sdm_core import AnalysisSpecification, PeakTable, StudyTable, run
from sdm_core.effects import EffectScale
from sdm_core.pipeline import Result
from sdm_core.spaces import VOXEL_MM, Mask
from sdm_core.studies import BoundsMaps

LEVEL = 0.05
SMALLEST, LARGEST = 12, 20
"""Subjects of a study, or of each of its groups."""
EFFECT_SD_MM = 5.0
UNCORRECTED = ("p_uncorrected", "p_permutation")
"""Of the normal distribution, and of the permutations."""


class Simulation:
    """Draws meta-analyses without an effect and analyses them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.mask: Mask = block_mask(options.edge)
        self.noise = SmoothNoise(self.mask, options.smoothness, options.seed)
        self.rng = np.random.default_rng([options.seed, 11])
        mm = VOXEL_MM * (self.mask.indices - self.mask.indices.mean(axis=0))
        self.effect = (options.effect * np.exp(-(mm**2).sum(axis=1) / (2 * EFFECT_SD_MM**2))).astype(np.float32)

    def p_values(self, number: int) -> dict[str, float]:
        """The smallest corrected p of each kind in one meta-analysis, and the uncorrected ones of its middle voxel."""
        rows, maps = self._studies()
        result = self._analyse(rows, maps, self._specification(number))
        smallest = {name: float(p.min()) for name, p in result.maps.items() if name.startswith("p_fwe")}
        middle = tuple(self.mask.indices[self.mask.size // 2])
        return smallest | {name: float(result.maps[name][middle]) for name in UNCORRECTED}

    def _specification(self, number: int) -> AnalysisSpecification:
        options = self.options
        regression = {"covariates": ("x",), "hypothesis": (0, 1)} if options.design == "regression" else {}
        return AnalysisSpecification(
            imputations=2 if options.data == "images" else options.imputations,
            permutations=options.permutations,
            permutation_p=True,
            mle_discards=options.discards,
            imputed_mean=options.imputed_mean,
            seed=options.seed * 100_000 + number,
            compatibility=options.compat,
            permutation_algebra=options.algebra,
            allow_few=True,
            **regression,
        )

    def _studies(self) -> tuple[list[dict], np.ndarray]:
        """Rows of the study table, and t maps of shape (n_studies, n_voxels)."""
        rows, maps = [], []
        for i in range(self.options.studies):
            n1, n2 = self.rng.integers(SMALLEST, LARGEST + 1, 2)
            n2 = int(n2) if self.options.design == "two-sample" else 0
            subjects = self.noise.draw(int(n1) + n2)
            subjects[: int(n1)] += self.effect
            if self.options.tau:
                subjects[: int(n1)] += self.options.tau * self.noise.draw(1)
            threshold = float(stats.t.isf(self.options.peak_p, n1 + n2 - (2 if n2 else 1)))
            row = {"study": f"s{i}", "n1": int(n1), "t_thr": threshold, "x": float(self.rng.standard_normal())}
            rows.append(row | ({"n2": n2} if n2 else {}))
            maps.append(t_map(subjects, n2))
        return rows, np.array(maps)

    def _analyse(self, rows: list[dict], maps: np.ndarray, specification: AnalysisSpecification) -> Result:
        if self.options.data == "images":
            studies = StudyTable.from_rows(row | {"no_peaks": 1} for row in rows)
            scale = EffectScale.of(studies)
            g = np.array([scale.effect(i, t) for i, t in enumerate(maps)], dtype=np.float32)
            none = PeakTable.from_rows([], studies)
            bounds = BoundsMaps(studies.names, g, g, self.mask)
            return run(studies, none, specification, bounds=bounds, threads=1)
        found = [list(peaks_of(t, self.mask, row["t_thr"])) for row, t in zip(rows, maps, strict=True)]
        studies = StudyTable.from_rows(
            row | {"no_peaks": int(not peaks)} for row, peaks in zip(rows, found, strict=True)
        )
        mm = [peak.mm for peaks in found for peak in peaks]
        t = np.array([peak.t for peaks in found for peak in peaks])
        of = np.repeat(np.arange(len(rows)), [len(peaks) for peaks in found])
        peaks = PeakTable(of, np.array(mm).reshape(-1, 3), t, np.sign(t).astype(np.int8))
        return run(studies, peaks, specification, mask=self.mask, threads=1)


def summary(p: dict[str, np.ndarray]) -> dict[str, dict[str, float | bool]]:
    """Rates of false alarms, and whether each is compatible with 5 %."""
    figures: dict[str, dict[str, float | bool]] = {}
    for name, values in p.items():
        if name.startswith("p_fwe"):
            low, high = (count / len(values) for count in stats.binom.interval(0.99, len(values), LEVEL))
            rate = float((values <= LEVEL).mean())
            figures[name] = {"rate": rate, "within_expected": bool(low <= rate <= high)}
    return figures


def uniformity(p: np.ndarray) -> dict[str, float]:
    """How far p values are from a uniform distribution."""
    return {
        "share_at_most_0.05": float((p <= LEVEL).mean()),
        "share_above_0.95": float((p > 1 - LEVEL).mean()),
        "kolmogorov_smirnov_p": float(stats.kstest(p, "uniform").pvalue),
        "sd_as_z": float(np.std(stats.norm.isf(np.clip(p, 1e-12, 1 - 1e-12)))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--design", choices=("one-sample", "two-sample", "regression"), default="one-sample")
    parser.add_argument("--data", choices=("images", "peaks"), default="images")
    parser.add_argument("--smoothness", default="13", help="mm, template, or a 4-D file of real subjects")
    parser.add_argument("--simulations", type=int, default=400)
    parser.add_argument("--permutations", type=int, default=160)
    parser.add_argument("--studies", type=int, default=10)
    parser.add_argument("--imputations", type=int, default=10)
    parser.add_argument("--edge", type=int, default=10, help="voxels of the block")
    parser.add_argument("--tau", type=float, default=0.0, help="spread of true study effects around a mean of 0")
    parser.add_argument("--peak-p", type=float, default=0.001, help="one-sided level at which a study reports peaks")
    parser.add_argument("--discards", type=int, help="studies that the most likely mean leaves out")
    parser.add_argument("--imputed-mean", choices=("most_likely", "drawn"), default="most_likely")
    parser.add_argument("--effect", type=float, default=0.0, help="a true effect in the middle of the block, d")
    parser.add_argument("--compat", choices=("sdm-6.21",), help="of peaks and TFCE")
    parser.add_argument("--algebra", choices=("exact", "moments"), default="exact", help="of permuted imputations")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    simulation, began, rows = Simulation(options), time.process_time(), []
    for number in range(options.simulations):
        rows.append(simulation.p_values(number))
        if number % 50 == 49:
            print(number + 1, file=sys.stderr)
    p = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    low, high = (count / len(rows) for count in stats.binom.interval(0.99, len(rows), LEVEL))
    figures = {
        "data_kind": "simulated",
        **vars(options),
        "voxels": simulation.mask.size,
        "expected": [low, high],
        "false_alarms": summary(p),
        "uncorrected_p_of_one_voxel": {name: uniformity(p[name]) for name in UNCORRECTED},
        "processor_seconds": round(time.process_time() - began, 1),
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
