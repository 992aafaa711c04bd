"""Saving single values of one's own draft: what is stored, what is refused, and what meets another version."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meta_app.audit.models import AuditEntry
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.peak_services import peaks_save

from .peak_cast import insula, make_dataset


@pytest.fixture
def patients(dataset):
    return dataset.group_a


def address(extraction):
    return f"/api/projects/{extraction.study.project_id}/extractions/{extraction.pk}/"


@pytest.fixture
def save(client, dataset):
    """save(change, ...) sends changes of rosa's draft."""

    def sent(*changes):
        return client.patch(address(dataset.extraction), {"changes": changes}, content_type="application/json")

    return sent


def change(row, key, value, before=None, **more):
    return {"row": row, "key": key, "before": before, "value": value, **more}


def states(answer):
    body = answer.json()
    return [outcome["state"] for outcome in body.get("details", body)["outcomes"]]


def message(answer):
    return answer.json()["details"]["outcomes"][0]["message"]


def test_values_of_every_level_are_stored_each_where_it_belongs(save, dataset, patients):
    answer = save(
        change("study", "design", "case_control"),
        change(f"cohort:{dataset.cohort_id}", "treatment", "stSCS"),
        change(f"group:{patients.pk}", "age_mean", "64.3"),
        change(f"group:{patients.pk}", "n_enrolled", "20"),
        change(f"dataset:{dataset.pk}", "fwhm_mm", "6"),
        change(f"dataset:{dataset.pk}", "field_strength", 3),
    )
    assert (answer.status_code, states(answer)) == (200, ["saved"] * 6)
    extraction = Extraction.objects.get()
    assert extraction.values == {"design": "case_control"}
    assert Cohort.objects.get().values == {"treatment": "stSCS"}
    group = Group.objects.get(pk=patients.pk)
    assert (group.age_mean, group.values) == (64.3, {"n_enrolled": 20})
    stored = Dataset.objects.get()
    assert (stored.fwhm_mm, stored.values, extraction.version) == (6.0, {"field_strength": 3.0}, 2)
    assert answer.json()["version"] == 2


def test_a_queue_that_is_sent_again_changes_nothing(save, patients):
    sent = change(f"group:{patients.pk}", "age_mean", "64.3")
    save(sent)
    again = save(sent)
    assert (again.status_code, states(again)) == (200, ["saved"])
    assert (Extraction.objects.get().version, AuditEntry.objects.count()) == (2, 1)


def test_a_value_that_changed_meanwhile_is_answered_with_both_and_not_overwritten(save, patients):
    row = f"group:{patients.pk}"
    save(change(row, "n", "16", before=15))
    answer = save(change(row, "n", "17", before=15), change(row, "n_female", "9"))
    assert (answer.status_code, answer.json()["code"]) == (409, "stale")
    outcomes = answer.json()["details"]["outcomes"]
    assert [(outcome["state"], outcome["value"]) for outcome in outcomes] == [("conflict", 16), ("saved", 9)]
    group = Group.objects.get(pk=patients.pk)
    assert (group.n, group.n_female) == (16, 9)


def test_what_cannot_be_read_is_refused_at_its_field_and_the_rest_is_kept(save, patients):
    row = f"group:{patients.pk}"
    answer = save(change(row, "age_mean", "64.3 ± 6.4"), change(row, "age_sd", "6.4"))
    assert (answer.status_code, states(answer)) == (400, ["refused", "saved"])
    outcome = answer.json()["details"]["outcomes"][0]
    assert (outcome["row"], outcome["key"]) == (row, "age_mean")
    assert "Type the mean here and the SD beside it" in outcome["message"]
    assert Group.objects.get(pk=patients.pk).age_sd == 6.4


def test_the_same_name_for_two_datasets_is_refused(save, dataset):
    Dataset.objects.create(
        extraction=dataset.extraction, cohort=dataset.cohort, group_a=dataset.group_a, label="ALFF",
        comparison="task", design="one_sample",
    )  # fmt: skip
    assert "already has a dataset called ALFF" in message(
        save(change(f"dataset:{dataset.pk}", "label", "ALFF", "ReHo"))
    )


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("label", "", "is needed"),
        ("label", "x" * 121, "at most 120"),
        ("space", None, "is needed"),
        ("design", "guess", "is not one of"),
        ("fwhm_mm", "-4", "is below 0"),
        ("group_a", "", "is needed"),
        ("group_a", "999999", "a group of this study"),
        ("peaks_state", "no_peaks", "where the peaks are entered"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_the_reason(save, dataset, key, value, sentence):
    stored = {"label": "ReHo", "space": "mni", "design": "two_sample", "group_a": dataset.group_a_id}.get(key)
    answer = save(change(f"dataset:{dataset.pk}", key, value, stored))
    assert (answer.status_code, states(answer)) == (400, ["refused"])
    assert sentence in message(answer)


def test_a_group_of_another_study_cannot_be_chosen(save, dataset, project, reviewer):
    foreign = make_dataset(project, reviewer, study="Other 2000").group_a
    Group.objects.filter(pk=foreign.pk).update(label="Ward of another study")
    answer = save(change(f"dataset:{dataset.pk}", "group_a", foreign.pk, dataset.group_a_id))
    assert "a group of this study" in message(answer)
    assert "Ward" not in answer.text


def test_a_row_that_is_gone_is_said_to_be(save):
    answer = save(change("group:987654", "n", "3"))
    assert (answer.status_code, states(answer)) == (400, ["gone"])
    assert "has been deleted" in message(answer)
    assert "has been deleted" in message(save(change(f"group:{10**30}", "n", "3")))


def test_a_field_that_the_form_does_not_ask_is_said_to_be(save):
    answer = save(change("study", "colour", "red"))
    assert (states(answer), message(answer)) == (["gone"], "The form does not ask this.")


def test_choosing_a_group_of_another_cohort_takes_the_dataset_there(save, dataset):
    other = Group.objects.create(cohort=Cohort.objects.create(extraction=dataset.extraction, label="B"), kind="sample")
    save(change(f"dataset:{dataset.pk}", "group_a", str(other.pk), dataset.group_a_id))
    assert Dataset.objects.get().cohort == other.cohort


def test_another_space_moves_the_peaks_to_their_new_place(save, dataset):
    peaks_save(dataset=dataset, version=1, peaks_state="peaks", rows=[insula()])
    before = dataset.peaks.get().x
    save(change(f"dataset:{dataset.pk}", "space", "talairach", "mni"))
    dataset.refresh_from_db()
    assert dataset.peaks.get().x != before
    assert (dataset.version, dataset.peaks.get().x_reported) == (3, -38.0)


def test_a_source_is_kept_beside_its_value_and_can_come_alone(save, patients):
    row, quote = f"group:{patients.pk}", {"quote": "18 patients", "page": "4", "file": 7}
    save(change(row, "n", "18", 15, source=quote, source_before=None))
    assert Group.objects.get(pk=patients.pk).sources == {"n": quote}
    moved = {**quote, "page": "5"}
    save({"row": row, "key": "n", "source": moved, "source_before": quote})
    group = Group.objects.get(pk=patients.pk)
    assert (group.n, group.sources) == (18, {"n": moved})
    stale = save({"row": row, "key": "n", "source": {"page": "6"}, "source_before": quote})
    assert stale.status_code == 409
    assert stale.json()["details"]["outcomes"][0]["source"] == moved
    assert Group.objects.get(pk=patients.pk).sources == {"n": moved}


def test_a_value_typed_over_a_converted_one_loses_the_formula_and_keeps_the_quote(save, patients):
    row = f"group:{patients.pk}"
    source = {"quote": "SE 1.5", "reported": "SE 1.5, n = 18", "formula": "SD = SE × √n"}
    save(change(row, "age_sd", "6.36", source=source))
    save(change(row, "age_sd", "6.4", 6.36))
    assert Group.objects.get(pk=patients.pk).sources == {"age_sd": {"quote": "SE 1.5"}}


def test_a_cleared_value_is_not_reported_rather_than_nought(save, patients):
    row = f"group:{patients.pk}"
    save(change(row, "n", "NA", 15), change(row, "label", "–"), change(row, "n_enrolled", "未报告"))
    group = Group.objects.get(pk=patients.pk)
    assert (group.n, group.label, group.values) == (None, "", {})


def test_the_audit_says_before_and_after_and_is_blind(save, reviewer, patients):
    save(change(f"group:{patients.pk}", "n", "18", 15))
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.subject) == (reviewer, "extraction.saved", "Cao 2017, Reviewer A")
    assert (entry.before, entry.after) == ({f"group:{patients.pk} n": 15}, {f"group:{patients.pk} n": 18})
    assert (entry.blind_study_id, entry.blind_stage) == (Extraction.objects.get().study_id, "extraction")


def test_a_locked_extraction_takes_no_change(save, patients):
    Extraction.objects.update(state="complete")
    answer = save(change(f"group:{patients.pk}", "n", "18", 15))
    assert (answer.status_code, answer.json()["code"]) == (409, "locked")
    assert Group.objects.get(pk=patients.pk).n == 15


@pytest.mark.parametrize("body", [{}, {"changes": []}, {"changes": [{"row": "study", "key": "design"}]}, []])
def test_a_request_that_says_nothing_is_refused_in_words(client, dataset, body):
    answer = client.patch(address(dataset.extraction), body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"


def test_the_whole_extraction_is_read_back_with_values_and_sources(client, save, dataset, patients):
    save(change(f"group:{patients.pk}", "n", "18", 15, source={"page": "4"}))
    body = client.get(address(dataset.extraction)).json()
    assert body["rows"][f"group:{patients.pk}"]["n"] == {"value": 18, "source": {"page": "4"}}
    assert body["rows"][f"dataset:{dataset.pk}"]["group_a"]["value"] == patients.pk
    assert (body["version"], body["state"]) == (2, "draft")


@pytest.mark.parametrize("method", ["get", "patch"])
@pytest.mark.parametrize(
    ("role", "status"),
    [("outsider", 404), ("second_reviewer", 404), ("owner", 404), ("adjudicator", 403), ("viewer", 403)],
)
def test_nobody_else_reads_or_writes_a_draft(dataset, role, status, method, request, sign_in):
    client = sign_in(request.getfixturevalue(role))
    body = {"changes": [change("study", "design", "other")]}
    send = getattr(client, method)
    answer = send(address(dataset.extraction), *([body] if method == "patch" else []), content_type="application/json")
    assert answer.status_code == status
    assert Extraction.objects.get().values == {}


def queries_of(save, *changes):
    with CaptureQueriesContext(connection) as queries:
        assert save(*changes).status_code == 200
    return len(queries)


def test_a_save_asks_the_database_a_fixed_number_of_times(save, dataset, patients):
    for number in range(20):
        Group.objects.create(cohort=dataset.cohort, kind="sample", label=str(number))
    row = f"group:{patients.pk}"
    save(change(row, "n", "14", 15))
    one = queries_of(save, change(row, "n", "16", 14))
    many = queries_of(save, *(change(row, key, "3") for key in ("n_female", "age_mean", "age_sd", "duration_mean")))
    assert one == many
    assert one <= 20
