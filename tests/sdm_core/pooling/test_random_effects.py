"""The random-effects model, by hand and against metafor 3.8.1 (R)."""

import json
from pathlib import Path

import numpy as np
import pytest

from sdm_core.errors import SdmError
from sdm_core.pooling import meta_analyse, random_effects_mean

GOLDEN = Path(__file__).parents[4] / "shared/data/golden"


def pooled(y, v, design=None, contrast=None, estimator="DL"):
    y, v = np.asarray(y, float), np.asarray(v, float)
    design = np.ones((y.size, 1)) if design is None else design
    contrast = np.eye(design.shape[1])[-1] if contrast is None else contrast
    return meta_analyse(y[None, :, None], v[None, :, None], design, contrast, estimator)


def test_three_studies_agree_with_a_calculation_by_hand():
    result = pooled([0.0, 0.5, 1.0], [0.1, 0.1, 0.1])
    assert result.q[0] == pytest.approx(5.0)  # (0.25 + 0 + 0.25) / 0.1
    assert result.tau2[0] == pytest.approx((5 - 2) / (30 - 10))
    assert result.estimate[0] == pytest.approx(0.5)
    assert result.variance[0] == pytest.approx(0.25 / 3)
    assert result.z[0] == pytest.approx(0.5 / np.sqrt(0.25 / 3))
    assert result.h2[0] == pytest.approx(2.5)
    assert result.i2[0] == pytest.approx(60.0)


def test_homogeneous_studies_have_no_variance_between_them():
    result = pooled([0.4, 0.5, 0.6], [0.1, 0.1, 0.1])
    assert result.tau2[0] == 0
    assert result.h2[0] == 1
    assert result.i2[0] == 0
    assert result.variance[0] == pytest.approx(0.1 / 3)


def test_one_study_alone_is_its_own_mean():
    result = pooled([0.7], [0.2])
    assert (result.estimate[0], result.variance[0], result.tau2[0], result.q[0]) == pytest.approx((0.7, 0.2, 0, 0))


# BCG vaccine trials (Colditz 1994), log risk ratios; metafor dat.bcg, escalc(measure="RR").
BCG_Y = [
    -0.889311333920205, -1.58538865720143, -1.34807314829969, -1.44155119002131, -0.217547322211296, -0.786115585818864,
    -1.62089822359839, 0.0119523335238405, -0.469417648738149, -1.37134480347278, -0.339358828338391, 0.445913400571379,
    -0.0173139482168798,
]  # fmt: skip
BCG_V = [
    0.325584765003961, 0.194581121398144, 0.415367965367965, 0.0200100319022476, 0.0512101721696309,
    0.00690561845590876, 0.223017247572315, 0.00396157929781773, 0.056434210463249, 0.0730247936130289,
    0.0124122139715597, 0.532505845200153, 0.0714046596839863,
]  # fmt: skip
BCG = {
    "DL": {"estimate": -0.714117222073227, "tau2": 0.308760262862376, "i2": 92.1173468545621, "h2": 12.6860840068644},
    "REML": {"estimate": -0.71453234215814, "tau2": 0.313243258136486, "i2": 92.2213845212691, "h2": 12.8557582353094},
}


@pytest.mark.parametrize("estimator", ["DL", "REML"])
def test_vaccine_trials_agree_with_metafor(estimator):
    result = pooled(BCG_Y, BCG_V, estimator=estimator)
    for name, value in BCG[estimator].items():
        assert getattr(result, name)[0] == pytest.approx(value, abs=1e-8), name
    assert result.q[0] == pytest.approx(152.233008082373)
    assert random_effects_mean(BCG_Y, BCG_V, estimator) == result.estimate[0]


def golden_fits():
    for name in ("golden_metafor", "golden_metafor_real"):
        path = GOLDEN / f"{name}.json"
        if not path.exists():
            return
        for label, data in json.loads(path.read_text())["datasets"].items():
            covariate = data.get("x") or data.get("moderator", {}).get("x")
            for kind, x in (("fit", None), ("metareg", covariate)):
                for estimator in ("DL", "REML"):
                    if estimator in data.get(kind, {}):
                        values = (data["yi"], data["vi"], x, estimator, data[kind][estimator])
                        yield pytest.param(*values, id=f"{label}-{kind}-{estimator}")


@pytest.mark.reference
@pytest.mark.skipif(not GOLDEN.exists(), reason=f"the numbers made with metafor are not at {GOLDEN}")
@pytest.mark.parametrize(("y", "v", "x", "estimator", "expected"), list(golden_fits()))
def test_every_golden_fit_agrees_with_metafor(y, v, x, estimator, expected):
    design = np.ones((len(y), 1)) if x is None else np.c_[np.ones(len(y)), x]
    result = pooled(y, v, design, estimator=estimator)
    ours = {"beta": result.estimate[0], "se": np.sqrt(result.variance[0]), "zval": result.z[0]}
    ours |= {"tau2": result.tau2[0], "I2": result.i2[0], "H2": result.h2[0], "QE": result.q[0]}
    for name, value in ours.items():
        assert value == pytest.approx(np.atleast_1d(expected[name])[-1], abs=1e-8, rel=1e-8), name


@pytest.mark.parametrize(
    ("shape", "design", "contrast", "estimator", "words"),
    [
        ((2, 3), np.ones((3, 1)), [1], "DL", "same shape"),
        ((1, 3, 2), np.ones((4, 1)), [1], "DL", "4 rows for 3 studies"),
        ((1, 3, 2), np.ones((3, 2)), [1, 0], "DL", "depend on each other"),
        ((1, 3, 2), np.ones((3, 1)), [1, 0], "DL", "does not go with"),
        ((1, 3, 2), np.ones((3, 1)), [1], "ML", "Unknown estimator"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_refused_in_words(shape, design, contrast, estimator, words):
    with pytest.raises(SdmError, match=words):
        meta_analyse(np.zeros(shape), np.ones(shape), design, contrast, estimator)


def test_variances_that_are_not_positive_are_refused():
    with pytest.raises(SdmError, match="positive"):
        meta_analyse(np.zeros((1, 3, 1)), np.zeros((1, 3, 1)), np.ones((3, 1)), [1])
