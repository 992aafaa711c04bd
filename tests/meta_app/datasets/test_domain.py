"""The frozen content: rows, filters, counts and differences."""

import copy

import pytest

from meta_app.datasets.domain import (
    FORMAT,
    canonical_json,
    compare_contents,
    count_units,
    digest,
    load_snapshot,
    select,
    shared_cohorts,
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
        "project": {"name": "Pain", "source_note": ""},
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
    assert [row.key for row in select(snapshot, modalities=["vbm"])] == ["Cao / VBM", "Zhang / VBM"]
    assert [row.key for row in select(snapshot, "patients_controls", metrics=["ALFF"])] == ["Cao / ALFF"]
    assert select(snapshot, "task") == ()


def test_one_cohort_in_two_studies_counts_once(content):
    assert count_units(load_snapshot(content).datasets) == {
        "reports": 2, "studies": 2, "cohorts": 1, "datasets": 3, "peaks": 4,
    }  # fmt: skip
    content["studies"][1]["cohorts"][0]["identity"] = ""
    assert count_units(load_snapshot(content).datasets)["cohorts"] == 2


def test_datasets_on_the_same_people_are_found(content):
    shared = shared_cohorts(load_snapshot(content).datasets)
    assert shared == {"ward": ("Cao / ALFF", "Cao / VBM", "Zhang / VBM")}


def test_equal_contents_have_equal_hashes_whatever_the_order_of_keys(content):
    turned = dict(reversed(content.items()))
    assert digest(canonical_json(content)) == digest(canonical_json(turned))


def test_differences_are_told_in_words(content):
    after = copy.deepcopy(content)
    after["studies"][0]["datasets"][0]["peaks"][0]["statistic"] = 5.0
    after["studies"][0]["datasets"][0]["peaks"].append(peak(50.0))
    after["studies"][0]["datasets"][1]["t_threshold"] = None
    after["studies"].pop()
    assert compare_contents(content, after) == [
        "Cao / ALFF: t threshold 3.4 became (empty).",
        "Cao / VBM: 1 peak added; 1 peak changed.",
        "Study removed: Zhang (1 dataset, 0 peaks).",
    ]


def test_equal_contents_have_no_differences(content):
    assert compare_contents(content, copy.deepcopy(content)) == []
