"""Drafting, completing and reopening; who may start."""

import re
import threading

import pytest
from django.db import connection

from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.extraction.models import Dataset, Extraction, ExtractionEvent, Group, Study
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.selectors import waiting_drafts
from meta_app.extraction.services import extraction_complete, extraction_reopen, extraction_start
from meta_app.extraction.study_checks import extraction_problems, problems_digest
from meta_app.projects.permissions import EXTRACT, enter_project

from .peak_cast import insula, make_dataset, page


@pytest.fixture
def ready(project, reviewer):
    """A draft without any problem."""
    dataset = make_dataset(project, reviewer)
    peaks_save(dataset=dataset, version=1, peaks_state="peaks", rows=[insula()])
    return dataset.extraction


def fresh(extraction):
    return Extraction.objects.get(pk=extraction.pk)


def test_an_extraction_without_problems_is_completed_and_locked(client, project, ready):
    study_page = client.get(page("study", project, ready.study_id))
    assert "Ready to complete" in study_page.text
    client.post(page("complete", project, ready.study_id), {"version": ready.version})
    assert fresh(ready).state == "complete"
    assert fresh(ready).completed_at is not None
    assert list(ExtractionEvent.objects.values_list("kind", flat=True)) == ["completed"]


def test_errors_block_completion_and_are_listed_with_the_way_to_each(client, project, reviewer):
    dataset = make_dataset(project, reviewer, peaks_state="not_extracted")
    extraction = dataset.extraction
    text = client.get(page("study", project, extraction.study_id)).text
    assert "To mend before you complete" in text
    assert page("dataset", project, dataset.pk) in text
    answer = client.post(page("complete", project, extraction.study_id), {"version": extraction.version})
    assert answer.status_code == 400
    assert "is still a draft: 1 error must be mended first" in answer.text
    assert (fresh(extraction).state, fresh(extraction).version) == ("draft", 1)


def test_a_study_without_a_dataset_cannot_be_completed(client, project, reviewer):
    extraction = make_dataset(project, reviewer).extraction
    Dataset.objects.all().delete()
    answer = client.post(page("complete", project, extraction.study_id), {"version": extraction.version})
    assert "There is no dataset yet." in answer.text
    assert fresh(extraction).state == "draft"


def test_warnings_need_a_tick_of_the_very_list_that_was_read(client, project, ready):
    Dataset.objects.update(t_threshold=None)
    address = page("complete", project, ready.study_id)
    assert client.post(address, {"version": ready.version}).status_code == 400
    assert client.post(address, {"version": ready.version, "accepted": "another list"}).status_code == 400
    assert fresh(ready).state == "draft"
    text = client.get(page("study", project, ready.study_id)).text
    accepted = re.search(r'name="accepted" value="(\w+)"', text)[1]
    answer = client.post(address, {"version": ready.version, "accepted": accepted, "reason": " "})
    assert "say in one sentence why" in answer.text
    assert fresh(ready).state == "draft"
    client.post(address, {"version": ready.version, "accepted": accepted, "reason": "The paper prints none."})
    assert fresh(ready).state == "complete"
    assert ExtractionEvent.objects.get().reason == "1 warning accepted: The paper prints none."
    entry = AuditEntry.objects.get(action="extraction.completed")
    assert entry.reason == "1 warning accepted: The paper prints none."
    assert entry.after["warnings"] == [
        "Cao 2017, ReHo: The statistical threshold is missing, so the bounds of the effects are wider."
    ]


def test_each_warning_needs_its_own_tick(client, project, ready):
    Dataset.objects.update(t_threshold=None)
    Group.objects.update(duration_mean=3, duration_unit="unstated")
    address = page("complete", project, ready.study_id)
    text = client.get(page("study", project, ready.study_id)).text
    first, second = re.findall(r'name="accepted" value="(\w+)"', text)
    answer = client.post(address, {"version": ready.version, "accepted": first, "reason": "as printed"})
    assert answer.status_code == 400
    assert "tick each" in answer.text
    client.post(address, {"version": ready.version, "accepted": [first, second], "reason": "as printed"})
    assert fresh(ready).state == "complete"


def test_completing_after_the_session_expired_leads_back_to_the_study(client, sign_in, project, ready, reviewer):
    address = page("complete", project, ready.study_id)
    to_sign_in = sign_in().post(address, {"version": ready.version})
    assert "sign-in" in to_sign_in.url
    answer = client.get(address, follow=True)
    assert answer.redirect_chain[-1][0] == page("study", project, ready.study_id)
    assert "was not completed yet" in answer.text
    assert fresh(ready).state == "draft"


def test_a_second_click_on_complete_finds_it_locked_and_changes_nothing(client, project, ready):
    address = page("complete", project, ready.study_id)
    client.post(address, {"version": ready.version})
    answer = client.post(address, {"version": ready.version}, follow=True)
    assert "is complete and locked already" in answer.text
    assert fresh(ready).version == ready.version + 1
    assert ExtractionEvent.objects.filter(kind="completed").count() == 1


def test_a_tab_that_missed_a_change_cannot_complete(client, project, ready):
    shown = ready.version
    address = f"/api/projects/{project.pk}/extractions/{ready.pk}/"
    change = {"row": "study", "key": "site", "before": None, "value": "Shanghai"}
    client.patch(address, {"changes": [change]}, content_type="application/json")
    answer = client.post(page("complete", project, ready.study_id), {"version": shown})
    assert answer.status_code == 409
    assert "changed in another tab" in answer.text
    assert fresh(ready).state == "draft"


def test_a_stale_completion_is_refused(client, project, ready):
    answer = client.post(page("complete", project, ready.study_id), {"version": ready.version + 1})
    assert answer.status_code == 409
    assert fresh(ready).state == "draft"


def test_a_locked_extraction_takes_no_edit(client, project, ready):
    extraction_complete(extraction=ready, version=ready.version)
    answer = client.post(page("study_edit", project, ready.study_id), {"version": "2"}, follow=True)
    assert "is locked. Reopen it" in answer.text
    for name, body in (
        ("row_add", {"level": "cohort"}),
        ("row_delete", {"row": f"dataset:{Dataset.objects.get().pk}"}),
    ):
        answer = client.post(page(name, project, ready.study_id), body)
        assert (answer.status_code, "has been locked" in answer.text) == (409, True)
    assert Dataset.objects.exists()


def test_reopening_needs_a_reason_and_makes_a_new_revision(client, project, ready):
    extraction_complete(extraction=ready, version=ready.version)
    address = page("reopen", project, ready.study_id)
    version = fresh(ready).version
    assert "say why" in client.post(address, {"version": version, "reason": "  "}).text
    assert fresh(ready).state == "complete"
    answer = client.post(address, {"version": version, "reason": "Table 3 was misread."}, follow=True)
    assert "is a draft again, revision 2." in answer.text
    assert (fresh(ready).state, fresh(ready).revision, fresh(ready).completed_at) == ("draft", 2, None)
    event = ExtractionEvent.objects.last()
    assert (event.kind, event.reason, event.revision) == ("reopened", "Table 3 was misread.", 2)
    assert "Table 3 was misread." in client.get(page("study", project, ready.study_id)).text


def test_a_study_once_locked_is_not_deleted(client, project, ready):
    extraction_complete(extraction=ready, version=ready.version)
    ready = fresh(ready)
    extraction_reopen(extraction=ready, version=ready.version, reason="again")
    answer = client.post(page("study_delete", project, ready.study_id), {"version": ready.version})
    assert "it has been locked once" in answer.text
    assert Study.objects.exists()


def test_completing_twice_is_told_and_changes_nothing(project, ready):
    locked = extraction_complete(extraction=fresh(ready), version=ready.version)
    with pytest.raises(UserError, match="locked, reopened or deleted"):
        extraction_complete(extraction=ready, version=ready.version)
    assert locked.version == fresh(ready).version


def test_one_reviewer_is_enough_where_one_is_needed(project, ready, second_reviewer):
    with pytest.raises(UserError, match=r"all the work it needs \(1 extraction\) is begun"):
        extraction_start(place=enter_project(second_reviewer, project.pk, EXTRACT), study=ready.study)


def test_the_second_of_two_reviewers_becomes_b_and_a_third_is_refused(project, ready, second_reviewer, owner):
    Study.objects.update(extractors_needed=2)
    second = extraction_start(place=enter_project(second_reviewer, project.pk, EXTRACT), study=ready.study)
    assert second.position == "B"
    with pytest.raises(UserError, match=r"all the work it needs \(2 extractions\) is begun"):
        extraction_start(place=enter_project(owner, project.pk, EXTRACT), study=ready.study)


def test_starting_twice_is_refused_in_words(client, project, ready):
    answer = client.post(page("start", project, ready.study_id))
    assert "You have already started" in answer.text
    assert Extraction.objects.count() == 1


def test_drafts_wait_for_their_author_with_a_unit(project, reviewer, second_reviewer, ready):
    mine = waiting_drafts(project.memberships.get(user=reviewer))
    assert (mine.count, mine.unit) == (1, "study")
    assert waiting_drafts(project.memberships.get(user=second_reviewer)).count == 0


def test_a_list_of_problems_is_named_by_its_content_not_by_its_order(project, ready):
    Dataset.objects.update(t_threshold=None, space="unknown")
    found = extraction_problems(ready)
    assert len(found) > 1
    assert problems_digest(found) == problems_digest(reversed(found))


@pytest.mark.django_db(transaction=True)
def test_of_two_completions_at_once_one_wins(project, ready):
    outcomes = []

    def complete():
        try:
            extraction_complete(extraction=Extraction.objects.get(pk=ready.pk), version=ready.version)
            outcomes.append("locked")
        except (UserError, StaleEdit):
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=complete) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["locked", "refused"]
    assert ExtractionEvent.objects.filter(kind="completed").count() == 1
