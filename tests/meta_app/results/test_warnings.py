"""The warnings of a run as a few sentences with counts."""

from meta_app.results.selectors import Result


def result_with(*warnings, preflight=(), keys=None):
    record = {"warnings": warnings, "concord": {"preflight": preflight}}
    return Result(run=None, artefacts=(), found={}, specification={}, record=record, counts={}, keys=keys or {})


def test_warnings_that_differ_only_in_study_and_numbers_are_one_kind():
    result = result_with(
        "warning: study a_01, t_thr: no threshold is given; 2.064 is taken.",
        "warning: study b_02, t_thr: no threshold is given; 2.306 is taken.",
        {"place": "a_01", "message": "Peak 12: up to 3 mm outside the brain.", "mend": "Check."},
        {"place": "b_02", "message": "Peaks 5, 6, 8: up to 7 mm outside the brain.", "mend": "Check."},
        "Another doubt.",
    )
    assert [len(kind) for kind in result.warning_kinds] == [2, 2, 1]


def test_no_warning_is_lost_in_its_kind():
    result = result_with("n = 9 in a", "n = 9 in b", "n = 8 in a")
    assert sum(len(kind) for kind in result.warning_kinds) == 3


def test_a_warning_of_the_core_names_the_dataset_as_the_page_does():
    line = "warning: study Li_2019.PHN_HC, t_thr: no threshold is given; 2.1 is taken."
    (told,) = result_with(line, keys={"Li_2019.PHN_HC": "Li 2019 / PHN HC"}).warnings
    assert told == {
        "place": "Li 2019 / PHN HC, t threshold",
        "text": "No threshold is given; 2.1 is taken.",
        "mend": "",
    }


def test_missing_thresholds_are_told_once():
    before = {"place": "Threshold", "text": "1 dataset without a t threshold: for each.", "mend": ""}
    line = "warning: study a, t_thr: no threshold is given; 2.1 is taken."
    assert len(result_with(line, preflight=[before]).warnings) == 1
    assert len(result_with(preflight=[before]).warnings) == 1


def test_a_field_of_the_core_has_the_name_that_the_pages_give_it():
    (told,) = result_with(preflight=[{"place": "Li 2019 / ReHo, n1", "text": "Only 9 people.", "mend": ""}]).warnings
    assert told["place"] == "Li 2019 / ReHo, n of the first group"
