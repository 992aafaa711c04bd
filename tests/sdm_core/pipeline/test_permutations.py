"""The permutation test of a whole run on a small mask; simulated studies."""

import csv
import dataclasses

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, Stopped, StudyTable, run
from sdm_core.effects import EffectScale
from sdm_core.inference import BlockMaxima, ClusterExtents, Enhancer, NullMaxima
from sdm_core.io import write_result
from sdm_core.pipeline.blocks import Workers
from sdm_core.pipeline.permutations import PermutationTest, kept_effects
from sdm_core.pipeline.stages import Analysis
from sdm_core.spaces import SHAPE, Mask, load_template, mm_to_voxel
from sdm_core.studies import linear_model

PEAK = (-40.0, 10.0, 4.0)
PLAIN = AnalysisSpecification(imputations=4, min_extent=5)
PERMUTED = dataclasses.replace(PLAIN, permutations=40)


@pytest.fixture(scope="module")
def mask():
    volume = np.zeros(SHAPE, dtype=bool)
    i, j, k = mm_to_voxel(PEAK).astype(int)
    volume[i - 8 : i + 9, j - 8 : j + 9, k - 8 : k + 9] = True
    return Mask.from_volume(volume, "box")


def tables(rows, n_with_peak, statistic=5.0):
    studies = StudyTable.from_rows(
        {"study": f"s{i}", "t_thr": 3.2, "no_peaks": int(i >= n_with_peak), **row} for i, row in enumerate(rows)
    )
    x, y, z = PEAK
    peaks = [{"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": statistic} for i in range(n_with_peak)]
    return studies, PeakTable.from_rows(peaks, studies)


MIXED = [{"n1": 20}, {"n1": 18, "n2": 20}, {"n1": 25, "design": "correlation"}, {"n1": 22}]


@pytest.fixture(scope="module")
def result(mask):
    return run(*tables(MIXED, 4), PERMUTED, mask=mask, threads=2)


def test_maxima_are_the_same_bits_with_any_number_of_workers(mask, result):
    for workers in (1, 5):
        again = run(*tables(MIXED, 4), PERMUTED, mask=mask, threads=workers)
        assert again.null_maxima.z.tobytes() == result.null_maxima.z.tobytes()
        assert again.null_maxima.tfce.tobytes() == result.null_maxima.tfce.tobytes()
        assert again.null_maxima.extent.tobytes() == result.null_maxima.extent.tobytes()


def test_more_permutations_begin_with_the_same_ones(mask, result):
    more = run(*tables(MIXED, 4), dataclasses.replace(PERMUTED, permutations=70), mask=mask)
    assert len(more.null_maxima.z) == 70
    assert (more.null_maxima.z[:40] == result.null_maxima.z).all()


def test_the_first_maxima_are_those_of_the_data(mask, result):
    z = mask.take(result.maps["z"])
    assert result.null_maxima.z[0] == pytest.approx([z.max(), -z.min()], rel=1e-4)
    assert result.null_maxima.tfce[0] == pytest.approx(Enhancer.of(mask).maxima(z), rel=1e-3, abs=1e-3)
    sizes = ClusterExtents.of(mask, PERMUTED.voxel_p).sizes(z)
    assert result.null_maxima.extent[0] == pytest.approx([sizes.max(), -sizes.min()], abs=2)


def test_all_other_maps_are_those_of_a_run_without_permutations(mask, result):
    plain = run(*tables(MIXED, 4), PLAIN, mask=mask)
    assert plain.null_maxima is None
    assert plain.corrected_clusters == {}
    for name, volume in plain.maps.items():
        assert volume.tobytes() == result.maps[name].tobytes()
    new = {f"p_fwe_{name}{sign}" for name in ("voxel", "tfce", "cluster") for sign in ("", "_neg")}
    assert result.maps.keys() - plain.maps.keys() == new


def test_an_effect_that_every_study_found_is_significant_and_its_mirror_is_not(mask, result):
    place = tuple(mm_to_voxel(PEAK).astype(int))
    for name in ("voxel", "tfce", "cluster"):
        assert result.maps[f"p_fwe_{name}"][place] == pytest.approx(1 / 40)
        assert result.maps[f"p_fwe_{name}_neg"][place] == 1
        assert result.maps[f"p_fwe_{name}"].max() == 1
        assert result.corrected_clusters[name][0].sign == 1


def with_age(rows):
    return [{**row, "age": 20 + 3 * i + i % 3, "group": i % 2} for i, row in enumerate(rows)]


@pytest.fixture(scope="module", params=[(0.0, 1.0, 0.0), (1.0, 0.0, 0.0)], ids=["slope", "adjusted mean"])
def adjusted(request, mask):
    specification = dataclasses.replace(
        PERMUTED, covariates=("age", "group"), hypothesis=request.param, allow_few=True, imputations=3
    )
    studies, peaks = tables(with_age(MIXED * 2), 5)
    return studies, peaks, specification, run(studies, peaks, specification, mask=mask, threads=2)


def test_covariates_are_permuted_with_the_same_bits_by_any_number_of_workers(mask, adjusted):
    studies, peaks, specification, result = adjusted
    for workers in (1, 5):
        again = run(studies, peaks, specification, mask=mask, threads=workers)
        for name in ("z", "tfce", "extent"):
            assert getattr(again.null_maxima, name).tobytes() == getattr(result.null_maxima, name).tobytes()


def test_the_first_permutation_of_a_regression_is_its_map(mask, adjusted):
    _, _, specification, result = adjusted
    z = mask.take(result.maps["z"])
    assert result.null_maxima.z[0] == pytest.approx([z.max(), -z.min()], rel=1e-3)
    assert len(np.unique(result.null_maxima.z[:, 0])) == 40
    told = result.provenance["permutation_test"]["permuted"]
    assert told == ("subjects" if specification.hypothesis[0] else "studies")


def test_few_studies_are_ordered_in_every_way(mask):
    specification = dataclasses.replace(
        PLAIN, permutations=200, covariates=("age",), hypothesis=(0, 1), allow_few=True, imputations=2
    )
    few = run(*tables(with_age(MIXED + MIXED[:1]), 3), specification, mask=mask)
    assert few.null_maxima.exact
    assert len(few.null_maxima.z) == 120


def test_residuals_of_studies_are_permuted_as_they_are_on_request_and_in_the_compatibility_mode(mask):
    slope = dataclasses.replace(
        PERMUTED, covariates=("age",), hypothesis=(0, 1), allow_few=True, imputations=2, permuted_residuals="raw"
    )
    choices = (
        dataclasses.replace(slope, permuted_residuals="standardised"),
        slope,
        dataclasses.replace(slope, compatibility="sdm-6.21"),
        dataclasses.replace(slope, compatibility="sdm-6.21", permuted_residuals="standardised"),
    )
    found = [run(*tables(with_age(MIXED * 2), 5), one, mask=mask) for one in choices]
    standardised, raw, *compatible = [one.null_maxima.z for one in found]
    assert raw[0] == pytest.approx(standardised[0], rel=1e-4)
    assert np.abs(raw[1:] - standardised[1:]).max() > 0.01
    assert (compatible[0] == compatible[1]).all()
    methods = [one.provenance["permutation_test"]["method"] for one in found]
    assert methods[0].endswith("sqrt(v + tau2)")
    assert all(method.endswith("as they are") for method in methods[1:])


def prepared(mask, studies, peaks, specification, workers):
    """A test of studies with no effect anywhere: subjects only."""
    template, scale = load_template("gray_matter", mask), EffectScale.of(studies)
    analysis = Analysis(studies, peaks, specification, template, scale, workers, linear_model(studies))
    effects = kept_effects(analysis, mask.size)
    effects.tiles[:] = 0
    return PermutationTest.prepare(analysis, effects, np.linspace(-3, 3, mask.size), lambda _: None)


def test_each_voxels_own_p_counts_the_permuted_maps_that_reach_its_z(mask):
    specification = dataclasses.replace(PERMUTED, permutations=50, permutation_p=True)
    with Workers(2) as workers:
        test = prepared(mask, *tables(MIXED, 0), specification, workers)
        maxima = test.maxima(lambda _: None)
        permuted = np.concatenate([test.permuted(number, lambda _: None) for number in range(2)])
    z, observed = permuted.reshape(64, -1)[1:, : mask.size], np.linspace(-3, 3, mask.size)
    expected = [(1 + (sign * z >= sign * observed).sum(axis=0)) / 64 for sign in (1, -1)]
    assert maxima.counted == 63
    assert np.abs(maxima.uncorrected_p - expected).max() <= 1 / 64
    assert (maxima.uncorrected_p == expected).mean() > 0.999


def test_blocks_add_up_in_their_order():
    blocks = [BlockMaxima(*(np.full((32, 2), 10 * k + b) for k in range(3)), 32 - (b == 0),
                          np.full((2, 5), b, dtype=np.uint8)) for b in range(3)]  # fmt: skip
    maxima = NullMaxima.of(blocks, 70)
    assert (len(maxima.z), maxima.z[69, 0], maxima.tfce[33, 1], maxima.extent[0, 0]) == (70, 2, 11, 20)
    assert maxima.counted == 95
    assert (maxima.uncorrected_p == 4 / 96).all()


def test_files_hold_maxima_maps_and_tables(tmp_path, result):
    write_result(result, tmp_path / "out")
    with (tmp_path / "out/null_maxima.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["permutation"] for row in rows] == [str(number) for number in range(40)]
    assert float(rows[0]["z"]) == result.null_maxima.z[0, 0]
    for name in ("voxel", "tfce", "cluster"):
        assert (tmp_path / f"out/maps/p_fwe_{name}_neg.nii.gz").exists()
        assert (tmp_path / f"out/tables/clusters_fwe_{name}.csv").exists()
    assert result.provenance["permutation_test"]["permutations"] == 40


def test_a_gamma_approximation_stands_beside_the_counted_p_from_100_permutations_on(mask, tmp_path):
    found = run(*tables(MIXED, 4), dataclasses.replace(PERMUTED, imputations=2, permutations=100), mask=mask)
    for name in ("voxel", "tfce", "cluster"):
        cluster, *_ = found.corrected_clusters[name]
        assert cluster.peak.p == pytest.approx(0.01)
        assert 0 <= cluster.p_gamma < 0.05
        assert np.abs(found.maps[f"p_gamma_{name}"] - found.maps[f"p_fwe_{name}"])[mask.voxels].mean() < 0.1
    write_result(found, tmp_path / "out")
    with (tmp_path / "out/tables/clusters_fwe_tfce.csv").open(newline="") as stream:
        row = next(csv.DictReader(stream))
    assert float(row["p"]) == pytest.approx(0.01)
    assert float(row["p_gamma"]) == pytest.approx(found.corrected_clusters["tfce"][0].p_gamma, rel=1e-4)
    null = found.provenance["permutation_test"]["null"]["z"]["positive"]
    assert null["median"] < null["threshold"]
    assert null["gamma_threshold"] == pytest.approx(null["threshold"], rel=0.15)


def test_few_subjects_are_flipped_in_every_way(mask):
    few = run(*tables([{"n1": 4}, {"n1": 4}], 2, 9.0), dataclasses.replace(PLAIN, permutations=300), mask=mask)
    assert few.null_maxima.exact
    assert len(few.null_maxima.z) == 256
    assert few.maps["p_fwe_voxel"].min() >= 1 / 256
    mirrored = np.sort(few.null_maxima.z[:, 0]) - np.sort(few.null_maxima.z[:, 1])
    assert all(np.isfinite(volume).all() for volume in few.maps.values())
    assert np.isfinite(mirrored).all()


def test_compatibility_takes_six_neighbours_and_steps(mask):
    specification = dataclasses.replace(PLAIN, permutations=2, compatibility="sdm-6.21")
    told = run(*tables(MIXED, 4), specification, mask=mask).provenance["permutation_test"]["tfce"]
    assert told["neighbours"] == 6
    assert "steps" in told["heights"]


def test_permutations_can_be_stopped_and_only_rise_in_progress(mask):
    heard = []
    with pytest.raises(Stopped):
        run(*tables(MIXED, 4), dataclasses.replace(PLAIN, permutations=10_000), mask=mask, progress=heard.append,
            should_stop=lambda: bool(heard) and heard[-1].stage == "permutations")  # fmt: skip
    run(*tables(MIXED, 2), PERMUTED, mask=mask, progress=heard.append)
    assert heard[-1].fraction == 1


def test_reml_is_refused_with_permutations():
    with pytest.raises(InputError, match="estimator"):
        AnalysisSpecification(estimator="REML", permutations=10)


def test_false_alarms_over_the_family_are_as_rare_as_promised(mask):
    """Subjects without any effect: among permutations drawn as data, about 5 % pass the 5 % threshold of the rest."""
    studies, peaks = tables([{"n1": 20}, {"n1": 15, "n2": 15}, {"n1": 24}], 0)
    specification = dataclasses.replace(PERMUTED, permutations=640)
    with Workers(2) as workers:
        maxima = prepared(mask, studies, peaks, specification, workers).maxima(lambda _: None)
    for values in (maxima.z[1:, 0], maxima.z[1:, 1], maxima.tfce[1:, 0], maxima.extent[1:, 0]):
        limit = np.quantile(values[:320], 0.95)
        assert 0.01 < (values[320:] > limit).mean() < 0.11


def by_both_algebras(mask, rows):
    choices = dataclasses.replace(PERMUTED, imputations=20)
    for algebra in ("exact", "moments"):
        yield run(*tables(rows, len(rows)), dataclasses.replace(choices, permutation_algebra=algebra), mask=mask)


def test_propagated_moments_rank_the_data_by_their_own_statistic(mask):
    exact, moments = by_both_algebras(mask, MIXED)
    assert moments.maps["z"].tobytes() == exact.maps["z"].tobytes()
    assert moments.null_maxima.z[1:] == pytest.approx(exact.null_maxima.z[1:], abs=0.15)
    largest = moments.null_maxima.z
    assert moments.maps["p_fwe_voxel"].min() == (largest[:, 0] >= largest[0, 0]).mean().astype(np.float32)
    assert "propagated" in moments.provenance["permutation_test"]["method"]


def test_propagated_moments_agree_better_with_the_exact_loop_the_more_studies_there_are(mask):
    exact, moments = (result.null_maxima.z[1:] for result in by_both_algebras(mask, 3 * MIXED))
    assert np.corrcoef(moments.ravel(), exact.ravel())[0, 1] > 0.999
    assert moments == pytest.approx(exact, abs=0.1)
