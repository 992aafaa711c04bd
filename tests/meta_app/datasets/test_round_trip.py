"""A frozen version that goes out to a file and comes back in an empty project has the same hash."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meta_app.common.domain import canonical_json
from meta_app.datasets.domain import tidy
from meta_app.datasets.exports import DOWNLOADS
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.exchange.reading import read_studies
from meta_app.extraction.exchange.records import shaped
from meta_app.extraction.import_services import studies_import, tools
from meta_app.extraction.models import Dataset, Extraction, Peak
from meta_app.extraction.services import extraction_complete
from meta_app.extraction.study_checks import extraction_problems, warning_ticks
from meta_app.projects.models import Membership, Project, Role
from meta_app.projects.permissions import FREEZE, enter_project

CARRIERS = ("agreed-dataset.json", "agreed-dataset.xlsx", "tables.zip", "sdm.zip", "sleuth.zip", "nimads.zip")


def group(kind, n, **more):
    return {"key": kind, "kind": kind, "label": "", "n": n, **more}


def peak(x, y, z, **more):
    return {"x_reported": x, "y_reported": y, "z_reported": z, "x": None, "statistic_kind": "t", "statistic": 4.52,
            "sign": 1, **more}  # fmt: skip


def dataset(label, peaks, state="peaks", **more):
    return {
        "label": label, "comparison": "patients_controls", "modality": "resting_fmri", "metric": "ALFF",
        "design": "two_sample", "software": "spm", "space": "mni", "threshold_kind": "corrected", "t_threshold": 3.1,
        "threshold_reported": "=AlphaSim", "group_a": "patients", "group_b": "controls", "peaks_state": state,
        "fwhm_mm": 6.5, "peaks": peaks, **more,
    }  # fmt: skip


REPORT = {"key": "r1", "authors": "Cao S, Li Y", "year": 2017, "title": "“Resting”, state", "language": "Chinese",
          "kind": "thesis", "doi": "10.1/x"}  # fmt: skip
STUDIES = [
    {
        "label": "Cao 2017", "year": 2017, "reports": ["r1"], "note": "two\nlines",
        "values": {"design": "case_control", "diagnostic_criteria": "IASP"},
        "sources": {"design": {"quote": "a case-control study", "page": "2"}},
        "cohorts": [{"key": "c", "label": "Ruijin", "identity": "ruijin-2014", "note": "'=x", "groups": [
            group("patients", 18, age_mean=60.92, age_sd=9.29, n_female=9, duration_mean=5.12, duration_unit="months",
                  values={"scales": [{"name": "VAS", "when": "before", "mean": 6.5, "sd": 1.25}], "n_enrolled": 20}),
            group("controls", 20, sources={"n": {"page": "3", "reported": "20 (of 22)"}}),
        ]}],
        "datasets": [
            dataset("ALFF", [
                peak(-38.0, 12.0, -4.0, label="左 insula, L", page="4", cluster_size=120.0, cluster_unit="voxels"),
                peak(44.0, 8.0, 2.5, statistic_kind="z", statistic=-3.29, sign=-1, note="from table 2"),
                peak(-6.0, -58.0, 40.0, statistic_kind="none", statistic=None, sign=-1),
                peak(40.0, 20.0, 0.0, statistic=-4.1, sign=-1, turned=True, hemisphere="right", brodmann="9/46",
                     confirmed=True),
                peak(-40.0, 20.0, 4.0, statistic_kind="p", statistic=0.0004, statistic_reported=0.0008,
                     p_kind="two_tailed", sub_peak=True),
            ], values={"scanner": "@GE", "scan_time": 480, "whole_brain": True, "band_low": 0.01}),
            dataset("ReHo", [], "no_peaks", metric="ReHo"),
        ],
    },
    {
        "label": "曹 2018", "year": 2018, "reports": ["r1"],
        "cohorts": [{"key": "c", "label": "Ward", "groups": [group("patients", 25), group("controls", 24)]}],
        "datasets": [dataset("VBM", [peak(-36.0, 14.0, 0.0, statistic=5.1)], modality="vbm", metric="VBM",
                             space="talairach")],
    },
]  # fmt: skip


def project_of(user, name):
    project = Project.objects.create(name=name)
    Membership.objects.create(project=project, user=user, role=Role.OWNER)
    return enter_project(user, project.pk, FREEZE)


def completed(place):
    for extraction in Extraction.objects.filter(study__project=place.project):
        found = extraction_problems(extraction)
        assert [item.problem for item in found if item.blocks] == []
        ticks = warning_ticks(found)
        extraction_complete(extraction=extraction, version=extraction.version, accepted=ticks, reason="as in the paper")
    return agreed_dataset_freeze(place=place)[0]


@pytest.fixture
def agreed(outsider, db):
    place = project_of(outsider, "First")
    outcomes = studies_import(place=place, reading=shaped("typed", "json", [REPORT], STUDIES))
    assert [(item.state, item.reason, item.problems) for item in outcomes] == [("new", "", ())] * 2
    return completed(place)


def back(agreed, name, user):
    reading = read_studies({name: DOWNLOADS[name].made(agreed)}, tools())
    assert reading.problems == ()
    place = project_of(user, f"From {name}")
    outcomes = studies_import(place=place, reading=reading, source=name)
    assert [item.problems for item in outcomes] == [()] * len(outcomes)
    return completed(place)


@pytest.mark.parametrize("name", CARRIERS)
def test_an_import_of_each_export_into_an_empty_project_freezes_to_the_same_hash(agreed, name, outsider):
    again = back(agreed, name, outsider)
    assert json.loads(again.content) == json.loads(agreed.content)
    assert again.sha256 == agreed.sha256
    assert AgreedDataset.objects.filter(sha256=agreed.sha256).count() == 2


def test_what_was_reported_is_frozen_beside_what_counts(agreed):
    peaks = json.loads(agreed.content)["studies"][0]["datasets"][0]["peaks"]
    assert [(peak["statistic"], peak["statistic_reported"], peak["sign"], peak["turned"]) for peak in peaks] == [
        (4.52, 4.52, 1, False), (-3.29, -3.29, -1, False), (None, None, -1, False), (-4.1, 4.1, -1, True),
        (0.0004, 0.0008, 1, False),
    ]  # fmt: skip
    assert [peak["p_kind"] for peak in peaks][-1] == "two_tailed"


def test_an_edited_value_gives_another_hash(agreed, outsider):
    Peak.objects.filter(statistic=4.52).update(statistic=4.53)
    place = enter_project(outsider, agreed.project_id, FREEZE)
    assert agreed_dataset_freeze(place=place)[0].sha256 != agreed.sha256


words = st.text(st.characters(codec="utf-8", exclude_categories=("C",)), max_size=12).map(tidy)
numbers = st.floats(-120, 120).map(lambda value: tidy(round(value, 3)))


@st.composite
def contents(draw):
    """A content of one study as it might be frozen: any texts, any numbers."""
    peaks = [
        peak(draw(numbers), draw(numbers), draw(numbers), label=draw(words), note=draw(words), page=draw(words))
        for _number in range(draw(st.integers(1, 3)))
    ]
    for item in peaks:
        item |= {axis: item[f"{axis}_reported"] for axis in "xyz"}
    study = {
        **STUDIES[0], "values": {"site": draw(words.filter(bool)), "size": draw(numbers)}, "note": draw(words),
        "datasets": [dataset(draw(words.filter(bool)), peaks, threshold_reported=draw(words))],
    }  # fmt: skip
    reading = shaped("drawn", "json", [REPORT], [study])
    assert not reading.problems
    return {
        "format": "concord-agreed-dataset/2", "reports": list(reading.reports.values()),
        "studies": list(reading.studies),
    }  # fmt: skip


@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=contents())
@pytest.mark.parametrize("name", CARRIERS)
def test_any_text_and_number_survives_every_carrier(name, content):
    agreed = AgreedDataset(
        project=Project(name="Drawn"), version=1, content=canonical_json(content), sha256="0" * 64, counts={}
    )
    reading = read_studies({name: DOWNLOADS[name].made(agreed)}, tools())
    assert (list(reading.studies), reading.problems) == (content["studies"], ())


def test_completed_imports_hold_datasets_of_every_state(agreed):
    assert set(Dataset.objects.values_list("peaks_state", flat=True)) == {"peaks", "no_peaks"}
