"""Permuted linear models, fused and in single precision, against the same written plainly in double precision."""

import numpy as np
import pytest

from sdm_core import StudyTable
from sdm_core.effects import EffectScale, curvatures
from sdm_core.inference import StudyAssignments
from sdm_core.pooling import meta_analyse, permuted_studies_z
from sdm_core.pooling.univariate import fit
from sdm_core.studies import linear_model

# Simulated effects and covariates.
IMPUTATIONS, WIDTH = 4, 64
SIZES = [{"n1": 15 + 2 * i} for i in range(6)] + [{"n1": 12, "n2": 9 + i} for i in range(4)]
CORRELATIONS = [{"n1": 20 + i, "design": "correlation"} for i in range(3)]
MODELS = {
    "slope": (("age",), (0, 1)),
    "group difference": (("group", "age"), (0, 1, 0)),
    "difference of slopes": (("age", "dose", "group"), (0, 1, -1, 0)),
}


def studies_of(sizes, rng):
    draw = {"age": rng.normal(40, 12, len(sizes)), "dose": rng.gamma(2, 100, len(sizes))}
    return StudyTable.from_rows(
        {"study": f"s{i}", "t_thr": 3, "age": draw["age"][i], "dose": draw["dose"][i], "group": int(i % 3 == 0), **size}
        for i, size in enumerate(sizes)
    )


def single(*arrays):
    return [np.ascontiguousarray(array, dtype=np.float32) for array in arrays]


def model_columns(studies, scale):
    return np.column_stack([curvatures(studies, scale), scale.base, scale.slope, scale.correlation])


def freedman_lane(y, v, model, orders, *, raw):
    """z of each order, shape (n_orders,), of effects and variances (n_imputations, n_studies) at one voxel."""
    free = np.linalg.svd(model.contrast[None])[2][1:].T
    nuisance = model.design @ free
    null = fit(y, v, nuisance, estimator="DL")
    fitted = null.beta @ nuisance.T
    spread = np.ones_like(v) if raw else np.sqrt(v + null.tau2[:, None])
    standardised = (y - fitted) / spread
    z = []
    for order in orders:
        permuted = fitted + spread * standardised[:, order]
        z.append(meta_analyse(permuted[:, :, None], v[:, :, None], model.design, model.contrast).z[0])
    return np.array(z)


@pytest.mark.parametrize("sizes", [SIZES, SIZES[:4] + CORRELATIONS], ids=["samples", "with correlations"])
@pytest.mark.parametrize("raw", [False, True], ids=["standardised", "raw"])
@pytest.mark.parametrize("name", MODELS)
def test_permuted_studies_are_refitted_as_freedman_and_lane_say(name, raw, sizes):
    rng = np.random.default_rng(3)
    studies = studies_of(sizes, rng)
    scale, model = EffectScale.of(studies), linear_model(studies, *MODELS[name], allow_few=True)
    y = rng.normal(0.3, 0.35, (IMPUTATIONS, len(sizes), WIDTH))
    v = scale.base[:, None] + scale.slope[:, None] * y**2
    orders = StudyAssignments.of(len(sizes), 9, 1000).block(0)
    kept = np.where(scale.correlation[:, None], np.sinh(y), y)
    z = np.empty((32, 1, WIDTH), dtype=np.float32)
    effects, design, columns = single(kept[None], model.tested_last, model_columns(studies, scale))
    permuted_studies_z(effects, orders, design, columns, raw, 0, 1, z)
    expected = np.column_stack([freedman_lane(y[..., c], v[..., c], model, orders, raw=raw) for c in range(8)])
    assert z[:, 0, :8] == pytest.approx(expected, abs=2e-4)
    assert z[0, 0] == pytest.approx(meta_analyse(y, v, model.design, model.contrast).z, abs=2e-4)


def test_the_opposite_effects_have_the_opposite_z():
    rng = np.random.default_rng(6)
    studies = studies_of(SIZES, rng)
    model, orders = linear_model(studies, *MODELS["slope"]), StudyAssignments.of(len(SIZES), 9, 1000).block(0)
    effects, design, columns = single(
        rng.normal(0.2, 0.5, (1, 3, len(SIZES), WIDTH)),
        model.tested_last,
        model_columns(studies, EffectScale.of(studies)),
    )
    z = np.empty((2, 32, 1, WIDTH), dtype=np.float32)
    permuted_studies_z(effects, orders, design, columns, False, 0, 1, z[0])
    permuted_studies_z(-effects, orders, design, columns, False, 0, 1, z[1])
    assert (z[1] == -z[0]).all()


def null_p(studies, model, slope, rng, n_voxels=640):
    """Permutation p of each voxel, of effects with unequal variances, a slope on age and none on dose."""
    scale = EffectScale.of(studies)
    expected = 0.4 + slope * (studies.covariates["age"] - 40)[:, None]
    tau = np.sqrt(0.02)
    y = expected + np.sqrt(scale.base[:, None] + tau**2) * rng.standard_normal((1, len(studies), n_voxels))
    assignments, z = StudyAssignments.of(len(studies), 5, 127), []
    tiled = y.reshape(1, len(studies), -1, WIDTH).transpose(2, 0, 1, 3)
    effects, design, columns = single(tiled, model.tested_last, model_columns(studies, scale))
    for number in range(assignments.n_blocks):
        block = np.empty((32, len(effects), WIDTH), dtype=np.float32)
        permuted_studies_z(effects, assignments.block(number), design, columns, False, 0, len(effects), block)
        z.append(block.reshape(32, -1))
    z = np.concatenate(z)[:127]
    return (z >= z[0] * (1 - 1e-5)).mean(axis=0), (-z >= -z[0] * (1 - 1e-5)).mean(axis=0)


def test_false_alarms_are_as_rare_as_promised_and_true_slopes_are_found():
    """Covariates that go together, studies of very unequal size, a true effect of the covariate not tested."""
    rng = np.random.default_rng(8)
    studies = studies_of([{"n1": int(n)} for n in rng.permutation(np.geomspace(10, 150, 16))], rng)
    together = studies.covariates["dose"] + 6 * studies.covariates["age"]
    rows = [{"study": f"s{i}", "t_thr": 3, "n1": int(studies.n1[i]), "dose": together[i],
             "age": studies.covariates["age"][i]} for i in range(len(studies))]  # fmt: skip
    studies = StudyTable.from_rows(rows)
    tested = linear_model(studies, ("age", "dose"), (0, 0, 1))
    for p in null_p(studies, tested, 0.02, rng):
        assert 0.02 < (p <= 0.05).mean() < 0.09
        assert p.mean() == pytest.approx(0.5, abs=0.06)
    positive, negative = null_p(studies, linear_model(studies, ("age", "dose"), (0, 1, 0)), 0.03, rng)
    assert (positive <= 0.05).mean() > 0.3
    assert (negative <= 0.05).mean() < 0.01
