"""Effects at single places of a run are those its maps were made of.  Simulated studies; no real data."""

import json

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable, run
from sdm_core.__main__ import main
from sdm_core.diagnostics import forest, heterogeneity, model_summary
from sdm_core.io import write_map, write_result, write_sdm_folder
from sdm_core.pipeline import effects_at, model_of, voxels_at, voxels_of
from sdm_core.spaces import SHAPE, Mask, mm_to_voxel
from tests.sdm_core.pipeline.conftest import PEAK

BESIDE = (-36.0, 12.0, 0.0)


@pytest.fixture(scope="module")
def tables():
    rows = [
        {"study": f"s{i}", "n1": 20 + i, "n2": 20 if i % 2 else "", "t_thr": 3.2, "age": 20 + i * i,
         "no_peaks": int(i >= 7)}
        for i in range(11)
    ]  # fmt: skip
    studies = StudyTable.from_rows(rows)
    x, y, z = PEAK
    peaks = [{"study": f"s{i}", "x": x + i, "y": y, "z": z, "statistic": 4 + i / 5} for i in range(7)]
    return studies, PeakTable.from_rows(peaks, studies)


@pytest.fixture(scope="module", params=["mean", "regression", "compatible", "compatible regression"])
def specification(request):
    model = {"covariates": ("age",), "hypothesis": (0, 1)} if "regression" in request.param else {}
    model |= {"compatibility": "sdm-6.21"} if "compatible" in request.param else {}
    return AnalysisSpecification(imputations=5, min_extent=5, voxel_p=0.05, **model)


@pytest.fixture(scope="module")
def result(tables, mask, specification):
    return run(*tables, specification, mask=mask)


def at(mm):
    return lambda mask: voxels_at(mm, mask)


def test_the_model_at_a_place_is_that_of_the_maps(tables, mask, specification, result):
    found = effects_at(*tables, specification, {"peak": at(PEAK), "beside": at(BESIDE)}, mask=mask)
    model = model_of(tables[0], specification)
    for name, mm in (("peak", PEAK), ("beside", BESIDE)):
        ijk = tuple(mm_to_voxel(mm).astype(int))
        own = model_summary(found[name], model.names, model.design, model.contrast, "DL")
        for ours, volume in (("estimate", "g"), ("variance", "var"), ("z", "z"), ("tau2", "tau2"), ("i2", "i2"),
                             ("q", "q")):  # fmt: skip
            assert own[ours] == pytest.approx(float(result.maps[volume][ijk]), rel=1e-5, abs=1e-6), volume


def test_the_forest_of_a_mean_analysis_is_that_of_the_maps(tables, mask):
    specification = AnalysisSpecification(imputations=4)
    place = effects_at(*tables, specification, {"peak": at(PEAK)}, mask=mask)["peak"]
    maps = run(*tables, specification, mask=mask).maps
    ijk = tuple(mm_to_voxel(PEAK).astype(int))
    assert forest(place).estimate == pytest.approx(float(maps["g"][ijk]), rel=1e-5)
    assert heterogeneity(place).i2 == pytest.approx(float(maps["i2"][ijk]), rel=1e-4, abs=1e-4)
    assert place.subjects.tolist() == (tables[0].n1 + tables[0].n2).tolist()


def test_a_region_is_the_mean_of_its_voxels(tables, mask, specification):
    volume = np.zeros(SHAPE, dtype=bool)
    for mm in (PEAK, BESIDE):
        volume[tuple(mm_to_voxel(mm).astype(int))] = True
    region = Mask.from_volume(volume, "two voxels")
    places = {"region": lambda mask: voxels_of(region, mask), "peak": at(PEAK), "beside": at(BESIDE)}
    found = effects_at(*tables, specification, places, mask=mask)
    mean = (found["peak"].effects + found["beside"].effects) / 2
    assert found["region"].effects == pytest.approx(mean)


def test_places_outside_the_mask_are_refused(tables, mask, specification):
    with pytest.raises(InputError, match="outside the mask box"):
        effects_at(*tables, specification, {"far": at((40, 10, 4))}, mask=mask)
    with pytest.raises(InputError, match="outside the mask box"):
        effects_at(*tables, specification, {"beyond": at((900, 10, 4))}, mask=mask)


@pytest.fixture
def folder(tables, result, tmp_path):
    write_result(result, tmp_path / "run")
    write_sdm_folder(tmp_path / "run" / "inputs", *tables)
    return tmp_path / "run"


def test_the_command_prints_the_peaks_of_all_clusters_or_the_places_asked_for(folder, result, mask, capsys):
    assert main(["at", str(folder)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document) == len(result.clusters) > 0
    write_map(folder / "box.nii.gz", mask.voxels)
    assert main(["at", str(folder), "--mm=-40,10,4", "--mask", str(folder / "box.nii.gz"), "--allow-few"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["-40,10,4", "box.nii.gz"]
    ijk = tuple(mm_to_voxel(PEAK).astype(int))
    assert document["-40,10,4"]["model"]["z"] == pytest.approx(float(result.maps["z"][ijk]), rel=1e-5)
    assert document["-40,10,4"]["evidence"]["name"] in ("I", "II", "III", "IV", "none")


def test_the_command_takes_the_mean_over_a_cluster(folder, result, capsys):
    assert main(["at", str(folder), "--cluster", "1", "--allow-few"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == ["cluster 1"]
    assert np.sign(document["cluster 1"]["model"]["estimate"]) == result.clusters[0].sign
    assert main(["at", str(folder), "--cluster", "99"]) == 2
    assert "cluster 99" in capsys.readouterr().err


def test_the_command_refuses_other_inputs_than_those_of_the_run(folder, tables, tmp_path, capsys):
    studies, peaks = tables
    other = PeakTable(peaks.study_index, peaks.mm + 2, peaks.t, peaks.sign)
    write_sdm_folder(tmp_path / "other", studies, other)
    assert main(["at", str(folder), "--inputs", str(tmp_path / "other")]) == 2
    assert "are not those of the run" in capsys.readouterr().err
    assert main(["at", str(tmp_path / "nowhere")]) == 2
    assert "has no run.json" in capsys.readouterr().err


def test_the_command_refuses_effects_that_do_not_make_the_runs_map(folder, mask, capsys):
    write_map(folder / "maps" / "z.nii.gz", mask.to_volume(np.full(mask.size, 9.0)))
    assert main(["at", str(folder), "--mm=-40,10,4"]) == 2
    assert "9.0000 in the map" in capsys.readouterr().err


def cohort_tables():
    rows = [{"study": f"s{i}", "n1": 20 + i, "t_thr": 3.2, "cohort": "abbc"[i]} for i in range(4)]
    studies = StudyTable.from_rows(rows)
    x, y, z = PEAK
    found = [{"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": 4 + i} for i in range(4)]
    return studies, PeakTable.from_rows(found, studies)


def test_averaged_cohorts_are_one_effect_each_in_the_maps_and_at_a_place(mask):
    specification = AnalysisSpecification(imputations=4, cohorts="average")
    data = cohort_tables()
    result, place = run(*data, specification, mask=mask), effects_at(*data, specification, {"p": at(PEAK)}, mask=mask)
    ijk = tuple(mm_to_voxel(PEAK).astype(int))
    assert place["p"].names == ("a", "b", "c")
    assert place["p"].subjects.tolist() == [20, 22, 23]
    assert forest(place["p"]).estimate == pytest.approx(float(result.maps["g"][ijk]), rel=1e-5)
    assert forest(place["p"]).z == pytest.approx(float(result.maps["z"][ijk]), rel=1e-5)
    assert result.provenance["studies"]["cohorts_counted"] == 3
    assert any("Their mean is analysed" in warning for warning in result.provenance["warnings"])


def test_people_of_a_cohort_count_once_at_a_place(mask):
    found = effects_at(*cohort_tables(), AnalysisSpecification(imputations=2), {"peak": at(PEAK)}, mask=mask)
    assert found["peak"].cases.sum() == 20 + 21 + 22 + 23
    assert found["peak"].different_cases == 20 + 22 + 23


def test_one_dataset_of_a_cohort_makes_the_maps_of_a_table_without_the_others(mask):
    studies, peaks = cohort_tables()
    own = AnalysisSpecification(imputations=4, cohorts="keep_one")
    kept = run(studies, peaks, own, mask=mask)
    assert kept.provenance["studies"]["names"] == ("s0", "s2", "s3")
    fewer = run(studies, peaks, AnalysisSpecification(imputations=4, study_filter='study != "s1"'), mask=mask)
    assert np.array_equal(kept.maps["z"], fewer.maps["z"])
    assert any("Only s2 is analysed" in warning for warning in kept.provenance["warnings"])
