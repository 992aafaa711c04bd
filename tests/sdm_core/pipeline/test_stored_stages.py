"""A permutation test stage by stage, on machines that share nothing, stopped and gone on with; simulated studies."""

import dataclasses
import random
import threading
from datetime import UTC, datetime
from importlib import import_module

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, Stopped, StudyTable, run
from sdm_core.io import BlockFolder, PreparedCache, maxima_from_bytes, maxima_to_bytes, write_result
from sdm_core.pipeline.permutations import assignments_of, blocks_parts, gathered
from sdm_core.pipeline.prepared import key_of, prepared_parts
from sdm_core.pipeline.progress import Reporter
from sdm_core.pipeline.run import conclude, opened, pooled_maps, prepare
from sdm_core.resources import resources_needed
from tests.sdm_core.pipeline.conftest import PEAK

TEST = AnalysisSpecification(imputations=3, min_extent=5, permutations=100, permutation_p=True)
PLENTY = 10**9


@pytest.fixture(scope="module")
def tables():
    rows = [{"n1": 20}, {"n1": 18, "n2": 20}, {"n1": 25, "design": "correlation"}]
    studies = StudyTable.from_rows({"study": f"s{i}", "t_thr": 3.2, **row} for i, row in enumerate(rows))
    x, y, z = PEAK
    peaks = [{"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": 5.0} for i in range(3)]
    return studies, PeakTable.from_rows(peaks, studies)


@pytest.fixture(scope="module")
def straight(tables, mask):
    return run(*tables, TEST, mask=mask, threads=2)


@pytest.fixture
def machine(tables, mask, tmp_path):
    """machine(name, specification, blocks): another machine computes these blocks from what it prepares itself."""

    def computed(name, numbers, specification=TEST, threads=1):
        reporter = Reporter(None, None, specification.permutations)
        with opened(*tables, specification, reporter, mask=mask, threads=threads) as analysis:
            keep = PreparedCache(tmp_path / name, PLENTY).of(key_of(prepared_parts(analysis)))
            preview = pooled_maps(analysis, reporter, keep)
            test = prepare(analysis, preview, reporter, keep)
            blocks = {number: test.block(number, lambda _: None) for number in numbers}
        return analysis, preview, blocks, keep

    return computed


def same(one, other):
    return one.tobytes() == other.tobytes()


def same_maxima(one, other):
    return all(same(getattr(one, name), getattr(other, name)) for name in ("z", "tfce", "extent", "exceeded"))


@pytest.mark.parametrize("n_machines", [1, 2, 5])
def test_any_number_of_machines_in_any_order_leave_the_maxima_and_maps_of_one_run(n_machines, machine, straight):
    order = [3, 0, 2, 1]
    random.Random(n_machines).shuffle(order)
    blocks, digests = {}, set()
    for number in range(n_machines):
        analysis, preview, own, keep = machine(f"machine {number}", order[number::n_machines], threads=1 + number % 2)
        blocks |= {name: maxima_from_bytes(maxima_to_bytes(maxima)) for name, maxima in own.items()}
        digests.add(keep.digest)
    assert len(digests) == 1, "each machine prepared the same arrays"
    reporter = Reporter(None, None, TEST.permutations)
    maxima = gathered(assignments_of(analysis), blocks)
    result = conclude(analysis, preview, reporter, datetime.now(UTC), maxima=maxima)
    assert same_maxima(maxima, straight.null_maxima)
    assert result.maps.keys() == straight.maps.keys()
    assert all(same(result.maps[name], straight.maps[name]) for name in straight.maps)
    assert result.clusters == straight.clusters
    assert result.corrected_clusters == straight.corrected_clusters


def test_the_preview_has_the_maps_of_the_run_without_the_corrected_ones(machine, straight):
    analysis, preview, _, _ = machine("one", [])
    shown = conclude(analysis, preview, Reporter(None, None), datetime.now(UTC))
    assert "permutation_test" not in shown.provenance
    of_permutations = ("fwe", "permutation", "gamma")
    assert shown.maps.keys() == {name for name in straight.maps if not any(word in name for word in of_permutations)}
    assert all(same(shown.maps[name], straight.maps[name]) for name in shown.maps)
    assert shown.provenance["warnings"] == straight.provenance["warnings"]


def test_prepared_arrays_are_used_again_and_one_that_is_damaged_is_made_anew(machine, tmp_path, monkeypatch):
    stages = import_module("sdm_core.pipeline.run")
    made, compute = [], stages._pooled_maps
    monkeypatch.setattr(stages, "_pooled_maps", lambda *given: made.append(1) or compute(*given))
    first, second = machine("one", [1])[2][1], machine("one", [1])[2][1]
    assert (len(made), same(first.z, second.z)) == (1, True)
    (effects,) = (tmp_path / "one").glob("*/imputed/effects.npy")
    with effects.open("r+b") as file:
        file.seek(-100, 2)
        file.write(b"\x01")
    assert same(machine("one", [1])[2][1].z, first.z)
    assert len(made) == 2


@pytest.mark.parametrize(
    ("change", "prepared", "blocks"),
    [
        ({"permutations": 5000, "fwe_p": 0.01, "min_extent": 50}, True, True),
        ({"tfce_neighbours": 6}, True, False),
        ({"voxel_p": 0.001}, True, False),
        ({"seed": 2}, False, False),
        ({"imputations": 4}, False, False),
    ],
)
def test_keys_differ_with_all_that_changes_the_arrays_or_the_blocks(tables, mask, change, prepared, blocks):
    def keys(specification):
        with opened(*tables, specification, Reporter(None, None), mask=mask, threads=1) as analysis:
            return key_of(prepared_parts(analysis)), key_of(blocks_parts(analysis))

    before, after = keys(TEST), keys(dataclasses.replace(TEST, **change))
    assert (before[0] == after[0], before[1] == after[1]) == (prepared, blocks)


def test_a_run_stopped_in_the_middle_goes_on_from_its_blocks_and_ends_with_the_same_bits(
    tables, mask, tmp_path, straight
):
    def stop():
        return len(list(tmp_path.glob("*.npz"))) == 2

    options = {"mask": mask, "open_blocks": lambda parts: BlockFolder(tmp_path, parts)}
    with pytest.raises(Stopped):
        run(*tables, TEST, should_stop=stop, **options)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    assert len(before) == 2
    result = run(*tables, TEST, **options)
    assert same_maxima(result.null_maxima, straight.null_maxima)
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before} == before


def test_a_run_is_extended_without_computing_its_blocks_again(tables, mask, tmp_path, straight):
    few, many = dataclasses.replace(TEST, permutations=40), TEST
    options = {"mask": mask, "open_blocks": lambda parts: BlockFolder(tmp_path, parts)}
    run(*tables, few, **options)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.npz")}
    result = run(*tables, many, **options)
    assert same_maxima(result.null_maxima, straight.null_maxima)
    assert sorted(before) == ["00000.npz", "00001.npz"]
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in before} == before


def test_blocks_of_another_analysis_are_refused_by_what_differs(tables, mask, tmp_path):
    options = {"mask": mask, "open_blocks": lambda parts: BlockFolder(tmp_path, parts)}
    run(*tables, dataclasses.replace(TEST, permutations=2), **options)
    with pytest.raises(InputError, match="choices, seed differ"):
        run(*tables, dataclasses.replace(TEST, permutations=2, seed=8), **options)


def test_a_damaged_block_counts_as_missing(tmp_path, machine):
    block = machine("one", [2])[2][2]
    folder = BlockFolder(tmp_path / "blocks", {})
    folder[2] = block
    assert list(folder) == [2]
    assert same(folder[2].z, block.z)
    (tmp_path / "blocks" / "00002.npz").write_bytes(maxima_to_bytes(block)[:300])
    assert list(folder) == []


def test_results_keep_the_blocks_so_that_they_can_be_extended(tables, mask, tmp_path):
    out = tmp_path / "out"
    short = dataclasses.replace(TEST, permutations=2)
    result = run(*tables, short, mask=mask, open_blocks=lambda parts: BlockFolder(out / "blocks", parts))
    write_result(result, out)
    assert (out / "run.json").exists()
    assert (out / "blocks" / "00000.npz").exists()


def test_the_arrays_used_longest_ago_leave_when_there_is_no_room(tmp_path):
    cache = PreparedCache(tmp_path, 3 * 4000)
    shapes = {"values": ((1000,), np.float32)}
    for key in ("a", "b", "a", "c", "d"):
        cache.of(key)("part", shapes, lambda arrays: arrays["values"].fill(1) or {})
        (tmp_path / key / "mark").write_text("")
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} <= {"a", "c", "d"}
    assert (tmp_path / "d").exists()


def test_of_several_processes_that_need_the_same_arrays_one_makes_them(tmp_path):
    made = []

    def fill(arrays):
        made.append(1)
        threading.Event().wait(0.2)
        arrays["values"].fill(1)
        return {}

    def need():
        PreparedCache(tmp_path, PLENTY).of("key")("part", {"values": ((10,), np.float32)}, fill)

    threads = [threading.Thread(target=need) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_disk_told_beforehand_is_what_the_prepared_arrays_take(machine, tables, mask, tmp_path):
    machine("one", [])
    taken = sum(path.stat().st_size for path in (tmp_path / "one").rglob("*.npy"))
    studies = tables[0]
    told = resources_needed(
        studies=len(studies), subjects=int((studies.n1 + studies.n2).sum()), imputations=TEST.imputations,
        voxels=mask.size, permutations=TEST.permutations,
    )  # fmt: skip
    assert taken <= told.disk <= 1.2 * taken
    assert resources_needed(studies=3, subjects=60, imputations=5, voxels=mask.size, permutations=0).disk == 0
