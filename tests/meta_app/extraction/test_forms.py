"""The versioned form of a project: fields more, explicit changes, and what both reviewers are told."""

import pytest
from django.urls import reverse

from meta_app.audit.models import AuditEntry
from meta_app.extraction.form_domain import BUILT_IN_FIELDS, fields_from_json
from meta_app.extraction.form_selectors import project_fields
from meta_app.extraction.models import Extraction, ExtractionEvent, ExtractionForm, Group, Study
from meta_app.extraction.services import extraction_reopen, extraction_start
from meta_app.projects.permissions import EXTRACT, enter_project

HANDEDNESS = {
    "label": "Right-handed", "level": "group", "section": "People", "kind": "integer", "units": "people",
    "version": "1",
}  # fmt: skip


@pytest.fixture
def owner_client(sign_in, owner):
    return sign_in(owner)


@pytest.fixture
def address(project):
    return reverse("extraction:form", args=[project.pk])


@pytest.fixture
def with_handedness(owner_client, address, dataset):
    assert owner_client.post(address, HANDEDNESS).status_code == 302
    return dataset


def change_address(project, key="right_handed", level="group"):
    return reverse("extraction:field_change", args=[project.pk]) + f"?level={level}&key={key}"


def as_now(**more):
    return {"label": "Right-handed", "section": "People", "kind": "integer", "units": "people", "version": "2",
            "reason": "The protocol asks it.", **more}  # fmt: skip


def study_page(client, dataset):
    study = dataset.extraction.study
    return client.get(reverse("extraction:study", args=[study.project_id, study.pk])).text


def test_a_project_begins_with_the_built_in_form(owner_client, address, project, reviewer):
    text = owner_client.get(address).text
    assert "version 1" in text
    for field in BUILT_IN_FIELDS:
        assert field.label in text
    extraction = extraction_start(
        place=enter_project(reviewer, project.pk, EXTRACT),
        study=Study.objects.create(project=project, label="New 2020"),
    )
    assert (extraction.form.name, extraction.form.version, extraction.form.project) == ("neuroimaging", 1, None)
    assert fields_from_json(extraction.form.fields) == BUILT_IN_FIELDS


def test_a_field_more_makes_a_version_that_open_drafts_move_to_at_once(with_handedness, project, owner):
    form = ExtractionForm.objects.get(project=project)
    assert (form.version, fields_from_json(form.fields)[-1].key) == (2, "right_handed")
    extraction = Extraction.objects.get()
    assert (extraction.form, extraction.version) == (form, 2)
    event = ExtractionEvent.objects.get()
    assert (event.kind, event.actor, event.reason) == ("form", owner, "version 2 asks Right-handed too")
    assert AuditEntry.objects.get(action="form.changed").after == {"version": 2, "change": "asks Right-handed too"}


def test_the_reviewer_is_told_and_finds_the_field(with_handedness, sign_in, reviewer):
    text = study_page(sign_in(reviewer), with_handedness)
    assert "The extraction form has changed: version 2 asks Right-handed too" in text
    assert f'id="group-{with_handedness.group_a_id}-right_handed"' in text


def test_both_reviewers_drafts_move(owner_client, address, dataset, second_reviewer):
    Study.objects.update(extractors_needed=2)
    extraction_start(
        place=enter_project(second_reviewer, dataset.extraction.study.project_id, EXTRACT),
        study=dataset.extraction.study,
    )
    owner_client.post(address, HANDEDNESS)
    assert set(Extraction.objects.values_list("form__version", flat=True)) == {2}
    assert ExtractionEvent.objects.filter(kind="form").count() == 2


def test_a_locked_extraction_keeps_its_version_until_it_is_reopened(owner_client, address, dataset):
    Extraction.objects.update(state="complete")
    owner_client.post(address, HANDEDNESS)
    extraction = Extraction.objects.select_related("study__project", "author").get()
    assert extraction.form.project is None
    extraction_reopen(extraction=extraction, version=extraction.version, reason="A table was missed.")
    assert Extraction.objects.get().form.version == 2
    assert list(ExtractionEvent.objects.values_list("kind", flat=True)) == ["reopened", "form"]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"kind": "quantity", "units": "months"}, "at least two units"),
        ({"kind": "number", "units": "months, years"}, "A number has one unit"),
        ({"kind": "choice", "choices": "yes"}, "at least two"),
        ({"label": "n analysed"}, "already asks n analysed of a group"),
        ({"label": ""}, "This field is required"),
    ],
)
def test_a_field_that_cannot_be_asked_is_refused_at_its_place(owner_client, address, dataset, more, sentence):
    answer = owner_client.post(address, HANDEDNESS | more)
    assert answer.status_code in (400, 422)
    assert sentence in answer.text
    assert not ExtractionForm.objects.filter(version=2).exists()


def test_a_stale_form_is_refused_and_can_be_sent_again(with_handedness, owner_client, address):
    answer = owner_client.post(address, HANDEDNESS | {"label": "Left-handed"})
    assert answer.status_code == 409
    assert "Someone changed the form first" in answer.text
    assert 'name="version" value="2"' in answer.text
    assert owner_client.post(address, HANDEDNESS | {"label": "Left-handed", "version": "2"}).status_code == 302


def test_a_change_shows_what_it_touches_without_telling_of_blind_drafts(with_handedness, owner_client, project, owner):
    Group.objects.filter(pk=with_handedness.group_a_id).update(values={"right_handed": 171717})
    text = owner_client.get(change_address(project)).text
    assert "No value that you may see" in text
    assert "1 draft of others" in text
    assert "171717" not in text
    Extraction.objects.update(state="complete")
    assert "Cao 2017: 171717" in owner_client.get(change_address(project)).text


def test_a_change_needs_a_reason(with_handedness, owner_client, project):
    answer = owner_client.post(change_address(project), as_now(label="Right hand", reason=""))
    assert answer.status_code == 422
    assert not ExtractionForm.objects.filter(version=3).exists()


def test_a_new_name_keeps_the_values(with_handedness, owner_client, project, sign_in, reviewer):
    Group.objects.filter(pk=with_handedness.group_a_id).update(values={"right_handed": 14})
    owner_client.post(change_address(project), as_now(label="Right-handed people"))
    field = project_fields(project)[-1]
    assert (field.key, field.label) == ("right_handed", "Right-handed people")
    assert "The protocol asks it." in study_page(sign_in(reviewer), with_handedness)


def test_another_unit_asks_anew_and_keeps_the_old_values_as_no_longer_asked(
    with_handedness, owner_client, project, sign_in, reviewer
):
    Group.objects.filter(pk=with_handedness.group_a_id).update(values={"right_handed": 14})
    owner_client.post(change_address(project), as_now(kind="number", units="%"))
    assert project_fields(project)[-1].key == "right_handed_2"
    text = study_page(sign_in(reviewer), with_handedness)
    assert "No longer asked" in text
    assert "right_handed: 14" in text
    assert Group.objects.get(pk=with_handedness.group_a_id).values == {"right_handed": 14}


def test_a_field_that_is_no_longer_asked_keeps_its_values_and_its_key_is_not_used_again(
    with_handedness, owner_client, project, address
):
    Group.objects.filter(pk=with_handedness.group_a_id).update(values={"right_handed": 14})
    owner_client.post(change_address(project), as_now(drop="1"))
    assert "right_handed" not in {field.key for field in project_fields(project)}
    assert Group.objects.get(pk=with_handedness.group_a_id).values == {"right_handed": 14}
    owner_client.post(address, HANDEDNESS | {"version": "3"})
    assert project_fields(project)[-1].key == "right_handed_2"


def test_what_the_analysis_reads_cannot_be_changed(owner_client, project, dataset):
    assert owner_client.get(change_address(project, key="n")).status_code == 404


@pytest.mark.parametrize(("role", "status"), [("reviewer", 403), ("viewer", 403), ("outsider", 404)])
def test_only_an_owner_changes_the_form(role, status, address, project, request, sign_in):
    client = sign_in(request.getfixturevalue(role))
    assert client.post(address, HANDEDNESS).status_code == status
    assert client.get(change_address(project)).status_code == status
    assert client.get(address).status_code == (404 if role == "outsider" else 200)
