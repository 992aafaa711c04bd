"""Processor time of single kernels, on SIMULATED numbers and one processor.

    python benchmarks/kernels.py [--studies 20]

Prints one JSON object, in nanoseconds: of imputing, for each study, imputation and voxel of the mask (the fields fill
the box around it); of the likelihood, for each study and voxel; of permuted models with covariates, for each study,
imputation, voxel and permutation; in milliseconds, TFCE of both signs of a map of noise as smooth as the template.
Each is the least of some tries.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from permutations import least_processor_seconds, simulated, tfce_milliseconds

from sdm_core.effects import EffectScale, curvatures, groups_of
from sdm_core.imputation import (
    FieldGenerator,
    impute,
    most_likely,
    most_likely_linear,
    most_likely_sdm,
    most_likely_tau2,
    truncations,
)
from sdm_core.imputation.fields import white_noise
from sdm_core.inference import Assignments, StudyAssignments
from sdm_core.lanes import WIDTH
from sdm_core.pooling import RubinPool, permuted_studies_z, permuted_subjects_z, permuted_z
from sdm_core.spaces import load_template

VOXELS = 4096
SUBJECTS = 20
COLUMNS = (2, 4)
"""With one covariate and with three."""
IMPUTATIONS, TILES, PERMUTATIONS = 10, 2, 32


def nanoseconds(task: Callable[[], object], count: int) -> float:
    """Of each of `count` parts, once the kernel is compiled."""
    task()
    return round(1e9 * least_processor_seconds(task, 3) / count, 2)


class Kernels:
    """Simulated studies, and bounds that a peak has narrowed in one study of five."""

    def __init__(self, n_studies: int) -> None:
        self.rng, self.n = np.random.default_rng(6), n_studies
        self.studies = simulated(n_studies, SUBJECTS)[0]
        self.scale = EffectScale.of(self.studies)
        middle = np.where(np.arange(n_studies)[:, None] % 5 == 0, self.rng.normal(0.5, 0.3, (n_studies, VOXELS)), 0)
        reach = self.rng.uniform(0.3, 0.8, (n_studies, VOXELS))
        self.lower, self.upper = (middle - reach).astype(np.float32), (middle + reach).astype(np.float32)
        self.model = self.scale.base, self.scale.slope

    def design(self, columns: int) -> np.ndarray:
        """An intercept and covariates, the tested one last."""
        return np.column_stack([np.ones(self.n), self.rng.standard_normal((self.n, columns - 1))])

    def imputing(self) -> dict[str, float]:
        """The four parts of an imputation."""
        generator = FieldGenerator.of(load_template("gray_matter"))
        shape, inside = generator.keep.shape[1:], generator.voxels.size
        noise = nanoseconds(lambda: white_noise(shape, 1, "simulated", 0), inside)
        field = nanoseconds(lambda: generator.draw(1, "simulated", 0), inside)
        mean, tau2 = np.full(VOXELS, 0.1), np.full(VOXELS, 0.05)
        below, within, effects, variances = (np.empty(VOXELS) for _ in range(4))
        one = self.lower[1], self.upper[1], mean, tau2, self.model[0][1], self.model[1][1], below, within
        truncations(*one)
        values, places = generator.draw(1, "simulated", 0), generator.voxels[:VOXELS]
        drawn = nanoseconds(lambda: impute(values, places, *one, effects, variances), VOXELS)
        y = self.rng.normal(0.2, 0.3, (self.n, VOXELS))
        v = 0.05 + 0.01 * y**2
        found = {"random numbers": noise, "correlations": round(field - noise, 2), "truncated normal": drawn}
        for name, columns in (("pooling a mean", 1), ("pooling with a covariate", 2)):
            pool = RubinPool(self.design(columns), np.eye(columns)[-1], "DL", VOXELS)
            found[name] = nanoseconds(lambda pool=pool: pool.add(y, v), y.size)
        return found

    def likelihood(self) -> dict[str, float]:
        """The most likely mean or coefficients, and tau2."""
        bounds, tau2 = (self.lower, self.upper), np.empty(VOXELS)
        found = {
            "mean": nanoseconds(lambda: most_likely(*bounds, *self.model, 1, np.empty(VOXELS), tau2), self.lower.size)
        }
        for columns in COLUMNS:
            linear = self.design(columns), np.eye(columns)[-1], 1, np.empty((columns, VOXELS)), tau2
            task = lambda linear=linear: most_likely_linear(*bounds, *self.model, *linear)  # noqa: E731
            found[f"{columns - 1} covariates"] = nanoseconds(task, self.lower.size)

        def compatible() -> None:
            mean = np.empty((1, VOXELS))
            most_likely_sdm(*bounds, *self.model, 2, mean[0])
            most_likely_tau2(*bounds, *self.model, np.ones((self.n, 1)), mean, tau2)

        return found | {"compatibility mode": nanoseconds(compatible, self.lower.size)}

    def permuted(self) -> dict[str, float]:
        """One block of permutations of a mean, and of models with covariates."""
        groups = groups_of(self.studies, self.scale)
        starts = np.cumsum([0] + [group.code.size for group in groups])
        weights, shares = (part.astype(np.float32) for part in Assignments.of(groups, 1, 1000).block(0))
        model = np.column_stack([curvatures(self.studies, self.scale), *self.model, self.scale.correlation])
        model, z = model.astype(np.float32), np.empty((PERMUTATIONS, TILES, WIDTH), np.float32)
        residuals = self.rng.standard_normal((TILES, starts[-1], WIDTH)).astype(np.float32)
        effects = self.rng.normal(0.2, 0.3, (TILES, IMPUTATIONS, self.n, WIDTH)).astype(np.float32)
        subjects, count = (residuals, effects, weights, shares, starts), z.size * IMPUTATIONS * self.n
        orders = StudyAssignments.of(self.n, 1, 1000).block(0)
        found = {"mean": nanoseconds(lambda: permuted_z(*subjects, model, 0, TILES, z), count)}
        for columns in COLUMNS:
            design = self.design(columns).astype(np.float32)
            tasks = {
                "studies": lambda d=design: permuted_studies_z(effects, orders, d, model, False, 0, TILES, z),
                "subjects": lambda d=design: permuted_subjects_z(*subjects, d, model, 0, TILES, z),
            }
            for name, task in tasks.items():
                found[f"{name}, {columns - 1} covariates"] = nanoseconds(task, count)
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=20)
    options = parser.parse_args()
    kernels = Kernels(options.studies)
    generator = FieldGenerator.of(load_template("gray_matter"))
    z = generator.draw(1, "simulated", 0).ravel()[generator.voxels]
    parts = {"imputing": kernels.imputing(), "likelihood": kernels.likelihood(), "permuted": kernels.permuted()}
    found = {"nanoseconds": parts, "processor_milliseconds_of_tfce": tfce_milliseconds(z)}
    print(json.dumps({"data": "simulated", **vars(options), **found}, indent=2))


if __name__ == "__main__":
    main()
