"""The fused loop over permutations against subject images analysed one by one."""

import numpy as np
import pytest

from sdm_core import StudyTable
from sdm_core.effects import EffectScale, curvatures, groups_of, hedges_g
from sdm_core.inference import Assignments
from sdm_core.pooling import meta_analyse, permuted_subjects_z, permuted_z
from sdm_core.studies import linear_model

# Simulated subjects and effects.
IMPUTATIONS, WIDTH = 4, 64


def table(*designs):
    sizes = {"one_sample": {"n1": 9}, "two_sample": {"n1": 7, "n2": 11}, "correlation": {"n1": 14}}
    return StudyTable.from_rows(
        {"study": f"s{i}", "design": design, "t_thr": 3, "age": 30 + i * i, "group": i % 2, **sizes[design]}
        for i, design in enumerate(designs)
    )


def residuals_of(group, rng):
    """Standardised as the imputed subjects are, here by plain linear algebra."""
    e = rng.standard_normal((group.code.size, WIDTH))
    n1 = group.n1 if group.design == "two_sample" else group.code.size
    for part in (slice(0, n1), slice(n1, None)):
        if e[part].size:
            code = group.code[part] if group.design == "correlation" else np.zeros(len(e[part]))
            basis = np.column_stack([np.ones(len(code)), code])
            e[part] -= basis @ np.linalg.lstsq(basis, e[part], rcond=None)[0]
            e[part] /= e[part].std(axis=0, ddof=1)
    return e


def slow_effect(design, group, e, effect, weights):
    """A study's effect from its subjects' values, by textbook formulas; `weights` say who is where."""
    n = len(e)
    if design == "one_sample":
        signs = np.sign(weights)
        hedges = hedges_g(np.sqrt(n), n)
        values = signs[:, None] * (e + effect / hedges)
        return hedges * values.mean(axis=0) / values.std(axis=0, ddof=1)
    if design == "two_sample":
        n1, n2 = group.n1, n - group.n1
        factor = hedges_g(1.0, n1, n2)
        hedges = factor / np.sqrt(1 / n1 + 1 / n2)
        values, first = e + group.code[:, None] * effect / hedges, weights > 0
        a, b = values[first], values[~first]
        pooled = np.sqrt(((n1 - 1) * a.var(axis=0, ddof=1) + (n2 - 1) * b.var(axis=0, ddof=1)) / (n - 2))
        return hedges * (a.mean(axis=0) - b.mean(axis=0)) / pooled
    values = e + group.code[:, None] * np.sinh(effect)
    shuffled = weights * (n - 1)
    return np.arctanh([np.corrcoef(shuffled, values[:, v])[0, 1] for v in range(WIDTH)])


MIXED = ("one_sample", "two_sample", "correlation")
MEAN = ((), ())


@pytest.mark.parametrize(("designs", "question"), [
    (("one_sample",) * 5, MEAN), (("two_sample",) * 4, MEAN), (("correlation",) * 4, MEAN), (MIXED, MEAN),
    (("one_sample",), MEAN),
    (MIXED * 2, (("age",), (1, 0))), (MIXED * 2, (("age", "group"), (1, 0, 0))), (MIXED * 2, (("age",), (1, 0.05))),
])  # fmt: skip
def test_permuted_z_is_that_of_the_permuted_subjects_analysed_one_by_one(designs, question):
    studies, rng = table(*designs), np.random.default_rng(5)
    scale, model = EffectScale.of(studies), linear_model(studies, *question, allow_few=True)
    groups = groups_of(studies, scale)
    residuals = [residuals_of(group, rng) for group in groups]
    effects = rng.normal(0.3, 0.4, (IMPUTATIONS, len(studies), WIDTH))
    weights, shares = Assignments.of(groups, 7, 1000).block(0)
    starts = np.cumsum([0] + [group.code.size for group in groups])
    columns = np.column_stack([curvatures(studies, scale), scale.base, scale.slope, scale.correlation])
    kept = np.where(scale.correlation[:, None], np.sinh(effects), effects)
    z = np.empty((32, 1, WIDTH), dtype=np.float32)
    data = np.vstack(residuals)[None], kept[None], weights, shares
    *data, columns, design = [np.ascontiguousarray(a, dtype=np.float32) for a in (*data, columns, model.tested_last)]
    if model.is_mean:
        permuted_z(*data, starts, columns, 0, 1, z)
    else:
        permuted_subjects_z(*data, starts, design, columns, 0, 1, z)
    for p in range(4):
        y = np.array([
            [slow_effect(designs[i], groups[i], residuals[i], effects[j, i], weights[p, starts[i] : starts[i + 1]])
             for i in range(len(studies))] for j in range(IMPUTATIONS)
        ])  # fmt: skip
        v = np.array([[scale.variance(i, y[j, i]) for i in range(len(studies))] for j in range(IMPUTATIONS)])
        expected = meta_analyse(y, v, model.design, model.contrast).z
        assert z[p, 0] == pytest.approx(expected, abs=2e-4)
    observed = np.array([[scale.variance(i, effects[j, i]) for i in range(len(studies))] for j in range(IMPUTATIONS)])
    assert z[0, 0] == pytest.approx(meta_analyse(effects, observed, model.design, model.contrast).z, abs=2e-4)
