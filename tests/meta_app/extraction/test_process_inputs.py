"""What people do to a review that is under way: they leave, change roles, lose their session, change the form or the
criteria, unlock what is analysed. One test each; screening is not part of it.
"""

import datetime
import logging

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from meta_app.agreement import services as agreement
from meta_app.agreement.models import Comparison
from meta_app.analyses import tasks
from meta_app.analyses.domain import Filters, Model
from meta_app.analyses.models import Run
from meta_app.analyses.selectors import runs_outdated
from meta_app.analyses.services import run_launch
from meta_app.audit.models import AuditEntry
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.form_domain import FormField
from meta_app.extraction.form_services import field_add
from meta_app.extraction.list_services import criterion_override
from meta_app.extraction.models import Assignment, Extraction, ExtractionEvent, Group
from meta_app.extraction.rule_checks import project_rules, verdicts
from meta_app.extraction.selectors import whole_extractions
from meta_app.extraction.services import extraction_reopen
from meta_app.projects.domain import Rule
from meta_app.projects.permissions import ADJUDICATE, FREEZE, enter_project
from meta_app.projects.services import member_change_role, member_remove, protocol_save
from meta_app.quality.models import QualityScore
from tests.meta_app.agreement.readers import both_locked, enter, lock, new_study, tree
from tests.meta_app.conftest import person
from tests.meta_app.quality import score_cast

TWO_DIFFERENCES = tree(patients={"n": 19, "age_mean": 70.1})


@pytest.fixture
def judge(project, adjudicator):
    return enter_project(adjudicator, project.pk, ADJUDICATE)


def decide(place, difference, choice="A"):
    return agreement.difference_decide(place=place, difference=difference, version=difference.version, choice=choice)


def removed(project, editor, who):
    member_remove(project=project, editor=editor, membership_id=who.memberships.get().pk)


def reopen(extraction, reason="A slip."):
    extraction.refresh_from_db()
    return extraction_reopen(extraction=extraction, version=extraction.version, reason=reason)


def checked(extraction):
    whole = whole_extractions(Extraction.objects.filter(pk=extraction.pk)).get()
    return verdicts(whole, project_rules(extraction.study.project_id))


# People


def test_who_leaves_in_the_middle_of_scoring_makes_room_for_the_next(project, owner, reviewer, second_reviewer):
    begun, done, extracted = (score_cast.make_study(project, label) for label in ("Cao 2017", "Zhang 2016", "Hui 2020"))
    score_cast.fill(reviewer, begun, quote="SENTINEL")
    score_cast.lock(reviewer, done)
    score_cast.fill(second_reviewer, begun)
    Assignment.objects.create(study=extracted, position="A", reviewer=reviewer, assigned_by=owner)
    lock(enter(extracted, reviewer, "A"))
    removed(project, owner, reviewer)
    assert not QualityScore.objects.filter(author=reviewer, state="draft").exists()
    assert QualityScore.objects.filter(author=reviewer, study=done).exists()
    assert score_cast.fill(owner, begun).position == "A"
    assert score_cast.fill(owner, extracted).position == "A"
    entry = AuditEntry.objects.get(action="quality.returned")
    assert (entry.blind_study_id, entry.blind_stage) == (begun.pk, "quality")
    assert "SENTINEL" in str(entry.before)


def test_an_adjudicator_who_leaves_is_followed_by_another_who_finds_the_decisions(
    project, owner, reviewer, second_reviewer, adjudicator, judge
):
    comparison = both_locked(project, reviewer, second_reviewer, b=TWO_DIFFERENCES)
    first, second = comparison.differences.all()
    decide(judge, first)
    removed(project, owner, adjudicator)
    next_judge = enter_project(person("next", project, "adjudicator"), project.pk, ADJUDICATE)
    decide(next_judge, second, "B")
    agreement.comparison_agree(place=next_judge, comparison=comparison, version=comparison.version)
    assert [item.decided_by.username for item in comparison.differences.all()] == ["ada", "next"]
    comparison.refresh_from_db()
    assert comparison.state == Comparison.State.AGREED


def test_a_reviewer_who_becomes_adjudicator_settles_the_studies_of_others_only(
    project, owner, reviewer, second_reviewer
):
    third = person("third", project, "reviewer")
    own = both_locked(project, reviewer, second_reviewer, b=TWO_DIFFERENCES)
    others = both_locked(project, second_reviewer, third, b=TWO_DIFFERENCES, label="Zhang 2016")
    member_change_role(
        project=project, editor=owner, membership_id=reviewer.memberships.get().pk, role_before="reviewer",
        role="adjudicator",
    )  # fmt: skip
    promoted = enter_project(reviewer, project.pk, ADJUDICATE)
    with pytest.raises(PermissionDenied, match="one of the two reviewers"):
        decide(promoted, own.differences.first())
    decide(promoted, others.differences.first())


# Time


def test_a_clock_that_runs_back_changes_no_order_and_breaks_no_chain(
    project, reviewer, second_reviewer, judge, monkeypatch, capsys
):
    comparison = both_locked(project, reviewer, second_reviewer, b=TWO_DIFFERENCES)
    yesterday = timezone.now() - datetime.timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: yesterday)
    lock(reopen(comparison.study.extractions.get(position="B")))
    current = comparison.study.comparisons.get(state=Comparison.State.OPEN)
    assert (current.number, current.revision_b) == (2, 2)
    own = ExtractionEvent.objects.filter(extraction__position="B")
    assert list(own.values_list("kind", flat=True)) == ["completed", "reopened", "completed"]
    assert AuditEntry.objects.last().at < AuditEntry.objects.first().at
    call_command("check_audit")
    assert "all fit" in capsys.readouterr().out


def test_what_a_browser_says_about_time_or_version_counts_for_nothing(project, reviewer, sign_in):
    draft = enter(new_study(project), reviewer, "A")
    change = {"row": "study", "key": "completed_at", "before": None, "value": "2031-01-01"}
    body = {"changes": [change], "version": 99, "completed_at": "2031-01-01", "state": "complete", "revision": 7}
    sign_in(reviewer).patch(api_of(draft), body, content_type="application/json")
    draft.refresh_from_db()
    assert (draft.state, draft.revision, draft.completed_at) == ("draft", 1, None)


def api_of(extraction):
    return reverse("api_extraction:extraction", args=[extraction.study.project_id, extraction.pk])


def test_a_save_after_the_session_has_ended_stores_nothing_and_the_same_save_is_taken_later(project, reviewer, sign_in):
    draft = enter(new_study(project), reviewer, "A")
    client = sign_in(reviewer)
    change = {"row": "study", "key": "site", "before": "Ward 3, Town", "value": "Ward 4, Town"}
    queued = {"data": {"changes": [change]}, "content_type": "application/json"}
    client.session.flush()
    refused = client.patch(api_of(draft), **queued)
    assert refused.status_code in (401, 403)
    assert refused["Content-Type"] == "application/json"
    draft.refresh_from_db()
    assert draft.values["site"] == "Ward 3, Town"
    assert sign_in(reviewer).patch(api_of(draft), **queued).status_code == 200
    draft.refresh_from_db()
    assert draft.values["site"] == "Ward 4, Town"


# Rules that change under way


def test_a_field_added_between_the_two_locks_is_a_difference_only_where_it_was_answered(
    project, owner, reviewer, second_reviewer
):
    study = new_study(project)
    lock(enter(study, reviewer, "A"))
    other = enter(study, second_reviewer, "B")
    field = FormField("", "Funding", "study", "Report", "text")
    field_add(project=project, actor=owner, version=1, field=field, reason="The editor asks it.")
    Extraction.objects.filter(pk=other.pk).update(values={**other.values, "funding": "a company"})
    lock(other)
    comparison = study.comparisons.get()
    a, b = study.extractions.filter(position__in="AB").order_by("position")
    assert (a.form.version, b.form.version) == (1, 2)
    assert [(item.label, item.a["value"], item.b["value"]) for item in comparison.differences.all()] == [
        ("Funding", None, "a company")
    ]
    lock(enter(silent := new_study(project, "Zhang 2016"), reviewer, "A"))
    lock(enter(silent, second_reviewer, "B"))
    assert silent.comparisons.get().state == Comparison.State.AGREED


def test_criteria_that_change_are_asked_of_locked_studies_and_an_old_reason_does_not_answer_them(
    project, owner, reviewer
):
    ten, twenty = (Rule("n", ">=", number, "people").as_row() for number in ("10", "20"))
    protocol_save(project=project, author=owner, version=0, values={"eligibility": [ten]})
    draft = enter(new_study(project, needed=1), reviewer, "A", tree(patients={"n": 8, "n_female": 4}))
    criterion_override(extraction=draft, rule=project_rules(project.pk)[0], before="", reason="A rare disease.")
    lock(draft)
    assert [verdict.stands for verdict in checked(draft)] == [False]
    amended = {"eligibility": [twenty], "change_reason": "After the first reading."}
    protocol_save(project=project, author=owner, version=1, values=amended)
    (verdict,) = checked(draft)
    assert (verdict.state, verdict.stands, verdict.override) == ("not met", True, "")
    assert AuditEntry.objects.get(action="protocol.saved", subject="Protocol version 2").reason == (
        "After the first reading."
    )


def test_unlocking_after_the_results_are_known_leaves_a_reason_and_the_results_as_they_were(
    project, owner, reviewer, monkeypatch
):
    monkeypatch.setattr(tasks.run_execute, "delay", lambda number: None)
    place = enter_project(owner, project.pk, FREEZE)
    drafts = []
    for number in range(3):
        people = {"n": 18 + number, "age_mean": 60.0 + number}
        said = tree(patients=people, controls=people)
        drafts.append(enter(new_study(project, f"Study {number}", needed=1), reviewer, "A", said))
    for draft in drafts:
        lock(draft)
    version, _new = agreed_dataset_freeze(place=place)
    content = version.content
    run = run_launch(
        user=owner, agreed_dataset=version, filters=Filters("patients_controls"), model=Model(imputations=5), seed=1,
        name="First",
    ).run  # fmt: skip
    reopened = reopen(drafts[0], "The result was a surprise.")
    Group.objects.filter(cohort__extraction=reopened, kind="patients").update(n=60)
    lock(reopened)
    version.refresh_from_db()
    assert version.content == content
    assert runs_outdated(project, [run]) == {}
    agreed_dataset_freeze(place=place)
    assert "version 2 changed 1 of its 3 datasets" in runs_outdated(project, [run])[run.pk].text
    assert Run.objects.get(pk=run.pk).agreed_dataset_id == version.pk
    launched, unlocked = (AuditEntry.objects.get(action=name) for name in ("analysis.launched", "extraction.reopened"))
    assert launched.number < unlocked.number
    assert unlocked.reason == "The result was a surprise."


# Peeking: addresses, exports and searches are walked in tests/meta_app/test_blinding_everywhere.py


def test_no_log_of_the_server_holds_what_a_reviewer_typed(project, reviewer, sign_in, caplog):
    caplog.set_level(logging.DEBUG)
    draft = enter(new_study(project), reviewer, "A")
    client = sign_in(reviewer)
    client.raise_request_exception = False
    patients = Group.objects.get(cohort__extraction=draft, kind="patients")
    for row, key, value in (
        ("study", "site", "SENTINEL ward"),
        (f"group:{patients.pk}", "n", "SENTINEL"),
        ("study", "no_such_field", "SENTINEL"),
        ("group:987654", "n", "SENTINEL"),
    ):
        change = {"row": row, "key": key, "before": None, "value": value}
        client.patch(api_of(draft), {"changes": [change]}, content_type="application/json")
    client.patch(api_of(draft), "{SENTINEL", content_type="application/json")
    client.get("/projects/987654/", {"search": "SENTINEL"})
    logged = [entry.getMessage() for entry in caplog.records if not entry.name.startswith("django.db")]
    assert logged
    assert not any("SENTINEL" in line for line in logged)
