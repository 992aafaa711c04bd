"""`manage.py run_demo` asks, waits, and tells what came out or what went wrong."""

import io
import re
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.analyses.models import Run
from meta_app.datasets.models import AgreedDataset
from meta_app.projects.models import Membership, Project, Role
from meta_app.results.domain import CORRECTIONS, UNCORRECTED, ClusterRow
from meta_app.results.management.commands import run_demo
from meta_app.results.selectors import ClusterTable

CLUSTER = ClusterRow(1, "positive", 38, 16, 0, "Right insula", 6.125, 0.00004, 2310, 18480.0, (), ())
TABLES = [ClusterTable(CORRECTIONS[0], (), "corrected p ≤ 0.05"), ClusterTable(UNCORRECTED, (CLUSTER,), "p ≤ 0.005")]


@pytest.fixture
def frozen(db, monkeypatch):
    """The demo project with a frozen dataset, without its 21 studies."""
    owner = User.objects.create_user("demo-owner")
    project = Project.objects.create(name="Pain: 21 studies", demo_key="pain21")
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    agreed = AgreedDataset.objects.create(
        project=project, version=1, content="{}", sha256="a" * 64, counts={"studies": 21}, frozen_by=owner
    )
    monkeypatch.setattr(run_demo, "agreed_dataset_freeze", lambda place: (agreed, True))
    monkeypatch.setattr(run_demo, "the_comparison", lambda agreed: "Pain > rest")
    monkeypatch.setattr(run_demo, "LOOK_EVERY_SECONDS", 0.01)
    return agreed


@pytest.fixture
def worker(frozen, monkeypatch):
    """worker(**fields): each launched run is at once in this state, as if a worker had worked on it."""

    def works(**fields):
        def launch(*, user, agreed_dataset, filters, model, seed, name):
            specification = agreed_dataset.project.specifications.get_or_create(
                sha256="s" * 64, defaults={"content": "{}", "created_by": user}
            )[0]
            run = Run.objects.create(
                project=agreed_dataset.project,
                agreed_dataset=agreed_dataset,
                specification=specification,
                core_version="0",
                seed=seed,
                name=name,
                launched_by=user,
                **fields,
            )
            return type("Launched", (), {"run": run})

        monkeypatch.setattr(run_demo, "run_launch", launch)
        monkeypatch.setattr(run_demo, "read_result", lambda run: SimpleNamespace(tables=TABLES))

    return works


def run_the_demo(*arguments):
    told = io.StringIO()
    call_command("run_demo", *arguments, stdout=told)
    return told.getvalue()


def test_without_the_demo_project_it_says_how_to_load_it(db):
    with pytest.raises(CommandError, match=r"load it with manage\.py load_demo"):
        run_the_demo()


def test_a_finished_run_is_told_with_its_files_and_its_cluster_table(worker, settings):
    worker(status="done", started_at=timezone.now(), finished_at=timezone.now())
    told = run_the_demo()
    assert "Pain: 21 studies: agreed dataset version 1, frozen now\n  21 studies; sha256 aaaa" in told
    assert "TFCE: 0 clusters\n  at corrected p ≤ 0.05\nUncorrected: 1 cluster\n  at p ≤ 0.005\n" in told
    assert re.search(r"1  positive +2,310 +38, 16, 0 +6\.125 +4e-05  Right insula", told)


def test_the_demo_makes_a_permutation_test_and_says_that_it_is_too_small_for_a_paper(worker):
    worker(status="done", started_at=timezone.now(), finished_at=timezone.now())
    assert "permutations: 64 of subject images, the data as they are included (a demonstration" in run_the_demo()
    assert "(a demonstration" not in run_the_demo("--permutations", "1000")


def test_each_call_asks_with_a_seed_that_has_not_been_answered_yet(worker):
    worker(status="done", started_at=timezone.now(), finished_at=timezone.now())
    assert "seed 1" in run_the_demo()
    assert "seed 2" in run_the_demo()


def test_a_failed_run_is_an_error_in_the_words_of_the_run(worker):
    worker(status="failed", error="The disk is full.")
    with pytest.raises(CommandError, match=r"The analysis ended as failed\. The disk is full\."):
        run_the_demo()


def test_a_run_that_no_worker_takes_up_is_cancelled_after_the_wait(worker):
    worker(status="queued")
    with pytest.raises(CommandError, match="Is a worker there"):
        run_the_demo("--wait", "0.05")
    assert Run.objects.get().status == Run.Status.CANCELLED
