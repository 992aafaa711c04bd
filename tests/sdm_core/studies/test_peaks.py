"""PeakTable: what is read, what is refused, what is warned of."""

import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.spaces import mm_to_voxel, talairach_to_mni
from sdm_core.studies import PeakTable, StudyTable, parse_peaks


@pytest.fixture(scope="module")
def studies():
    rows = [{"study": name, "n1": 20, "t_thr": 3.0} for name in ("first", "second")]
    return StudyTable.from_rows([*rows, {"study": "silent", "n1": 20, "t_thr": 3.0, "no_peaks": True}])


def peak(study="first", x=-40, y=20, z=-4, statistic=4.5, **more):
    return {"study": study, "x": x, "y": y, "z": z, "statistic": statistic, **more}


SECOND = peak("second", -44, 22, 0)


def messages(studies, *rows):
    return [str(problem) for problem in parse_peaks([*rows, SECOND], studies)[1]]


def test_peaks_are_grouped_by_study_in_the_order_of_the_table(studies):
    table = PeakTable.from_rows([SECOND, peak(), peak(x=30, statistic="-5.5")], studies)
    assert table.study_index.tolist() == [0, 0, 1]
    assert table.mm.tolist() == [[-40, 20, -4], [30, 20, -4], [-44, 22, 0]]
    assert table.t.tolist() == [4.5, -5.5, 4.5]
    assert table.sign.tolist() == [1, -1, 1]
    assert table.sign.dtype == np.int8
    assert table.of_study(0).tolist() == [0, 1]
    assert len(table) == 3


def test_p_and_n_are_peaks_known_only_by_their_sign(studies):
    table = PeakTable.from_rows([peak(statistic="p"), peak(x=30, statistic=" N "), SECOND], studies)
    assert np.isnan(table.t[:2]).all()
    assert table.sign[:2].tolist() == [1, -1]


def test_talairach_peaks_are_moved_to_mni_by_their_software(studies):
    rows = [peak(space="tal", software="fsl"), peak(x=-38, space="Tal"), SECOND]
    table = PeakTable.from_rows(rows, studies)
    np.testing.assert_allclose(table.mm[0], talairach_to_mni([[-40, 20, -4]], "fsl")[0])
    np.testing.assert_allclose(table.mm[1], talairach_to_mni([[-38, 20, -4]], "other")[0])
    assert table.mm[2].tolist() == [-44, 22, 0]


def test_every_kind_of_minus_sign_is_a_minus_sign(studies):
    table = PeakTable.from_rows([peak(x="\u221240", z="\uff0d4", statistic="\u20134.5"), SECOND], studies)
    assert table.mm[0].tolist() == [-40, 20, -4]
    assert table.t[0] == -4.5


def test_a_table_cannot_be_changed(studies):
    table = PeakTable.from_rows([peak(), SECOND], studies)
    for array in (table.study_index, table.mm, table.t, table.sign):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_no_study_with_peaks_gives_an_empty_table():
    silent = StudyTable.from_rows([{"study": "silent", "n1": 20, "t_thr": 3.0, "no_peaks": True}])
    table = PeakTable.from_rows([], silent)
    assert len(table) == 0
    assert table.mm.shape == (0, 3)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (peak(x=""), "error: study first, peak 1, x: is missing. Give a number."),
        (peak(y="nan"), "error: study first, peak 1, y: is missing"),
        (peak(z="4 mm"), 'error: study first, peak 1, z: "4 mm" is not a number'),
        (peak(statistic="4,5"), 'error: study first, peak 1, t: "4,5" has a decimal comma. Write 4.5, with a point.'),
        (peak(statistic=""), "error: study first, peak 1, t: is missing. Give the t value, or p (n) for a peak known"),
        (peak(statistic="high"), 'error: study first, peak 1, t: "high" is not a number'),
        (peak(statistic=0), "error: study first, peak 1, t: is 0"),
        (peak(statistic=450), "error: study first, peak 1, t: 450 is impossible for a t value"),
        (peak(space="Colin27"), 'error: study first, peak 1, space: "colin27" is not known. Choose one of mni, tal.'),
        (peak(software="afni"), 'error: study first, peak 1, software: "afni" is not known. Choose one of spm, fsl'),
        (peak(place="first.spm_mni.txt, line 7", x="a"), "error: first.spm_mni.txt, line 7, x:"),
        (peak(x=-73, y=-20, z=0), "warning: study first, x, y, z: peak 1: up to 3 mm outside the brain"),
        (peak(statistic=2.0), "warning: study first, t: peak 1: below the study's threshold t_thr 3.00"),
        (peak(statistic=40), "warning: study first, t: peak 1: up to 8.9 standard deviations"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_each_problem_names_the_place_and_the_mend(studies, row, expected):
    (message,) = messages(studies, row)
    assert message.startswith(expected)


def test_a_peak_of_a_study_that_is_not_in_the_table_is_refused(studies):
    assert messages(studies, peak(), peak("third")) == [
        'error: study third, peak 1, study: "third" is not in the study table. Add the study or correct its name.'
    ]


def test_the_same_coordinates_twice_are_warned_of(studies):
    (message,) = messages(studies, peak(), peak(statistic=5.5))
    assert message.startswith("warning: study first, peak 2, x, y, z: has the same coordinates as peak 1 of the study")


def test_the_same_coordinates_in_two_studies_are_no_problem(studies):
    assert messages(studies, peak(x=-44, y=22, z=0)) == []


@pytest.mark.parametrize(
    ("mm", "cause"),
    [
        (mm_to_voxel([-40, 20, 40]), "The numbers may be voxel indices instead of mm."),
        ((-95, -10, 0), "The axes may be swapped."),
        ((-400, 200, -40), "The decimal point may be lost."),
        ((20, 94, 30), "The sign of a coordinate may be lost or turned."),
        ((500, 500, 500), "One of the numbers is too large."),
    ],
)
def test_a_peak_far_outside_the_brain_is_refused_with_the_probable_cause(studies, mm, cause):
    x, y, z = mm
    (message,) = messages(studies, peak(x=x, y=y, z=z))
    assert message.startswith("error: study first, peak 1, x, y, z: is")
    assert f"mm outside the brain. {cause}" in message


def test_a_peak_10_to_20_mm_outside_the_brain_is_kept_with_a_warning_that_it_does_not_count(studies):
    # gaillard2003, peak 11, of a published SDM-PSI run (SkeideLab/meta_semantics, MIT licence)
    table, problems = parse_peaks([peak(x=-53.77, y=-72.96, z=60.66), SECOND], studies)
    assert len(table) == 2
    assert "too far to count" in str(problems[0])
    assert problems[0].level == "warning"


def test_a_study_needs_peaks_or_the_word_that_it_has_none(studies):
    problems = parse_peaks([peak(), peak("silent")], studies)[1]
    assert [(problem.study, problem.message) for problem in problems] == [
        ("second", "has no peak"),
        ("silent", 'has 1 peaks and is marked "no peaks"'),
    ]


def test_every_problem_of_every_row_is_told_at_once(studies):
    with pytest.raises(InputError) as caught:
        PeakTable.from_rows([peak(x="a", statistic="b"), peak(x=500), peak("third", z=""), SECOND], studies)
    places = [(problem.study, problem.row, problem.field) for problem in caught.value.problems]
    assert places == [
        ("first", 1, "x"),
        ("first", 1, "t"),
        ("first", 2, "x, y, z"),
        ("third", 1, "study"),
        ("third", 1, "z"),
    ]
