"""Effects imputed about a mean that each imputation draws for itself.  Simulated studies; no real data."""

import dataclasses

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable, run
from sdm_core.diagnostics import forest
from sdm_core.pipeline import effects_at, jackknife, voxels_at
from sdm_core.spaces import mm_to_voxel
from tests.sdm_core.pipeline.conftest import PEAK

ABOUT_ONE = AnalysisSpecification(imputations=12, min_extent=5)
DRAWN = dataclasses.replace(ABOUT_ONE, imputed_mean="drawn")


@pytest.fixture(scope="module")
def tables():
    studies = StudyTable.from_rows(
        {"study": f"s{i}", "n1": 18 + i, "t_thr": 3.2, "no_peaks": int(i > 3)} for i in range(8)
    )
    x, y, z = PEAK
    found = [{"study": f"s{i}", "x": x + 4 * i, "y": y, "z": z, "statistic": 4.5 + i / 4} for i in range(4)]
    return studies, PeakTable.from_rows(found, studies)


@pytest.fixture(scope="module")
def result(tables, mask):
    return run(*tables, DRAWN, mask=mask, threads=2, keep_bounds=True)


def test_the_uncertainty_of_the_mean_is_in_the_variance(tables, mask, result):
    one = run(*tables, ABOUT_ONE, mask=mask)
    drawn_variance, variance = (mask.take(maps["var"]) for maps in (result.maps, one.maps))
    assert np.median(drawn_variance / variance) > 1.3
    assert np.corrcoef(mask.take(result.maps["g"]), mask.take(one.maps["g"]))[0, 1] > 0.9
    assert result.provenance["specification"]["imputed_mean"] == "drawn"


def test_it_is_the_same_bytes_with_any_number_of_threads(tables, mask, result):
    again = run(*tables, DRAWN, mask=mask, threads=1)
    assert all(again.maps[name].tobytes() == volume.tobytes() for name, volume in result.maps.items())


def test_effects_at_a_place_are_those_of_the_maps(tables, mask, result):
    place = effects_at(*tables, DRAWN, {"peak": lambda own: voxels_at(PEAK, own)}, mask=mask)["peak"]
    ijk = tuple(mm_to_voxel(PEAK).astype(int))
    assert forest(place).z == pytest.approx(float(result.maps["z"][ijk]), rel=1e-5)


def test_the_compatibility_mode_imputes_about_the_most_likely_mean(tables, mask):
    both = [
        run(*tables, dataclasses.replace(one, compatibility="sdm-6.21"), mask=mask).maps["z"]
        for one in (ABOUT_ONE, DRAWN)
    ]
    assert both[0].tobytes() == both[1].tobytes()


def test_its_jackknife_makes_each_analysis_anew(tables, mask, result):
    left_out = jackknife(*tables, DRAWN, result, result.bounds)
    assert left_out.method == "anew"
    assert len(left_out.names) == 8


def test_it_is_refused_with_covariates():
    with pytest.raises(InputError, match="without covariates"):
        AnalysisSpecification(imputed_mean="drawn", covariates=("age",))
