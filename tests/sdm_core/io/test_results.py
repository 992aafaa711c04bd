"""What a run leaves behind: whole or not at all."""

import csv
import hashlib
import json
from types import SimpleNamespace

import numpy as np
import pytest

from sdm_core.errors import InputError, SdmError
from sdm_core.inference import find_clusters
from sdm_core.io import cluster_rows, peak_rows, read_map, results, write_result
from sdm_core.spaces import SHAPE, load_mask
from sdm_core.studies import BoundsMaps


@pytest.fixture(scope="module")
def result():
    mask = load_mask("gray_matter")
    z = np.zeros(SHAPE, dtype=np.float32)
    z[64:68, 72:75, 34:36] = 4
    z[65, 73, 34] = 5.123456
    z[22:24, 73, 35] = -4
    p = np.where(z > 3, 0.0001, np.where(z < -3, 0.9999, 0.5)).astype(np.float32)
    clusters = find_clusters(z, mask, p, voxel_p=0.005, min_peak_z=1, min_extent=1)
    provenance = {"core_version": "0.1.0", "seed": 1, "note": "simulated"}
    return SimpleNamespace(
        maps={"z": z, "p_uncorrected": p},
        clusters=clusters,
        provenance=provenance,
        bounds=None,
        null_maxima=None,
        corrected_clusters={},
    )


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_maps_tables_and_provenance_are_written(tmp_path, result):
    write_result(result, tmp_path / "out")
    files = {path.relative_to(tmp_path / "out").as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        "maps/z.nii.gz",
        "maps/p_uncorrected.nii.gz",
        "tables/clusters.csv",
        "tables/peaks.csv",
        "run.json",
    }
    np.testing.assert_array_equal(read_map(tmp_path / "out/maps/z.nii.gz")[0], result.maps["z"])


def test_nothing_else_is_left_beside_it(tmp_path, result):
    write_result(result, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_the_provenance_holds_the_sha256_of_every_other_file(tmp_path, result):
    write_result(result, tmp_path)
    document = json.loads((tmp_path / "run.json").read_text("utf-8"))
    assert {key: document[key] for key in result.provenance} == result.provenance
    assert len(document["outputs"]) == 4
    for name, digest in document["outputs"].items():
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest


def test_the_cluster_table_tells_peak_label_size_and_breakdown(tmp_path, result):
    write_result(result, tmp_path)
    first, second = read_csv(tmp_path / "tables/clusters.csv")
    peak = result.clusters[0].peak
    assert first | {"breakdown": ""} == {
        "cluster": "1",
        "sign": "positive",
        "peak_x": "-40",
        "peak_y": "20",
        "peak_z": "-4",
        "peak_label": peak.label.region,
        "brodmann": str(peak.label.brodmann or ""),
        "z": "5.12346",
        "p": "0.0001",
        "voxels": str(result.clusters[0].size_voxels),
        "volume_mm3": str(8 * result.clusters[0].size_voxels),
        "breakdown": "",
    }
    text, voxels, share = result.clusters[0].breakdown[0]
    assert first["breakdown"].startswith(f"{text}: {voxels} ({share:.1%})")
    assert second["sign"] == "negative"
    assert float(second["p"]) == pytest.approx(1e-4, rel=1e-2)


def test_the_peak_table_has_one_row_per_local_maximum(tmp_path, result):
    write_result(result, tmp_path)
    rows = read_csv(tmp_path / "tables/peaks.csv")
    assert len(rows) == sum(len(cluster.peaks) for cluster in result.clusters)
    assert list(rows[0]) == ["cluster", "x", "y", "z", "sdm_z", "p", "label"]
    assert (rows[0]["x"], rows[0]["y"], rows[0]["z"]) == ("-40", "20", "-4")
    assert rows[0]["label"] == result.clusters[0].peak.label.text


def test_rows_for_screens_are_those_of_the_files(tmp_path, result):
    write_result(result, tmp_path)
    for rows, name in ((cluster_rows(result.clusters), "clusters"), (peak_rows(result.clusters), "peaks")):
        assert [{key: str(value) for key, value in row.items()} for row in rows] == read_csv(
            tmp_path / f"tables/{name}.csv"
        )


def test_a_run_without_clusters_has_tables_with_only_a_header(tmp_path, result):
    empty = SimpleNamespace(**{**vars(result), "clusters": []})
    write_result(empty, tmp_path)
    assert (tmp_path / "tables/peaks.csv").read_text() == "cluster,x,y,z,sdm_z,p,label\n"


def test_kept_bounds_are_written_too(tmp_path, result):
    mask = load_mask("gray_matter")
    maps = np.ones((1, mask.size), dtype=np.float32)
    write_result(SimpleNamespace(**{**vars(result), "bounds": BoundsMaps(("a",), -maps, maps, mask)}), tmp_path)
    assert sorted(path.name for path in (tmp_path / "bounds").iterdir()) == ["a_lower.nii.gz", "a_upper.nii.gz"]


def test_an_earlier_run_is_replaced_and_other_files_are_not(tmp_path, result):
    out = tmp_path / "out"
    write_result(result, out)
    (out / "maps" / "old.nii.gz").write_bytes(b"")
    write_result(result, out)
    assert not (out / "maps" / "old.nii.gz").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"holds other files\. Choose a new or an empty folder"):
        write_result(result, mine)
    assert (mine / "thesis.txt").read_text() == "precious"


def test_a_full_disk_leaves_the_earlier_run_whole_and_nothing_half_written(tmp_path, result, monkeypatch):
    out = tmp_path / "out"
    write_result(result, out)
    before = (out / "run.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(results, "write_csv", full)
    with pytest.raises(SdmError, match=r"could not be written to .*: No space left on device"):
        write_result(result, out)
    assert (out / "run.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
