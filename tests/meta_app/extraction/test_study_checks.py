"""Guards of a whole study: questions to the reviewer, errors only where something cannot be.

Among them are the cases of study data that are known to arrive: an SE printed as SD; a percentage that no number of
people is; parts that do not add up to their whole; a duration without unit, or longer than a life; a scale scored 0 to
100 on a range of 0 to 10; before and after exchanged; skewed values; several metrics of one cohort; controls shared by
two comparisons. n analysed above n enrolled, median, quartiles, range and numbers in words are met where they are typed
(tests of the editor).
"""

import pytest

from meta_app.extraction.models import Cohort, Dataset, Group
from meta_app.extraction.study_checks import (
    COHORT_GUARDS,
    GROUP_GUARDS,
    extraction_problems,
    in_months,
    looks_like_standard_error,
    percentage_fits,
)
from meta_app.library.models import Report

from .peak_cast import insula, make_dataset


def group(kind="patients", **values):
    return Group(cohort=Cohort(label="Ward"), kind=kind, **values)


def asked(one):
    return [message for guard in GROUP_GUARDS for _field, message, _mend in guard(one)]


def asked_together(*groups):
    return [(str(one), message) for guard in COHORT_GUARDS for one, _field, message, _mend in guard(list(groups))]


@pytest.mark.parametrize(
    ("stem", "n", "mean", "sd"), [("age", 19, 64.4, 2.1), ("education", 36, 9.0, 0.5), ("duration", 23, 12.2, 3.7)]
)
def test_an_sd_that_looks_like_a_standard_error_is_asked_about(stem, n, mean, sd):
    unit = {"duration_unit": "months"} if stem == "duration" else {}
    (message,) = asked(group(n=n, **{f"{stem}_mean": mean, f"{stem}_sd": sd}, **unit))
    assert "a standard error?" in message
    assert f"√{n}" in message


@pytest.mark.parametrize(
    ("n", "mean", "sd", "stem"),
    [(19, 64.4, 9.2, "age"), (6, 58.3, 2.0, "age"), (15, 9.1, 3.0, "education"), (28, 2.5, 1.35, "duration")],
)
def test_a_usual_sd_is_not_asked_about(n, mean, sd, stem):
    assert not looks_like_standard_error(n, sd, mean, stem)


@pytest.mark.parametrize(("percent", "n", "decimals", "fits"), [
    (43.5, 23, 1, True), (44, 23, 0, False), (43, 23, 0, True), (50, 7, 0, False), (0, 9, 0, True), (100, 9, 0, True),
])  # fmt: skip
def test_a_percentage_is_that_of_some_number_of_people_or_not(percent, n, decimals, fits):
    assert percentage_fits(percent, n, decimals) is fits


def test_a_percentage_of_women_that_no_number_gives_is_asked_about():
    (message,) = asked(group(n=23, n_female=10, sources={"n_female": {"reported": "44 %"}}))
    assert message == "No number of women of 23 people is 44 %."
    assert asked(group(n=23, n_female=10, sources={"n_female": {"reported": "43.5%"}})) == []


def test_a_duration_without_unit_is_asked_about():
    (message,) = asked(group(duration_mean=3.8, duration_unit="unstated"))
    assert message == "The unit of the duration is not stated. Is it days, weeks, months or years?"


def test_an_illness_longer_than_a_life_is_asked_about():
    assert "70 years at 64 years of age?" in asked(group(age_mean=64, duration_mean=70, duration_unit="years"))[0]


@pytest.mark.parametrize(("value", "unit", "months"), [(365.25, "days", 12), (52, "weeks", 11.96), (2, "years", 24)])
def test_durations_are_compared_in_months(value, unit, months):
    assert in_months(value, unit) == pytest.approx(months, abs=0.01)
    assert in_months(value, "unstated") is None


def test_an_sd_above_its_mean_is_asked_about_as_skewed():
    (message,) = asked(group(n=17, duration_mean=5.12, duration_sd=6.17, duration_unit="months"))
    assert message == "The SD of the duration (6.17) is above its mean (5.12). Is it skewed?"


@pytest.mark.parametrize(("values", "word"), [({"age_mean": 644}, "age"), ({"education_mean": 88}, "education")])
def test_a_lost_decimal_point_is_asked_about(values, word):
    assert f"the mean {word}?" in asked(group(**values))[0]


def scale(mean, when="", name="VAS", **more):
    return {"name": name, "when": when, "mean": mean, **more}


def test_a_scale_of_0_to_10_with_a_mean_of_62_is_asked_about():
    assert "0 to 100?" in asked(group(values={"scales": [scale(62, lowest=0, highest=10)]}))[0]


def test_a_negative_mean_on_a_scale_from_0_is_asked_about_as_a_change():
    assert "Is it a change?" in asked(group(values={"scales": [scale(-3, lowest=0, highest=10)]}))[0]


@pytest.mark.parametrize("when", [("before", "after"), ("Baseline", "post treatment"), ("治疗前", "治疗后")])
def test_a_scale_that_rises_after_treatment_is_asked_about(when):
    one = group(values={"scales": [scale(3, when[0]), scale(7, when[1])]})
    assert asked_together(one) == [
        ("Patients", "VAS rises from 3 before to 7 after treatment. Are they exchanged?")
    ]  # fmt: skip


def test_a_scale_is_also_compared_between_the_groups_before_and_after():
    before, after = group(values={"scales": [scale(3)]}), group("after", values={"scales": [scale(7)]})
    assert "VAS rises from 3" in asked_together(before, after)[0][1]
    before.values, after.values = after.values, before.values
    assert asked_together(before, after) == []


def test_more_people_after_treatment_than_before_are_asked_about():
    assert "12 people after treatment, but 10 before" in asked_together(group(n=10), group("after", n=12))[0][1]


def test_a_group_below_half_of_every_other_is_asked_about():
    (told,) = asked_together(group(n=8), group("controls", n=40), group("other_patients", n=20))
    assert told[0] == "Patients"
    assert "8 people, fewer than half of every other group" in told[1]


def test_parts_that_do_not_add_up_to_their_whole_are_asked_about():
    whole = group(n=30, n_female=12, label="All patients")
    parts = group(n=18, n_female=6, label="Chest"), group(n=10, n_female=6, label="Back")
    assert asked_together(whole, *parts) == [("All patients", "The parts have 28 people, the whole 30.")]


def messages_of(extraction):
    return [found.problem.message for found in extraction_problems(extraction)]


def test_a_label_that_matches_no_author_of_the_report_is_asked_about(project, reviewer):
    dataset = make_dataset(project, reviewer, study="Hui 2020", peaks_state="no_peaks")
    study = dataset.extraction.study
    study.reports.add(Report.objects.create(project=project, authors="Dai H, Jiang C, Wu G, et al"))
    assert any("family name is Dai" in message for message in messages_of(dataset.extraction))


def test_a_band_whose_ends_are_exchanged_blocks(project, reviewer):
    dataset = make_dataset(project, reviewer, peaks_state="no_peaks", values={"band_low": 0.08, "band_high": 0.01})
    found = extraction_problems(dataset.extraction)
    assert [item.problem.message for item in found if item.blocks] == ["The frequency band goes from 0.08 to 0.01 Hz."]


def test_more_women_than_people_block(project, reviewer):
    dataset = make_dataset(project, reviewer, peaks_state="no_peaks")
    Group.objects.filter(pk=dataset.group_a_id).update(n_female=16)
    assert [item.problem.message for item in extraction_problems(dataset.extraction) if item.blocks] == [
        "16 women of 15 people."
    ]


def test_metrics_of_one_cohort_and_shared_controls_are_one_cohort_and_counted_once(project, reviewer):
    """Two metrics and a second comparison with the same controls depend on one another."""
    from django.utils import timezone

    from meta_app.datasets.selectors import assemble
    from meta_app.extraction.models import Extraction

    dataset = make_dataset(project, reviewer, peaks_state="no_peaks")
    third = Group.objects.create(cohort=dataset.cohort, kind="other_patients", n=12)
    for label, first in (("ALFF", dataset.group_a), ("HZ > HC", third)):
        Dataset.objects.create(
            extraction=dataset.extraction, cohort=dataset.cohort, group_a=first, group_b=dataset.group_b, label=label,
            comparison="patients_controls", modality="resting_fmri", metric="ALFF", design="two_sample", space="mni",
            peaks_state="no_peaks",
        )  # fmt: skip
    Extraction.objects.update(state="complete", completed_at=timezone.now())
    counts = assemble(project).counts
    assert (counts["cohorts"], counts["datasets"]) == (1, 3)


def test_two_clean_groups_are_asked_nothing(project, reviewer):
    from meta_app.extraction.peak_services import peaks_save

    dataset = make_dataset(project, reviewer)
    peaks_save(dataset=dataset, version=1, peaks_state="peaks", rows=[insula()])
    assert messages_of(dataset.extraction) == []
