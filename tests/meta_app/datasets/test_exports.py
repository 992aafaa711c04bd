"""A frozen version as files of other programs: what they hold, and that each can be read back to the same records."""

import csv
import io
import json
import zipfile
from xml.etree import ElementTree

import pytest
from openpyxl import load_workbook

from meta_app.common.domain import canonical_json
from meta_app.datasets.exports import DOWNLOADS, content_of, t_of_peak
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.exchange.plain import COMPANION
from meta_app.extraction.exchange.reading import Tools, read_studies
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group, Peak, SampleOverlap
from meta_app.extraction.overlap_services import overlaps_refresh
from meta_app.library.models import Report
from sdm_core.io.sdm_folder import read_sdm_folder

CARRIERS = ("agreed-dataset.json", "agreed-dataset.xlsx", "tables.zip", "sdm.zip", "sleuth.zip", "nimads.zip")


def sheets_of(name, content):
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    return {sheet.title: [list(row) for row in sheet.iter_rows(values_only=True)] for sheet in book}


TOOLS = Tools(sheets_of, t_of_peak)


@pytest.fixture
def agreed(place, make_study):
    """Three studies with everything that a form holds, in English and Chinese; their people are decided to differ."""
    make_study(
        "Cao 2017", t_threshold=3.1, threshold_kind="corrected", transform="brett", fwhm_mm=6.0,
        values={"scanner": "=Siemens", "scan_time": 480.0, "whole_brain": True}, sources={"scanner": {"page": "3"}},
    )  # fmt: skip
    make_study("曹 2018", peaks_state="no_peaks", peaks=0)
    make_study("Zhang 2016", identity="ruijin", peaks=3)
    Extraction.objects.update(
        values={"design": "case_control"}, sources={"design": {"quote": "“patients”", "page": "2"}}
    )
    Group.objects.filter(kind="patients").update(
        age_mean=60.92, age_sd=9.29, n_female=9, duration_mean=5.12, duration_sd=6.17, duration_unit="unstated",
        values={"scales": [{"name": "VAS", "when": "before", "mean": 6.5, "sd": 1.25, "lowest": 0, "highest": 10}]},
    )  # fmt: skip
    Cohort.objects.update(
        values={"treatment": "stSCS", "treatment_duration": {"value": 8.0, "unit": "weeks"}}, note="'=cohort"
    )
    Peak.objects.filter(position=1).update(
        statistic_kind="z", statistic=3.29, label="=L insula, 岛叶", hemisphere="left", brodmann="13", sub_peak=True,
        p_kind="uncorrected", cluster_size=120.0, cluster_unit="voxels", page="4", note="a\nb", confirmed=True,
        x_reported=-36.0, y_reported=11.0, z_reported=2.5, cells={"space": "talairach"},
    )  # fmt: skip
    Peak.objects.filter(position=2).update(statistic_kind="none", statistic=None, sign=-1)
    Report.objects.update(doi="10.1/x", language="English", title="Resting, state")
    overlaps_refresh(project=place.project)
    SampleOverlap.objects.update(decision="different", reason="Three wards")
    return agreed_dataset_freeze(place=place)[0]


def made(agreed, name):
    return DOWNLOADS[name].made(agreed)


def files(agreed, name):
    with zipfile.ZipFile(io.BytesIO(made(agreed, name))) as archive:
        return {entry: archive.read(entry) for entry in archive.namelist()}


@pytest.mark.parametrize("name", CARRIERS)
def test_every_carrier_is_read_back_to_the_same_records(agreed, name):
    reading = read_studies({name: made(agreed, name)}, TOOLS)
    assert reading.problems == ()
    content = json.loads(agreed.content)
    again = {"format": content["format"], "reports": list(reading.reports.values()), "studies": list(reading.studies)}
    assert canonical_json(again) == agreed.content


@pytest.mark.parametrize("name", sorted(DOWNLOADS))
def test_a_file_depends_on_the_version_only(agreed, name):
    if name.endswith("xlsx"):
        assert sheets_of("", made(agreed, name)) == sheets_of("", made(agreed, name))
    else:
        assert made(agreed, name) == made(agreed, name)


def test_the_core_reads_the_folder_of_sdm(agreed, tmp_path):
    for name, content in files(agreed, "sdm.zip").items():
        (tmp_path / name).write_bytes(content)
    studies, peaks, problems, _inputs = read_sdm_folder(tmp_path)
    assert list(studies.names) == ["Cao_2017_ReHo", "Zhang_2016_ReHo", "ReHo"]
    assert list(studies.n1) == [18, 18, 18]
    assert list(studies.n2) == [20, 20, 20]
    assert list(studies.no_peaks) == [False, False, True]
    assert studies.t_threshold[0] == 3.1
    assert studies.threshold_kind[0] == "corrected"
    assert peaks.mm.tolist()[:2] == [[-38.0, 12.0, 1.0], [-38.0, 12.0, 2.0]]
    assert peaks.t[0] == pytest.approx(3.58, abs=0.03)
    assert peaks.sign.tolist()[:2] == [1, -1]
    assert [problem for problem in problems if problem.level == "error"] == []


def test_sdm_names_are_ascii_listed_and_a_silent_one_holds_no_digit(agreed):
    folder = files(agreed, "sdm.zip")
    assert all(name.isascii() for name in folder)
    assert "ReHo.no_peaks.txt" in folder
    assert folder["Cao_2017_ReHo.other_mni.txt"].splitlines()[1] == b"-38,12,2,n"
    rows = list(csv.DictReader(io.StringIO(folder["names.csv"].decode("utf-8-sig"))))
    assert {row["name"]: row["study"] for row in rows}["ReHo"] == "曹 2018"


def test_an_edited_peak_file_wins_over_the_companion_and_is_told(agreed):
    folder = files(agreed, "sdm.zip")
    folder["Zhang_2016_ReHo.other_mni.txt"] = b"-40,12,1,4.5\n"
    folder["sdm_table.txt"] = folder["sdm_table.txt"].replace(b"Cao_2017_ReHo\t18", b"Cao_2017_ReHo\t17")
    reading = read_studies(folder, TOOLS)
    studies = {study["label"]: study for study in reading.studies}
    assert [peak["x"] for peak in studies["Zhang 2016"]["datasets"][0]["peaks"]] == [-40]
    assert {group["kind"]: group["n"] for group in studies["Cao 2017"]["cohorts"][0]["groups"]} == {
        "patients": 17, "controls": 20,
    }  # fmt: skip
    assert sum("edited after the export" in problem.message for problem in reading.problems) == 2
    assert studies["Cao 2017"]["datasets"][0]["peaks"][0]["label"] == "=L insula, 岛叶"


def test_sleuth_text_has_reference_subjects_and_directions_apart(agreed):
    texts = {name: content.decode() for name, content in files(agreed, "sleuth.zip").items()}
    first = "// Cao 2017: ReHo\n// Subjects=18\n"
    assert texts["sleuth.txt"].startswith(f"// Reference=MNI\n{first}-38\t12\t1\n-38\t12\t2\n\n")
    assert f"{first}-38\t12\t1\n\n" in texts["higher.txt"]
    assert f"{first}-38\t12\t2\n\n" in texts["lower.txt"]
    assert "曹" not in texts["sleuth.txt"]


def test_a_nimads_studyset_has_the_shape_that_nimare_reads(agreed):
    both = {name: json.loads(text) for name, text in files(agreed, "nimads.zip").items()}
    studyset, annotation = both["studyset.json"], both["annotation.json"]
    analysis = studyset["studies"][0]["analyses"][0]
    assert {"id", "name", "conditions", "weights", "images", "points", "metadata"} <= analysis.keys()
    assert analysis["points"][0]["coordinates"] == [-38, 12, 1]
    assert analysis["points"][0]["values"] == [{"kind": "Z", "value": 3.29}]
    assert analysis["metadata"]["sample_sizes"] == [18, 20]
    ids = {item["id"] for study in studyset["studies"] for item in study["analyses"]}
    assert {note["analysis"] for note in annotation["notes"]} == ids
    assert set(annotation["notes"][0]["note"]) == set(annotation["note_keys"])


def test_workbook_cells_are_typed_and_formulas_are_text(agreed):
    book = load_workbook(io.BytesIO(made(agreed, "agreed-dataset.xlsx")))
    header = [cell.value for cell in book["datasets"][1]]
    row = dict(zip(header, book["datasets"][2], strict=True))
    assert (row["scanner [text]"].value, row["scanner [text]"].data_type) == ("=Siemens", "s")
    assert (row["scan_time [number]"].value, row["scan_time [number]"].data_type) == (480, "n")
    text = files(agreed, "tables.zip")["datasets.csv"].decode("utf-8-sig")
    assert next(csv.DictReader(io.StringIO(text)))["scanner [text]"] == "'=Siemens"


def test_the_characteristics_name_units_spread_and_references(agreed):
    document = files(agreed, "characteristics.docx")
    text = "\n".join(
        node.text or ""
        for node in ElementTree.fromstring(document["word/document.xml"]).iter()
        if node.tag.endswith("}t")
    )
    for words in (
        "Patients > controls: Resting-state fMRI (3 lines, 3 datasets)", "Cao 2017 [1]", "Patients, 18 (9)",
        "60.92 ± 9.29", "5.12 ± 6.17†", "† The report states no unit.", "VAS before 6.5 ± 1.25", "1. Cao 2017 et al",
        "stSCS, 8 weeks",
    ):  # fmt: skip
        assert words in text
    book = load_workbook(io.BytesIO(made(agreed, "characteristics.xlsx")))
    assert "References" in [row[0].value for row in book["characteristics"].iter_rows()]


def test_metrics_of_one_contrast_measured_alike_share_a_line(place, make_study):
    extraction = make_study()
    dataset = Dataset.objects.get()
    dataset.pk, dataset.label, dataset.metric, dataset.peaks_state = None, "ALFF", "ALFF", "no_peaks"
    dataset.extraction = extraction
    dataset.save()
    agreed = agreed_dataset_freeze(place=place)[0]
    text = files(agreed, "characteristics.docx")["word/document.xml"].decode()
    assert "ALFF, ReHo" in text
    assert "(1 line, 2 datasets)" in text
    assert "‡" not in text


def test_a_version_of_the_first_format_is_exported_too(agreed, project, owner):
    content = json.loads(agreed.content)
    content |= {"format": "concord-agreed-dataset/1", "project": {"name": "Old", "source_note": ""}}
    for study in content["studies"]:
        study |= {"extracted_by": 1, "revision": 1}
    old = AgreedDataset.objects.create(
        project=project,
        version=9,
        content=canonical_json(content),
        sha256="0" * 64,
        counts=agreed.counts,
        frozen_by=owner,
    )
    assert content_of(old) == json.loads(agreed.content)
    for name in DOWNLOADS:
        assert made(old, name)


def test_without_its_companion_a_folder_still_gives_people_and_peaks(agreed):
    folder = files(agreed, "sdm.zip")
    del folder[COMPANION]
    reading = read_studies(folder, TOOLS)
    assert [study["label"] for study in reading.studies] == ["Cao_2017_ReHo", "Zhang_2016_ReHo", "ReHo"]
    assert [len(study["datasets"][0]["peaks"]) for study in reading.studies] == [2, 3, 0]
    assert reading.studies[2]["datasets"][0]["peaks_state"] == "no_peaks"


def test_a_sign_only_dataset_goes_out_as_signs_even_where_a_statistic_stands(place, make_study):
    make_study("Cao 2017", peaks_state="sign_only")
    Peak.objects.update(statistic_kind="t", statistic=4.5, sign=1)
    folder = files(agreed_dataset_freeze(place=place)[0], "sdm.zip")
    rows = next(text for name, text in folder.items() if name.endswith("_mni.txt")).decode().split()
    assert {row.rsplit(",", 1)[1] for row in rows} == {"p"}
