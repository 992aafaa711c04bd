"""How two versions differ, in words."""

import copy

import pytest

from meta_app.datasets.differences import MOST_PEAKS_TOLD, compare_agreements, compare_contents

from .test_domain import content, dataset, peak, study

__all__ = ["content"]


def told(before, after):
    return [change.sentence for change in compare_contents(before, after)]


@pytest.fixture
def after(content):
    return copy.deepcopy(content)


def test_equal_contents_have_no_differences(content, after):
    assert told(content, after) == []


def test_a_field_is_told_with_its_label_from_and_to(content, after):
    after["studies"][0]["datasets"][1]["t_threshold"] = None
    after["studies"][0]["datasets"][0]["fwhm_mm"] = 6
    assert told(content, after) == [
        "Cao, ALFF, t threshold: 3.4 became (empty).",
        "Cao, VBM, Smoothing FWHM: 8 became 6.",
    ]


def test_values_of_the_form_and_their_sources_are_told(content, after):
    for version, scanner, page in ((content, "Siemens", "3"), (after, "GE", "4")):
        version["studies"][0]["datasets"][0] |= {"values": {"scanner": scanner}, "sources": {"n": {"page": page}}}
    assert told(content, after) == [
        "Cao, VBM, Scanner: Siemens became GE.",
        "Cao, VBM, N, where it stands: page 3 became page 4.",
    ]


def test_people_are_told_by_group(content, after):
    after["studies"][0]["cohorts"][0]["groups"][1]["n"] = 17
    assert told(content, after) == ["Cao, c / patients, n analysed: 18 became 17."]


def test_studies_reports_and_datasets_that_come_and_go_are_named(content, after):
    after["studies"].pop()
    after["studies"].append(study("Li", [dataset("Li", "VBM")]))
    after["studies"][0]["datasets"].pop()
    after["reports"][1] |= {"key": "R-Li", "authors": "Li"}
    assert told(content, after) == [
        "Report removed: Zhang.",
        "Report added: Li.",
        "Cao: dataset removed: ALFF.",
        "Study added: Li (1 dataset, 2 peaks).",
        "Study removed: Zhang (1 dataset, 0 peaks).",
    ]


def test_a_peak_that_moved_is_one_change_with_its_distance(content, after):
    after["studies"][0]["datasets"][0]["peaks"][0] = peak(-22.0)
    assert told(content, after) == ["Cao, VBM, Peak moved by 10.0 mm: (−12, 0, 4) mm became (−22, 0, 4) mm."]


def test_a_peak_far_from_all_others_is_added_and_one_with_another_value_changed(content, after):
    after["studies"][0]["datasets"][0]["peaks"][0]["statistic"] = 5.0
    after["studies"][0]["datasets"][0]["peaks"].append(peak(55.0))
    assert told(content, after) == [
        "Cao, VBM, Peak at (−12, 0, 4) mm: statistic 4.2 became statistic 5.",
        "Cao, VBM: peak added: (55, 0, 4) mm.",
    ]


def test_many_peaks_are_counted(content, after):
    after["studies"][0]["datasets"][0]["peaks"] = [peak(100.0 + number) for number in range(MOST_PEAKS_TOLD)]
    assert told(content, after) == [f"Cao, VBM: {MOST_PEAKS_TOLD} peaks added, 2 peaks removed."]


def test_another_order_of_peaks_is_said(content, after):
    after["studies"][0]["datasets"][0]["peaks"].reverse()
    assert told(content, after) == ["Cao, VBM: peaks in another order."]


def test_columns_that_only_a_newer_format_has_are_no_change(content, after):
    after["studies"][0]["datasets"][0]["transform"] = "spm"
    after["studies"][0]["datasets"][0]["peaks"][0]["hemisphere"] = "left"
    assert told(content, after) == []


def test_revisions_quality_and_other_choices_of_the_adjudicator_are_told_apart_from_the_data():
    before = {"label": "Cao", "revision": 1, "quality": None, "origins": {}, "peaks": {}}
    now = {"label": "Cao", "revision": 2, "quality": 17.5, "origins": {"study": {"design": "A"}}, "peaks": {}}
    changes = compare_agreements({"studies": [before]}, {"studies": [now]})
    assert [change.sentence for change in changes] == [
        "Cao: revision 2 follows revision 1.",
        "Cao, Quality total (points): (empty) became 17.5.",
        "Cao: values come from other choices of the adjudicator.",
    ]
