"""StudyTable: what is read, what is refused, what is warned of."""

import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.studies import StudyTable, parse_studies


def row(**changes):
    return {"study": "cao2019", "n1": 20, "t_thr": 3.2, **changes}


def messages(rows):
    return [str(problem) for problem in parse_studies(rows)[1]]


def the_only_message(**changes):
    (message,) = messages([row(**changes)])
    return message


def test_a_table_keeps_what_the_rows_say_in_their_order():
    table = StudyTable.from_rows(
        [
            row(study="b", threshold="corrected", age="34.5", female="NA"),
            row(study="a", n1="12", n2="14", t_thr="", threshold="uncorrected", age=30, female=0.5),
            row(study="c", n1=30, design="correlation", no_peaks="1", age=41, female=""),
        ]
    )
    assert table.names == ("b", "a", "c")
    assert table.design == ("one_sample", "two_sample", "correlation")
    assert table.n1.tolist() == [20, 12, 30]
    assert table.n2.tolist() == [0, 14, 0]
    assert table.df.tolist() == [19, 24, 28]
    assert table.threshold_kind == ("corrected", "uncorrected", "")
    assert table.no_peaks.tolist() == [False, False, True]
    np.testing.assert_array_equal(table.t_threshold, [3.2, np.nan, 3.2])
    np.testing.assert_array_equal(table.covariates["age"], [34.5, 30, 41])
    np.testing.assert_array_equal(table.covariates["female"], [np.nan, 0.5, np.nan])
    assert len(table) == 3
    assert table.index("c") == 2


def test_a_table_cannot_be_changed():
    table = StudyTable.from_rows([row(age=3)])
    for array in (table.n1, table.n2, table.t_threshold, table.no_peaks, table.covariates["age"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(TypeError):
        table.covariates["sex"] = np.zeros(1)


def test_a_sound_row_has_no_problem():
    assert messages([row()]) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"n1": 3}, "error: study cao2019, n1: 3 people are too few. An effect size needs at least 4."),
        ({"n1": 2, "n2": 2}, "error: study cao2019, n1: 4 people are too few. An effect size needs at least 5."),
        ({"n1": 30, "n2": 1}, "error: study cao2019, n2: a group of 1 has no variance. Give at least 2."),
        ({"n1": ""}, "error: study cao2019, n1: is missing. Give a number."),
        ({"n1": "12,5"}, 'error: study cao2019, n1: "12,5" has a decimal comma. Write 12.5, with a point.'),
        ({"n1": -12}, "error: study cao2019, n1: -12 is negative. Give a count of people."),
        ({"t_thr": "0.001"}, "error: study cao2019, t_thr: 0.001 looks like a p value"),
        ({"t_thr": "1e308"}, "error: study cao2019, t_thr: 1e+308 is impossible for a t value"),
        ({"n1": "1e30"}, "error: study cao2019, n1: 1e+30 is impossible. Give a count of people."),
        ({"t_thr": -3.2}, "error: study cao2019, t_thr: -3.2 is not positive"),
        ({"threshold": "FWE"}, 'error: study cao2019, threshold: "fwe" is not known. Choose one of corrected'),
        ({"design": "crossed"}, 'error: study cao2019, design: "crossed" is not known. Choose one of one_sample'),
        ({"design": "paired", "n2": 20}, "error: study cao2019, n2: is given in a paired study. Give the number of"),
        ({"design": "two_sample"}, "error: study cao2019, n2: is missing in a two-sample study"),
        ({"design": "one_sample", "n2": 20}, "error: study cao2019, n2: is given in a one_sample study"),
        ({"no_peaks": "maybe"}, 'error: study cao2019, no_peaks: "maybe" is neither yes nor no'),
        ({"study": "Cao 2019"}, 'error: study Cao 2019, study: "Cao 2019" cannot be a name'),
        ({"study": "../cao"}, 'error: study ../cao, study: "../cao" cannot be a name'),
        ({"study": ""}, 'error: study table, row 1, study: "" cannot be a name'),
        ({"n1": 8}, "warning: study cao2019, n1: only 8 people"),
        ({"t_thr": None}, "warning: study cao2019, t_thr: is missing. Give the t value of the study's threshold"),
        ({"scanner": "Siemens"}, 'warning: study table, column scanner: "Siemens" is not a number; the column can'),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_problem_names_the_place_and_the_mend(changes, expected):
    assert the_only_message(**changes).startswith(expected)


def test_four_people_are_enough_for_one_sample_and_for_a_correlation():
    for design in ("one_sample", "correlation"):
        table, problems = parse_studies([row(n1=4, design=design)])
        assert table is not None
        assert {problem.level for problem in problems} == {"warning"}


def test_a_study_that_comes_twice_is_refused():
    assert messages([row(), row()]) == [
        "error: study cao2019, study: is in the table twice. Rename one of the two or delete it."
    ]


def test_an_empty_table_is_refused():
    with pytest.raises(InputError, match="has no study"):
        StudyTable.from_rows([])


def test_every_problem_of_every_row_is_told_at_once():
    with pytest.raises(InputError) as caught:
        StudyTable.from_rows([row(n1=3, t_thr=-1), row(study="b", n1="x", threshold="maybe"), row(study="c", t_thr="")])
    places = [(problem.study, problem.row, problem.field, problem.level) for problem in caught.value.problems]
    assert places == [
        ("cao2019", 1, "n1", "error"),
        ("cao2019", 1, "t_thr", "error"),
        ("b", 2, "n1", "error"),
        ("b", 2, "threshold", "error"),
        ("c", 3, "t_thr", "warning"),
    ]


def test_rows_without_an_error_survive_beside_rows_with_one():
    table, problems = parse_studies([row(n1=3), row(study="b")])
    assert table.names == ("b",)
    assert [problem.study for problem in problems] == ["cao2019"]
