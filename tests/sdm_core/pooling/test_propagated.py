"""Propagated moments against the loop over imputations, and against derivatives taken numerically; simulated data."""

import numpy as np
import pytest

from sdm_core import StudyTable
from sdm_core.effects import EffectScale, curvatures, groups_of
from sdm_core.inference import Assignments
from sdm_core.pooling import permuted_z, propagated_z

WIDTH, N_TILES, IMPUTATIONS = 64, 4, 50
SIZES = {"one_sample": {"n1": 24}, "two_sample": {"n1": 20, "n2": 18}, "correlation": {"n1": 30}}
DESIGNS = ("one_sample", "two_sample", "correlation", "one_sample") * 2


class Simulated:
    """Residuals, effects and permutations of eight studies."""

    def __init__(self, spread):
        rng = np.random.default_rng(8)
        self.studies = StudyTable.from_rows(
            {"study": f"s{i}", "design": design, "t_thr": 3, **SIZES[design]} for i, design in enumerate(DESIGNS)
        )
        self.scale = EffectScale.of(self.studies)
        groups = groups_of(self.studies, self.scale)
        self.starts = np.cumsum([0] + [group.code.size for group in groups])
        self.residuals = np.concatenate([self._residuals(group, rng) for group in groups], axis=1).astype(np.float32)
        centre = rng.normal(0.2, 0.2, (N_TILES, 1, len(DESIGNS), WIDTH))
        noise = rng.standard_normal((N_TILES, IMPUTATIONS, len(DESIGNS), WIDTH))
        self.effects = (centre + spread * noise).astype(np.float32)
        self.weights, self.shares = Assignments.of(groups, 7, 1000).block(0)
        columns = [curvatures(self.studies, self.scale), self.scale.base, self.scale.slope, self.scale.correlation]
        self.model = np.column_stack(columns)

    @staticmethod
    def _residuals(group, rng):
        e = rng.standard_normal((N_TILES, group.code.size, WIDTH))
        split = group.n1 if group.design == "two_sample" else group.code.size
        for part in (slice(0, split), slice(split, None)):
            if e[:, part].size:
                e[:, part] -= e[:, part].mean(axis=1, keepdims=True)
                if group.design == "correlation":
                    along = np.einsum("s,tsv->tv", group.code, e) / (group.code @ group.code)
                    e -= group.code[None, :, None] * along[:, None]
                e[:, part] /= e[:, part].std(axis=1, ddof=1, keepdims=True)
        return e

    @property
    def moments(self):
        effects = self.effects.astype(np.float64)
        return np.stack([effects.mean(axis=1), effects.var(axis=1, ddof=1)], axis=1).astype(np.float32)

    def z(self, kernel, effects, *more):
        z = np.empty((32, N_TILES, WIDTH), dtype=np.float32)
        single = [values.astype(np.float32) for values in (self.weights, self.shares)]
        kernel(self.residuals, effects, *single, self.starts, self.model.astype(np.float32), *more, 0, N_TILES, z)
        return z.reshape(32, -1)

    @property
    def exact(self):
        return self.z(permuted_z, self.effects)

    @property
    def propagated(self):
        return self.z(propagated_z, self.moments, IMPUTATIONS)


def test_permuted_z_agree_with_those_of_all_imputations():
    data = Simulated(spread=0.25)
    exact, propagated = data.exact[1:], data.propagated[1:]
    assert np.corrcoef(exact.ravel(), propagated.ravel())[0, 1] > 0.9998
    assert (propagated - exact).std() < 0.02
    assert propagated.max(axis=1) == pytest.approx(exact.max(axis=1), abs=0.08)
    assert (propagated.max(axis=1) - exact.max(axis=1)).mean() == pytest.approx(0, abs=0.02)


def test_the_data_as_they_are_agree_where_the_imputations_leave_most_open():
    data = Simulated(spread=0.25)
    assert np.corrcoef(data.exact[0], data.propagated[0])[0, 1] > 0.96


def test_without_spread_both_are_the_same():
    data = Simulated(spread=0.0)
    assert data.propagated == pytest.approx(data.exact, abs=2e-4)


def mean_and_variance(x, products, shares, model):
    """DerSimonian and Laird's mean and its variance from the imputed effects x (n_studies,), textbook formulas."""
    h, base, slope, correlation = model.T
    d = products + shares * x
    root = np.sqrt(1 + np.where(correlation, 1, h) * (x**2 - d**2))
    y = np.where(correlation, np.arcsinh(d / root), d / root)
    v = base + slope * y**2
    w = 1 / v
    q = (w * (y - (w @ y) / w.sum()) ** 2).sum()
    tau2 = max(0, (q - (len(y) - 1)) / (w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (v + tau2)
    return np.array([w @ y / w.sum(), 1 / w.sum()]), tau2


def z_by_differences(x, spread, products, shares, model, step=1e-3):
    """Gradient and curvature by each study's effect from central differences."""
    here, _ = mean_and_variance(x, products, shares, model)
    gradients, curvatures_ = [], []
    for i in range(len(x)):
        up, down = (mean_and_variance(x + sign * step * np.eye(len(x))[i], products, shares, model)[0]
                    for sign in (1, -1))  # fmt: skip
        gradients.append((up - down) / (2 * step))
        curvatures_.append((up + down - 2 * here) / step**2)
    between = np.array(gradients)[:, 0] ** 2 @ spread
    mean, within = here + 0.5 * spread @ np.array(curvatures_)
    return mean / np.sqrt(within + (1 + 1 / IMPUTATIONS) * between)


def test_the_derivatives_are_those_found_by_small_steps():
    data = Simulated(spread=0.15)
    found, moments, checked = data.propagated, data.moments.astype(np.float64), 0
    for p, voxel in [(p, voxel) for p in range(0, 32, 3) for voxel in range(0, WIDTH, 4)]:
        e = data.residuals[0, :, voxel].astype(np.float64)
        products = np.add.reduceat(data.weights[p] * e, data.starts[:-1])
        x, spread = moments[0, :, :, voxel]
        tau2 = mean_and_variance(x, products, data.shares[p], data.model)[1]
        if tau2 == 0 or tau2 > 0.01:
            expected = z_by_differences(x, spread, products, data.shares[p], data.model)
            assert found[p, voxel] == pytest.approx(expected, rel=2e-3, abs=2e-3)
            checked += tau2 > 0
    assert checked > 20
