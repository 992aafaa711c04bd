"""Launching, cancelling and retrying; two people with one question; messages that were lost."""

import threading
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from meta_app.analyses import services, tasks
from meta_app.analyses.domain import Filters, Model
from meta_app.analyses.engine import CORE_VERSION
from meta_app.analyses.models import AnalysisSpecification, Run
from meta_app.audit.models import AuditEntry
from meta_app.common.domain import canonical_json, digest
from meta_app.common.exceptions import UserError


@pytest.mark.django_db
def test_a_launch_freezes_the_question_and_queues_a_run_of_dataset_specification_version_and_seed(launch, owner):
    launched = launch(seed=7)
    run, specification = launched.run, launched.run.specification
    assert launched.is_new
    assert (run.status, run.seed, run.core_version, run.launched_by) == ("queued", 7, CORE_VERSION, owner)
    assert specification.sha256 == digest(specification.content)


@pytest.mark.django_db
def test_the_specification_is_canonical_and_names_what_an_empty_filter_lets_through(run, specification_content):
    content = specification_content(run)
    assert canonical_json(content) == run.specification.content
    assert content["filters"] == {
        "comparison": "patients_controls",
        "modalities": ["resting_fmri"],
        "metrics": ["ALFF"],
    }
    assert content["core"]["imputations"] == 5
    assert "seed" not in content["core"]


def test_workers_are_told_after_the_commit(launch, sent, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        run = launch().run
        assert sent == []
    assert sent == [run.pk]


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_is_down_leaves_the_run_queued(launch, monkeypatch):
    monkeypatch.setattr(tasks.run_execute, "delay", Mock(side_effect=ConnectionError))
    assert Run.objects.get(pk=launch().run.pk).status == Run.Status.QUEUED


def test_a_task_takes_primary_keys_only():
    with pytest.raises(TypeError, match="primary keys"):
        tasks.run_execute.enqueue("12")


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["queued", "running", "done"])
def test_the_same_question_of_a_second_person_joins_the_first_run(launch, reviewer, status):
    first = launch().run
    Run.objects.update(status=status)
    second = launch(user=reviewer, name="Mine")
    assert (second.run, second.is_new) == (first, False)
    assert list(first.followers.all()) == [reviewer]
    assert "follows this run" in first.events.last().text


@pytest.mark.django_db
def test_asking_again_oneself_does_not_make_one_a_follower(launch, owner):
    assert launch().run == launch().run
    assert Run.objects.get().followers.count() == 0


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_question_that_failed_before_may_be_asked_again(launch, status):
    first = launch().run
    Run.objects.update(status=status)
    assert launch().run != first
    assert AnalysisSpecification.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("change", [{"seed": 2}, {"model": Model(imputations=6)}, {"model": Model(voxel_p=0.001)}])
def test_another_seed_or_setting_is_another_run(launch, change):
    assert launch().run != launch(**change).run


@pytest.mark.django_db(transaction=True)
def test_two_people_launching_at_once_get_one_run(agreed_dataset, owner, reviewer, sent):
    together, launched = threading.Barrier(2), []

    def ask(user):
        together.wait()
        question = {"agreed_dataset": agreed_dataset, "filters": Filters("patients_controls"), "model": Model()}
        launched.append(services.run_launch(user=user, **question))
        connection.close()

    people = [threading.Thread(target=ask, args=[user]) for user in (owner, reviewer)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    run = Run.objects.get()
    assert [found.run for found in launched] == [run, run]
    assert sorted(found.is_new for found in launched) == [False, True]
    assert sent == [run.pk]
    assert {run.launched_by, *run.followers.all()} == {owner, reviewer}


@pytest.mark.django_db
def test_nothing_to_analyse_launches_nothing(launch):
    with pytest.raises(UserError, match="nothing was launched") as refusal:
        launch(filters=Filters("correlation"))
    assert refusal.value.details["problems"][0]["text"].startswith("No dataset matches")
    assert (Run.objects.count(), AnalysisSpecification.objects.count()) == (0, 0)


@pytest.mark.django_db
def test_a_queued_run_is_cancelled_at_once(run, reviewer):
    services.run_cancel(run=run, user=reviewer)
    run.refresh_from_db()
    assert (run.status, run.events.last().text) == ("cancelled", "Cancelled by rosa.")


@pytest.mark.django_db
def test_cancelling_and_retrying_are_in_the_audit_trail_of_the_project(run, owner, reviewer):
    services.run_cancel(run=run, user=reviewer)
    with pytest.raises(UserError):
        services.run_cancel(run=run, user=owner)
    services.run_retry(run=run, user=owner)
    steps = AuditEntry.objects.filter(project_id=run.project_id, action__startswith="analysis.")
    assert [(entry.action, entry.actor, entry.after["run"]) for entry in steps][1:] == [
        ("analysis.cancelled", reviewer, run.pk), ("analysis.retried", owner, run.pk),
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_running_run_is_asked_to_stop_by_a_flag(run, owner):
    Run.objects.update(status="running", lease_until=timezone.now() + timedelta(seconds=30))
    services.run_cancel(run=run, user=owner)
    services.run_cancel(run=run, user=owner)
    run.refresh_from_db()
    assert (run.status, run.cancel_requested) == ("running", True)
    assert [event.text for event in run.events.all()].count(
        "olga asked to cancel; the worker stops at its next step."
    ) == 1


@pytest.mark.django_db
def test_a_run_without_a_living_worker_is_cancelled_at_once(run, owner):
    Run.objects.update(status="running", lease_until=timezone.now() - timedelta(seconds=1))
    services.run_cancel(run=run, user=owner)
    run.refresh_from_db()
    assert run.status == "cancelled"


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_run_that_is_over_cannot_be_cancelled(run, owner, status):
    Run.objects.update(status=status)
    with pytest.raises(UserError, match="over already"):
        services.run_cancel(run=run, user=owner)
    run.refresh_from_db()
    assert (run.status, run.cancel_requested) == (status, False)


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_retry_queues_the_same_row_afresh(run, owner, status, sent, django_capture_on_commit_callbacks):
    Run.objects.update(status=status, attempts=5, error="lost", error_details=[1], fraction=0.5, cancel_requested=True)
    with django_capture_on_commit_callbacks(execute=True):
        services.run_retry(run=run, user=owner)
    run.refresh_from_db()
    assert (run.status, run.attempts, run.error, run.error_details, run.fraction) == ("queued", 0, "", [], 0.0)
    assert not run.cancel_requested
    assert sent == [run.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["queued", "running", "done"])
def test_a_run_that_has_not_failed_cannot_be_retried(run, owner, status):
    Run.objects.update(status=status)
    with pytest.raises(UserError, match="Only a failed or cancelled run"):
        services.run_retry(run=run, user=owner)


@pytest.mark.django_db
def test_a_retry_is_refused_while_a_twin_lives(launch, owner):
    failed = launch().run
    Run.objects.update(status="failed")
    launch(name="Twin")
    with pytest.raises(UserError, match="“Twin”"):
        services.run_retry(run=failed, user=owner)
    failed.refresh_from_db()
    assert failed.status == "failed"


def resent(sent, capture, **later):
    del sent[:]
    with capture(execute=True):
        services.runs_resend(now=timezone.now() + timedelta(**later))
    return sent


def test_a_lost_message_is_sent_again_with_back_off(run, sent, settings, django_capture_on_commit_callbacks):
    settings.RUN_LEASE_SECONDS = 30
    assert resent(sent, django_capture_on_commit_callbacks, seconds=20) == []
    assert resent(sent, django_capture_on_commit_callbacks, seconds=31) == [run.pk]
    assert resent(sent, django_capture_on_commit_callbacks, seconds=80) == []
    assert resent(sent, django_capture_on_commit_callbacks, seconds=95) == [run.pk]


def test_a_run_with_an_expired_lease_is_sent_again_at_once(run, sent, django_capture_on_commit_callbacks):
    Run.objects.claim(run.pk, "killed", timezone.now(), timedelta(seconds=30))
    assert resent(sent, django_capture_on_commit_callbacks, seconds=29) == []
    assert resent(sent, django_capture_on_commit_callbacks, seconds=31) == [run.pk]


@pytest.mark.parametrize("status", ["done", "failed", "cancelled"])
def test_a_run_that_is_over_is_never_sent_again(run, sent, status, django_capture_on_commit_callbacks):
    Run.objects.update(status=status, message_sent_at=None)
    assert resent(sent, django_capture_on_commit_callbacks, days=2) == []


@pytest.mark.django_db
def test_of_two_sweepers_one_sends(run):
    now = timezone.now() + timedelta(hours=1)
    stale = Run.objects.get(pk=run.pk)
    assert services.runs_resend(now=now) == 1
    assert services._resend(Run.objects, tasks.run_execute, stale, now) == 0


@pytest.mark.django_db
def test_the_sweeper_says_how_many_it_sent_again(run, capsys):
    Run.objects.update(message_sent_at=None)
    call_command("sweep_runs", "--once")
    assert "Sent 1 run again." in capsys.readouterr().out
