"""Answers as papers and people write them: blanks, thousands, Chinese numerals, units, scales."""

import pytest

from meta_app.extraction.form_domain import FormField
from meta_app.extraction.form_parsers import read_answer


def field(kind, **more):
    return FormField("key", "Label", "group", "Section", kind, **more)


@pytest.mark.parametrize("raw", ["", " ", "NA", "n/a", "–", "/", "未报告", None])
@pytest.mark.parametrize("kind", ["text", "integer", "number"])
def test_a_blank_as_it_is_written_is_not_reported(kind, raw):
    answer = read_answer(field(kind), raw)
    assert (answer.value, answer.problem) == (None, "")


@pytest.mark.parametrize("word", ["none", "无"])
def test_none_is_an_answer_in_words_and_no_number(word):
    assert read_answer(field("text"), word).value == word
    assert read_answer(field("number"), word).value is None


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("18", 18), ("n = 18", 18), ("10 000", 10_000), ("10,000", 10_000), ("１８", 18), ("18.0", 18), (18, 18),
        ("18例", 18), ("十八", 18), ("二十", 20), ("一百二十三", 123), ("两万零五", 20_005), ("二〇一七", 2017),
    ],
)  # fmt: skip
def test_counts_are_understood(raw, value):
    assert read_answer(field("integer"), raw).value == value


@pytest.mark.parametrize(
    ("raw", "value"),
    [("64.3", 64.3), ("64,3", 64.3), ("６４．３", 64.3), ("六十四点三", 64.3), ("64岁", 64.0), ("−2", -2.0)],
)
def test_numbers_are_understood(raw, value):
    assert read_answer(field("number"), raw).value == value


@pytest.mark.parametrize(
    ("kind", "raw", "fix"),
    [
        ("integer", "18.5", "whole number"),
        ("integer", "52%", "“Reported otherwise?” turns a percentage into people"),
        ("integer", "9/8", "“Reported otherwise?” turns a ratio into people"),
        ("integer", str(10**12), "too large"),
        ("number", "64.3±6.4", "the SD beside it"),
        ("number", "10,000", "10.000 or 10000"),
        ("number", "<5", "bound"),
        ("number", "old", "not a number"),
        ("number", True, "must be a number"),
        ("text", "x" * 301, "300 fit"),
        ("text", 5, "must be text"),
        ("yes_no", "perhaps", "yes, no or not reported"),
        ("quantity", "3 months", "a number and its unit"),
        ("scales", [{"mean": "6.5"}], "Scale 1: name it"),
        ("scales", [{"name": "VAS", "mean": "much"}], "Scale 1: mean"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_fix(kind, raw, fix):
    answer = read_answer(field(kind, units=("months", "years")), raw)
    assert answer.value is None
    assert fix in answer.problem


def test_a_number_below_its_least_is_refused():
    assert "is below 0" in read_answer(field("number", lowest=0), "-3").problem


def test_a_quantity_needs_its_unit():
    months = field("quantity", units=("months", "years"))
    assert read_answer(months, {"value": "3", "unit": "months"}).value == {"value": 3.0, "unit": "months"}
    assert read_answer(months, {"value": "3", "unit": ""}).problem == "Choose the unit: months, years."
    assert read_answer(months, {"value": "", "unit": "months"}).value is None


def test_a_choice_is_known_by_its_key_and_its_words():
    design = field("choice", choices=(("pre_post", "Before and after"), ("other", "Other")))
    assert read_answer(design, "pre_post").value == "pre_post"
    assert read_answer(design, "before and after").value == "pre_post"
    assert "is not one of: Before and after, Other" in read_answer(design, "cohort").problem


def test_scales_are_kept_with_their_limits_and_empty_rows_go():
    rows = [
        {"name": "VAS", "when": "before", "mean": "6,5", "lowest": "0", "highest": "10"},
        {"name": "", "mean": None},
    ]
    scale = {"name": "VAS", "when": "before", "mean": 6.5, "sd": None, "lowest": 0.0, "highest": 10.0}
    assert read_answer(field("scales"), rows).value == [scale]


def test_a_needed_answer_is_not_cleared():
    assert "is needed" in read_answer(field("text", required=True), "").problem
    assert "is needed" in read_answer(field("text", required=True), None).problem
