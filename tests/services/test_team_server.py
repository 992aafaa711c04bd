"""The production settings on a real PostgreSQL and Redis: what SQLite and one process cannot show."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

MAKE_RUN = """
from meta_app.accounts.models import User
from meta_app.analyses.models import AnalysisSpecification, Run
from meta_app.datasets.models import AgreedDataset
from meta_app.projects.models import Project

def make_run(seed, name="A question", **fields):
    user, _ = User.objects.get_or_create(username="olga")
    project, _ = Project.objects.get_or_create(name="Pain in the brain")
    dataset, _ = AgreedDataset.objects.get_or_create(
        project=project, version=1, defaults={"content": "{}", "sha256": "d" * 64, "counts": {}, "frozen_by": user})
    specification, _ = AnalysisSpecification.objects.get_or_create(
        project=project, sha256="s" * 64, defaults={"content": "{}", "created_by": user})
    return Run.objects.create(project=project, agreed_dataset=dataset, specification=specification, seed=seed,
                              core_version="of another time", name=name, launched_by=user, **fields)
"""


def python(manage, code):
    return manage("shell", "--no-imports", "-c", MAKE_RUN + code).strip()


def test_every_migration_applies_to_postgresql(migrated):
    assert "[ ]" not in migrated("showmigrations")


def test_the_deployment_check_finds_nothing_to_mend(manage):
    assert "no issues" in manage("check", "--deploy", "--fail-level", "WARNING", "--database", "default")


def test_postgresql_refuses_a_second_live_run_of_one_question_and_lets_a_failed_one_be_asked_again(migrated):
    answer = python(
        migrated,
        """
from django.db import IntegrityError
make_run(1, status="failed")
make_run(1)
try:
    make_run(1)
except IntegrityError as error:
    print("refused:", "the_same_question_runs_once" in str(error))
""",
    )
    assert answer == "refused: True"


def test_postgresql_refuses_a_text_longer_than_its_column_which_sqlite_would_take(migrated):
    answer = python(
        migrated,
        """
from django.db import DataError
try:
    make_run(2, name="x" * 121)
except DataError:
    print("refused")
""",
    )
    assert answer == "refused"


def test_of_four_workers_at_once_each_queued_run_is_claimed_by_exactly_one(migrated, team_server):
    python(migrated, "[make_run(seed) for seed in range(1000, 1040)]")
    claims = """
import os
from datetime import timedelta
from django.utils import timezone
numbers = list(Run.objects.filter(seed__gte=1000).order_by("pk").values_list("pk", flat=True))
print("ready", flush=True)
input()
mine = [number for number in numbers if Run.objects.claim(number, str(os.getpid()), timezone.now(), timedelta(60))]
print(*mine)
"""
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", MAKE_RUN + claims]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(command, cwd=ROOT, env=team_server, **pipes) for _ in range(4)]
    assert [worker.stdout.readline() for worker in workers] == ["ready\n"] * 4
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    claimed = [number for worker in workers for number in worker.communicate(timeout=60)[0].split()]
    assert len(claimed) == len(set(claimed)) == 40


def test_a_task_sent_over_redis_reaches_a_worker_that_writes_its_answer_to_postgresql(migrated, team_server):
    number = python(migrated, 'run = make_run(3, name="Sent over Redis"); print(run.pk)')
    options = ["--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "meta_app", "worker", *options],
        cwd=ROOT,
        env=team_server,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answer = python(
            migrated,
            f"""
import time
from meta_app.analyses import tasks
tasks.run_execute.enqueue({number})
deadline = time.time() + 60
while time.time() < deadline and not (run := Run.objects.get(pk={number})).finished_at:
    time.sleep(0.1)
print(run.status, run.attempts, "of another time" in run.error)
""",
        )
    finally:
        worker.terminate()
        worker.wait(timeout=30)
    assert answer == "failed 1 True"
