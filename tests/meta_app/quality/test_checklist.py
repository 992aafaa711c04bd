"""The checklist: the built-in one, its words for each kind of study, and what must hold of any."""

from dataclasses import replace

import pytest

from meta_app.quality.domain import (
    Item,
    Wording,
    exclusion_reason,
    instrument_changes,
    instrument_problems,
    moved_points,
    parse_items,
    sums,
)
from meta_app.quality.instruments import CUTOFF, ITEMS, SOURCE

WORDS = Wording("Question", "all", "half", "none")


def test_the_built_in_checklist_has_thirteen_items_of_ten_and_ten_points():
    """Weights of the published 20-point tool (BMJ Open, table 3): 2 1 2 3 2 and 1 2 2 1 1 1 1 1."""
    assert [item.points for item in ITEMS] == [2, 1, 2, 3, 2, 1, 2, 2, 1, 1, 1, 1, 1]
    assert sums(ITEMS) == {"sample": 10, "imaging": 10}
    assert instrument_problems(ITEMS) == {}
    assert CUTOFF == 16
    assert "Concord's own proposal" in SOURCE


def test_items_come_back_from_json_as_they_went():
    assert parse_items([item.to_json() for item in ITEMS]) == ITEMS


def test_points_go_in_halves_and_the_anchors_stand_at_all_half_and_none():
    pain = next(item for item in ITEMS if item.key == "pain")
    assert pain.steps == (0, 0.5, 1, 1.5, 2, 2.5, 3)
    assert [pain.anchor(points) for points in pain.steps] == ["zero", "", "", "half", "", "", "full"]


def test_resting_items_have_a_wording_for_vbm_and_both_where_the_modality_is_open():
    variants = [item for item in ITEMS if item.vbm]
    assert [item.key for item in variants] == ["state_control", "acquisition"]
    control = variants[0]
    assert "head motion" in control.wordings({"resting_fmri"})[0][1].full
    assert "intracranial" in control.wordings({"vbm"})[0][1].title
    for modalities in (set(), {"vbm", "resting_fmri"}):
        assert [name for name, _ in control.wordings(modalities)] == ["Resting state", "VBM"]
    assert len(ITEMS[0].wordings({"vbm"})) == 1


@pytest.mark.parametrize(("points", "place"), [(2.25, "a:points"), (0, "a:points"), (11, "a:points"), (9.5, "sample")])
def test_points_that_are_no_halves_or_do_not_sum_to_ten_are_refused(points, place):
    items = [Item("a", "sample", points, WORDS), Item("b", "imaging", 10, WORDS)]
    assert place in instrument_problems(items)


def test_an_item_that_was_scored_stays():
    items = [Item("a", "sample", 10, WORDS), Item("b", "imaging", 10, WORDS)]
    assert instrument_problems(items, used={"a"}) == {}
    assert "it stays" in instrument_problems(items, used={"gone"})["gone"]


def test_an_item_without_a_question_or_with_endless_words_is_refused():
    items = [
        Item("a", "sample", 10, replace(WORDS, title=" ")),
        Item("b", "imaging", 10, replace(WORDS, half="x" * 601)),
    ]
    assert set(instrument_problems(items)) == {"a:title", "b:half"}


def test_changes_are_told_item_by_item():
    before = [Item("a", "sample", 4, WORDS), Item("b", "sample", 6, replace(WORDS, title="Other"))]
    after = [
        Item("a", "sample", 3, replace(WORDS, full="more")),
        Item("c", "sample", 1, replace(WORDS, title="New one")),
    ]
    assert instrument_changes(before, after) == [
        "Removed: Other.", "Question: 4 points became 3 and its words changed.", "New: New one (1 point).",
    ]  # fmt: skip


def test_points_of_a_draft_stay_where_they_still_fit():
    items = [Item("a", "sample", 2, WORDS), Item("b", "sample", 1, WORDS), Item("c", "sample", 1, WORDS)]
    assert moved_points(items, {"a": 1.5, "b": 3.0, "gone": 1.0}) == {"a": 1.5, "b": None, "c": None}


def test_the_cut_off_itself_is_enough():
    assert exclusion_reason(16, 16) == ""
    assert exclusion_reason(15.5, 16) == "quality score 15.5 below 16"
