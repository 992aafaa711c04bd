"""Thresholds that were not reported and peaks known only by their sign."""

import numpy as np
import pytest
from scipy import stats

from sdm_core.effects import EffectScale, effective_thresholds, peak_statistics
from sdm_core.effects.peak_statistics import sign_only_rules
from sdm_core.pooling import random_effects_mean
from sdm_core.studies import PeakTable, StudyTable


def tables(*studies):
    """Tables of (n1, t_thr or None, kind, statistics)."""
    rows, peaks = [], []
    for i, (n1, t_thr, kind, statistics) in enumerate(studies):
        rows.append(
            {"study": f"s{i}", "n1": n1, "t_thr": t_thr, "threshold": kind, "no_peaks": "" if statistics else "1"}
        )
        peaks += [
            {"study": f"s{i}", "x": 2 * j, "y": -20, "z": 10, "statistic": value} for j, value in enumerate(statistics)
        ]
    table = StudyTable.from_rows(rows)
    return table, PeakTable.from_rows(peaks, table)


def test_a_missing_threshold_is_the_smallest_t_then_two_tailed_five_per_cent():
    studies, peaks = tables((20, None, "", [4.0, -3.1, "p"]), (20, None, "", []), (20, 3.5, "", [4]))
    thresholds, warnings = effective_thresholds(studies, peaks)
    assert thresholds == pytest.approx([3.1, stats.t.isf(0.025, 19), 3.5])
    assert [w.study for w in warnings] == ["s0", "s1"]


def test_signed_peaks_take_the_pooled_height_of_their_sign_and_kind():
    studies, peaks = tables(
        (20, 3.0, "uncorrected", [4.0, 6.0, -9.0]),
        (30, 3.0, "uncorrected", [5.0]),
        (25, 3.0, "corrected", [9.0]),
        (25, 3.0, "uncorrected", ["p"]),
        (400, 6.0, "uncorrected", ["n"]),
    )
    t = peak_statistics(studies, peaks, studies.t_threshold, "pool", random_effects_mean)
    scale = EffectScale.of(studies)
    effects = np.array([scale.effect(0, 5.0), scale.effect(1, 5.0)])
    pooled = random_effects_mean(effects, [scale.variance(0, effects[0]), scale.variance(1, effects[1])], "REML")
    assert t[5] == pytest.approx(float(scale.t(3, pooled)))
    assert t[6] == pytest.approx(-float(scale.t(4, scale.effect(0, 9.0))))


def test_a_signed_peak_is_never_below_the_threshold_of_its_study():
    studies, peaks = tables((20, 2.0, "corrected", [2.1]), (20, 2.0, "corrected", [2.2]), (20, 5.0, "corrected", ["n"]))
    assert peak_statistics(studies, peaks, studies.t_threshold, "pool", random_effects_mean)[2] == -5.0


def test_without_any_t_a_one_sample_peak_has_the_default_effect():
    studies, peaks = tables((20, 3.0, "", ["p"]))
    t = peak_statistics(studies, peaks, studies.t_threshold, "pool", random_effects_mean)
    assert EffectScale.of(studies).effect(0, t[0]) == pytest.approx(1.256637)


def test_the_threshold_and_the_compatibility_rule():
    studies, peaks = tables((11, 3.169, "", ["p", "n"]))
    assert list(peak_statistics(studies, peaks, studies.t_threshold, "threshold", random_effects_mean)) == [
        3.169,
        -3.169,
    ]
    t = peak_statistics(studies, peaks, studies.t_threshold, "sdm-6.21", random_effects_mean)
    # SDM-PSI 6.21 shows g = 3.169, i.e. t = 11.39 for n = 11
    assert t == pytest.approx([11.39, -11.39], abs=0.01)


@pytest.mark.parametrize(
    ("statistics", "wanted", "rules"),
    [
        (["p", "n"], "pool", ("default", "default")),
        (["p", 4.2], "pool", ("pool", "")),
        (["n", 4.2], "pool", ("pool", "")),
        (["p", 4.2], "threshold", ("threshold", "")),
        (["p", 4.2], "sdm-6.21", ("sdm-6.21", "")),
    ],
)
def test_each_signed_peak_says_what_gives_it_its_height(statistics, wanted, rules):
    studies, peaks = tables((20, 3.0, "", statistics))
    assert sign_only_rules(studies, peaks, wanted) == rules


def test_without_any_t_a_peak_of_two_samples_has_the_threshold_and_says_so():
    studies = StudyTable.from_rows([{"study": "two", "n1": 20, "n2": 20, "t_thr": 2.5}])
    peaks = PeakTable.from_rows([{"study": "two", "x": 0, "y": -20, "z": 10, "statistic": "n"}], studies)
    assert sign_only_rules(studies, peaks, "pool") == ("threshold",)
    assert peak_statistics(studies, peaks, studies.t_threshold, "pool", random_effects_mean).tolist() == [-2.5]


def test_a_correlation_takes_no_height_from_group_differences():
    studies = StudyTable.from_rows(
        [{"study": "two", "n1": 20, "n2": 20, "t_thr": 2.5}, {"study": "r", "n1": 20, "design": "correlation"}]
    )
    place = {"x": 0, "y": -20, "z": 10}
    peaks = PeakTable.from_rows(
        [place | {"study": "two", "statistic": 4.0}, place | {"study": "r", "statistic": "p"}], studies
    )
    assert sign_only_rules(studies, peaks, "pool") == ("", "threshold")
