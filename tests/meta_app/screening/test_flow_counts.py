"""The sums of the PRISMA flow: what goes into a box must come out of it.

Reference numbers: a published literature search (SkeideLab/meta_semantics, MIT): 373 + 722 + 326 = 1421 hits, 526
duplicates removed, 895 screened from databases and 23 added by hand.
"""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meta_app.screening.domain import LISTS, NUMBERS, FlowCounts, FlowError, Line, flow_rows, parse_flow, sums

REFERENCE = Path(__file__).parents[4] / "shared" / "data" / "search_export" / "prisma_reference.json"
SEARCH = {
    "databases": [{"name": "PubMed", "n": 373}, {"name": "Scopus", "n": 722}, {"name": "PsycInfo", "n": 326}],
    "duplicates": 526,
    "screened": 895,
}
# Screening numbers of our own making, chosen so that all sums hold.
WHOLE = SEARCH | {
    "excluded": 800, "sought": 95, "not_retrieved": 3, "assessed": 92,
    "reasons": [{"name": "Age", "n": 54}, {"name": "No coordinates", "n": 4}], "new_studies": 30, "new_reports": 34,
}  # fmt: skip
BY_HAND = {
    "other_sources": [{"name": "Citation searching", "n": 23}], "other_sought": 23, "other_not_retrieved": 6,
    "other_assessed": 17, "other_reasons": [{"name": "Age", "n": 7}], "new_reports": 44,
}  # fmt: skip


def by_name(raw):
    return {one.name: one for one in sums(parse_flow(raw))}


def test_the_reference_search_leaves_895_records_to_screen():
    one = by_name(SEARCH)["Records identified"]
    assert (one.into, one.out, one.holds) == (1421, 1421, True)


@pytest.mark.reference
def test_the_typed_reference_numbers_are_those_of_the_reference_file():
    if not REFERENCE.exists():
        pytest.skip("the reference search beside the project is absent")
    facts = json.loads(REFERENCE.read_text())
    hits = facts["databases_csv_hits"]
    assert {row["name"]: row["n"] for row in SEARCH["databases"]} == {k: n for k, n in hits.items() if k != "total"}
    assert SEARCH["duplicates"] == facts["duplicates_removed"]["from_databases_csv"]
    assert SEARCH["screened"] == facts["screened_rows"]["databases"]


def test_a_sum_that_fails_is_named_with_its_numbers_and_its_gap():
    one = by_name(SEARCH | {"duplicates": 524})["Records identified"]
    assert one.holds is False
    assert "1421 identified" in one.sentence
    assert "524 duplicates removed + 895 screened" in one.sentence
    assert "1421 records against 1419, 2 unaccounted for" in one.sentence
    assert "2 too many" in by_name(SEARCH | {"duplicates": 528})["Records identified"].sentence


def test_a_whole_flow_holds_in_every_sum():
    assert [one.holds for one in sums(parse_flow(WHOLE))] == [True] * 4


def test_a_missing_count_is_named_and_is_not_taken_for_zero():
    one = by_name(SEARCH)["Records screened"]
    assert one.holds is None
    assert one.sentence == "Not checked yet: no count for excluded and sought as reports."


def test_automation_and_other_removals_may_stay_blank():
    assert by_name(SEARCH)["Records identified"].holds is True
    assert by_name(SEARCH | {"automation": 5, "screened": 890})["Records identified"].holds is True


def test_other_methods_bring_the_second_template_and_sums_of_their_own():
    assert parse_flow(WHOLE).template == "v1"
    counts = parse_flow(WHOLE | BY_HAND)
    assert counts.template == "v2"
    assert [one.name for one in sums(counts)][3:5] == [
        "Other methods: records identified",
        "Other methods: reports sought",
    ]
    assert all(one.holds for one in sums(counts))


def test_reports_of_both_lanes_must_end_in_the_included_box():
    one = by_name(WHOLE | BY_HAND | {"new_reports": 40})["Reports assessed"]
    assert one.holds is False
    assert "109 reports against 105, 4 unaccounted for" in one.sentence


def test_an_update_must_add_up_to_its_totals():
    update = WHOLE | {"previous_studies": 10, "previous_reports": 12, "total_studies": 40, "total_reports": 45}
    found = by_name(update)
    assert found["Studies in total"].holds is True
    assert found["Reports in total"].holds is False


@pytest.mark.parametrize(
    ("typed", "number"),
    [("1,421", 1421), (" 1 421 ", 1421), ("１４２１", 1421), ("1\u00a0421", 1421), (1421, 1421), ("0", 0), ("", None)],
)
def test_numbers_are_read_as_people_and_spreadsheets_write_them(typed, number):
    assert parse_flow({"screened": typed}).screened == number


@pytest.mark.parametrize("typed", ["12a", "-3", "3.5", "about 20", "１２。", "895²", "99999999", "9" * 5000, True])
def test_what_is_not_a_count_is_refused_at_its_place(typed):
    with pytest.raises(FlowError) as caught:
        parse_flow({"screened": typed, "databases": [{"name": "PubMed", "n": 3}]})
    assert list(caught.value.problems) == ["screened"]


def test_every_problem_is_told_at_once():
    raw = {
        "screened": "x",
        "databases": [{"name": "", "n": "4"}, {"name": "PubMed", "n": "y"}],
        "reasons": [{"name": "Age", "n": 1}, {"name": "Age", "n": 2}],
    }
    with pytest.raises(FlowError) as caught:
        parse_flow(raw)
    assert set(caught.value.problems) == {"screened", "databases:0", "databases:1", "reasons:1"}


def test_stored_counts_read_back_as_they_were():
    counts = parse_flow(WHOLE | BY_HAND)
    assert parse_flow(json.loads(json.dumps(counts.to_json()))) == counts


def test_the_table_of_counts_names_a_unit_for_each():
    rows = flow_rows(parse_flow(WHOLE))
    assert ("databases", "PubMed", 373, "records") in rows
    assert ("new_studies", "", 30, "studies") in rows
    assert ("reasons", "Age", 54, "reports") in rows
    assert {unit for *_, unit in rows} == {"records", "reports", "studies"}


COUNTS = st.none() | st.integers(0, 3)
LINES = st.lists(st.builds(Line, st.sampled_from("abc"), COUNTS), max_size=2).map(tuple)


@given(st.fixed_dictionaries(dict.fromkeys(NUMBERS, COUNTS) | dict.fromkeys(LISTS, LINES)))
def test_a_sum_holds_exactly_when_both_sides_are_equal_and_none_is_missing(values):
    for one in sums(FlowCounts(**values)):
        assert one.holds is (None if one.into is None else one.into == one.out)
