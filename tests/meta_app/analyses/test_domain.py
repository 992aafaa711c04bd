"""The pre-flight's doubts, the question's one text, and the words for durations."""

import pytest

from meta_app.analyses import domain
from meta_app.analyses.domain import Filters, Included, Model, Notice

from .conftest import simulated_dataset, simulated_peak, simulated_study


@pytest.fixture
def doubts(snapshot_of):
    """doubts(studies) -> the texts of the review by place."""

    def found(studies, **changes):
        rows = snapshot_of(studies).datasets
        included = [Included(row, 3.0, changes.get("source", "reported"), changes.get("signs", 0)) for row in rows]
        model = changes.get("model", Model(permutations=1000))
        return {(notice.level, notice.place): notice.text for notice in domain.review(included, model)}

    return found


def studies(number, **changes):
    return [simulated_study(f"S{place}", [simulated_dataset(f"S{place}", **changes)]) for place in range(number)]


def test_ten_plain_datasets_raise_no_doubt(doubts):
    assert doubts(studies(10)) == {}


def test_no_dataset_is_an_error_and_the_only_remark(doubts):
    assert list(doubts([])) == [("error", "Selection")]


def test_nine_datasets_are_few(doubts):
    assert "Only 9 datasets" in doubts(studies(9))["warning", "Selection"]


def test_several_metrics_of_one_cohort_are_dependent(doubts):
    two = [simulated_dataset("Twice", "ALFF"), simulated_dataset("Twice", "ReHo")]
    text = doubts([*studies(9), simulated_study("Twice", two)])["warning", "Shared cohort"]
    assert "several metrics (ALFF, ReHo)" in text
    assert "Twice" in text


def test_the_same_people_in_two_studies_are_told(doubts):
    same = [simulated_study(name, identity="beijing-2014") for name in ("Early", "Late")]
    text = doubts([*studies(9), *same])["warning", "Shared cohort"]
    assert text.startswith("Early, Late")
    assert "of several studies" in text


def test_no_permutation_test_is_noted_and_one_that_cannot_pass_is_an_error(doubts):
    assert "not corrected" in doubts(studies(10), model=Model())["note", "Permutations"]
    assert doubts(studies(10), model=Model(permutations=20)) == {}
    text = doubts(studies(10), model=Model(permutations=19))["error", "Permutations"]
    assert text == "The smallest p of 19 is 0.053: none can reach 0.05."


@pytest.mark.parametrize(("source", "words"), [("smallest", "smallest |t|"), ("p05", "two-tailed p of 0.05")])
def test_a_missing_threshold_is_told_with_what_is_used_instead(doubts, source, words):
    assert words in doubts(studies(10), source=source)["warning", "Threshold"]


def test_sign_only_peaks_are_counted_with_the_rule_that_gives_their_height(doubts):
    text = doubts(studies(10, peaks=[simulated_peak(0, None)]), signs=1)["warning", "Sign-only peaks"]
    assert text.startswith("10 peaks of 10 with a sign only")


def test_different_designs_in_one_mean_are_a_warning(doubts):
    other = simulated_study("R", [simulated_dataset("R", design="correlation", group_b=None)])
    text = doubts([*studies(9), other])["warning", "Design"]
    assert "two samples 9 datasets, correlation 1 dataset" in text


def test_mixed_software_is_noted_and_an_unstated_space_is_a_warning(doubts):
    mixed = [*studies(9), simulated_study("FSL", [simulated_dataset("FSL", software="fsl", space="unknown")])]
    found = doubts(mixed)
    assert found["note", "Software"] == "Mixed: SPM 9 datasets, FSL 1 dataset."
    assert "taken as MNI" in found["warning", "Space"]


def test_filters_that_let_the_same_through_are_the_same_question(snapshot_of):
    rows = snapshot_of(studies(2)).datasets
    named = Filters("patients_controls", ("resting_fmri",), ("ALFF",))
    assert Filters("patients_controls").resolved(rows) == named.resolved(rows) == named


def test_the_seed_is_no_part_of_the_specification():
    content = domain.specification_content(Filters("task", ("task_fmri",), ("BOLD",)), {"seed": 4, "imputations": 50})
    assert content["core"] == {"imputations": 50}
    assert domain.filters_of(content) == Filters("task", ("task_fmri",), ("BOLD",))


def test_equal_doubts_about_many_places_become_one_that_names_the_first():
    doubts = [Notice("warning", f"peak {number}", "is outside", "Look.") for number in range(5)]
    assert [notice.place for notice in domain.gathered(doubts)] == ["peak 0; peak 1; peak 2 and 2 more"]


def test_doubts_that_differ_in_place_and_numbers_alone_are_one_kind():
    texts = ["Peak 12: up to 3 mm outside.", "Peaks 5, 6: up to 7 mm outside.", "Only 9 people."]
    notices = tuple(Notice("warning", f"study {number}", text, "Check.") for number, text in enumerate(texts))
    seen = domain.Preflight({}, (), notices, domain.Estimate(1, 1))
    assert [len(kind) for kind in seen.notice_kinds] == [2, 1]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "5 s"), (11, "15 s"), (61, "2 min"), (5399, "90 min"), (7200, "2.0 h")]
)
def test_durations_are_rounded_up(seconds, words):
    assert domain.duration_in_words(seconds) == words


def test_time_left_follows_the_pace_and_is_silent_at_the_start():
    assert domain.seconds_left(30, 0.25) == pytest.approx(90)
    assert domain.seconds_left(1, 0.5) is None
    assert domain.seconds_left(30, 0.0) is None


def test_a_message_is_sent_again_after_twice_the_time_each_and_at_least_hourly():
    assert [domain.backoff_seconds(sent, 30) for sent in (0, 1, 2, 3, 30)] == [30, 30, 60, 120, 3600]
