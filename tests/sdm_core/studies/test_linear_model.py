"""Designs, contrasts, and models that cannot be fitted."""

import numpy as np
import pytest

from sdm_core import InputError, StudyTable
from sdm_core.studies import linear_model


@pytest.fixture(scope="module")
def studies():
    ages = [20, 25, 31, 38, 40, 44, 50, 52, 57, 63, 70, 71]
    rows = [
        {"study": f"s{i}", "n1": 20, "t_thr": 3, "age": age, "months": 12 * age + 3, "site": 2, "drug": i % 2,
         "score": "" if i in (3, 5) else i * i, "modality": "VBM" if i % 3 else "fMRI"}
        for i, age in enumerate(ages)
    ]  # fmt: skip
    return StudyTable.from_rows(rows)


def test_without_covariates_the_mean_is_tested(studies):
    model = linear_model(studies)
    assert model.is_mean
    assert np.array_equal(model.design, np.ones((12, 1)))
    assert model.contrast.tolist() == model.discard_contrast.tolist() == [1]


def test_covariates_are_centred_and_the_adjusted_mean_is_tested_unless_a_hypothesis_says_otherwise(studies):
    model = linear_model(studies, ["age", "drug"])
    assert model.design.mean(axis=0) == pytest.approx([1, 0, 0])
    assert model.contrast.tolist() == [1, 0, 0]
    assert model.centres == pytest.approx((46.75, 0.5))
    assert linear_model(studies, ["age", "drug"], [0, 1, 0]).contrast.tolist() == [0, 1, 0]


def test_the_compatibility_mode_judges_discards_on_the_raw_intercept(studies):
    model = linear_model(studies, ["age"], raw_discards=True)
    beta = np.array([0.4, 0.01])  # of centred ages
    assert model.discard_contrast @ beta == pytest.approx(0.4 - 46.75 * 0.01)
    slope = linear_model(studies, ["age"], [0, 1], raw_discards=True)
    assert slope.discard_contrast.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("covariates", "hypothesis", "message"),
    [
        (["weight"], (), "covariate weight: is not a column of the study table. The table has age, months"),
        (["modality"], (), "covariate modality: is not a column of numbers"),
        (["site"], (), "covariate site: is 2 in every study"),
        (["score"], (), "covariate score: is missing for s3, s5"),
        (["age", "drug", "months"], (), "covariate months: follows from age."),
        (["age", "age"], (), "covariate age: is given twice"),
        (["age"], (0, 1, 0), "has 3 weights for the intercept and 1 covariates"),
        (["age"], (0, 0), "tests nothing"),
    ],
)
def test_a_model_that_cannot_be_fitted_is_refused_by_name(studies, covariates, hypothesis, message):
    with pytest.raises(InputError) as caught:
        linear_model(studies, covariates, hypothesis)
    assert message in str(caught.value)


def test_a_regression_of_few_studies_must_be_asked_for(studies):
    few = StudyTable.from_rows([{"study": f"s{i}", "n1": 20, "t_thr": 3, "x": i} for i in range(5)])
    with pytest.raises(InputError, match="a regression needs 10 datasets, there are 5"):
        linear_model(few, ["x"])
    assert linear_model(few, ["x"], allow_few=True).design.shape == (5, 2)
    two = StudyTable.from_rows([{"study": f"s{i}", "n1": 20, "t_thr": 3, "x": i} for i in range(2)])
    with pytest.raises(InputError, match="2 studies are too few for 1 covariates"):
        linear_model(two, ["x"], allow_few=True)


@pytest.mark.parametrize("hypothesis", [(0, 1, 0), (0, 2, -1), (1, 0, 0), (1, 0.5, 0)])
def test_the_last_column_carries_the_hypothesis_and_the_others_what_is_left_of_the_model(hypothesis):
    rng = np.random.default_rng(1)
    rows = [{"study": f"s{i}", "n1": 20, "t_thr": 3, "age": rng.normal(40, 9), "dose": 1e4 * rng.random()}
            for i in range(12)]  # fmt: skip
    model = linear_model(StudyTable.from_rows(rows), ("age", "dose"), hypothesis)
    columns, y = model.tested_last, rng.standard_normal(12)
    assert columns.T @ columns == pytest.approx(12 * np.eye(3), abs=1e-9)
    beta, *_ = np.linalg.lstsq(model.design, y, rcond=None)
    other, *_ = np.linalg.lstsq(columns, y, rcond=None)
    assert columns @ other == pytest.approx(model.design @ beta)
    covariance = model.contrast @ np.linalg.inv(model.design.T @ model.design) @ model.contrast
    assert model.contrast @ beta / np.sqrt(covariance) == pytest.approx(other[-1] * np.sqrt(12))
