"""An installation of its own with real workers, which a test starts, asks and kills.

It runs on SQLite and the filesystem broker of a folder of its own, or on the PostgreSQL and Redis that
CONCORD_DATABASE_URL and CONCORD_BROKER_URL name.
"""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from sdm_core.__main__ import main as core_command
from sdm_core.pipeline import stages

from .companion import box

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 240.0
UNIX = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and process groups are those of Unix")

CONSOLE = """
import json, sys
import django
django.setup()
from django.db import connection
from meta_app.common.domain import canonical_json, digest
from meta_app.accounts.models import User
from meta_app.analyses import services
from meta_app.analyses.domain import Filters, Model
from meta_app.analyses.models import Run
from meta_app.datasets.models import AgreedDataset
from meta_app.projects.models import Project

def freeze_and_launch(content, name, imputations, permutations=0):
    user = User.objects.create_user(name)
    project = Project.objects.create(name=name)
    text = canonical_json(content)
    dataset = AgreedDataset.objects.create(
        project=project, version=1, content=text, sha256=digest(text), counts={}, frozen_by=user)
    return services.run_launch(user=user, agreed_dataset=dataset, filters=Filters("patients_controls"),
                               model=Model(imputations=imputations, permutations=permutations)).run.pk

def workers_of(run):
    return len({owner.split(":")[1] for owner in run.blocks.exclude(owner="").values_list("owner", flat=True)})

def look(pk):
    run = Run.objects.get(pk=pk)
    files = {file.name: file.sha256 for file in run.artefacts.all()}
    blocks = list(run.blocks.order_by("number").values_list("status", "attempts"))
    return {"blocks": blocks, "status": run.status, "fraction": run.fraction, "attempts": run.attempts,
            "error": run.error, "workers": workers_of(run), "rows": run.artefacts.count(), "files": files,
            "log": [event.text for event in run.events.all()]}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(globals()[name](*arguments)), flush=True)
"""


def command_line_maxima(inputs, folder, permutations, monkeypatch):
    """The bytes that the command line makes of the inputs of a run, on the small mask of the companions."""
    monkeypatch.setattr(stages, "load_mask", box)
    asked = ["--imputations=3", "--seed=1", f"--permutations={permutations}"]
    assert core_command(["run", str(inputs), "--out", str(folder), *asked]) == 0
    return (folder / "null_maxima.csv").read_bytes()


class Site:
    """A data folder of its own, a console to ask, and the processes that a test starts. The database has its tables."""

    def __init__(self, folder, environment=None):
        self.folder, self.started = folder, []
        environment = environment or {**os.environ, "DJANGO_SETTINGS_MODULE": "meta_app.settings.local"}
        self.environment = {**environment, "CONCORD_DATA": str(folder), "CONCORD_RUN_LEASE_SECONDS": "5"}
        (folder / "broker" / "queue").mkdir(parents=True, exist_ok=True)
        (folder / "broker" / "control").mkdir(parents=True, exist_ok=True)
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.console = self.start("-c", CONSOLE, **pipes)

    def start(self, *arguments, **options):
        """A Python process in a process group of its own."""
        log = (self.folder / f"process-{len(self.started)}.log").open("w")
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            start_new_session=True,
            stderr=log,
            **({"stdout": log} | options),
        )
        self.started.append(process)
        return process

    def worker(self, program="celery", pool="prefork"):
        options = ["--pool", pool, "--concurrency", "1", "--without-gossip", "--without-mingle"]
        return self.start("-m", program, "-A", "meta_app", "worker", "--hostname", f"{uuid.uuid4().hex}@%h", *options)

    def companions(self, count):
        """Start workers of a small mask, one process each, until there are so many."""
        meeting = self.folder / "companions"
        here = len(list(meeting.iterdir())) if meeting.exists() else 0
        for _ in range(count - here):
            self.worker("tests.meta_app.analyses.companion", "solo")
        self.until(lambda: meeting.exists() and len(list(meeting.iterdir())) == count, f"not {count} workers started")

    def ask(self, name, *arguments):
        self.console.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.console.stdin.flush()
        return json.loads(self.console.stdout.readline())

    def wait(self, pk, condition):
        """What the run looks like as soon as `condition` holds."""
        seen = {}

        def look():
            seen.update(self.ask("look", pk))
            return condition(seen)

        self.until(look, f"run {pk} is not there", seen)
        return seen

    def finished(self, pk):
        return self.wait(pk, lambda seen: seen["status"] not in ("queued", "running", "permuting"))

    def until(self, condition, complaint, seen=None):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.05)
        logs = "\n".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("process-*.log")))
        pytest.fail(f"after {PATIENCE} s {complaint}: {seen}\n{logs}")

    def kill(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self):
        for process in self.started:
            self.kill(process)
