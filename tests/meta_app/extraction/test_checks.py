"""The guard of the grid: what is warned of, what must be confirmed, what is refused, each with its place and mend."""

import pytest

from meta_app.extraction.checks import check_rows, dataset_problems
from meta_app.extraction.models import Peak
from meta_app.extraction.study_checks import looks_like_standard_error
from sdm_core.spaces import talairach_to_mni
from tests.meta_app.extraction.peak_cast import insula, make_dataset

DISTANT = {  # mm outside gray matter, measured with sdm_core.spaces.distance_to_mask
    "near": ("-74", "-20", "0"),
    "far": ("-78", "-20", "0"),
    "out": ("-95", "-20", "0"),
}


def checked(dataset, *rows, state="peaks"):
    return check_rows(dataset, state, rows)


def levels(dataset, *rows, state="peaks"):
    problems = checked(dataset, *rows, state=state).problems
    return [(problem.level, problem.row, problem.field) for problem in problems]


def one(dataset, *rows, state="peaks"):
    (problem,) = checked(dataset, *rows, state=state).problems
    return problem


def at(name, **cells):
    x, y, z = DISTANT[name]
    return insula(x=x, y=y, z=z, **cells)


def test_a_peak_in_gray_matter_has_no_problem_and_gets_its_region(dataset):
    result = checked(dataset, insula())
    assert result.problems == ()
    assert result.rows[0].mni == (-38, 12, -4)
    assert result.rows[0].distance_mm == 0
    assert "insula" in result.rows[0].region.lower()


def test_up_to_4_mm_outside_is_a_warning(dataset):
    assert levels(dataset, at("near")) == [("warning", 1, "x")]


def test_4_to_10_mm_outside_must_be_confirmed(dataset):
    assert levels(dataset, at("far")) == [("confirm", 1, "x")]


def test_a_confirmed_row_is_only_a_warning(dataset):
    problem = one(dataset, at("far", confirmed="yes"))
    assert (problem.level, problem.mend) == ("warning", "Confirmed by the reviewer.")


def test_beyond_10_mm_is_refused_even_when_confirmed(dataset):
    assert levels(dataset, at("out", confirmed="yes")) == [("error", 1, "x")]


@pytest.mark.parametrize(("x", "asked"), [("0.4", True), ("-6", False)])
def test_a_peak_at_the_origin_is_asked_about(dataset, x, asked):
    told = [problem.message for problem in checked(dataset, insula(x=x, y="0", z="0")).problems]
    assert ("0, 0, 0 is rarely a peak: check the table." in told) is asked


@pytest.mark.parametrize(
    ("cells", "cause"),
    [
        ({"x": "-98", "y": "12", "z": "8"}, "swapped (columns hold y, x, z)"),
        ({"x": "-380", "y": "12", "z": "-4"}, "decimal point"),
        ({"x": "12", "y": "-98", "z": "80"}, "No usual slip"),
        ({"x": "64", "y": "69", "z": "34"}, "voxel indices"),
        ({"x": "-10", "y": "20", "z": "-40"}, "sign of z"),
    ],
)
def test_a_refused_peak_names_the_probable_cause(dataset, cells, cause):
    problem = one(dataset, insula(label="", **cells))
    assert problem.level == "error"
    assert cause in problem.message


def test_a_problem_names_study_dataset_row_and_field(dataset):
    problem = one(dataset, insula(), insula(x="abc"))
    assert problem.place == "Cao 2017, ReHo, row 2, x"
    assert problem.message == "“abc” is not a number."
    assert problem.mend


def test_talairach_rows_are_converted_by_the_software_of_the_dataset(dataset):
    row = checked(dataset, insula(space="Talairach")).rows[0]
    assert row.mni == pytest.approx(talairach_to_mni([[-38, 12, -4]], "spm")[0], abs=0.01)
    assert row.mni != pytest.approx(talairach_to_mni([[-38, 12, -4]], "fsl")[0], abs=0.01)


@pytest.mark.parametrize("label", ["Left insula", "L insula", "insula (L)", "Insula_L".replace("_", " "), "左侧岛叶"])
def test_a_side_in_the_label_against_the_sign_of_x_must_be_confirmed(dataset, label):
    assert levels(dataset, insula(label=label, x="38")) == [("confirm", 1, "label")]


@pytest.mark.parametrize(("label", "x"), [("Left ACC", "4"), ("Left and right insula", "38"), ("insula", "38")])
def test_the_midline_and_labels_without_one_side_are_left_alone(dataset, label, x):
    assert not [row for row in levels(dataset, insula(label=label, x=x)) if row[2] == "label"]


def test_a_whole_table_with_mirrored_sides_is_refused(dataset):
    rows = [insula(x=str(x)) for x in (34, 36, 38, 40)]
    assert ("error", None, "x") in levels(dataset, *rows)


def test_a_whole_table_with_swapped_axes_is_refused_and_says_which(dataset):
    peaks = [("-98", "4", "8"), ("-94", "-20", "0"), ("-90", "24", "-6"), ("-96", "12", "4"), ("-88", "-30", "2")]
    rows = [insula(label="", x=x, y=y, z=z) for x, y, z in peaks]
    whole = [problem for problem in checked(dataset, *rows).problems if problem.row is None]
    assert [problem.level for problem in whole] == ["error"]
    assert "axes are swapped (columns hold y, x, z)" in whole[0].message


@pytest.mark.parametrize(
    ("statistic", "kind"),
    [("120", "t"), ("45", "z"), ("0.999999", "r"), ("F(1, 28) = 14400", "F"), ("1e-40", "p")],
)
def test_a_statistic_impossible_for_its_df_is_refused(dataset, statistic, kind):
    problems = checked(dataset, insula(statistic=statistic, kind=kind, sign="+")).problems
    (problem,) = [problem for problem in problems if problem.level == "error"]
    assert problem.field == "statistic"
    assert "28 degrees of freedom" in problem.message


@pytest.mark.parametrize("r", ["1", "-1", "1.2"])
def test_a_correlation_of_one_is_refused_whatever_its_df(dataset, r):
    dataset.group_a.n = None
    found = [item for item in checked(dataset, insula(statistic=r, kind="r")).problems if item.field == "statistic"]
    assert [(item.level, "above -1 and below 1" in item.mend) for item in found] == [("error", True)]


def test_a_statistic_below_the_stated_threshold_is_a_warning(dataset):
    assert levels(dataset, insula(statistic="2.1")) == [("warning", 1, "statistic")]


def test_the_same_coordinates_twice_must_be_confirmed(dataset):
    assert levels(dataset, insula(), insula(statistic="5")) == [("confirm", 2, "x")]


def test_an_unknown_space_is_an_error_and_nothing_is_placed(project, owner):
    dataset = make_dataset(project, owner, space="unknown")
    result = checked(dataset, insula())
    assert [(problem.level, problem.field) for problem in result.problems] == [("error", "space")]
    assert result.rows[0].mni is None


def test_a_missing_threshold_is_a_warning(project, owner):
    assert levels(make_dataset(project, owner, t_threshold=None), insula()) == [("warning", None, "t_threshold")]


def test_n_below_4_is_an_error(project, owner):
    assert levels(make_dataset(project, owner, n_controls=3), insula()) == [("error", None, "group_b")]


def test_a_missing_n_is_an_error(project, owner):
    assert levels(make_dataset(project, owner, n_patients=None), insula()) == [("error", None, "group_a")]


def test_peaks_without_rows_is_an_error(dataset):
    assert levels(dataset) == [("error", None, "peaks_state")]


def test_peaks_not_extracted_yet_is_an_error(dataset):
    assert levels(dataset, state="not_extracted") == [("error", None, "peaks_state")]


def test_no_peaks_is_complete_without_rows(dataset):
    assert levels(dataset, state="no_peaks") == []


def test_no_peaks_with_rows_is_an_error(dataset):
    assert ("error", None, "peaks_state") in levels(dataset, insula(), state="no_peaks")


def test_the_stored_rows_of_a_dataset_are_checked(dataset):
    Peak.objects.create(dataset=dataset, position=1, cells=insula(x="abc"))
    assert [problem.field for problem in dataset_problems(dataset)] == ["x"]


def test_a_table_with_its_sides_in_a_column_and_no_minus_is_refused(dataset):
    rows = [
        insula(label="L insula", x="38"),
        insula(label="L putamen", x="24", y="4", z="2"),
        insula(label="R insula", x="40"),
    ]
    problems = checked(dataset, *rows).problems
    assert [(problem.level, problem.message) for problem in problems if problem.row is None] == [
        ("error", "No x is below 0, but 2 labels say left.")
    ]


def test_a_lost_decimal_point_that_the_df_still_allow_must_be_confirmed(project, owner):
    small = make_dataset(project, owner, n_patients=11, n_controls=11)
    problem = one(small, insula(statistic="45.2", kind="t"))
    assert (problem.level, problem.field) == ("confirm", "statistic")
    assert "19 standard deviations" in problem.message


def test_statistics_are_checked_before_the_space_is_known(project, owner):
    unknown = make_dataset(project, owner, space="unknown")
    assert ("error", 1, "statistic") in levels(unknown, insula(statistic="400", kind="t"))


@pytest.mark.parametrize(
    ("n", "sd", "doubtful"), [(19, 2.1, True), (55, 0.79, True), (19, 9.2, False), (None, 2.1, False)]
)
def test_a_standard_error_given_as_sd_of_age_is_doubted(n, sd, doubtful):
    assert looks_like_standard_error(n, sd) is doubtful
