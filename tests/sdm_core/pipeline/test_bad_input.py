"""Odd and bad input of a whole analysis with permutations: refused with what mends it, or finite maps.  Simulated."""

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable, run
from sdm_core.effects import hedges_g
from sdm_core.spaces import SHAPE, Mask, mm_to_voxel, voxel_to_mm
from sdm_core.studies import BoundsMaps

PEAK = (-40.0, 10.0, 4.0)
QUICK = AnalysisSpecification(imputations=3, permutations=8, min_extent=1)


def box(edge, mm=PEAK):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[tuple(slice(start, start + edge) for start in (mm_to_voxel(mm).astype(int) - edge // 2))] = True
    return Mask.from_volume(volume, f"box of {edge}")


@pytest.fixture(scope="module")
def mask():
    return box(7)


def tables(rows, statistics):
    """A study for each row, with one peak where its statistic is not None."""
    studies = StudyTable.from_rows(
        {"study": f"s{i}", "t_thr": 3.2, "no_peaks": int(value is None)} | row
        for i, (row, value) in enumerate(zip(rows, statistics, strict=True))
    )
    x, y, z = PEAK
    peaks = [
        {"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": value}
        for i, value in enumerate(statistics)
        if value is not None
    ]
    return studies, PeakTable.from_rows(peaks, studies)


def assert_sound(result, mask):
    for name, volume in result.maps.items():
        assert np.isfinite(volume).all(), name
    assert (result.maps["var"][mask.voxels] > 0).all()
    p = np.concatenate([mask.take(volume) for name, volume in result.maps.items() if name.startswith("p_")])
    assert p.min() >= 0
    assert p.max() <= 1
    assert np.isfinite(result.null_maxima.z).all()
    assert np.isfinite(result.null_maxima.tfce).all()


ODD = {
    "one study": ([{"n1": 20}], [5.0]),
    "one silent study": ([{"n1": 20}], [None]),
    "two studies that disagree": ([{"n1": 20}, {"n1": 20}], [8.0, -8.0]),
    "no study with peaks": ([{"n1": 20}] * 5, [None] * 5),
    "groups of four": ([{"n1": 4}, {"n1": 4}, {"n1": 5}], [20.0, 20.0, None]),
    "the smallest two-sample and correlation studies": (
        [{"n1": 2, "n2": 3}, {"n1": 4, "design": "correlation"}, {"n1": 4}],
        [9.0, 9.0, None],
    ),
    "one study that dominates": ([{"n1": 5000}] + [{"n1": 10}] * 4, [60.0, None, None, -4.0, 5.0]),
    "identical studies": ([{"n1": 20}] * 6, [5.0] * 6),
    "a threshold above the peaks": ([{"n1": 20, "t_thr": 20}] * 3, [4.0, 5.0, None]),
    "the lowest threshold": ([{"n1": 20, "t_thr": 0.5}] * 4, [4.0, 5.0, None, None]),
    "the highest peaks": ([{"n1": 20}] * 3, [100.0, -100.0, 99.0]),
    "peaks known only by their sign, and no t anywhere": ([{"n1": 20}, {"n1": 15, "n2": 15}], ["p", "n"]),
}


@pytest.mark.parametrize("name", ODD)
@pytest.mark.filterwarnings("error")
def test_odd_studies_give_finite_maps(name, mask):
    assert_sound(run(*tables(*ODD[name]), QUICK, mask=mask), mask)


@pytest.mark.parametrize("compatibility", [None, "sdm-6.21"])
def test_a_mask_of_one_voxel_is_analysed(compatibility):
    single = box(1)
    specification = AnalysisSpecification(imputations=3, permutations=8, compatibility=compatibility)
    result = run(*tables([{"n1": 20}] * 3, [5.0, 6.0, None]), specification, mask=single)
    assert_sound(result, single)
    assert result.provenance["mask"]["voxels"] == 1


def test_peaks_that_are_nowhere_near_the_mask_are_named_in_a_warning():
    far = box(5, mm=(40.0, 10.0, 4.0))
    result = run(*tables([{"n1": 20}] * 2, [5.0, 6.0]), QUICK, mask=far)
    assert_sound(result, far)
    warnings = [str(warning) for warning in result.provenance["warnings"]]
    assert sum("left out" in warning for warning in warnings) == 2
    assert any("s0" in warning for warning in warnings)


def test_thousands_of_peaks_in_one_study_are_all_used(mask):
    studies = StudyTable.from_rows([{"study": "many", "n1": 20, "t_thr": 3}, {"study": "s", "n1": 20, "no_peaks": 1}])
    places = np.tile(voxel_to_mm(mask.indices), (10, 1))
    t = np.linspace(3.1, 9, len(places))
    peaks = PeakTable(np.zeros(len(places), dtype=int), places, t, np.ones(len(places), dtype=np.int8))
    result = run(studies, peaks, QUICK, mask=mask, keep_bounds=True)
    assert_sound(result, mask)
    assert (result.bounds.upper[0] - result.bounds.lower[0]).max() < 1e-5


def test_known_effects_without_any_variance_between_studies_or_imputations_give_the_plain_mean(mask):
    studies, none = tables([{"n1": 20}] * 4, [None] * 4)
    g = np.full((4, mask.size), hedges_g(2.0, 20), dtype=np.float32)
    result = run(studies, none, QUICK, bounds=BoundsMaps(studies.names, g, g, mask))
    assert_sound(result, mask)
    assert mask.take(result.maps["g"]) == pytest.approx(g[0], rel=1e-5)
    assert (result.maps["tau2"] == 0).all()
    assert (result.maps["i2"] == 0).all()


def test_effects_of_zero_everywhere_are_no_finding(mask):
    studies, none = tables([{"n1": 20}] * 4, [None] * 4)
    zero = np.zeros((4, mask.size), dtype=np.float32)
    result = run(studies, none, QUICK, bounds=BoundsMaps(studies.names, zero, zero, mask))
    assert_sound(result, mask)
    assert (result.maps["z"] == 0).all()
    assert mask.take(result.maps["p_fwe_voxel"]).min() == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_bounds_that_are_no_numbers_are_refused_with_the_study(mask, value):
    studies, none = tables([{"n1": 20}] * 2, [None] * 2)
    upper = np.ones((2, mask.size), dtype=np.float32)
    upper[1, 3] = value
    with pytest.raises(InputError, match="study s1"):
        run(studies, none, QUICK, bounds=BoundsMaps(studies.names, -np.ones_like(upper), upper, mask))


def test_bounds_in_the_wrong_order_are_refused_with_the_study(mask):
    studies, none = tables([{"n1": 20}] * 2, [None] * 2)
    ones = np.ones((2, mask.size), dtype=np.float32)
    with pytest.raises(InputError, match="study s0"):
        run(studies, none, QUICK, bounds=BoundsMaps(studies.names, ones, -ones, mask))


def test_an_analysis_without_studies_is_refused(mask):
    with pytest.raises(InputError, match="no study"):
        StudyTable.from_rows([])
    studies, peaks = tables([{"n1": 20}] * 2, [5.0, None])
    with pytest.raises(InputError):
        run(studies, peaks, AnalysisSpecification(study_filter="n1 > 100"), mask=mask)


@pytest.mark.parametrize("statistic", ["nan", "inf", "0", "1e9"])
def test_a_peak_that_is_no_possible_t_is_refused_with_its_study(statistic):
    with pytest.raises(InputError, match="s0"):
        tables([{"n1": 20}], [statistic])


def test_a_threshold_that_is_a_p_value_is_refused_with_its_study():
    with pytest.raises(InputError, match=r"s0.*p value"):
        tables([{"n1": 20, "t_thr": 0.1}], [5.0])
