"""When two readers say the same, and which slip is named where they do not; by hand."""

import pytest

from meta_app.agreement.domain import (
    PeakPoint,
    in_words,
    is_reported,
    more_precise,
    normal_text,
    peak_agreement,
    peak_differences,
    same_number,
    same_value,
    slip_of,
    slip_of_number,
)
from meta_app.extraction.form_domain import FormField


def asked(kind, **more):
    return FormField("key", "Label", "group", "People", kind, **more)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("Siemens Trio, 3 T", "ＳＩＥＭＥＮＳ trio 3T"),
        ("p<0.05 (AlphaSim)", "p < 0.05, AlphaSim"),
        ("2014–03 to 2015–06", "2014-03 to 2015-06"),
        ("IASP  criteria.", "iasp criteria"),
        ("带状疱疹", "带状疱疹 "),
    ],
)
def test_texts_are_equal_but_for_width_case_blanks_and_punctuation(a, b):
    assert normal_text(a) == normal_text(b)


@pytest.mark.parametrize(
    ("a", "b"), [("1.5 T", "15 T"), ("p<0.05", "p>0.05"), ("10 12", "1012"), ("age -3", "age 3"), ("SPM8", "SPM12")]
)
def test_texts_that_say_something_else_stay_different(a, b):
    assert normal_text(a) != normal_text(b)


@pytest.mark.parametrize(("a", "b"), [(60.92, 60.9), (9.29, 9.3), (4.0, 4), (7.4382193, 7.44), (12.5, 12.50)])
def test_a_number_equals_itself_rounded(a, b):
    assert same_number(a, b)
    assert same_number(b, a)


@pytest.mark.parametrize(("a", "b"), [(60.4, 60.0), (0.045, 0.05), (60.92, 60.8), (4.52, 4.53), (6.4, 6.0), (18, 19)])
def test_a_number_does_not_equal_another_that_is_merely_close(a, b):
    assert not same_number(a, b)


def test_very_large_and_very_small_numbers_are_compared_too():
    assert same_number(1e300, 1e300)
    assert not same_number(1e300, 1e-300)


def test_the_more_precise_of_two_equal_numbers_is_kept():
    assert (more_precise(60.9, 60.92), more_precise(60.92, 60.9), more_precise("a", "b")) == (60.92, 60.92, "a")


@pytest.mark.parametrize("blank", [None, "", " ", "NA", "未报告", [], {"value": None, "unit": "years"}])
def test_blanks_are_not_reported(blank):
    assert not is_reported(blank)


def test_two_blanks_agree_and_a_blank_differs_from_a_value():
    assert same_value(asked("text"), None, "n/a")
    assert not same_value(asked("integer"), None, 0)
    assert not same_value(asked("yes_no"), None, False)


def test_quantities_agree_in_value_and_unit():
    years, months = {"value": 2.0, "unit": "years"}, {"value": 2.0, "unit": "months"}
    assert same_value(asked("quantity"), years, dict(years))
    assert not same_value(asked("quantity"), years, months)


def test_scales_agree_in_any_order():
    vas, sas = {"name": "VAS", "when": "before", "mean": 6.1}, {"name": "SAS", "when": "before", "mean": 40.0}
    assert same_value(asked("scales"), [vas, sas], [sas, {**vas, "name": "vas", "sd": None}])
    assert not same_value(asked("scales"), [vas, sas], [sas, {**vas, "mean": 1.6}])


def test_values_are_told_in_words():
    assert in_words(asked("yes_no"), False, {}) == "no"
    assert in_words(asked("choice"), "mni", {"mni": "MNI"}) == "MNI"
    assert in_words(asked("quantity"), {"value": 8.0, "unit": "weeks"}, {}) == "8 weeks"
    assert in_words(asked("number"), None, {}) == "not reported"
    assert in_words(asked("scales"), [{"name": "VAS", "when": "before", "mean": 6.1}], {}) == "VAS before, mean 6.1"


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ((-38, 12, -4), (38, 12, -4), "The sign of x is opposite."),
        ((-38, 12, -4), (38, -12, -4), "The sign of x and y is opposite."),
        ((-38, 12, -4), (12, -38, -4), "The axes are swapped"),
        ((-38, 12, -4), (-33, 12, -4), "One digit of x differs (-38 and -33)."),
        ((-38, 12, -4), (-38, 21, -4), "Two digits of y are exchanged (12 and 21)."),
        ((-38, 12, -4), (-38, 12, -40), "The decimal point of z is elsewhere (-4 and -40)."),
        ((-38, 12, -4), (-3, 12, -4), "A digit of x is missing or too many (-38 and -3)."),
    ],
)
def test_the_slip_between_two_places_is_named(a, b, words):
    assert slip_of(a, b).startswith(words)


@pytest.mark.parametrize(("a", "b"), [((-38, 12, -4), (-27, 31, 5)), ((-38, 12, -4), (-31, 13, -4))])
def test_no_slip_is_named_where_none_explains_it(a, b):
    assert slip_of(a, b) == ""


def test_equal_places_have_no_slip():
    assert slip_of((1, 2, 3), (1, 2, 3)) == ""


def test_the_slip_between_two_numbers_is_named():
    assert slip_of_number(4.52, 45.2, "t") == "The decimal point of t is elsewhere (4.52 and 45.2)."
    assert slip_of_number(81, 18, "n") == "Two digits of n are exchanged (81 and 18)."
    assert slip_of_number(60.92, 4.1, "age") == ""


def test_what_differs_within_a_pair_of_rows_is_named():
    a = PeakPoint(1, (1.0, 2.0, 3.0), statistic=4.5, sign=1, label="L insula", cluster_size=30.0)
    b = PeakPoint(7, (1.0, 2.0, 3.0), statistic=-4.5, sign=-1, label="l. insula", cluster_size=31.0)
    assert peak_differences(a, b) == ("sign", "cluster_size")


def test_agreement_of_peaks_counts_pairs_and_what_only_one_has():
    told = peak_agreement([0.0, 0.0, 3.0, 76.0], only_a=1, only_b=0)
    assert (told.peaks, told.near, told.exact) == (5, 3, 2)
    assert (told.matched_share, told.exact_share, told.median_mm) == (0.6, 0.4, 1.5)


def test_agreement_of_no_peaks_has_no_share():
    told = peak_agreement([], 0, 0)
    assert (told.matched_share, told.exact_share, told.median_mm) == (None, None, None)


def test_agreement_of_several_tables_is_that_of_all_their_peaks():
    total = peak_agreement([0.0], 1, 0) + peak_agreement([2.0, 4.0], 0, 1)
    assert (total.pairs, total.peaks, total.near, total.median_mm) == (3, 5, 3, 2.0)
