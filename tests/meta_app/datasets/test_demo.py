"""The demo projects: what they hold."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings

from meta_app.datasets.demo_services import DEMO, demo_load
from meta_app.datasets.selectors import assemble
from meta_app.extraction.models import Dataset, Extraction, Group, Peak, Study
from meta_app.library.models import Report
from meta_app.projects.models import Project

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
