"""The choices of an analysis."""

import json

import pytest

from sdm_core import AnalysisSpecification, InputError


def test_a_specification_survives_json():
    specification = AnalysisSpecification(imputations=10, estimator="REML", mle_discards=0, voxel_p=0.001)
    assert AnalysisSpecification.from_dict(json.loads(json.dumps(specification.to_dict()))) == specification
    assert list(specification.to_dict()) == list(AnalysisSpecification().to_dict())


def test_whole_numbers_and_decimals_make_the_same_specification():
    assert AnalysisSpecification(fwhm_mm=20).to_dict() == AnalysisSpecification().to_dict()


def test_every_value_out_of_place_is_named_at_once():
    with pytest.raises(InputError) as caught:
        AnalysisSpecification(imputations=1, seed=-1, estimator="ML", voxel_p=float("nan"), min_extent=2.5)
    assert {p.field for p in caught.value.problems} == {"imputations", "seed", "estimator", "voxel_p", "min_extent"}


def test_the_mask_is_that_of_the_template_unless_another_is_asked_for():
    assert AnalysisSpecification().mask == "gray_matter"
    assert AnalysisSpecification(template="white_matter").mask == "white_matter"
    assert AnalysisSpecification(template="white_matter", mask="brain").mask == "brain"


def test_unknown_choices_are_refused():
    with pytest.raises(InputError, match="colour"):
        AnalysisSpecification.from_dict({"colour": "red"})


def test_a_linear_model_survives_json_and_its_lists_are_checked():
    specification = AnalysisSpecification(covariates=("age", "drug"), hypothesis=(0, 1, 0), study_filter="n1 > 10")
    assert AnalysisSpecification.from_dict(json.loads(json.dumps(specification.to_dict()))) == specification
    with pytest.raises(InputError) as caught:
        AnalysisSpecification(covariates="age", hypothesis=("a",), study_filter=3, allow_few="yes")
    assert {p.field for p in caught.value.problems} == {"covariates", "hypothesis", "study_filter", "allow_few"}


def test_only_an_estimator_that_takes_too_long_is_refused_with_permutations():
    assert AnalysisSpecification(permutations=10, covariates=("age",), hypothesis=(0, 1)).permutations == 10
    with pytest.raises(InputError) as caught:
        AnalysisSpecification(permutations=10, covariates=("age",), estimator="REML")
    assert {p.field for p in caught.value.problems} == {"estimator"}


def test_moments_are_refused_for_models_with_covariates():
    with pytest.raises(InputError, match="mean without covariates"):
        AnalysisSpecification(covariates=("age",), permutation_algebra="moments")
