"""Covariates, contrasts and subgroups through a whole run on a small mask.  Simulated studies; no real data."""

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable, run
from sdm_core.io import write_sdm_folder
from sdm_core.spaces import mm_to_voxel
from tests.sdm_core.pipeline.conftest import PEAK


@pytest.fixture(scope="module")
def tables():
    """Twelve studies: only the six patients' ones have the peak; age is as high in both groups."""
    rows = [
        {"study": f"s{i}", "n1": 20 + i, "t_thr": 3.2, "group": int(i < 6), "age": 20 + 3 * (i % 6),
         "modality": "VBM" if i < 6 else "fMRI", "no_peaks": int(i >= 6)}
        for i in range(12)
    ]  # fmt: skip
    studies = StudyTable.from_rows(rows)
    x, y, z = PEAK
    peaks = [{"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": 5} for i in range(6)]
    return studies, PeakTable.from_rows(peaks, studies)


def analyse(tables, mask, **choices):
    return run(*tables, AnalysisSpecification(imputations=5, min_extent=5, **choices), mask=mask)


def at_peak(result, name):
    return float(result.maps[name][tuple(mm_to_voxel(PEAK).astype(int))])


def test_a_contrast_of_groups_finds_their_difference(tables, mask):
    difference = analyse(tables, mask, covariates=("group",), hypothesis=(0, 1))
    patients = analyse(tables, mask, study_filter="group == 1")
    controls = analyse(tables, mask, study_filter="group == 0")
    expected = at_peak(patients, "g") - at_peak(controls, "g")
    assert at_peak(difference, "g") == pytest.approx(expected, abs=0.25)
    assert at_peak(difference, "z") > 3
    assert difference.provenance["model"]["hypothesis"] == [0, 1]
    assert difference.provenance["model"]["values"]["group"] == [1] * 6 + [0] * 6


def test_the_opposite_contrast_is_the_mirror_image(tables, mask):
    one = analyse(tables, mask, covariates=("group", "age"), hypothesis=(0, 1, 0))
    other = analyse(tables, mask, covariates=("group", "age"), hypothesis=(0, -1, 0))
    assert np.array_equal(one.maps["g"], -other.maps["g"])
    assert np.array_equal(one.maps["tau2"], other.maps["tau2"])


def test_the_mean_adjusted_for_a_covariate_does_not_depend_on_its_zero(tables, mask):
    studies, peaks = tables
    shifted = StudyTable(
        studies.names, studies.design, studies.n1, studies.n2, studies.t_threshold, studies.threshold_kind,
        studies.no_peaks, {"age": studies.covariates["age"] + 1000.0},
    )  # fmt: skip
    one = analyse(tables, mask, covariates=("age",))
    other = analyse((shifted, peaks), mask, covariates=("age",))
    assert np.abs(one.maps["g"] - other.maps["g"]).max() < 1e-4
    mean = analyse(tables, mask)
    assert at_peak(one, "g") == pytest.approx(at_peak(mean, "g"), abs=0.1)


def test_a_subgroup_is_the_analysis_of_its_studies(tables, mask):
    studies, peaks = tables
    subgroup = analyse(tables, mask, study_filter='modality == "VBM"')
    alone = StudyTable.from_rows([{"study": f"s{i}", "n1": 20 + i, "t_thr": 3.2} for i in range(6)])
    whole = analyse((alone, PeakTable(peaks.study_index, peaks.mm, peaks.t, peaks.sign)), mask)
    assert np.array_equal(subgroup.maps["z"], whole.maps["z"])
    assert subgroup.provenance["studies"]["names"] == studies.names[:6]


def test_a_model_is_refused_before_anything_is_computed(tables, mask):
    with pytest.raises(InputError, match="covariate weight: is not a column"):
        analyse(tables, mask, covariates=("weight",))
    with pytest.raises(InputError, match="needs 10 datasets, there are 6"):
        analyse(tables, mask, covariates=("age",), study_filter="group == 1")
    assert analyse(tables, mask, covariates=("age",), study_filter="group == 1", allow_few=True)


def test_a_table_with_labels_is_written_and_read_back(tables, tmp_path):
    from sdm_core.io import read_sdm_folder

    write_sdm_folder(tmp_path, *tables)
    studies, *_ = read_sdm_folder(tmp_path)
    assert dict(studies.labels) == dict(tables[0].labels)
