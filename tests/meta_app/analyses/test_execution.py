"""The ledger: who computes a run, what ends it, and that it is never done twice or half.

The core is replaced by a few lines here; `test_whole_run.py` and `test_killed_worker.py` use the real one.
"""

import errno
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from meta_app.analyses import computing, execution
from meta_app.analyses.heartbeat import CANCELLED, LOST, Heartbeat
from meta_app.analyses.models import Artefact, Run
from meta_app.analyses.selectors import attempt_folder, run_folder
from meta_app.common.exceptions import UserError
from sdm_core.errors import SdmError

LEASE = timedelta(seconds=30)

pytestmark = pytest.mark.django_db(transaction=True)


def write_files(question, folder, report, should_stop):
    (folder / "maps").mkdir(parents=True)
    (folder / "maps" / "z.nii.gz").write_bytes(b"simulated map")
    (folder / "run.json").write_text("{}")


@pytest.fixture
def compute(monkeypatch):
    """compute(function) puts it in the place of the core."""

    def replaced(function=write_files):
        monkeypatch.setattr(computing, "compute", function)

    replaced()
    return replaced


@pytest.fixture
def beats(monkeypatch):
    """Hearts beat often, so that a test need not wait a second."""
    monkeypatch.setattr(Heartbeat.__init__, "__defaults__", (0.02,))


def raising(error):
    def fails(question, folder, report, should_stop):
        folder.mkdir(parents=True)
        (folder / "half.nii.gz").write_bytes(b"half")
        raise error

    return fails


def wait_for_stop(question, folder, report, should_stop):
    for _ in range(1000):
        if should_stop():
            raise computing.Stopped
        threading.Event().wait(0.01)
    raise AssertionError("nobody asked to stop")


def left_attempts(run):
    parent = attempt_folder(run).parent
    return [path.name for path in parent.glob(f"{run.pk}-*")] if parent.exists() else []


def test_a_run_ends_done_with_its_files_in_place_and_their_hashes_kept(run, compute):
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.fraction, run.attempts) == (Run.Status.DONE, 1.0, 1)
    found = {file.name: (file.kind, file.size_bytes, file.media_type) for file in run.artefacts.all()}
    assert found == {
        "maps/z.nii.gz": ("map", 13, "application/gzip"),
        "run.json": ("provenance", 2, "application/json"),
    }
    assert (run_folder(run) / "maps/z.nii.gz").read_bytes() == b"simulated map"
    assert left_attempts(run) == []


def test_a_second_delivery_of_the_message_changes_nothing(run, compute):
    execution.run_execute(run.pk)
    compute(raising(AssertionError("computed twice")))
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts, Artefact.objects.count()) == (Run.Status.DONE, 1, 2)


def test_a_run_with_a_living_owner_is_not_claimed_by_another(run, compute):
    assert Run.objects.claim(run.pk, "first", timezone.now(), LEASE) == 1
    assert Run.objects.claim(run.pk, "second", timezone.now(), LEASE) == 0
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.owner) == (Run.Status.RUNNING, "first")


def test_a_run_whose_lease_ran_out_is_claimed_and_finished_by_another(run, compute):
    Run.objects.claim(run.pk, "killed", timezone.now() - 2 * LEASE, LEASE)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Run.Status.DONE, 2)


def test_files_of_a_worker_killed_between_move_and_commit_are_replaced(run, compute):
    run_folder(run).mkdir(parents=True)
    (run_folder(run) / "stray.txt").write_text("of the killed worker")
    execution.run_execute(run.pk)
    assert sorted(path.name for path in run_folder(run).iterdir()) == ["maps", "run.json"]


def test_what_killed_attempts_left_is_removed_by_the_next_and_nobody_elses(run, compute):
    parent = attempt_folder(run).parent
    for name in (f"{run.pk}-7", f".{run.pk}-7-xyz", f"1{run.pk}-7"):
        (parent / name).mkdir(parents=True)
    execution.run_execute(run.pk)
    assert [path.name for path in parent.iterdir()] == [f"1{run.pk}-7"]
    (parent / f"1{run.pk}-7").rmdir()


def test_the_heartbeat_renews_the_lease_and_saves_stage_and_fraction(run):
    Run.objects.claim(run.pk, "me", timezone.now() - LEASE / 2, LEASE)
    before = Run.objects.get(pk=run.pk).lease_until
    heartbeat = Heartbeat(run.pk, "me")
    heartbeat.report("Imputing", 0.4)
    heartbeat.beat()
    run.refresh_from_db()
    assert run.lease_until > before
    assert (run.stage, run.fraction, heartbeat.should_stop()) == ("Imputing", 0.4, False)
    assert run.events.last().text == "Imputing."


def test_the_log_names_a_stage_once(run):
    Run.objects.claim(run.pk, "me", timezone.now(), LEASE)
    heartbeat = Heartbeat(run.pk, "me")
    for fraction in (0.1, 0.2):
        heartbeat.report("Imputing", fraction)
        heartbeat.beat()
    assert [event.text for event in run.events.all()].count("Imputing.") == 1


def test_a_cancelled_run_is_noticed_while_it_computes_and_leaves_nothing(run, compute, beats, owner):
    def cancelled(question, folder, report, should_stop):
        Run.objects.filter(pk=run.pk).update(cancel_requested=True)
        wait_for_stop(question, folder, report, should_stop)

    compute(cancelled)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.CANCELLED
    assert not run_folder(run).exists()


def test_a_cancel_that_comes_with_the_last_file_still_counts(run, compute):
    def cancelled_late(question, folder, report, should_stop):
        write_files(question, folder, report, should_stop)
        Run.objects.filter(pk=run.pk).update(cancel_requested=True)

    compute(cancelled_late)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.artefacts.count()) == (Run.Status.CANCELLED, 0)
    assert not run_folder(run).exists()


def test_a_worker_that_lost_its_lease_stops_and_writes_nothing(run, compute, beats):
    def taken_over(question, folder, report, should_stop):
        Run.objects.filter(pk=run.pk).update(owner="another")
        wait_for_stop(question, folder, report, should_stop)

    compute(taken_over)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.owner) == (Run.Status.RUNNING, "another")
    assert not run_folder(run).exists()


def test_a_worker_that_lost_its_lease_while_writing_does_not_touch_the_others_files(run, compute):
    def overtaken(question, folder, report, should_stop):
        write_files(question, folder, report, should_stop)
        Run.objects.filter(pk=run.pk).update(owner="another")

    compute(overtaken)
    execution.run_execute(run.pk)
    assert Artefact.objects.count() == 0
    assert not run_folder(run).exists()


def test_a_lease_that_cannot_be_renewed_in_time_counts_as_lost(run, monkeypatch):
    heartbeat = Heartbeat(run.pk, "me")
    monkeypatch.setattr(heartbeat, "_save", raising_busy)
    heartbeat.beat()
    assert not heartbeat.should_stop()
    heartbeat.lease_until = timezone.now() - timedelta(seconds=1)
    heartbeat.beat()
    assert heartbeat.reason == LOST


def raising_busy(now):
    raise OperationalError("database is locked")


def test_the_heartbeat_says_cancelled_when_a_person_asked_for_it(run):
    Run.objects.claim(run.pk, "me", timezone.now(), LEASE)
    Run.objects.filter(pk=run.pk).update(cancel_requested=True)
    heartbeat = Heartbeat(run.pk, "me")
    heartbeat.beat()
    assert heartbeat.reason == CANCELLED


def test_input_that_cannot_be_analysed_fails_with_every_place(run, compute):
    problems = [{"level": "error", "place": "Study 1 / ALFF, peak 2", "text": "is far outside", "mend": "Check it."}]
    compute(raising(UserError("The datasets cannot be analysed as they are.", {"problems": problems})))
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.error_details) == (Run.Status.FAILED, problems)
    assert left_attempts(run) == []


def full_disk():
    full = OSError(errno.ENOSPC, "No space left on device")
    wrapped = SdmError("The results could not be written.")
    wrapped.__cause__ = full
    return [full, wrapped]


@pytest.mark.parametrize("error", full_disk(), ids=["of the system", "of the core"])
def test_a_full_disk_fails_in_words_and_leaves_nothing_half(run, compute, error):
    compute(raising(error))
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert run.error.startswith("The disk is full")
    assert "retry" in run.error
    assert left_attempts(run) == []
    assert not run_folder(run).exists()


def test_the_room_that_an_attempt_took_is_free_before_its_failure_is_written(run, compute, monkeypatch):
    left, fail = [], execution._fail
    monkeypatch.setattr(execution, "_fail", lambda *given: (left.extend(left_attempts(run)), fail(*given)))

    def fill_the_disk(question, folder, report, should_stop):
        folder.mkdir(parents=True)
        (folder / "half").write_text("half a map")
        raise full_disk()[0]

    compute(fill_the_disk)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, left) == (Run.Status.FAILED, [])


def test_too_little_memory_is_told_with_what_to_do(run, compute):
    compute(raising(MemoryError()))
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.error.startswith("The server ran out of memory")


def test_any_other_error_is_one_sentence_and_a_log_line_with_the_run(run, compute, caplog):
    compute(raising(ZeroDivisionError("secret detail")))
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert f"run {run.pk}" in run.error
    assert "secret detail" not in run.error
    assert f"Run {run.pk}: attempt 1 failed" in caplog.text
    assert "secret detail" in caplog.text


def test_a_busy_database_gives_the_run_back_to_the_queue(run, compute):
    compute(raising(OperationalError("database is locked")))
    with pytest.raises(OperationalError):
        execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.QUEUED
    compute()
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.DONE


@pytest.fixture
def busy_at_the_end(monkeypatch):
    """busy_at_the_end(times): the database is locked so often when the result is to be saved; answers the tries."""
    monkeypatch.setattr(execution, "FINISH_PAUSE_SECONDS", 0)
    tell, tries = execution._tell, []

    def busy(times):
        def tell_or_fail(run, text):
            if text.startswith("Done"):
                tries.append(text)
                if len(tries) <= times:
                    raise OperationalError("database is locked")
            tell(run, text)

        monkeypatch.setattr(execution, "_tell", tell_or_fail)
        return tries

    return busy


def test_a_database_busy_at_the_end_is_asked_again_and_nothing_is_computed_twice(run, compute, busy_at_the_end):
    tries = busy_at_the_end(execution.FINISH_TRIES - 1)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts, len(tries)) == (Run.Status.DONE, 1, execution.FINISH_TRIES)
    assert sorted(file.name for file in run.artefacts.all()) == ["maps/z.nii.gz", "run.json"]
    assert (run_folder(run) / "maps/z.nii.gz").read_bytes() == b"simulated map"


def test_a_database_that_stays_busy_at_the_end_gives_the_run_back(run, compute, busy_at_the_end):
    busy_at_the_end(execution.FINISH_TRIES)
    with pytest.raises(OperationalError):
        execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.artefacts.count()) == (Run.Status.QUEUED, 0)
    assert not run_folder(run).exists()


def test_a_run_taken_over_while_the_database_was_busy_is_left_to_the_other(run, compute, busy_at_the_end, monkeypatch):
    busy_at_the_end(1)
    taken_over = {"owner": "another"}
    monkeypatch.setattr(execution.time, "sleep", lambda _: Run.objects.filter(pk=run.pk).update(**taken_over))
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.owner, run.artefacts.count()) == (Run.Status.RUNNING, "another", 0)
    assert not run_folder(run).exists()


def test_a_worker_that_is_shut_down_gives_the_run_back(run, compute):
    compute(raising(SystemExit()))
    with pytest.raises(SystemExit):
        execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.owner) == (Run.Status.QUEUED, "")


def test_a_run_whose_worker_was_lost_too_often_fails(run, compute, settings):
    Run.objects.filter(pk=run.pk).update(attempts=settings.RUN_MAXIMUM_ATTEMPTS)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert f"lost {settings.RUN_MAXIMUM_ATTEMPTS} times" in run.error


def test_a_run_cancelled_while_its_worker_was_lost_stays_cancelled(run, compute):
    Run.objects.claim(run.pk, "killed", timezone.now() - 2 * LEASE, LEASE)
    Run.objects.filter(pk=run.pk).update(cancel_requested=True)
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert (run.status, run.attempts) == (Run.Status.CANCELLED, 1)


def test_a_run_of_another_core_version_is_not_computed_under_a_false_name(run, compute):
    Run.objects.filter(pk=run.pk).update(core_version="0.0.1")
    execution.run_execute(run.pk)
    run.refresh_from_db()
    assert run.status == Run.Status.FAILED
    assert "0.0.1" in run.error


def test_the_core_is_asked_with_the_frozen_dataset_and_not_with_later_edits(run, compute, freeze):
    asked = []
    compute(lambda question, *rest: (asked.append(question), write_files(question, *rest)))
    freeze([])
    execution.run_execute(run.pk)
    assert [row.study for row in asked[0].snapshot.datasets] == ["Study 0", "Study 1", "Study 2"]
    assert asked[0].provenance["agreed_dataset"] == {"version": 1, "sha256": run.agreed_dataset.sha256}
    assert asked[0].seed == run.seed


def test_the_heartbeat_closes_its_own_connection(run, compute, beats):
    execution.run_execute(run.pk)
    assert connection.is_usable()
    assert not [thread for thread in threading.enumerate() if isinstance(thread, Heartbeat)]
