"""A real Celery worker killed with SIGKILL in the middle of a real computation.

It runs on SQLite and the filesystem broker of a folder of its own, or on the PostgreSQL and Redis that
CONCORD_DATABASE_URL and CONCORD_BROKER_URL name.
"""

import hashlib
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

ROOT = Path(__file__).resolve().parents[3]
PATIENCE = 240.0

CONSOLE = """
import json, sys
import django
django.setup()
from django.db import connection
from meta_app.accounts.models import User
from meta_app.analyses import services
from meta_app.analyses.domain import Filters, Model
from meta_app.analyses.models import Run
from meta_app.datasets.domain import canonical_json, digest
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

def look(pk):
    run = Run.objects.get(pk=pk)
    files = {file.name: file.sha256 for file in run.artefacts.all()}
    blocks = list(run.blocks.order_by("number").values_list("status", "attempts"))
    return {"blocks": blocks, "status": run.status, "fraction": run.fraction, "attempts": run.attempts,
            "error": run.error, "rows": run.artefacts.count(), "files": files,
            "log": [event.text for event in run.events.all()]}

for line in sys.stdin:
    name, *arguments = json.loads(line)
    print(json.dumps(globals()[name](*arguments)), flush=True)
"""


class Site:
    """A data folder of its own, a console to ask, and the processes that a test starts."""

    def __init__(self, folder):
        self.folder, self.started = folder, []
        self.environment = {
            **os.environ,
            "CONCORD_DATA": str(folder),
            "CONCORD_RUN_LEASE_SECONDS": "5",
            "DJANGO_SETTINGS_MODULE": "meta_app.settings.local",
        }
        subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=self.environment, check=True)
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

    def worker(self):
        options = ["--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle"]
        return self.start("-m", "celery", "-A", "meta_app", "worker", "--hostname", f"{uuid.uuid4().hex}@%h", *options)

    def ask(self, name, *arguments):
        self.console.stdin.write(json.dumps([name, *arguments]) + "\n")
        self.console.stdin.flush()
        return json.loads(self.console.stdout.readline())

    def wait(self, pk, condition):
        """What the run looks like as soon as `condition` holds."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            seen = self.ask("look", pk)
            if condition(seen):
                return seen
            time.sleep(0.05)
        logs = "\n".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("process-*.log")))
        pytest.fail(f"after {PATIENCE} s the run is {seen}\n{logs}")

    def kill(self, process):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    for process in site.started:
        site.kill(process)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and process groups are those of Unix")
def test_a_run_whose_worker_is_killed_in_the_middle_is_finished_once_by_another(site, three_studies):
    run = site.ask("freeze_and_launch", three_studies, f"Killed {uuid.uuid4().hex[:8]}", 20)
    first = site.worker()
    site.wait(run, lambda seen: seen["status"] == "running" and seen["fraction"] > 0)
    site.kill(first)
    seen = site.ask("look", run)
    assert (seen["status"], seen["rows"]) == ("running", 0)

    site.worker()
    site.start("manage.py", "sweep_runs", "--every", "0.5")
    seen = site.wait(run, lambda seen: seen["status"] not in ("queued", "running"))
    assert (seen["status"], seen["error"]) == ("done", "")
    assert seen["attempts"] >= 2
    assert sum(line.startswith("Done:") for line in seen["log"]) == 1
    assert seen["rows"] == len(seen["files"])
    folder = site.folder / "runs" / str(run)
    on_disk = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    hashes = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in on_disk.items()}
    assert hashes == seen["files"]
    assert {"maps/z.nii.gz", "tables/clusters.csv", "run.json"} <= on_disk.keys()
    assert list((site.folder / "runs" / "attempts").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and process groups are those of Unix")
def test_blocks_of_two_workers_one_of_them_killed_make_the_maxima_of_the_command_line(site, three_studies, tmp_path):
    run = site.ask("freeze_and_launch", three_studies, f"Blocks {uuid.uuid4().hex[:8]}", 3, 160)
    first = site.worker()
    site.start("manage.py", "sweep_runs", "--every", "0.5")
    site.wait(run, lambda seen: any(status == "done" for status, _ in seen["blocks"]))
    site.kill(first)
    assert site.ask("look", run)["status"] == "permuting"

    site.worker()
    site.worker()
    seen = site.wait(run, lambda seen: seen["status"] not in ("queued", "running", "permuting"))
    assert (seen["status"], seen["error"], len(seen["blocks"])) == ("done", "", 5)
    assert sum(line.startswith("Done:") for line in seen["log"]) == 1
    inputs, again = site.folder / "runs" / str(run) / "inputs", tmp_path / "again"
    asked = ["--imputations=3", "--seed=1", "--permutations=160"]
    assert core_command(["run", str(inputs), "--out", str(again), *asked]) == 0
    names = ("null_maxima.csv", "maps/p_fwe_tfce.nii.gz", "maps/p_fwe_voxel.nii.gz")
    assert {name: hashlib.sha256((again / name).read_bytes()).hexdigest() for name in names} == {
        name: seen["files"][name] for name in names
    }
