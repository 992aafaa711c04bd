"""Processes are kept running while Concord runs, and none outlives it, however it ends."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bootstrap import supervision
from bootstrap.places import Places
from bootstrap.supervision import Child, Supervisor, background_children, web_child

ROOT = Path(__file__).resolve().parents[1]
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
WORDY = [sys.executable, "-c", "import time; print('x' * 99, flush=True); time.sleep(600)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)",
]
WITH_GRANDCHILD = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']).pid, "
    "flush=True); time.sleep(600)",
]


@pytest.fixture
def places(tmp_path):
    places = Places(tmp_path)
    places.logs.mkdir()
    return places


def supervised(places, *children):
    return Supervisor(places, dict(os.environ), list(children))


def until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def printed(places, name):
    path = places.logs / f"{name}.log"
    until(lambda: path.read_text().endswith("\n"))
    return path.read_text().strip()


def test_a_process_that_dies_is_started_again_after_longer_and_longer_pauses(places, capsys, monkeypatch):
    child = Child("short", [sys.executable, "-c", "raise SystemExit(3)"])
    pauses = []
    with supervised(places, child) as supervisor:
        for _ in range(7):
            child.not_before = 0.0
            supervisor.check()
            child.process.wait()
            supervisor.check()
            pauses.append(round(child.not_before - time.monotonic()))
    assert pauses == [1, 2, 4, 8, 16, 30, 30]
    assert "short ended with exit code 3; it starts again in 1 s." in capsys.readouterr().out


def test_it_is_not_started_before_its_pause_is_over(places):
    child = Child("short", [sys.executable, "-c", ""])
    with supervised(places, child) as supervisor:
        supervisor.check()
        child.process.wait()
        supervisor.check()
        supervisor.check()
        assert child.process is None


def test_one_that_had_been_running_steadily_starts_after_one_second(places, monkeypatch):
    child = Child("steady", SLEEP)
    with supervised(places, child) as supervisor:
        supervisor.check()
        child.failures = 5
        child.started -= supervision.STEADY_SECONDS + 1
        child.process.kill()
        child.process.wait()
        supervisor.check()
        assert child.failures == 1


def test_leaving_ends_every_process_even_one_that_does_not_listen(places, monkeypatch):
    monkeypatch.setattr(supervision, "STOP_SECONDS", 0.5)
    children = [Child("polite", SLEEP), Child("stubborn", STUBBORN)]
    with supervised(places, *children) as supervisor:
        supervisor.check()
        assert printed(places, "stubborn") == "deaf"
        pids = [child.process.pid for child in children]
    assert all(gone(pid) for pid in pids)
    assert supervisor.guard.process.returncode == 0


@pytest.mark.skipif(os.name == "nt", reason="process groups of POSIX")
def test_what_a_process_started_ends_with_it(places):
    child = Child("parent", WITH_GRANDCHILD)
    with supervised(places, child) as supervisor:
        supervisor.check()
        grandchild = int(printed(places, "parent"))
        assert not gone(grandchild)
    assert until(lambda: gone(grandchild))


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_the_processes_end_even_when_run_py_is_killed(places):
    code = (
        "import os, sys, time\n"
        "from bootstrap.supervision import *\n"
        "child = Child('orphan', [sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "with Supervisor(Places(sys.argv[1]), dict(os.environ), [child]) as supervisor:\n"
        "    supervisor.check(); print(child.process.pid, flush=True); time.sleep(600)\n"
    )
    keeper = subprocess.Popen(
        [sys.executable, "-c", code, str(places.data)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    orphan = int(keeper.stdout.readline())
    assert not gone(orphan)
    keeper.send_signal(signal.SIGKILL)
    keeper.communicate()
    assert until(lambda: gone(orphan))


def test_a_long_log_is_set_aside_at_the_next_start(places, monkeypatch):
    monkeypatch.setattr(supervision, "LOG_ROTATION_BYTES", 10)
    log = places.logs / "web.log"
    log.write_text("more than ten bytes")
    assert supervision.fresh_log(log) == log
    assert (places.logs / "web.log.1").read_text() == "more than ten bytes"


def test_a_log_that_grows_long_is_set_aside_while_its_process_goes_on_writing(places, monkeypatch):
    monkeypatch.setattr(supervision, "LOG_ROTATION_BYTES", 10)
    log = places.logs / "chatty.log"
    code = "import sys\nfor n in range(3): input(); print('twelve bytes' if n == 0 else 'later', flush=True)"
    with log.open("ab") as file:
        chatty = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=file, text=True)
    chatty.stdin.write("\n")
    chatty.stdin.flush()
    assert until(lambda: log.stat().st_size > 10)
    supervision.bound_log(log)
    chatty.communicate("\n\n")
    assert (places.logs / "chatty.log.1").read_text() == "twelve bytes\n"
    assert log.read_text() == "later\nlater\n"


def test_the_length_of_the_log_of_a_running_process_is_watched(places, monkeypatch):
    monkeypatch.setattr(supervision, "LOG_ROTATION_BYTES", 10)
    with supervised(places, Child("long", WORDY)) as supervisor:
        assert until(lambda: supervisor.check() or (places.logs / "long.log.1").exists())


def test_each_worker_computes_one_run_at_a_time_and_a_sweeper_watches_them():
    children = background_children(3)
    assert [child.name for child in children] == ["worker-1", "worker-2", "worker-3", "sweeper"]
    assert all(child.command[child.command.index("--concurrency") + 1] == "1" for child in children[:3])


def test_only_linux_forks_its_workers(monkeypatch):
    for platform, pool in (("linux", "prefork"), ("darwin", "solo"), ("win32", "solo")):
        monkeypatch.setattr(sys, "platform", platform)
        command = background_children(1)[0].command
        assert command[command.index("--pool") + 1] == pool


def test_the_web_server_listens_on_this_machine_only():
    command = web_child(8123).command
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--port") + 1] == "8123"


def test_the_cores_are_shared_out_among_the_workers(places, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert places.environment(workers=1)["NUMBA_NUM_THREADS"] == "8"
    assert places.environment(workers=3)["NUMBA_NUM_THREADS"] == "2"
    monkeypatch.setenv("NUMBA_NUM_THREADS", "5")
    assert places.environment(workers=3)["NUMBA_NUM_THREADS"] == "5"
