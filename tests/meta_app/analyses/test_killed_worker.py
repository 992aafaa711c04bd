"""A real worker killed with SIGKILL in the middle of a real computation; any number of workers, the same bits."""

import hashlib
import uuid

import pytest

from sdm_core.__main__ import main as core_command

from .sites import UNIX, Site, command_line_maxima


@pytest.fixture
def site(tmp_path, new_sqlite):
    new_sqlite(tmp_path)
    site = Site(tmp_path)
    yield site
    site.close()


@UNIX
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


@UNIX
def test_blocks_of_two_workers_one_of_them_killed_make_the_maxima_of_the_command_line(site, three_studies, tmp_path):
    run = site.ask("freeze_and_launch", three_studies, f"Blocks {uuid.uuid4().hex[:8]}", 3, 96)
    first = site.worker()
    site.start("manage.py", "sweep_runs", "--every", "0.5")
    site.wait(run, lambda seen: any(status == "done" for status, _ in seen["blocks"]))
    site.kill(first)
    assert site.ask("look", run)["status"] == "permuting"

    site.worker()
    site.worker()
    seen = site.finished(run)
    assert (seen["status"], seen["error"], len(seen["blocks"])) == ("done", "", 3)
    assert sum(line.startswith("Done:") for line in seen["log"]) == 1
    inputs, again = site.folder / "runs" / str(run) / "inputs", tmp_path / "again"
    asked = ["--imputations=3", "--seed=1", "--permutations=96"]
    assert core_command(["run", str(inputs), "--out", str(again), *asked]) == 0
    names = ("null_maxima.csv", "maps/p_fwe_tfce.nii.gz", "maps/p_fwe_voxel.nii.gz")
    assert {name: hashlib.sha256((again / name).read_bytes()).hexdigest() for name in names} == {
        name: seen["files"][name] for name in names
    }


@UNIX
def test_maxima_are_the_same_bits_of_1_2_and_5_workers_that_take_blocks_in_any_order(
    site, three_studies, tmp_path, monkeypatch
):
    maxima = {}
    for count in (1, 2, 5):
        site.companions(count)
        run = site.ask("freeze_and_launch", three_studies, f"{count} {uuid.uuid4().hex[:8]}", 3, 180)
        seen = site.finished(run)
        assert (seen["status"], seen["error"], len(seen["blocks"]), seen["workers"]) == ("done", "", 6, count)
        maxima[count] = (site.folder / "runs" / str(run) / "null_maxima.csv").read_bytes()
    inputs = site.folder / "runs" / str(run) / "inputs"
    expected = command_line_maxima(inputs, tmp_path / "again", 180, monkeypatch)
    assert expected.count(b"\n") == 181
    assert maxima == dict.fromkeys((1, 2, 5), expected)
