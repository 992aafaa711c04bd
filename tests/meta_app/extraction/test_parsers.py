"""Cells as people paste them. The browser is held to the same file by tests/js/cells.test.mjs."""

import json
from pathlib import Path

import pytest

from meta_app.extraction import parsers
from meta_app.extraction.peak_words import areas_said

CASES = json.loads((Path(__file__).parents[2] / "fixtures" / "cells.json").read_text("utf-8"))
READERS = {
    "kind": parsers.read_kind,
    "sign": parsers.read_sign,
    "space": parsers.read_space,
    "cluster_unit": parsers.read_unit,
    "hemisphere": parsers.read_side,
    "p_kind": parsers.read_p_kind,
    "direction": parsers.read_direction,
    "sub_peak": parsers.read_sub_peak,
}


def message_of(cell):
    return cell.problem.message if cell.problem else None


@pytest.mark.parametrize("case", CASES["numbers"], ids=lambda case: f"{case['field']} {case['raw']!r}")
def test_a_number_cell_is_read_or_refused_with_its_reason(case):
    cell = parsers.read_number(case["raw"], case["field"])
    assert (cell.value, cell.text, message_of(cell)) == (case["value"], case["text"], case.get("message"))


@pytest.mark.parametrize("case", CASES["triples"], ids=lambda case: repr(case["raw"]))
def test_a_combined_cell_is_split_only_when_it_holds_three_numbers(case):
    assert parsers.read_triple(case["raw"]) == case["parts"]


@pytest.mark.parametrize("case", CASES["words"], ids=lambda case: f"{case['field']} {case['raw']!r}")
def test_a_word_cell_knows_the_words_of_the_field(case):
    cell = READERS[case["field"]](case["raw"])
    assert (cell.value, message_of(cell)) == (case["value"], case.get("message"))


@pytest.mark.parametrize("case", CASES["sizes"], ids=lambda case: repr(case["raw"]))
def test_a_cluster_size_may_carry_its_unit(case):
    cell, unit = parsers.read_size(case["raw"])
    assert (cell.value, unit) == (case["value"], case["unit"])


@pytest.mark.parametrize("case", CASES["rows"], ids=lambda case: case["name"])
def test_a_row_is_read_with_every_problem_at_its_cell(case):
    row = parsers.read_row(case["cells"], case["space"])
    assert {name: getattr(row, name) for name in case["expected"]} == case["expected"]
    assert [[problem.field, problem.level, problem.message] for problem in row.problems] == case["problems"]


def test_every_problem_tells_how_to_mend_it():
    rows = [parsers.read_row(case["cells"], case["space"]) for case in CASES["rows"]]
    assert all(problem.mend.endswith(".") for row in rows for problem in row.problems)


@pytest.mark.parametrize(
    ("raw", "areas"),
    [("13", (13,)), ("BA 9/46", (9, 46)), ("BA24, BA32", (24, 32)), ("–", ()), ("insula", ()), ("0", ())],
)
def test_a_cell_may_hold_several_brodmann_areas(raw, areas):
    assert parsers.read_areas(raw)[0] == areas


def test_thousands_of_digits_are_no_brodmann_area():
    digits = "9" * 5000
    assert parsers.read_areas(digits)[0] == areas_said(f"BA {digits}") == ()
    assert areas_said("insula (BA 13/47)") == (13, 47)
