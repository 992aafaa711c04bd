"""Leaving every dataset out in turn, on a small mask.  Simulated studies; no real data."""

import dataclasses
import json

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable, run
from sdm_core.__main__ import main
from sdm_core.io import write_map, write_sdm_folder
from sdm_core.pipeline import jackknife
from sdm_core.spaces import mm_to_voxel
from sdm_core.studies import leave_out
from tests.sdm_core.pipeline.conftest import PEAK

FEW = AnalysisSpecification(imputations=4, min_extent=5)


def tables(statistics, **columns):
    rows = [
        {"study": f"s{i}", "n1": 40, "t_thr": 3.2, "no_peaks": int(not t), **{c: v[i] for c, v in columns.items()}}
        for i, t in enumerate(statistics)
    ]
    studies = StudyTable.from_rows(rows)
    x, y, z = PEAK
    peaks = [{"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": t} for i, t in enumerate(statistics) if t]
    return studies, PeakTable.from_rows(peaks, studies)


@pytest.fixture(scope="module")
def robust(mask):
    data = tables([5, 5.5, 5, 6, 5.2])
    result = run(*data, FEW, mask=mask, keep_bounds=True)
    return data, result, jackknife(*data, FEW, result, result.bounds)


def test_a_cluster_of_all_studies_stays_whoever_is_left_out(robust):
    _, result, left_out = robust
    assert result.clusters
    assert left_out.count(0) == (5, 5)
    assert left_out.to_dict()["clusters"][0]["stays_in"] == "5/5"


def test_each_part_is_the_analysis_of_the_other_studies_with_the_same_bounds(robust):
    data, result, left_out = robust
    others = run(*leave_out(*data, 2), FEW, bounds=result.bounds)
    place = tuple(mm_to_voxel(result.clusters[0].peak.mm).astype(int))
    anew = jackknife(*data, FEW, result, result.bounds, anew=True)
    assert anew.peak_z[0][2] == float(others.maps["z"][place])
    assert (anew.method, left_out.method) == ("anew", "expanded")
    assert left_out.peak_z[0] == pytest.approx(anew.peak_z[0], abs=0.01)
    assert left_out.stays == anew.stays


def test_in_the_compatibility_mode_each_analysis_is_made_anew(mask):
    data, compatible = tables([5, 5.5, 5]), dataclasses.replace(FEW, compatibility="sdm-6.21")
    result = run(*data, compatible, mask=mask, keep_bounds=True)
    assert jackknife(*data, compatible, result, result.bounds).method == "anew"


def test_every_map_without_a_study_is_that_of_an_analysis_of_the_others(mask):
    data = tables([5, -4, 5, 6, 0, 4.5, 0, 7, 5, 3.5, 6.5, 4])
    result = run(*data, FEW, mask=mask, keep_bounds=True)
    kept = {}
    jackknife(*data, FEW, result, result.bounds, keep=lambda name, maps: kept.update({name: maps}))
    assert list(kept) == list(data[0].names)
    for left in (0, 4, 7):
        others = run(*leave_out(*data, left), FEW, bounds=result.bounds)
        for name in ("g", "var", "z", "tau2", "i2", "h2", "q"):
            ours, theirs = (maps[name][mask.voxels] for maps in (kept[f"s{left}"], others.maps))
            assert np.quantile(np.abs(ours - theirs), 0.99) < 0.01 * (1 + np.abs(theirs).max()), name


def test_a_cohort_is_left_out_with_all_its_datasets(mask):
    data = tables([5, 5.5, 5, 6, 5.2, 4.8], cohort=["a", "", "a", "b", "b", "c"])
    result = run(*data, FEW, mask=mask, keep_bounds=True)
    left_out, anew = (jackknife(*data, FEW, result, result.bounds, by="cohorts", anew=anew) for anew in (False, True))
    assert left_out.names == ("a", "s1", "b", "c")
    assert left_out.to_dict()["by"] == "cohorts"
    assert left_out.peak_z[0] == pytest.approx(anew.peak_z[0], abs=0.02)
    others = run(*leave_out(*data, 0, 2), FEW, bounds=result.bounds)
    place = tuple(mm_to_voxel(result.clusters[0].peak.mm).astype(int))
    assert anew.peak_z[0][0] == float(others.maps["z"][place])


def test_a_cluster_that_hangs_on_one_study_goes_with_it(mask):
    data = tables([12, 0, 0])
    specification = AnalysisSpecification(imputations=4, min_extent=5, voxel_p=0.2, mle_discards=0)
    result = run(*data, specification, mask=mask, keep_bounds=True)
    left_out = jackknife(*data, specification, result, result.bounds)
    around_peak = [i for i, cluster in enumerate(result.clusters) if cluster.sign == 1]
    assert around_peak
    assert left_out.peak_z[around_peak[0]][0] < min(left_out.peak_z[around_peak[0]][1:])


def test_a_model_that_needs_the_dataset_counts_neither_way(mask):
    data = tables([5, 5.5, 5, 6, 5.2], drug=[1, 0, 0, 0, 0])
    specification = AnalysisSpecification(imputations=4, min_extent=5, covariates=("drug",), allow_few=True)
    result = run(*data, specification, mask=mask, keep_bounds=True)
    left_out = jackknife(*data, specification, result, result.bounds)
    assert left_out.stays[0][0] is None
    assert left_out.count(0)[1] == 4


def test_one_dataset_cannot_be_left_out(mask):
    data = tables([5])
    result = run(*data, FEW, mask=mask, keep_bounds=True)
    with pytest.raises(InputError, match="needs at least two"):
        jackknife(*data, FEW, result, result.bounds)


def test_the_command_prints_and_records_in_how_many_analyses_each_cluster_stays(mask, tmp_path, capsys):
    write_sdm_folder(tmp_path / "in", *tables([5, 5.5, 5]))
    write_map(tmp_path / "box.nii.gz", mask.voxels)
    out = tmp_path / "out"
    options = ["--mask", str(tmp_path / "box.nii.gz"), "--imputations", "3", "--jackknife", "--jackknife-maps"]
    assert main(["run", str(tmp_path / "in"), "--out", str(out), *options]) == 0
    assert "stays in 3/3" in capsys.readouterr().out
    document = json.loads((out / "run.json").read_text())
    assert document["jackknife"]["left_out"] == ["s0", "s1", "s2"]
    assert not (out / "bounds").exists()
    assert sorted(path.name for path in (out / "maps").glob("without_s1_*")) == [
        "without_s1_g.nii.gz", "without_s1_z.nii.gz"
    ]  # fmt: skip
