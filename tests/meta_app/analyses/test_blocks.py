"""The ledger of blocks: any worker, any order, nothing twice, nothing lost.

The core is replaced by a few lines here; `test_killed_worker.py` uses the real one.
"""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.urls import reverse
from django.utils import timezone

from meta_app.analyses import block_execution, computing, execution, services, tasks
from meta_app.analyses.domain import Model
from meta_app.analyses.models import Run, RunBlock
from meta_app.analyses.selectors import blocks_done, may_extend, permutations_done, run_folder
from meta_app.common.exceptions import UserError

LEASE = timedelta(seconds=30)
KEY, PREPARED = "k" * 64, "p" * 64

pytestmark = pytest.mark.django_db(transaction=True)


class Core:
    """In the place of the core: what it was asked, and what it answers."""

    def __init__(self):
        self.key, self.prepared, self.computed, self.concluded = KEY, PREPARED, [], []

    def compute(self, question, folder, report, should_stop):
        permutations = question.specification["core"]["permutations"]
        write(folder, "maps/z.nii.gz", "run.json")
        return computing.Begun(-(-permutations // 32), self.key) if permutations else None

    def compute_block(self, question, number, should_stop):
        self.computed.append(number)
        return computing.Block(b"maxima of block %d" % number, self.key, self.prepared)

    def compute_conclusion(self, question, blocks, key, folder, report, should_stop):
        self.concluded.append(blocks)
        write(folder, "maps/z.nii.gz", "maps/p_fwe_tfce.nii.gz", "run.json")


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"simulated")


@pytest.fixture
def core(monkeypatch):
    core = Core()
    for name in ("compute", "compute_block", "compute_conclusion"):
        monkeypatch.setattr(computing, name, getattr(core, name))
    return core


@pytest.fixture
def permuting(launch, core):
    """A run whose preview is stored and whose three blocks wait."""
    run = launch(model=Model(imputations=5, permutations=96)).run
    tasks.run_execute(run.pk)
    run.refresh_from_db()
    return run


def numbered(run):
    return list(run.blocks.order_by("number").values_list("pk", flat=True))


def finish(run, order=None):
    blocks = numbered(run)
    for place in order or range(len(blocks)):
        concluding = block_execution.block_execute(blocks[place])
        if concluding is not None:
            execution.run_execute(concluding)
    run.refresh_from_db()


def test_the_pooled_maps_can_be_looked_at_while_blocks_wait(permuting, sent_blocks):
    assert (permuting.status, permuting.has_preview, permuting.is_live) == (Run.Status.PERMUTING, True, True)
    assert {file.name for file in permuting.artefacts.all()} == {"maps/z.nii.gz", "run.json"}
    assert (run_folder(permuting) / "maps/z.nii.gz").exists()
    assert permuting in Run.objects.viewable()
    assert (permuting.blocks_total, blocks_done(permuting), permuting.fraction) == (3, 0, 0)
    assert sent_blocks == numbered(permuting)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_blocks_in_any_order_are_put_together_in_theirs_and_concluded_once(permuting, core, order):
    finish(permuting, order)
    assert (permuting.status, permuting.fraction) == (Run.Status.DONE, 1)
    assert core.concluded == [[b"maxima of block 0", b"maxima of block 1", b"maxima of block 2"]]
    names = {file.name for file in permuting.artefacts.all()}
    assert names == {"maps/z.nii.gz", "maps/p_fwe_tfce.nii.gz", "run.json"}


def test_the_task_of_the_last_block_sends_for_the_conclusion(permuting, sent):
    sent.clear()
    for block in numbered(permuting):
        tasks.block_execute(block)
    assert sent == [permuting.pk]


def test_a_second_delivery_changes_nothing(permuting, core):
    block = numbered(permuting)[0]
    block_execution.block_execute(block)
    block_execution.block_execute(block)
    assert (core.computed, permutations_done(permuting)) == ([0], 32)
    finish(permuting)
    execution.run_execute(permuting.pk)
    assert len(core.concluded) == 1


def test_a_block_of_a_living_worker_is_left_and_that_of_a_lost_one_taken(permuting, core):
    first, second, _ = numbered(permuting)
    RunBlock.objects.claim(first, "living", timezone.now(), LEASE)
    RunBlock.objects.claim(second, "killed", timezone.now() - 2 * LEASE, LEASE)
    block_execution.block_execute(first)
    block_execution.block_execute(second)
    assert core.computed == [1]
    assert RunBlock.objects.get(pk=second).attempts == 2


def test_a_worker_that_lost_its_block_does_not_store_it(permuting, core, monkeypatch):
    block = numbered(permuting)[0]

    def taken_over(question, number, should_stop):
        RunBlock.objects.filter(pk=block).update(owner="another")
        return computing.Block(b"late", KEY, PREPARED)

    monkeypatch.setattr(computing, "compute_block", taken_over)
    assert block_execution.block_execute(block) is None
    assert RunBlock.objects.get(pk=block).maxima is None


def test_a_failing_block_fails_its_run_in_words_and_a_retry_computes_only_what_is_missing(
    permuting, core, owner, monkeypatch, sent_blocks
):
    first, second, _ = numbered(permuting)
    block_execution.block_execute(first)

    def full_memory(question, number, should_stop):
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(computing, "compute_block", full_memory)
        block_execution.block_execute(second)
    permuting.refresh_from_db()
    assert permuting.status == Run.Status.FAILED
    assert permuting.error.startswith("Permutations 33 to 64 of 96 were not computed. The server ran out of memory")
    assert list(permuting.blocks.filter(status="failed").values_list("number", flat=True)) == [1]
    assert permuting.has_preview

    sent_blocks.clear()
    services.run_retry(run=permuting, user=owner)
    assert sent_blocks == numbered(permuting)[1:]
    finish(permuting)
    assert (permuting.status, core.computed) == (Run.Status.DONE, [0, 1, 2])


def test_blocks_computed_from_other_data_are_not_used(permuting, core):
    first, second, _ = numbered(permuting)
    block_execution.block_execute(first)
    core.prepared = "q" * 64
    block_execution.block_execute(second)
    permuting.refresh_from_db()
    assert permuting.status == Run.Status.FAILED
    assert "round otherwise" in permuting.error
    assert RunBlock.objects.get(pk=second).maxima is None


def test_a_worker_with_other_software_is_told_so(permuting, core):
    core.key = "x" * 64
    block_execution.block_execute(numbered(permuting)[0])
    permuting.refresh_from_db()
    assert "other software" in permuting.error


def test_a_busy_database_gives_the_block_back(permuting, monkeypatch):
    def busy(question, number, should_stop):
        raise OperationalError("database is locked")

    block = numbered(permuting)[0]
    monkeypatch.setattr(computing, "compute_block", busy)
    with pytest.raises(OperationalError):
        block_execution.block_execute(block)
    found = RunBlock.objects.get(pk=block)
    assert (found.status, found.owner, found.attempts) == (RunBlock.Status.WAITING, "", 0)


def test_cancelling_ends_a_permuting_run_at_once_and_keeps_its_preview_and_blocks(permuting, core, owner):
    block_execution.block_execute(numbered(permuting)[0])
    services.run_cancel(run=permuting, user=owner)
    permuting.refresh_from_db()
    assert (permuting.status, permuting.has_preview, blocks_done(permuting)) == (Run.Status.CANCELLED, True, 1)
    block_execution.block_execute(numbered(permuting)[1])
    assert core.computed == [0]
    services.run_retry(run=permuting, user=owner)
    finish(permuting)
    assert (permuting.status, core.computed) == (Run.Status.DONE, [0, 1, 2])


def test_a_worker_in_the_middle_of_a_block_notices_that_the_run_was_cancelled(permuting, owner):
    from meta_app.analyses.heartbeat import CANCELLED, BlockHeartbeat

    block = permuting.blocks.first()
    RunBlock.objects.claim(block.pk, "me", timezone.now(), LEASE)
    heartbeat = BlockHeartbeat(block, "me")
    heartbeat.beat()
    assert not heartbeat.should_stop()
    services.run_cancel(run=permuting, user=owner)
    heartbeat.beat()
    assert heartbeat.reason == CANCELLED


def test_a_block_whose_workers_were_lost_too_often_fails_the_run(permuting, settings):
    block = numbered(permuting)[0]
    RunBlock.objects.filter(pk=block).update(attempts=settings.RUN_MAXIMUM_ATTEMPTS)
    block_execution.block_execute(block)
    permuting.refresh_from_db()
    assert permuting.status == Run.Status.FAILED
    assert f"lost {settings.RUN_MAXIMUM_ATTEMPTS} times" in permuting.error


def test_lost_messages_of_blocks_and_of_the_conclusion_are_sent_again(permuting, sent, sent_blocks):
    sent.clear()
    sent_blocks.clear()
    later = timezone.now() + timedelta(minutes=2)
    services.runs_resend(now=later)
    assert (sent, sent_blocks) == ([], numbered(permuting))
    for block in numbered(permuting):
        block_execution.block_execute(block)
    services.runs_resend(now=later)
    assert sent == [permuting.pk]


def test_an_extension_is_a_new_run_that_takes_over_the_blocks(permuting, core, owner):
    finish(permuting)
    before = {file.name: file.sha256 for file in permuting.artefacts.all()}
    assert may_extend(permuting)
    longer = services.run_extend(user=owner, run=permuting, permutations=150).run
    assert (longer.pk != permuting.pk, longer.extends, longer.permutations) == (True, permuting, 150)
    tasks.run_execute(longer.pk)
    assert (blocks_done(longer), longer.blocks.count()) == (3, 5)
    finish(longer)
    assert (longer.status, core.computed) == (Run.Status.DONE, [0, 1, 2, 3, 4])
    assert core.concluded[-1] == [b"maxima of block %d" % number for number in range(5)]
    permuting.refresh_from_db()
    assert permuting.status == Run.Status.DONE
    assert {file.name: file.sha256 for file in permuting.artefacts.all()} == before


def test_an_extension_within_the_last_block_is_concluded_at_once(launch, core, owner):
    run = launch(model=Model(imputations=5, permutations=40)).run
    tasks.run_execute(run.pk)
    finish(run)
    longer = services.run_extend(user=owner, run=run, permutations=60).run
    tasks.run_execute(longer.pk)
    longer.refresh_from_db()
    assert (longer.status, core.computed) == (Run.Status.DONE, [0, 1])


def test_an_extension_by_other_software_computes_all_blocks_and_says_so(permuting, core, owner):
    finish(permuting)
    core.key = "x" * 64
    longer = services.run_extend(user=owner, run=permuting, permutations=150).run
    tasks.run_execute(longer.pk)
    assert blocks_done(longer) == 0
    assert any("cannot be used" in event.text for event in longer.events.all())


@pytest.mark.parametrize("permutations", [96, 50, 10**9])
def test_an_extension_needs_more_permutations_and_not_too_many(permuting, core, owner, permutations):
    finish(permuting)
    with pytest.raises(UserError, match="Ask for more than 96"):
        services.run_extend(user=owner, run=permuting, permutations=permutations)


def test_a_run_that_is_not_done_cannot_be_extended(permuting, owner):
    with pytest.raises(UserError, match="Only a finished run"):
        services.run_extend(user=owner, run=permuting, permutations=5000)


def test_the_page_and_the_api_extend_a_finished_run(permuting, core, owner, viewer, sign_in):
    finish(permuting)
    page = reverse("analyses:run_extend", args=[permuting.project_id, permuting.pk])
    route = reverse("api_analyses:run_extend", args=[permuting.project_id, permuting.pk])
    assert sign_in(viewer).post(page, {"permutations": 150}).status_code == 403
    assert sign_in(owner).post(page, {"permutations": "many"}).url == page.removesuffix("extend/")
    assert Run.objects.count() == 1
    longer = sign_in(owner).post(page, {"permutations": 150})
    assert Run.objects.filter(extends=permuting).count() == 1
    assert longer.status_code == 302
    again = sign_in(owner).post(route, {"permutations": 150}, content_type="application/json")
    assert (again.status_code, again.json()["is_new"]) == (200, False)
