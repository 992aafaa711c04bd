"""Studies with whole maps through a whole run.  Simulated maps on a small mask, unless said otherwise."""

import dataclasses
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, StudyTable, run
from sdm_core.__main__ import main
from sdm_core.effects import g_variance, hedges_g, t_from_z
from sdm_core.io import write_map, write_result, write_sdm_folder
from sdm_core.pipeline import effects_at, jackknife, voxels_at
from sdm_core.spaces import SHAPE, Mask, mm_to_voxel, voxel_to_mm
from sdm_core.studies import StudyImage, covered_mask, leave_out

SHARED = Path(__file__).parents[4] / "shared/data"
PEAK = (-40.0, 10.0, 4.0)
FEW = AnalysisSpecification(imputations=3, min_extent=5)
START = np.array([60, 64, 34])
BOX = tuple(slice(start, start + 10) for start in START)


@pytest.fixture(scope="module")
def mask():
    volume = np.zeros(SHAPE, dtype=bool)
    volume[BOX] = True
    return Mask.from_volume(volume, "box")


def volume_of(values):
    volume = np.full(SHAPE, np.nan, dtype=np.float32)
    volume[BOX] = values
    return volume


def images_of(sizes, statistic="t", seed=3):
    """Smooth noise around an effect that rises along x."""
    random = np.random.default_rng(seed)
    rise = np.linspace(-1, 5, 10)[:, None, None]
    return [StudyImage(statistic, volume_of(rise + random.normal(0, 1.5, (10, 10, 10)))) for _ in sizes]


def no_peaks():
    return PeakTable(np.empty(0, int), np.empty((0, 3)), np.empty(0), np.empty(0, np.int8))


def studies_of(rows, images):
    named = [{"study": f"s{i}", **row} for i, row in enumerate(rows)]
    with_map = {f"s{i}": image for i, image in enumerate(images) if image is not None}
    return StudyTable.from_rows(named, with_map)


def by_hand(g, v):
    """DerSimonian-Laird, step by step."""
    k, w = len(g), 1 / v
    q = (w * (g - (w * g).sum(0) / w.sum(0)) ** 2).sum(0)
    tau2 = np.maximum(0, (q - (k - 1)) / (w.sum(0) - (w**2).sum(0) / w.sum(0)))
    w = 1 / (v + tau2)
    estimate, variance = (w * g).sum(0) / w.sum(0), 1 / w.sum(0)
    return {"g": estimate, "var": variance, "z": estimate / np.sqrt(variance), "tau2": tau2, "q": q}


def assert_plain(result, mask, g, v):
    for name, expected in by_hand(g, v).items():
        np.testing.assert_allclose(mask.take(result.maps[name]), expected, rtol=2e-4, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("statistic", ["t", "z", "g"])
def test_studies_that_all_have_maps_give_the_plain_random_effects_analysis(mask, statistic):
    rows = [{"n1": 20}, {"n1": 15, "n2": 18}, {"n1": 31, "design": "paired"}, {"n1": 12}]
    images = images_of(rows, statistic)
    studies = studies_of(rows, images)
    values = np.array([mask.take(image.values) for image in images], dtype=np.float64)
    n1, n2 = studies.n1[:, None], studies.n2[:, None]
    t = t_from_z(values, studies.df[:, None]) if statistic == "z" else values
    g = values if statistic == "g" else hedges_g(t, n1, n2)
    result = run(studies, no_peaks(), FEW, mask=mask)
    assert_plain(result, mask, g, g_variance(g, n1, n2))
    assert result.provenance["maps"] == {f"s{i}": statistic for i in range(4)}
    assert result.provenance["warnings"] == []


def test_maps_of_correlations_are_analysed_as_fisher_s_z(mask):
    rows = [{"n1": n, "design": "correlation"} for n in (20, 33, 28)]
    images = images_of(rows)
    t = np.array([mask.take(image.values) for image in images], dtype=np.float64)
    n = np.array([[20.0], [33], [28]])
    r = t / np.sqrt(t**2 + n - 2)
    result = run(studies_of(rows, images), no_peaks(), FEW, mask=mask)
    assert_plain(result, mask, np.arctanh(r), np.broadcast_to(1 / (n - 3), r.shape))


@pytest.mark.skipif(not SHARED.is_dir(), reason="reference data is not here")
def test_the_real_maps_of_21_pain_studies_give_their_plain_random_effects_analysis(mask):
    folder = SHARED / "pain21" / "nimare_cubes"
    sizes = json.loads((folder / "test_pain_dataset.json").read_text())
    n = [study["contrasts"]["1"]["metadata"]["sample_sizes"][0] for study in sizes.values()]
    blocks = [np.asarray(nib.load(folder / f"pain_{i + 1:02}_t.nii.gz").dataobj).reshape(10, 10, 10) for i in range(21)]
    images = [StudyImage("t", volume_of(np.where(block == 0, np.nan, block))) for block in blocks]
    studies = studies_of([{"n1": size} for size in n], images)
    result = run(studies, no_peaks(), dataclasses.replace(FEW, imputations=2), mask=mask)
    t = np.array([mask.take(image.values) for image in images], dtype=np.float64)
    whole = np.isfinite(t).all(axis=0)
    assert whole.sum() == result.provenance["mask"]["voxels"] > 300
    g = hedges_g(t[:, whole], studies.n1[:, None])
    covered = Mask.from_volume(mask.to_volume(whole) > 0, "covered")
    assert_plain(result, covered, g, g_variance(g, studies.n1[:, None]))


@pytest.fixture(scope="module")
def mixed():
    """Two studies with maps, two with a peak, one without any."""
    rows = [{"n1": 20, "t_thr": 3.1}, {"n1": 22, "n2": 20}] + [{"n1": 24, "t_thr": 3.2}] * 2
    images = images_of(rows[:2]) + [None] * 2
    rows.append({"n1": 30, "t_thr": 3.2, "no_peaks": 1})
    studies = studies_of(rows, [*images, None])
    x, y, z = PEAK
    peaks = [{"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": 4.5} for i in (2, 3)]
    return studies, PeakTable.from_rows(peaks, studies)


def test_in_a_mixture_each_study_keeps_its_own_bounds(mask, mixed):
    studies, peaks = mixed
    bounds = run(studies, peaks, FEW, mask=mask, keep_bounds=True).bounds
    for i in (0, 1):
        known = hedges_g(mask.take(studies.images[i].values), studies.n1[i], studies.n2[i])
        np.testing.assert_allclose(bounds.lower[i], known, rtol=1e-6)
        np.testing.assert_array_equal(bounds.lower[i], bounds.upper[i])
    assert (bounds.upper[2] - bounds.lower[2]).max() > 0.5
    np.testing.assert_allclose(bounds.upper[4], hedges_g(3.2, 30), rtol=1e-6)


def test_a_mixture_is_permuted_and_its_first_maximum_is_that_of_the_data(mask, mixed):
    result = run(*mixed, dataclasses.replace(FEW, permutations=20), mask=mask)
    z = mask.take(result.maps["z"])
    assert result.null_maxima.z[0] == pytest.approx([z.max(), -z.min()], rel=1e-3, abs=1e-3)
    assert len(np.unique(result.null_maxima.z[:, 0])) == 20
    assert all(np.isfinite(volume).all() for volume in result.maps.values())


def test_studies_with_maps_alone_are_permuted(mask):
    rows = [{"n1": 12}, {"n1": 10, "n2": 9}, {"n1": 14, "design": "correlation"}]
    studies = studies_of(rows, images_of(rows))
    result = run(studies, no_peaks(), dataclasses.replace(FEW, permutations=16), mask=mask)
    z = mask.take(result.maps["z"])
    assert result.null_maxima.z[0] == pytest.approx([z.max(), -z.min()], rel=1e-3, abs=1e-3)


def test_saved_bounds_jackknife_and_places_work_with_maps(mask, mixed):
    studies, peaks = mixed
    result = run(studies, peaks, FEW, mask=mask, keep_bounds=True)
    again = run(studies, peaks, FEW, bounds=result.bounds)
    np.testing.assert_array_equal(again.maps["g"], result.maps["g"])
    left_out = jackknife(studies, peaks, FEW, result, result.bounds)
    assert left_out.names == studies.names
    (place,) = effects_at(studies, peaks, FEW, {"p": lambda m: voxels_at(PEAK, m)}, mask=mask).values()
    known = hedges_g(studies.images[0].values[tuple(mm_to_voxel(PEAK).astype(int))], 20)
    np.testing.assert_allclose(place.effects[:, 0], known, rtol=1e-6)


def test_covariates_and_filters_work_with_maps(mask):
    rows = [{"n1": 20 + i, "age": 30 + i * i, "kind": "abc"[i % 3]} for i in range(6)]
    studies = studies_of(rows, images_of(rows))
    asked = dataclasses.replace(FEW, covariates=("age",), hypothesis=(0, 1), allow_few=True)
    assert np.isfinite(run(studies, no_peaks(), asked, mask=mask).maps["z"]).all()
    part = run(studies, no_peaks(), dataclasses.replace(FEW, study_filter='kind != "a"'), mask=mask)
    assert list(part.provenance["maps"]) == ["s1", "s2", "s4", "s5"]


def without(image, *where):
    values = image.values.copy()
    values[where] = np.nan
    return StudyImage(image.statistic, values)


def test_where_a_map_ends_its_study_lies_below_its_threshold_and_that_is_told(mask):
    rows = [{"n1": 20, "t_thr": 3.0}, {"n1": 25}]
    images = images_of(rows)
    images[0] = without(images[0], 62)
    result = run(studies_of(rows, images), no_peaks(), FEW, mask=mask, keep_bounds=True)
    open_voxels = np.isnan(mask.take(images[0].values))
    assert open_voxels.sum() == 100
    np.testing.assert_allclose(result.bounds.upper[0][open_voxels], hedges_g(3.0, 20), rtol=1e-6)
    np.testing.assert_allclose(result.bounds.lower[0][open_voxels], -hedges_g(3.0, 20), rtol=1e-6)
    (told,) = result.provenance["warnings"]
    assert told.startswith(
        "warning: study s0, map: has no value at 100 of the 1000 voxels of the mask; there its t lies"
    )


def test_where_a_map_without_threshold_ends_nothing_is_analysed_and_that_is_told(mask):
    rows = [{"n1": 20}, {"n1": 25}]
    images = images_of(rows)
    images[0] = without(images[0], 62)
    result = run(studies_of(rows, images), no_peaks(), FEW, mask=mask)
    assert result.provenance["mask"]["voxels"] == 900
    assert (result.maps["var"][62] == 0).all()
    assert (result.maps["var"][mask.voxels] > 0).sum() == 900
    (told,) = result.provenance["warnings"]
    assert "has no value at 100 of the 1000 voxels of the mask, which are not analysed. Give t_thr" in told


def test_maps_that_do_not_overlap_in_the_mask_are_refused_by_name(mask):
    rows = [{"n1": 20}, {"n1": 25}]
    images = images_of(rows)
    images = [without(images[0], slice(0, 65)), without(images[1], slice(65, None))]
    with pytest.raises(InputError, match=r"mask box: is nowhere covered by all maps(.|\n)*study s0(.|\n)*study s1"):
        run(studies_of(rows, images), no_peaks(), FEW, mask=mask)


def test_a_mask_of_one_voxel_is_analysed(mask):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[tuple(START)] = True
    rows = [{"n1": 20}, {"n1": 25}, {"n1": 4, "t_thr": 3}]
    images = images_of(rows)
    result = run(studies_of(rows, images), no_peaks(), FEW, mask=Mask.from_volume(volume, "one"))
    assert result.maps["var"][tuple(START)] > 0


def test_one_study_with_a_map_gives_its_own_effect(mask):
    (image,) = images_of([0])
    result = run(studies_of([{"n1": 4}], [image]), no_peaks(), FEW, mask=mask)
    np.testing.assert_allclose(mask.take(result.maps["g"]), hedges_g(mask.take(image.values), 4), rtol=1e-5)


def test_a_complete_map_leaves_the_mask_as_it_is(mask):
    rows = [{"n1": 20}]
    assert covered_mask(mask, studies_of(rows, images_of(rows))) == (mask, [])


def test_the_hash_of_the_tables_tells_one_map_from_another(mask):
    rows = [{"n1": 20}, {"n1": 21}]
    hashes = {
        run(studies_of(rows, images_of(rows, seed=seed)), no_peaks(), FEW, mask=mask).provenance["tables_sha256"]
        for seed in (1, 2)
    }
    assert len(hashes) == 2


def test_the_command_line_takes_a_folder_with_maps_and_finds_its_places_again(mask, mixed, tmp_path, capsys):
    write_sdm_folder(tmp_path / "inputs", *mixed)
    write_map(tmp_path / "mask.nii.gz", mask.voxels)
    choices = ["--imputations", "3", "--mask", str(tmp_path / "mask.nii.gz"), "--save-bounds", "--jackknife"]
    assert main(["run", str(tmp_path / "inputs"), "--out", str(tmp_path / "out"), *choices]) == 0
    written = json.loads((tmp_path / "out/run.json").read_text())
    assert {"s0.t.nii.gz", "s1.t.nii.gz"} <= written["inputs_sha256"].keys()
    assert (tmp_path / "out/bounds/s0_lower.nii.gz").exists()
    capsys.readouterr()
    where = ",".join(f"{mm:g}" for mm in voxel_to_mm(START + 4))
    assert main(["at", str(tmp_path / "out"), "--inputs", str(tmp_path / "inputs"), f"--mm={where}"]) == 0
    assert where in json.loads(capsys.readouterr().out)
    assert main(["check", str(tmp_path / "inputs")]) == 0
    assert "s1: two samples, n 22 + 20, df 40; map of t; no threshold" in capsys.readouterr().out


def test_a_result_with_maps_is_written_whole(mask, mixed, tmp_path):
    write_result(run(*mixed, FEW, mask=mask, keep_bounds=True), tmp_path / "out")
    assert json.loads((tmp_path / "out/run.json").read_text())["maps"] == {"s0": "t", "s1": "t"}


@pytest.mark.parametrize("with_peaks", [False, True])
def test_leaving_a_study_out_gives_the_analysis_of_the_others(mask, mixed, with_peaks):
    rows = [{"n1": 20}, {"n1": 15, "n2": 18}, {"n1": 12}, {"n1": 30}]
    data = mixed if with_peaks else (studies_of(rows, images_of(rows)), no_peaks())
    result = run(*data, FEW, mask=mask, keep_bounds=True)
    assert result.clusters
    left_out = jackknife(*data, FEW, result, result.bounds)
    place = tuple(mm_to_voxel(result.clusters[0].peak.mm).astype(int))
    for i in range(len(data[0])):
        others = run(*leave_out(*data, i), FEW, bounds=result.bounds)
        assert left_out.peak_z[0][i] == pytest.approx(float(others.maps["z"][place]), rel=1e-3, abs=1e-3)


def test_propagated_moments_of_known_effects_are_the_exact_loop(mask):
    rows = [{"n1": 12}, {"n1": 10, "n2": 9}, {"n1": 14}]
    studies = studies_of(rows, images_of(rows))
    exact, moments = (
        run(studies, no_peaks(), dataclasses.replace(FEW, permutations=24, permutation_algebra=algebra), mask=mask)
        for algebra in ("exact", "moments")
    )
    np.testing.assert_allclose(moments.null_maxima.z, exact.null_maxima.z, rtol=1e-3, atol=1e-3)
