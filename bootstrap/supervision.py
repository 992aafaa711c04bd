"""Processes that are kept running, and that end with us however we end."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from bootstrap.places import PYTHON, ROOT, WINDOWS, Places, manage_command
from bootstrap.refusals import say

LOG_ROTATION_BYTES = 10 * 1024 * 1024
STOP_SECONDS = 6
LONGEST_PAUSE = 30
STEADY_SECONDS = 60

if sys.platform == "win32":
    STOP_SIGNAL = signal.CTRL_BREAK_EVENT
else:
    STOP_SIGNAL = signal.SIGTERM

GUARD = """
import os, signal, sys, time
alive = set()
for line in sys.stdin:
    (alive.add if line[0] == "+" else alive.discard)(int(line[1:]))
for sign in ("SIGTERM", "SIGKILL"):
    for pid in alive:
        try:
            os.killpg(pid, getattr(signal, sign)) if hasattr(os, "killpg") else os.kill(pid, signal.SIGTERM)
        except OSError:
            pass
    time.sleep(5 if alive and sign == "SIGTERM" else 0)
"""


class Guard:
    """A small process that ends our children should we die without doing so: it sees its input close."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", GUARD], stdin=subprocess.PIPE, encoding="ascii", **own_group()
        )

    def watch(self, pid: int) -> None:
        self._tell(f"+{pid}")

    def forget(self, pid: int) -> None:
        self._tell(f"-{pid}")

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()

    def dismiss(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.wait()


def own_group() -> dict[str, Any]:
    """Ctrl-C in the terminal reaches us alone; we then stop the children, each with what it started."""
    if WINDOWS:
        return {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP
    return {"start_new_session": True}


class Child:
    """One supervised process, its log file, and when it may be started again."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.command = command
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0.0
        self.failures = 0
        self.not_before = 0.0

    def start(self, places: Places, environment: dict[str, str], guard: Guard) -> None:
        with fresh_log(places.logs / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                **own_group(),
            )
        self.started = time.monotonic()
        guard.watch(self.process.pid)

    def note_death(self, process: subprocess.Popen[bytes], guard: Guard) -> None:
        """It starts again after 1, 2, 4, ... 30 s; one that had been running steadily, after 1 s."""
        kill_group(process)
        guard.forget(process.pid)
        steady = time.monotonic() - self.started > STEADY_SECONDS
        self.failures = 1 if steady else self.failures + 1
        pause = min(LONGEST_PAUSE, 2 ** (self.failures - 1))
        self.not_before = time.monotonic() + pause
        say(f"{self.name} ended with exit code {process.returncode}; it starts again in {pause} s.")
        self.process = None

    def ask_to_stop(self) -> None:
        if self.process:
            with contextlib.suppress(OSError):
                self.process.send_signal(STOP_SIGNAL)

    def end(self, deadline: float, guard: Guard) -> None:
        if not self.process:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, deadline - time.monotonic()))
        kill_group(self.process)
        guard.forget(self.process.pid)
        self.process = None


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it left behind."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def bound_log(path: Path) -> None:
    """Set a long log aside while its process goes on: it writes at the end of the file, wherever that now is."""
    with contextlib.suppress(OSError):
        if path.stat().st_size > LOG_ROTATION_BYTES:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            os.truncate(path, 0)


def fresh_log(path: Path) -> Path:
    if path.exists() and path.stat().st_size > LOG_ROTATION_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path


class Supervisor:
    """Keeps the children running; leaving the `with` block stops them all."""

    def __init__(self, places: Places, environment: dict[str, str], children: list[Child]) -> None:
        self.places = places
        self.environment = environment
        self.children = children
        self.guard = Guard()

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(self, *_: object) -> None:
        deadline = time.monotonic() + STOP_SECONDS
        for child in self.children:
            child.ask_to_stop()
        for child in self.children:
            child.end(deadline, self.guard)
        self.guard.dismiss()

    def check(self) -> None:
        """Start what is due and take note of what has died; called a few times a second."""
        for child in self.children:
            if child.process is None:
                if time.monotonic() >= child.not_before:
                    child.start(self.places, self.environment, self.guard)
            elif child.process.poll() is not None:
                child.note_death(child.process, self.guard)
            else:
                bound_log(self.places.logs / f"{child.name}.log")


def web_child(port: int) -> Child:
    granian = [str(PYTHON), "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port)]
    return Child("web", [*granian, "--no-ws", "--blocking-threads", "4", "meta_app.wsgi:application"])


def background_children(workers: int) -> list[Child]:
    """The workers and the sweeper.

    Workers are prefork on Linux and solo elsewhere: Windows has no fork, and Apple's numeric libraries do not bear it.
    """
    pool = "prefork" if sys.platform == "linux" else "solo"
    celery = [str(PYTHON), "-m", "celery", "-A", "meta_app", "worker", "--pool", pool, "--concurrency", "1"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "INFO"]
    names = [f"worker-{number}" for number in range(1, workers + 1)]
    return [
        *(Child(name, [*celery, *quiet, "--hostname", f"{name}@%h"]) for name in names),
        Child("sweeper", manage_command("sweep_runs")),
    ]
