"""The demo projects: what they hold."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.common.exceptions import UserError
from meta_app.datasets.demo_services import DEMO, demo_load
from meta_app.datasets.selectors import assemble
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Dataset, Extraction, Group, Peak, SampleOverlap, Study
from meta_app.extraction.overlap_services import overlap_decide
from meta_app.library.models import Report
from meta_app.projects.models import Project
from meta_app.projects.permissions import FREEZE, enter_project

REFERENCE = Path(__file__).resolve().parents[4] / "shared" / "data"


@pytest.fixture(scope="module")
def loaded_once(django_db_setup, django_db_blocker, tmp_path_factory):
    """Loaded once for the tests of this file, which only read, and rolled back after the last of them."""
    with (
        django_db_blocker.unblock(),
        override_settings(DATA_DIR=tmp_path_factory.mktemp("demo")),
        transaction.atomic(),
    ):
        demo_load()
        yield
        transaction.set_rollback(True)


@pytest.fixture
def loaded(loaded_once, db):
    return {key: Project.objects.get(demo_key=key) for key in ("pain21", "phn")}


def test_the_pain_project_is_complete_and_ready_to_freeze(loaded):
    assembly = assemble(loaded["pain21"])
    assert assembly.counts == {
        "reports": 1, "studies": 21, "cohorts": 21, "contrasts": 21, "datasets": 21, "maps": 0, "peaks": 267,
    }  # fmt: skip
    assert assembly.left_out == []
    assert not loaded["pain21"].agreed_datasets.exists()


def test_its_peaks_carry_a_sign_and_no_statistic(loaded):
    peaks = Peak.objects.filter(dataset__extraction__study__project=loaded["pain21"])
    assert set(peaks.values_list("statistic_kind", "statistic", "sign")) == {("none", None, 1)}


def test_peaks_far_from_the_mask_are_confirmed_with_a_note_and_no_others(loaded):
    confirmed = Peak.objects.filter(dataset__extraction__study__project=loaded["pain21"], confirmed=True)
    assert confirmed.count() == 7
    assert set(confirmed.values_list("note", flat=True)) == {"As published in the source set"}


def test_the_neuralgia_project_holds_the_printed_rows_and_invents_no_peaks(loaded):
    datasets = Dataset.objects.filter(extraction__study__project=loaded["phn"])
    assert Study.objects.filter(project=loaded["phn"]).count() == 21
    assert Report.objects.filter(project=loaded["phn"]).count() == 21
    assert datasets.count() == 41
    assert set(datasets.values_list("peaks_state", "space", "t_threshold")) == {("not_extracted", "unknown", None)}
    assert not Peak.objects.filter(dataset__in=datasets).exists()
    assert set(Extraction.objects.filter(study__project=loaded["phn"]).values_list("state", flat=True)) == {"draft"}
    kinds = Counter(datasets.values_list("comparison", flat=True))
    assert kinds == {"patients_controls": 25, "patients_other_patients": 10, "after_before": 6}


def test_rows_of_one_paper_share_their_study_and_its_groups(loaded):
    jiang = Study.objects.get(project=loaded["phn"], label="Jiang 2017")
    groups = Group.objects.filter(cohort__extraction__study=jiang)
    assert sorted(groups.values_list("kind", "n")) == [("after", 12), ("controls", 12), ("patients", 12)]
    assert jiang.extractions.get().datasets.count() == 5
    assert "Hui 2020" in jiang.extractions.get().cohorts.get().note


def test_a_duration_without_a_unit_stays_without_one(loaded):
    units = Group.objects.filter(cohort__extraction__study__project=loaded["phn"], duration_mean__isnull=False)
    assert set(units.values_list("duration_unit", flat=True)) == {"unstated"}


def test_the_published_review_is_frozen_once_its_three_pairs_of_equal_samples_are_decided(loaded):
    """Its datasets are taken as without peaks here, and its drafts as locked: neither is public."""
    project = loaded["phn"]
    Study.objects.filter(project=project).update(extractors_needed=1)
    Extraction.objects.filter(study__project=project).update(state="complete", completed_at=timezone.now())
    Dataset.objects.filter(extraction__study__project=project).update(peaks_state="no_peaks", space="mni")
    place = enter_project(User.objects.get(username="demo-owner"), project.pk, FREEZE)
    with pytest.raises(UserError, match="are these the same people"):
        agreed_dataset_freeze(place=place)
    overlaps = SampleOverlap.objects.filter(project=project)
    assert overlaps.count() == 3
    for overlap in overlaps:
        overlap_decide(
            place=place, overlap=overlap, version=overlap.version, decision="same", handling="keep_first",
            reason="n, sex, age and education are equal.",
        )  # fmt: skip
    agreed, _new = agreed_dataset_freeze(place=place)
    assert (agreed.counts["studies"], len(agreed.left_out)) == (18, 3)


@pytest.mark.reference
def test_the_typed_coordinates_are_those_of_the_source_set():
    source = REFERENCE / "pain21" / "nidm_pain_dset.json"
    if not source.exists():
        pytest.skip("The reference data is not beside the project.")
    with (DEMO / "pain21.csv").open() as file:
        typed = [tuple(row.values()) for row in csv.DictReader(file)]
    published = []
    for study, content in sorted(json.loads(source.read_text()).items()):
        contrast = content["contrasts"]["1"]
        n = contrast["metadata"]["sample_sizes"][0]
        axes = (contrast["coords"][axis] for axis in "xyz")
        published += [
            (study.split(".")[0], str(n), *(f"{number:g}" for number in mm)) for mm in zip(*axes, strict=True)
        ]
    assert typed == published


@pytest.mark.reference
def test_the_typed_table_has_the_printed_numbers():
    source = REFERENCE / "phn" / "phn_table1.csv"
    if not source.exists():
        pytest.skip("The reference data is not beside the project.")
    with (DEMO / "phn.csv").open(encoding="utf-8") as typed, source.open(encoding="utf-8") as printed:
        for row, original in zip(csv.DictReader(typed), csv.DictReader(printed), strict=True):
            assert (row["phn_n"], row["phn_age_mean"], row["second_n"], row["metrics"], row["p_value"]) == (
                original["n_phn"], original["phn_age_mean"], original["n_group2"], original["metrics"],
                original["p_value"],
            )  # fmt: skip


def text_of(value):
    return "" if value is None else f"{value:.12g}"


def row_from_the_project(row, study):
    """The columns of a printed row, read back out of the extraction of its paper."""
    extraction = study.extractions.get()
    contrast = "After > before" if row["second_group"] == "PHN_post" else f"PHN > {row['second_group']}"
    datasets = [extraction.datasets.get(label=f"{contrast}, {metric}") for metric in row["metrics"].split("+")]
    first = datasets[0]
    groups = (first.group_b, first.group_a) if row["second_group"] == "PHN_post" else (first.group_a, first.group_b)
    found = {"metrics": "+".join(dataset.metric for dataset in datasets), "software": first.software_reported}
    for prefix, group in zip(("phn", "second"), groups, strict=True):
        found |= {f"{prefix}_n": text_of(group.n), f"{prefix}_women": text_of(group.n_female)}
        for name in ("age", "education", "duration"):
            for part in ("mean", "sd"):
                found[f"{prefix}_{name}_{part}"] = text_of(getattr(group, f"{name}_{part}"))
    scales = [scale for group in groups for scale in group.values.get("scales", [])]
    duration = first.cohort.values.get("treatment_duration", {"value": None})
    return found | {
        "scan_seconds": text_of(first.values.get("scan_time")),
        "slice_mm": text_of(first.values.get("slice_thickness")),
        "fwhm_mm": text_of(first.fwhm_mm),
        "threshold_type": first.values["correction"],
        "p_value": first.threshold_reported.removeprefix(f"{first.values['correction']}, "),
        "treatment": first.cohort.values.get("treatment", ""),
        "treatment_duration": text_of(duration["value"]),
        "clinical_scales": ", ".join(f"{scale['name']} {scale['when']}" for scale in scales),
        "doi": study.reports.get().doi,
        "year": text_of(study.year),
        "reference": study.reports.get().reference,
    }


def test_the_29_printed_rows_are_held_without_loss(loaded):
    studies = {study.reports.get().reference: study for study in Study.objects.filter(project=loaded["phn"])}
    with (DEMO / "phn.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 29
    for row in rows:
        found = row_from_the_project(row, studies[row["reference"]])
        assert {key: plain(row[key]) for key in found} == {key: plain(value) for key, value in found.items()}


def plain(text):
    """4.0 and 4 are one number."""
    try:
        return float(text)
    except ValueError:
        return text
