"""Bad coordinates, statistics and directions as they arrive in papers, one test each.

Signs and cells (also in tests/fixtures/cells.json, tests/js/paste.test.mjs)
    U+2212, en dash, full-width minus; decimal commas; combined cells; footnote letters: cells.json
    merged and hierarchical headers; sub-rows without label; broken lines of a PDF: paste.test.mjs
    minus signs lost on reading a PDF                test_a_table_without_any_minus_is_asked_about
    header row pasted as data                        test_column_names_among_the_rows_are_told

Places
    x, y, z in another order                         test_checks: a whole table with swapped axes
    sides in a column instead of a sign              test_the_column_of_sides_is_held_against_the_sign_of_x
    absolute values with the side in words           test_checks: sides in a column and no minus
    radiological flip of a whole table               test_checks: mirrored sides
    all signs flipped                                test_a_table_with_all_signs_wrong_is_refused
    Talairach unlabelled, or "MNI" that is Talairach test_talairach_that_passes_for_mni_fits_better_as_what_it_is
    MNI stated as Talairach                          test_mni_that_passes_for_talairach_fits_better_as_what_it_is
    voxel indices                                    test_a_table_of_voxel_indices_is_refused
    centre of mass instead of peak                   test_words_that_tell_of_no_whole_brain_peak_are_asked_about
    native space                                     cells.json: space "native" is not known here
    out of the brain, ventricle, cerebellum cut off  test_checks: 4 mm, 10 mm, beyond
    duplicated rows                                  test_checks: the same coordinates twice
    sub-peaks closer than 8 mm                       test_a_sub_peak_closer_than_8_mm_is_asked_about
    the same peaks in two papers                     test_a_table_that_another_paper_holds_is_asked_about
    peaks rounded to 0                               test_checks: a peak at the origin
    label or Brodmann area against the atlas         test_a_brodmann_area_far_from_its_place_must_be_confirmed

Statistics
    t, Z, F or p                                     cells.json: the kind is missing
    F of three groups                                cells.json: F with 2 degrees of freedom above
    F without its degrees of freedom                 test_f_without_its_degrees_of_freedom_is_asked_about
    t without its sign                               test_a_direction_in_words_against_the_sign_is_an_error
    one- or two-tailed, corrected                    cells.json: two-tailed p is halved; corrected p counts by its sign
    only a range of p, p = 0.000                     cells.json: a bound; test_p_printed_as_0_is_refused
    t impossible for df; below the threshold         test_checks
    cluster size in mm3 or voxels                    test_cluster_sizes_in_two_units_are_asked_about; cells.json
    region of interest, small volume                 test_words_that_tell_of_no_whole_brain_peak_are_asked_about

Direction
    table titled "HC > PHN"                          paste.test.mjs; cells.json: sub-table in the other direction
    "decreased" with positive t; pre - post          test_a_direction_in_words_against_the_sign_is_an_error
    correlations taken for differences               test_r_in_a_comparison_of_groups_is_asked_about
    no peaks; sign only; threshold only              test_checks; test_sign_only_takes_no_statistic and after
    conjunction, interaction                         test_words_that_tell_of_no_whole_brain_peak_are_asked_about
"""

import numpy as np
import pytest

from meta_app.extraction.checks import check_rows, degrees_of_freedom, place_rows, transform_of
from meta_app.extraction.models import Extraction, Peak
from meta_app.extraction.parsers import read_row
from meta_app.extraction.peak_services import peaks_save
from sdm_core.spaces import mm_to_voxel, mni_to_talairach, talairach_to_mni
from tests.meta_app.extraction.peak_cast import insula, make_dataset

CORTEX = [  # mm MNI, gray matter at the edges of the brain, where another space or order shows
    (-66, -30, 10), (66, -28, 12), (-10, -100, 4), (14, -98, 8), (-40, 52, -12), (38, -60, 56), (-6, 66, 8),
    (4, -40, 76),
]  # fmt: skip


def rows_at(places, **cells):
    rounded = [[str(round(number)) for number in mm] for mm in places]
    return [insula(label="", **cells) | dict(zip("xyz", mm, strict=True)) for mm in rounded]


def told(dataset, *rows, state="peaks"):
    problems = check_rows(dataset, state, rows).problems
    return [(problem.level, problem.row, problem.field, problem.message) for problem in problems]


def told_of(dataset, field, *rows, **more):
    return [(level, row, message) for level, row, name, message in told(dataset, *rows, **more) if name == field]


def test_good_cortical_peaks_raise_no_question(dataset):
    assert [found for found in told(dataset, *rows_at(CORTEX)) if found[0] != "warning"] == []


def test_a_table_without_any_minus_is_asked_about(dataset):
    lost = rows_at([(38, 12, 4), (40, 20, 8), (6, 60, 42), (12, 18, 8), (28, 4, 2)])
    assert ("warning", None, "No coordinate of the table is below 0.") in told_of(dataset, "x", *lost)


def test_column_names_among_the_rows_are_told(dataset):
    header = {"label": "Region", "x": "x", "y": "y", "z": "z", "statistic": "T"}
    assert told_of(dataset, "x", header, insula()) == [("error", 1, "these are column names, not a peak.")]


def test_the_column_of_sides_is_held_against_the_sign_of_x(dataset):
    row = insula(label="insula", hemisphere="L", x="38")
    assert told_of(dataset, "hemisphere", row) == [("confirm", 1, "The side says left, but x is above 0.")]
    assert told_of(dataset, "hemisphere", insula(label="insula", hemisphere="bilateral")) == []


def test_a_side_that_contradicts_its_label_must_be_confirmed(dataset):
    row = insula(label="R insula", hemisphere="L")
    assert told_of(dataset, "hemisphere", row) == [("confirm", 1, "The side contradicts the label.")]


def test_a_table_with_all_signs_wrong_is_refused(dataset):
    places = [(-20, 36, -78), (60, 36, -54), (-60, 36, -54), (30, 36, -72), (-30, 36, -72)]
    ((level, _row, message),) = [found for found in told_of(dataset, "x", *rows_at(places)) if found[1] is None]
    assert (level, "the signs of x, y and z are all wrong" in message) == ("error", True)


def test_a_table_of_voxel_indices_is_refused(dataset):
    voxels = mm_to_voxel(np.array(CORTEX, float))
    whole = [
        message for level, row, message in told_of(dataset, "x", *rows_at(voxels)) if (level, row) == ("error", None)
    ]
    assert len(whole) == 1
    assert "voxel indices, not mm" in whole[0]


def test_talairach_that_passes_for_mni_fits_better_as_what_it_is(dataset):
    gray = [(30, 44, -12), (30, -36, 42), (-20, 44, -12), (-30, 44, -12), (30, -26, 48)]
    ((level, row, message),) = told_of(dataset, "space", *rows_at(mni_to_talairach(gray, "spm")))
    assert (level, row) == ("warning", None)
    assert message.startswith("Read as MNI the peaks are ")
    assert "as Talairach 0.3 mm" in message
    assert told_of(dataset, "space", *rows_at(gray)) == []


def test_mni_that_passes_for_talairach_fits_better_as_what_it_is(project, reviewer):
    talairach = make_dataset(project, reviewer, space="talairach", study="Tal")
    ((level, row, message),) = told_of(talairach, "space", *rows_at(CORTEX))
    assert (level, row) == ("warning", None)
    assert message.startswith("Read as Talairach the peaks are ")


def test_a_sub_peak_closer_than_8_mm_is_asked_about(dataset):
    close = insula(x="-34", sub_peak="yes", statistic="4.1")
    apart = insula(x="-28", y="16", sub_peak="yes", statistic="4.0")
    ((level, row, message),) = told_of(dataset, "sub_peak", insula(), close, insula(x="-30", y="-60", z="48"))
    assert (level, row) == ("warning", 2)
    assert message.startswith("Only 4 mm from row 1")
    assert told_of(dataset, "sub_peak", insula(), apart) == []


def test_a_sub_peak_without_a_peak_above_it_is_asked_about(dataset):
    assert told_of(dataset, "sub_peak", insula(sub_peak="yes")) == [
        ("warning", 1, "A sub-peak has no peak above it.")
    ]  # fmt: skip


@pytest.mark.parametrize("cells", [{"brodmann": "17"}, {"label": "L insula (BA 17)"}])
def test_a_brodmann_area_far_from_its_place_must_be_confirmed(dataset, cells):
    ((level, row, _field, message),) = told(dataset, insula(**cells))
    assert (level, row) == ("confirm", 1)
    assert message.startswith("BA 17 is ")


@pytest.mark.parametrize("area", ["48", "BA 47", "13/48", ""])
def test_a_brodmann_area_near_its_place_is_left_alone(dataset, area):
    assert told(dataset, insula(brodmann=area)) == []


def test_a_table_that_another_paper_holds_is_asked_about(project, reviewer, second_reviewer, dataset):
    rows = rows_at(CORTEX[:4])
    other = make_dataset(project, reviewer, study="Liang 2013")
    peaks_save(dataset=other, version=1, peaks_state="peaks", rows=rows)
    assert ("warning", None, "4 of 4 peaks are also in “Liang 2013, ReHo”.") in told_of(dataset, "peaks_state", *rows)
    foreign = make_dataset(project, second_reviewer, study="Liang 2014")
    assert told_of(foreign, "peaks_state", *rows) == []


def test_what_the_other_reviewer_entered_is_never_compared(project, reviewer, second_reviewer, dataset):
    theirs = make_dataset(project, second_reviewer, study="Theirs")
    peaks_save(dataset=theirs, version=1, peaks_state="peaks", rows=rows_at(CORTEX))
    assert Extraction.objects.filter(author=second_reviewer).exists()
    assert told_of(dataset, "peaks_state", *rows_at(CORTEX)) == []


def test_f_without_its_degrees_of_freedom_is_asked_about(dataset):
    row = insula(statistic="14.1", kind="F", sign="+")
    assert told_of(dataset, "kind", row) == [
        ("warning", None, "F is read as that of two groups, F(1, df), in 1 row.")
    ]  # fmt: skip
    assert told_of(dataset, "kind", insula(statistic="F(1, 28) = 14.1", kind="F", sign="+")) == []


@pytest.mark.parametrize("p", ["0", "0.000", ".000"])
def test_p_printed_as_0_is_refused(dataset, p):
    assert told_of(dataset, "statistic", insula(statistic=p, kind="p", sign="+")) == [
        ("error", 1, "p is printed as 0.")
    ]  # fmt: skip


def test_cluster_sizes_in_two_units_are_asked_about(dataset):
    rows = [insula(cluster_size="120 voxels"), insula(x="-30", cluster_size="960 mm3")]
    assert told_of(dataset, "cluster_unit", *rows) == [
        ("warning", None, "Cluster sizes in two units: 1 in voxels, 1 in mm³.")
    ]  # fmt: skip


def test_a_unit_that_the_paper_does_not_state_is_said_so(dataset):
    assert told(dataset, insula(cluster_size="120", cluster_unit="not stated")) == []


@pytest.mark.parametrize(
    "note",
    ["center of mass", "质心", "SVC p < .05", "ROI analysis", "感兴趣区", "group x time interaction", "conjunction"],
)
def test_words_that_tell_of_no_whole_brain_peak_are_asked_about(dataset, note):
    ((level, row, field, message),) = told(dataset, insula(note=note))
    assert (level, row, field) == ("confirm", 1, "label")
    assert message.endswith("?")


@pytest.mark.parametrize(
    ("note", "statistic"),
    [
        ("decreased ALFF", "4.5"),
        ("increased ReHo", "-4.5"),
        ("患者降低", "4.5"),
        ("PHN < HC", "4.5"),
        ("HC > PHN", "4.5"),
        ("controls > patients", "4.5"),
    ],
)
def test_a_direction_in_words_against_the_sign_is_an_error(dataset, note, statistic):
    dataset.group_a.label = "PHN"
    row = insula(note=note, statistic=statistic)
    assert [(level, number) for level, number, _ in told_of(dataset, "sign", row)] == [("error", 1)]
    assert told_of(dataset, "sign", row | {"direction": "turned"}) == []


def test_before_above_after_with_a_positive_t_is_an_error(project, reviewer):
    treated = make_dataset(project, reviewer, comparison="after_before", design="one_sample", study="Treated")
    assert [level for level, *_ in told_of(treated, "sign", insula(note="pre > post"))] == ["error"]
    assert told_of(treated, "sign", insula(note="post > pre")) == []


@pytest.mark.parametrize(
    "label", ["hypothalamus", "L parahippocampal gyrus", "less than 2 mm", "left insula > 20 voxels"]
)
def test_words_that_only_look_like_a_direction_are_left_alone(dataset, label):
    assert told_of(dataset, "sign", insula(label=label)) == []


def test_r_in_a_comparison_of_groups_is_asked_about(dataset):
    assert [level for level, *_ in told_of(dataset, "kind", insula(statistic="0.7", kind="r"))] == ["confirm"]


def test_sign_only_takes_no_statistic(dataset):
    bare = insula(statistic="", kind="none", sign="-")
    assert told(dataset, bare, state="sign_only") == []
    ((level, row, field, message),) = told(dataset, bare, insula(x="-30"), state="sign_only")
    assert (level, row, field) == ("error", 2, "statistic")
    assert "Peaks with a sign, without a statistic" in message


def test_threshold_only_needs_the_threshold(project, reviewer, dataset):
    bare = insula(statistic="", kind="none", sign="+")
    assert told(dataset, bare, state="threshold_only") == []
    without = make_dataset(project, reviewer, study="Without", t_threshold=None)
    assert ("error", None, "t_threshold") in [found[:3] for found in told(without, bare, state="threshold_only")]


@pytest.mark.parametrize("state", ["sign_only", "threshold_only"])
def test_states_with_peaks_are_saved_with_their_rows_and_are_not_empty(dataset, state):
    bare = insula(statistic="", kind="none", sign="-")
    saved = peaks_save(dataset=dataset, version=1, peaks_state=state, rows=[bare])
    assert saved.peaks_state == state
    assert list(saved.peaks.values_list("sign", "statistic")) == [(-1, None)]
    assert [field for _, _, field, _ in told(dataset, state=state)] == ["peaks_state"]


@pytest.mark.parametrize(
    ("transform", "named"), [("", "spm"), ("spm", "spm"), ("fsl", "fsl"), ("other", "other"), ("brett", "brett")]
)
def test_talairach_becomes_mni_by_the_transform_of_the_dataset(project, reviewer, transform, named):
    dataset = make_dataset(project, reviewer, software="spm", transform=transform)
    (placed,) = place_rows([read_row(insula(space="Talairach"), "mni")], transform_of(dataset))
    assert placed.mni == pytest.approx(talairach_to_mni([[-38, 12, -4]], named)[0], abs=0.01)


def test_what_was_reported_is_kept_beside_what_counts(dataset):
    row = insula(
        label="insula", hemisphere="L", brodmann="BA 13", statistic="0.002", kind="p", p_kind="two-tailed", sign="+",
        direction="turned", sub_peak="yes", cluster_size="120", cluster_unit="voxels",
    )  # fmt: skip
    peaks_save(dataset=dataset, version=1, peaks_state="peaks", rows=[row])
    peak = Peak.objects.get()
    assert peak.cells == row
    assert (peak.hemisphere, peak.brodmann, peak.sub_peak, peak.p_kind) == ("left", "13", True, "two_tailed")
    assert (peak.statistic, peak.sign, peak.statistic_kind) == (0.001, -1, "p")


def test_the_degrees_of_freedom_come_from_the_groups(dataset):
    assert degrees_of_freedom(dataset) == 28
