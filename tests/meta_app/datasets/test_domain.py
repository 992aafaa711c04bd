"""The frozen content: rows, filters, counts and differences."""

import copy

import pytest

from meta_app.common.domain import canonical_json, digest
from meta_app.datasets.domain import (
    FIRST_FORMAT,
    FORMAT,
    Ageing,
    Selection,
    ageing,
    count_units,
    load_snapshot,
    said,
    select,
    shared_cohorts,
    tidy,
)


def peak(x, **more):
    return {
        "x_reported": x, "y_reported": 0.0, "z_reported": 4.0, "x": x, "y": 0.0, "z": 4.0, "statistic_kind": "t",
        "statistic": 4.2, "sign": 1, "cluster_size": None, "cluster_unit": "", "label": "", "page": "", **more,
    }  # fmt: skip


def dataset(study, label, **more):
    return {
        "key": f"{study} / {label}", "label": label, "comparison": "patients_controls", "modality": "vbm",
        "metric": "VBM", "design": "two_sample", "cohort": "c", "group_a": "c / patients", "group_b": "c / controls",
        "software": "spm", "software_reported": "SPM8", "fwhm_mm": 8.0, "space": "mni",
        "threshold_kind": "uncorrected", "threshold_reported": "p < 0.001", "t_threshold": 3.4,
        "peaks_state": "peaks", "peaks": [peak(-12.0), peak(30.0)], **more,
    }  # fmt: skip


def study(label, datasets, identity=""):
    def group(kind, n):
        return {
            "key": f"c / {kind}", "kind": kind, "label": "", "n": n, "n_female": None, "age_mean": None,
            "age_sd": None, "education_mean": None, "education_sd": None, "duration_mean": None,
            "duration_sd": None, "duration_unit": "",
        }  # fmt: skip

    return {
        "label": label, "year": 2017, "reports": [f"R-{label}"], "extracted_by": 1, "revision": 1,
        "cohorts": [
            {"key": "c", "label": "c", "identity": identity, "groups": [group("controls", 20), group("patients", 18)]}
        ],
        "datasets": datasets,
    }  # fmt: skip


def report(label):
    return {"key": f"R-{label}", "authors": label, "year": 2017, "title": "", "source": "", "doi": "", "reference": ""}


@pytest.fixture
def content():
    return {
        "format": FORMAT,
        "reports": [report("Cao"), report("Zhang")],
        "studies": [
            study(
                "Cao", [dataset("Cao", "VBM"), dataset("Cao", "ALFF", modality="resting_fmri", metric="ALFF")], "ward"
            ),
            study("Zhang", [dataset("Zhang", "VBM", peaks_state="no_peaks", peaks=[])], "ward"),
        ],
    }


def test_rows_carry_study_groups_and_peaks(content):
    row = load_snapshot(canonical_json(content)).datasets[1]
    assert (row.key, row.n1, row.n2, row.peaks[0].x) == ("Cao / VBM", 18, 20, -12.0)


def test_another_format_is_refused():
    with pytest.raises(ValueError, match="not an agreed dataset"):
        load_snapshot({"format": "something else"})


def test_filters_narrow_by_comparison_modality_and_metric(content):
    snapshot = load_snapshot(content)
    assert [row.key for row in select(snapshot, Selection(modalities=("vbm",)))] == ["Cao / VBM", "Zhang / VBM"]
    assert [row.key for row in select(snapshot, Selection("patients_controls", metrics=("ALFF",)))] == ["Cao / ALFF"]
    assert select(snapshot, Selection("task")) == ()


def test_one_cohort_in_two_studies_counts_once(content):
    assert count_units(load_snapshot(content).datasets) == {
        "reports": 2, "studies": 2, "cohorts": 1, "contrasts": 2, "datasets": 3, "maps": 0, "peaks": 4,
    }  # fmt: skip
    content["studies"][1]["cohorts"][0]["identity"] = ""
    assert count_units(load_snapshot(content).datasets)["cohorts"] == 2


def test_datasets_on_the_same_people_are_found(content):
    shared = shared_cohorts(load_snapshot(content).datasets)
    assert shared == {"ward": ("Cao / ALFF", "Cao / VBM", "Zhang / VBM")}


def test_equal_contents_have_equal_hashes_whatever_the_order_of_keys(content):
    turned = dict(reversed(content.items()))
    assert digest(canonical_json(content)) == digest(canonical_json(turned))


def test_a_version_of_the_first_format_is_still_read(content):
    first = {**content, "format": FIRST_FORMAT, "project": {"name": "Pain", "source_note": "a table"}}
    snapshot = load_snapshot(first)
    assert (snapshot.project, snapshot.source_note, len(snapshot.datasets)) == ("Pain", "a table", 3)


def test_the_agreement_gives_the_project_and_the_quality_of_each_study(content):
    agreement = {"project": {"name": "Pain", "source_note": ""}, "studies": [{"label": "Cao", "quality": 17.5}]}
    snapshot = load_snapshot(content, agreement)
    assert [row.quality for row in snapshot.datasets] == [17.5, 17.5, None]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Selection(languages=("Chinese",)), ["Zhang / VBM"]),
        (Selection(languages=("Chinese", "")), ["Zhang / VBM"]),
        (Selection(other_groups=("controls",)), ["Cao / ALFF", "Cao / VBM", "Zhang / VBM"]),
        (Selection(other_groups=("after",)), []),
        (Selection(studies=("Cao",)), ["Cao / ALFF", "Cao / VBM"]),
        (Selection(quality_min=17), ["Cao / ALFF", "Cao / VBM"]),
        (Selection(quality_min=16), ["Cao / ALFF", "Cao / VBM"]),
    ],
)
def test_filters_narrow_by_language_other_group_study_and_quality(content, wanted, found):
    content["reports"][0]["language"], content["reports"][1]["language"] = "English", "Chinese"
    snapshot = load_snapshot(content, {"studies": [{"label": "Cao", "quality": 17.0}]})
    assert [row.key for row in select(snapshot, wanted)] == found


def test_values_that_say_the_same_are_written_the_same():
    assert tidy({"n": 60.0, "text": " a\r\nb\x07 ", "low": -0.0}) == {"n": 60, "text": "a\nb", "low": 0}
    assert said({"empty": "  ", "none": None, "no": False, "zero": 0}) == {"no": False, "zero": 0}


def test_a_selection_ages_only_by_what_an_analysis_reads(content):
    before = load_snapshot(content).datasets
    after = copy.deepcopy(content)
    after["studies"][0]["datasets"][0]["software_reported"] = "SPM 12"
    assert not ageing(before, load_snapshot(after).datasets).is_stale
    after["studies"][0]["datasets"][0]["t_threshold"] = 3.1
    after["studies"].pop()
    assert ageing(before, load_snapshot(after).datasets) == Ageing(datasets=3, changed=1, added=0, removed=1)
