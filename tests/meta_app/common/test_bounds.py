"""What is sent is bounded: size, depth and text that cannot be stored get a sentence, never a broken server."""

import json

import pytest

from meta_app.common import api
from meta_app.common.forms import read_number
from meta_app.datasets.exports import Table, as_xlsx

PEAKS = {"peaks_state": "peaks", "rows": []}


@pytest.fixture
def put(project, owner, sign_in):
    from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionForm, Group, Study

    study = Study.objects.create(project=project, label="Cao 2017")
    form = ExtractionForm.objects.filter(project=None).first() or ExtractionForm.objects.create(name="f", version=1)
    extraction = Extraction.objects.create(study=study, position="A", author=owner, form=form)
    cohort = Cohort.objects.create(extraction=extraction, label="Ward")
    group = Group.objects.create(cohort=cohort, kind="patients", n=15)
    dataset = Dataset.objects.create(
        extraction=extraction, cohort=cohort, group_a=group, label="ReHo", comparison="task", modality="task_fmri",
        metric="BOLD", design="one_sample",
    )  # fmt: skip
    address, client = f"/api/projects/{project.pk}/extraction/datasets/{dataset.pk}/peaks/", sign_in(owner)
    return lambda body: client.put(address, body, content_type="application/json")


def test_a_body_beyond_the_bound_is_not_read(put, monkeypatch):
    monkeypatch.setattr(api, "LARGEST_BODY", 100)
    response = put(json.dumps({**PEAKS, "version": 1, "rows": [{"x": "1" * 200}]}))
    assert response.status_code == 413
    assert "nothing was read or saved" in response.json()["error"]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000])
def test_json_nested_without_end_is_refused(put, body):
    response = put(body)
    assert response.status_code == 400
    assert "too deeply" in response.json()["error"]


def test_half_a_character_is_refused_and_a_whole_one_kept(put):
    half = put(json.dumps({**PEAKS, "version": 1, "rows": [{"x": "1", "label": "\ud800"}]}))
    assert half.status_code == 400
    assert "half of a character" in half.json()["error"]
    assert put(json.dumps({**PEAKS, "version": 1, "rows": [{"x": "1", "label": "\U00020000"}]})).status_code == 200


@pytest.mark.parametrize("text", ["", "²", "-1", "1.5", "9" * 19, "9" * 5000, "x"])
def test_what_is_no_number_of_a_row_names_none(text):
    assert read_number(text) is None


def test_a_number_is_read():
    assert read_number("42") == 42


@pytest.mark.parametrize(
    "rest",
    [
        "extraction/?q=" + "a" * 60_000,
        "analyses/new/?dataset=" + "9" * 5000,
        "analyses/new/preflight/?dataset=²",
        "analyses/new/preflight/",
    ],
)
def test_odd_queries_break_nothing(project, owner, sign_in, rest):
    assert sign_in(owner).get(f"/projects/{project.pk}/{rest}").status_code < 500


def test_a_list_is_cut_to_pages_however_much_is_asked(project, owner, sign_in):
    assert sign_in(owner).get(f"/api/projects/{project.pk}/runs/?limit={'9' * 30}").status_code == 200


def test_odd_versions_of_forms_break_nothing(project, owner, sign_in):
    client = sign_in(owner)
    assert client.post(f"/projects/{project.pk}/prisma/", {"version": "9" * 5000}).status_code == 302
    assert (
        client.post(f"/projects/{project.pk}/protocol/edit/", {"version": 7, "change_reason": "x"}).status_code == 409
    )


def test_control_characters_of_a_pdf_do_not_keep_a_workbook_from_being_made():
    assert as_xlsx([Table("peaks", ("label",), (("L\x0binsula\x01",),))]).startswith(b"PK")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_nul_in_a_search_or_a_form_is_refused(project, owner, sign_in, method):
    response = getattr(sign_in(owner), method)(f"/projects/{project.pk}/extraction/", {"q": "pain\0"})
    assert response.status_code == 400
