"""From an agreed dataset to the core's tables."""

import numpy as np
import pytest

from meta_app.analyses import engine
from meta_app.analyses.domain import Filters, Model
from meta_app.common.exceptions import UserError
from sdm_core.io import read_sdm_folder, write_sdm_folder
from sdm_core.pipeline.provenance import tables_sha256

from .conftest import group, simulated_dataset, simulated_peak, simulated_study


@pytest.fixture
def prepare(snapshot_of):
    return lambda *studies: engine.prepare(snapshot_of(list(studies)).datasets)


def one(name="Study", people=(), **changes):
    study = simulated_study(name, [simulated_dataset(name, **changes)])
    if people:
        study["cohorts"][0]["groups"] = [group("patients", n=people[0]), group("controls", "controls", n=people[1])]
    return study


def test_two_samples_have_the_sizes_of_both_groups(prepare):
    studies = prepare(one(people=(21, 19))).studies
    assert (studies.n1.tolist(), studies.n2.tolist(), studies.df.tolist()) == ([21], [19], [38])


@pytest.mark.parametrize("design", ["one_sample", "correlation"])
def test_one_sample_and_correlation_have_the_size_of_group_a_alone(prepare, design):
    studies = prepare(one(people=(21, 19), design=design, group_b=None)).studies
    assert (studies.n1.tolist(), studies.n2.tolist(), studies.design) == ([21], [0], (design,))


def test_each_dataset_is_a_study_of_its_own_for_the_core(prepare):
    two = [simulated_dataset("Liu 2019", "ALFF"), simulated_dataset("Liu 2019", "ReHo")]
    prepared = prepare(simulated_study("Liu 2019", two))
    assert prepared.studies.names == ("Liu_2019.ALFF", "Liu_2019.ReHo")
    assert prepared.peaks.study_index.tolist() == [0, 0, 1, 1]


def test_keys_that_look_alike_to_the_core_get_different_names():
    assert engine.core_names(["A b / c", "A_b / c", "研究 / VBM"]) == {
        "A b / c": "A_b.c",
        "A_b / c": "A_b.c-2",
        "研究 / VBM": "研究.VBM",
    }


@pytest.mark.parametrize(
    ("kind", "statistic", "sign", "t"),
    [
        ("t", 4.2, 1, 4.2),
        ("t", -4.2, -1, -4.2),
        ("z", 3.0902323, 1, 3.3190),  # p 0.001 with 38 degrees of freedom
        ("z", 3.0902323, -1, -3.3190),
        ("p", 0.001, -1, -3.3190),
        ("r", 0.5, 1, 0.5 * np.sqrt(38 / 0.75)),
        ("F", 16.0, -1, -4.0),
    ],
)
def test_a_statistic_becomes_a_t_with_the_sign_of_the_peak(prepare, kind, statistic, sign, t):
    peak = simulated_peak(0, statistic, statistic_kind=kind, sign=sign)
    peaks = prepare(one(peaks=[peak])).peaks
    assert peaks.t == pytest.approx([t], abs=2e-4)
    assert peaks.sign.tolist() == [sign]


def test_a_peak_without_a_statistic_keeps_its_sign_only(prepare):
    peaks = prepare(one(peaks=[simulated_peak(0, None, sign=-1)])).peaks
    assert np.isnan(peaks.t).all()
    assert peaks.sign.tolist() == [-1]


@pytest.mark.parametrize(
    ("kind", "statistic"), [("p", 0.0), ("r", 1.2), ("t", 0.0), ("p", 1.5), ("p", 0.7), ("t", -3.0), ("z", -3.0)]
)
def test_an_impossible_statistic_is_an_error_that_names_the_peak(prepare, kind, statistic):
    peak = simulated_peak(0, statistic, statistic_kind=kind, sign=1)
    prepared = prepare(one(peaks=[peak]))
    assert prepared.peaks is None
    assert [notice.place for notice in prepared.notices if notice.level == "error"] == ["Study / ALFF, peak 1"]


def test_coordinates_come_in_mni_and_are_not_converted_again(prepare):
    peak = simulated_peak(0, x=-40, y=20, z=4, x_reported=-36, y_reported=16, z_reported=8)
    assert prepare(one(peaks=[peak], space="talairach")).peaks.mm.tolist() == [[-40, 20, 4]]


@pytest.mark.parametrize(
    ("peaks", "threshold", "source"),
    [
        ([simulated_peak(0, 4.5), simulated_peak(1, -3.4)], 3.4, "smallest"),
        ([simulated_peak(0, None)], 2.0244, "p05"),  # two-tailed p 0.05 with 38 degrees of freedom
        (0, 2.0244, "p05"),
    ],
)
def test_a_missing_threshold_is_the_smallest_t_else_a_two_tailed_p_of_5_percent(prepare, peaks, threshold, source):
    (included,) = prepare(one(peaks=peaks, t_threshold=None)).included
    assert (included.t_threshold, included.threshold_source) == (pytest.approx(threshold, abs=1e-4), source)


def test_a_reported_threshold_is_kept(prepare):
    (included,) = prepare(one(t_threshold=3.1)).included
    assert (included.t_threshold, included.threshold_source) == (3.1, "reported")


def test_every_problem_is_told_at_once_in_the_words_of_the_agreed_dataset(prepare):
    far = simulated_peak(0, x=0, y=-150, z=0)
    notices = prepare(one("Far 2020", peaks=[far]), one("Small 2021", people=(2, 1))).notices
    errors = [notice.place for notice in notices if notice.level == "error"]
    assert errors[0].startswith("Small 2021 / ALFF")
    assert any(place.startswith("Far 2020 / ALFF, peak 1") for place in errors)


def test_the_preflight_counts_what_the_filter_lets_through(snapshot_of):
    both = [simulated_dataset("Both", "ALFF"), simulated_dataset("Both", "ReHo", peaks=3)]
    snapshot = snapshot_of([simulated_study("Both", both), one("Other", comparison="task")])
    seen = engine.preflight(snapshot, Filters("patients_controls", (), ("ReHo",)), Model())
    assert seen.counts == {
        "reports": 1, "studies": 1, "cohorts": 1, "contrasts": 1, "datasets": 1, "maps": 0, "peaks": 3,
    }  # fmt: skip
    assert not seen.refused


@pytest.mark.parametrize(
    ("peaks", "design", "sign_peaks", "words"),
    [
        ([None, None], "one_sample", "pool", "2 take a default effect of g = 1.2566, as there is no statistic to pool"),
        ([None, None], "two_sample", "pool", "2 take the t threshold of their study, as there is no statistic"),
        ([None, 4.5], "one_sample", "pool", "1 take the pooled height of the peaks with a statistic"),
        ([None, 4.5], "one_sample", "threshold", "1 take the t threshold of their study."),
    ],
)
def test_the_preflight_says_what_the_core_does_with_sign_only_peaks(snapshot_of, peaks, design, sign_peaks, words):
    rows = [simulated_peak(place, statistic) for place, statistic in enumerate(peaks)]
    groups = {} if design == "two_sample" else {"group_b": None}
    snapshot = snapshot_of([one(peaks=rows, design=design, **groups)])
    seen = engine.preflight(snapshot, Filters("patients_controls"), Model(sign_peaks=sign_peaks))
    (text,) = [notice.text for notice in seen.notices if notice.place == "Sign-only peaks"]
    assert words in text
    assert "pooled height" not in text or "no statistic" not in text


def test_nothing_to_analyse_is_refused(snapshot_of):
    assert engine.preflight(snapshot_of([one()]), Filters("correlation"), Model()).refused


def test_settings_the_core_refuses_are_told_by_name():
    with pytest.raises(UserError) as refusal:
        engine.core_content(Filters("task"), Model(estimator="guess"))
    assert "estimator" in str(refusal.value.details)


def test_the_question_holds_every_setting_of_the_core_and_no_seed():
    content = engine.core_content(Filters("task"), Model(imputations=7))
    assert content["core"]["imputations"] == 7
    assert {"mask", "template", "fwhm_mm"} <= content["core"].keys()
    assert "seed" not in content["core"]
    assert engine.model_of(content) == Model(imputations=7)


def test_what_is_reported_belongs_to_a_question_with_a_permutation_test_alone():
    model = Model(permutations=64, correction="voxel")
    content = engine.core_content(Filters("task"), model)
    assert (content["report"], engine.model_of(content)) == ({"correction": "voxel"}, model)
    assert "report" not in engine.core_content(Filters("task"), Model(correction="voxel"))


def test_a_question_frozen_before_there_was_a_permutation_test_has_none():
    content = engine.core_content(Filters("task"), Model(imputations=7))
    for later in ("permutations", "fwe_p", "tfce_neighbours"):
        del content["core"][later]
    assert engine.model_of(content) == Model(imputations=7)


def test_settings_that_the_core_refuses_together_are_errors_of_the_preflight(snapshot_of):
    seen = engine.preflight(
        snapshot_of([one()]), Filters("patients_controls"), Model(estimator="REML", permutations=1000)
    )
    assert seen.refused
    assert [notice.place for notice in seen.errors] == ["Between-study variance"]


def test_the_folder_left_with_a_run_reads_back_as_the_tables_that_were_analysed(prepare, tmp_path):
    mixed = [simulated_peak(0, 4.5), simulated_peak(1, None, sign=-1), simulated_peak(2, 0.0004, statistic_kind="p")]
    studies = [
        one("研究 2019", peaks=mixed, t_threshold=None),
        one("A very long name " * 20, design="correlation", group_b=None),
        one("Silent", peaks=0),
    ]
    prepared = prepare(*studies)
    write_sdm_folder(tmp_path, prepared.studies, prepared.peaks)
    studies, peaks, _, _ = read_sdm_folder(tmp_path)
    assert tables_sha256(studies, peaks) == tables_sha256(prepared.studies, prepared.peaks)


@pytest.mark.parametrize("state", ["sign_only", "threshold_only"])
def test_peaks_of_a_dataset_without_statistics_count_by_their_sign(snapshot_of, state):
    dataset = simulated_dataset("Signs", "ALFF", peaks=2) | {"peaks_state": state}
    prepared = engine.prepare(snapshot_of([simulated_study("Signs", [dataset])]).datasets)
    assert prepared.included[0].sign_only == 2
    assert prepared.peaks is not None
    assert np.isnan(prepared.peaks.t).all()
