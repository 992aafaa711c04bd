"""Subgroups by an expression over columns."""

import numpy as np
import pytest

from sdm_core import InputError, PeakTable, StudyTable
from sdm_core.studies import leave_out, select_studies

ROWS = [
    {"study": "a", "n1": 20, "t_thr": 3, "modality": "VBM", "age": 30, "no_peaks": 0},
    {"study": "b", "n1": 12, "n2": 14, "t_thr": 3, "modality": "fMRI", "age": "", "no_peaks": 1},
    {"study": "c", "n1": 40, "t_thr": 2, "modality": "", "age": 50, "no_peaks": 0},
]


@pytest.fixture(scope="module")
def tables():
    studies = StudyTable.from_rows(ROWS)
    peaks = [{"study": s, "x": -40, "y": 10, "z": z, "statistic": z} for s, z in (("a", 4), ("c", 6), ("c", 8))]
    return studies, PeakTable.from_rows(peaks, studies)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('modality == "VBM"', "a"),
        ('modality != "VBM"', "b"),  # the one without a modality fits neither
        ("age > 20", "ac"),
        ("not age > 20", "b"),
        ("20 < age <= 30", "a"),
        ("n1 + n2 >= 26 and not no_peaks", "c"),
        ("age / 0 > 1 or n1 == 12", "b"),
        ('study in ["a", "c"] and t_thr < 3', "c"),
        ('modality not in ("VBM",)', "b"),
        ('design == "two_sample"', "b"),
        ("-age < -40", "c"),
    ],
)
def test_the_studies_for_which_the_expression_is_true(tables, expression, names):
    assert "".join(select_studies(*tables, expression)[0].names) == names


def test_peaks_covariates_and_labels_go_with_their_studies(tables):
    studies, peaks = select_studies(*tables, "age == 50")
    assert peaks.study_index.tolist() == [0, 0]
    assert peaks.t.tolist() == [6, 8]
    assert studies.covariates["age"].tolist() == [50]
    assert studies.labels["modality"] == ("",)
    others, others_peaks = leave_out(*tables, 0)
    assert others.names == ("b", "c")
    assert others_peaks.study_index.tolist() == [1, 1]
    assert np.array_equal(others.n2, [14, 0])


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("colour == 1", "colour is not a column"),
        ("n1 > 3 or colour == 1", "colour is not a column"),
        ("n1 == 'x'", "text and a number"),
        ("modality + 1 > 2", "is not a number"),
        ("n1 >", "is not an expression"),
        ("", "is not an expression"),
        ("n1 > 1000", "fits none"),
        ("__import__('os').system('true')", "is not understood"),
        ("(lambda: 1)()", "is not understood"),
        ("study.__class__", "is not understood"),
        ("[n for n in (1,)]", "is not understood"),
        ("n1 ** 99", "is not understood"),
        ("n1 in study", "is not a list"),
        ("n1 is 3", "is not understood"),
        ("n1 == 3" + " or n1 == 3" * 200, "is longer than"),
        ("not " * 240 + "n1", None),
    ],
)
def test_nothing_else_is_understood_and_nothing_is_run(tables, expression, message):
    if message is None:
        assert len(select_studies(*tables, expression)[0]) == 3
        return
    with pytest.raises(InputError) as caught:
        select_studies(*tables, expression)
    assert message in str(caught.value)
    assert caught.value.problems[0].field == "study_filter"
