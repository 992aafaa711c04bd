"""A whole analysis on a small mask: same bytes for the same seed, odd inputs, progress, stopping."""

import functools
import json

import numpy as np
import pytest

from sdm_core import AnalysisSpecification, InputError, PeakTable, Stopped, StudyTable, run
from sdm_core.effects import g_variance, hedges_g
from sdm_core.imputation import FieldGenerator
from sdm_core.inference import find_clusters
from sdm_core.pooling import meta_analyse
from sdm_core.spaces import SHAPE, Mask, mm_to_voxel, voxel_to_mm
from sdm_core.studies import BoundsMaps

# Simulated studies; no real data.
PEAK = (-40.0, 10.0, 4.0)
FEW = AnalysisSpecification(imputations=5, min_extent=5)


@pytest.fixture(scope="module")
def mask():
    volume = np.zeros(SHAPE, dtype=bool)
    i, j, k = mm_to_voxel(PEAK).astype(int)
    volume[i - 10 : i + 11, j - 10 : j + 11, k - 10 : k + 11] = True
    return Mask.from_volume(volume, "box")


def tables(n_with_peak, n_silent=0, statistic=5.0):
    rows = [{"study": f"s{i}", "n1": 20 + i, "t_thr": 3.2} for i in range(n_with_peak)]
    rows += [{"study": f"none{i}", "n1": 18, "n2": 20, "t_thr": 3.2, "no_peaks": 1} for i in range(n_silent)]
    studies = StudyTable.from_rows(rows)
    x, y, z = PEAK
    peaks = [{"study": f"s{i}", "x": x, "y": y, "z": z, "statistic": statistic} for i in range(n_with_peak)]
    return studies, PeakTable.from_rows(peaks, studies)


def at_peak(result, name):
    return float(result.maps[name][tuple(mm_to_voxel(PEAK).astype(int))])


def bytes_of(result):
    return b"".join(result.maps[name].tobytes() for name in sorted(result.maps))


def test_same_inputs_and_seed_give_the_same_bytes_with_any_number_of_threads(mask):
    studies, peaks = tables(5, 3)
    one, two, again = (run(studies, peaks, FEW, mask=mask, threads=n) for n in (1, 2, 2))
    assert bytes_of(one) == bytes_of(two) == bytes_of(again)
    other = run(studies, peaks, AnalysisSpecification(imputations=5, seed=2), mask=mask)
    assert bytes_of(other) != bytes_of(one)


def test_where_every_study_has_its_peak_the_result_is_the_plain_meta_analysis(mask):
    studies, peaks = tables(4)
    result = run(studies, peaks, FEW, mask=mask)
    g = hedges_g(5.0, studies.n1)
    assert g.min() <= at_peak(result, "g") <= g.max()
    assert at_peak(result, "tau2") == 0
    assert at_peak(result, "z") == pytest.approx(at_peak(result, "g") / np.sqrt(at_peak(result, "var")), rel=1e-5)
    assert result.clusters[0].sign == 1
    # Neighbours that are near enough have the peak's value; the first of equals is listed.
    tied = voxel_to_mm(np.argwhere(result.maps["z"] == at_peak(result, "z")))
    assert at_peak(result, "z") == result.maps["z"].max()
    assert np.abs(tied - PEAK).sum(axis=1).max() <= 2
    assert result.clusters[0].peak.mm in {tuple(mm) for mm in tied.tolist()}


@pytest.mark.parametrize(("n_with_peak", "n_silent"), [(1, 0), (2, 0), (0, 1), (0, 4), (1, 6)])
def test_few_studies_or_none_with_peaks_give_finite_maps(mask, n_with_peak, n_silent):
    result = run(*tables(n_with_peak, n_silent), FEW, mask=mask)
    assert all(np.isfinite(volume).all() for volume in result.maps.values())
    assert (result.maps["var"][mask.voxels] > 0).all()
    if n_with_peak == 0:
        assert abs(result.maps["g"][mask.voxels].mean()) < 0.25
        assert not [c for c in result.clusters if abs(c.peak.z) > 5]


def test_studies_that_found_nothing_keep_z_near_its_null_distribution(mask):
    result = run(*tables(0, 12), AnalysisSpecification(imputations=20), mask=mask)
    z = result.maps["z"][mask.voxels]
    assert (np.abs(z) > 1.96).mean() < 0.05
    assert result.maps["p_uncorrected"][mask.voxels].min() > 0.001


def test_negative_peaks_give_the_mirrored_effect(mask):
    positive, negative = (run(*tables(4, statistic=t), FEW, mask=mask) for t in (5.0, -5.0))
    assert at_peak(negative, "g") == pytest.approx(-at_peak(positive, "g"), rel=1e-5)
    assert negative.clusters[0].sign == -1
    assert at_peak(negative, "p_uncorrected_neg") == pytest.approx(at_peak(positive, "p_uncorrected"), rel=1e-3)


def test_with_the_noise_mirrored_too_the_sign_of_every_peak_turns_the_maps_exactly(mask, monkeypatch):
    studies, peaks = tables(4, 2)
    turned = PeakTable(peaks.study_index, peaks.mm, -peaks.t, -peaks.sign)
    positive = run(studies, peaks, FEW, mask=mask).maps
    draw = FieldGenerator.draw
    monkeypatch.setattr(FieldGenerator, "draw", lambda *which: -draw(*which))
    negative = run(studies, turned, FEW, mask=mask).maps
    for name in ("g", "z"):
        np.testing.assert_allclose(negative[name], -positive[name], atol=1e-6)
    for name in ("var", "tau2", "q"):
        np.testing.assert_allclose(negative[name], positive[name], atol=1e-6)
    np.testing.assert_allclose(negative["p_uncorrected_neg"], positive["p_uncorrected"], atol=1e-6)


def test_the_order_of_the_studies_does_not_matter(mask):
    studies, peaks = tables(4, 2)
    rows = [
        {"study": name, "n1": n1, "n2": n2, "t_thr": 3.2, "no_peaks": int(silent)}
        for name, n1, n2, silent in zip(studies.names, studies.n1, studies.n2, studies.no_peaks, strict=True)
    ]
    other = StudyTable.from_rows(rows[::-1])
    x, y, z = PEAK
    names = [name for name, silent in zip(studies.names, studies.no_peaks, strict=True) if not silent]
    moved = PeakTable.from_rows([{"study": name, "x": x, "y": y, "z": z, "statistic": 5.0} for name in names], other)
    first, second = run(studies, peaks, FEW, mask=mask), run(other, moved, FEW, mask=mask)
    for name, volume in first.maps.items():
        np.testing.assert_allclose(second.maps[name], volume, rtol=1e-5, atol=1e-6)


def test_p_is_one_sided_and_one_outside_the_mask(mask):
    result = run(*tables(4), FEW, mask=mask)
    both = result.maps["p_uncorrected"] + result.maps["p_uncorrected_neg"]
    assert both[mask.voxels] == pytest.approx(1, abs=1e-6)
    assert (result.maps["p_uncorrected"][~mask.voxels] == 1).all()


def test_bounds_of_one_run_start_another_with_the_same_maps(mask):
    studies, peaks = tables(3, 2)
    first = run(studies, peaks, FEW, mask=mask, keep_bounds=True)
    second = run(studies, peaks, FEW, bounds=first.bounds)
    assert bytes_of(first) == bytes_of(second)
    assert run(studies, peaks, FEW, mask=mask).bounds is None


def test_bounds_that_lack_a_study_are_refused_by_name(mask):
    studies, peaks = tables(2)
    bounds = BoundsMaps(("s0",), *np.zeros((2, 1, mask.size), np.float32), mask)
    with pytest.raises(InputError, match="study s1"):
        run(studies, peaks, FEW, bounds=bounds)


def test_progress_only_rises_and_ends_at_one(mask):
    heard = []
    run(*tables(3), FEW, mask=mask, progress=heard.append)
    fractions = [p.fraction for p in heard]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert {"bounds", "likelihood", "imputation", "clusters"} <= {p.stage for p in heard}


def test_a_run_that_should_stop_stops(mask):
    heard = []
    with pytest.raises(Stopped):
        run(*tables(3), FEW, mask=mask, progress=heard.append, should_stop=lambda: len(heard) > 2)


def test_provenance_holds_what_a_second_run_needs(mask):
    result = run(*tables(3), FEW, mask=mask, inputs={"sdm_table.txt": "abc"})
    provenance = json.loads(json.dumps(result.provenance))
    assert AnalysisSpecification.from_dict(provenance["specification"]) == FEW
    assert provenance["inputs_sha256"] == {"sdm_table.txt": "abc"}
    assert provenance["mask"]["sha256"] == mask.sha256
    assert {"sdm_core", "numpy", "numba"} <= provenance["software"].keys()
    assert {"likelihood", "imputation", "total"} <= provenance["seconds"].keys()


@pytest.fixture(scope="module")
def known(mask):
    """Effects known at every voxel of five studies, (studies, effects, bounds); bounds in another order of studies."""
    studies, _ = tables(3, 2)
    random = np.random.default_rng(5)
    level = np.linspace(-1, 1, mask.size) + np.linspace(0, 0.8, len(studies))[:, None]
    effects = (level + random.normal(0, 0.4, level.shape)).astype(np.float32)
    return studies, effects, BoundsMaps(studies.names[::-1], effects[::-1], effects[::-1], mask)


@pytest.mark.parametrize("estimator", ["DL", "REML"])
def test_known_effects_give_the_maps_of_their_meta_analysis_under_their_names(mask, known, estimator):
    studies, effects, bounds = known
    _, peaks = tables(3, 2)
    result = run(studies, peaks, AnalysisSpecification(imputations=2, estimator=estimator), bounds=bounds)
    variances = g_variance(effects, studies.n1[:, None], studies.n2[:, None])
    pooled = meta_analyse(effects[None], variances[None], np.ones((len(studies), 1)), [1.0], estimator)
    attributes = {"g": "estimate", "var": "variance"}
    for name in ("g", "var", "z", "tau2", "i2", "h2", "q"):
        expected = getattr(pooled, attributes.get(name, name))
        assert np.ptp(expected) > 0
        np.testing.assert_allclose(result.maps[name][tuple(mask.indices.T)], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("change", [{"voxel_p": 1e-4}, {"min_peak_z": 3.5}, {"min_extent": 40}])
def test_clusters_are_those_of_the_thresholds_asked_for(mask, known, change):
    studies, _, bounds = known
    _, peaks = tables(3, 2)
    loose = {"voxel_p": 0.01, "min_peak_z": 0.0, "min_extent": 1}
    every, asked = (
        run(studies, peaks, AnalysisSpecification(imputations=2, **loose | more), bounds=bounds)
        for more in ({}, change)
    )
    maps = [every.maps[name] for name in ("p_uncorrected", "p_uncorrected_neg")]
    expected = find_clusters(every.maps["z"], mask, *maps, **loose | change)
    assert expected != every.clusters
    assert asked.clusters == expected


@pytest.fixture(scope="module")
def with_signs():
    """Two studies with t, one known by its sign, two silent; coordinates between whole millimetres."""
    studies, _ = tables(3, 2)
    x, y, z = PEAK
    rows = [{"study": f"s{i}", "x": x + 0.7, "y": y, "z": z, "statistic": t} for i, t in enumerate((5.0, 6.0, "p"))]
    return studies, PeakTable.from_rows(rows, studies)


@pytest.fixture(scope="module")
def maps_of(mask, with_signs):
    """Bytes of the maps of the specification with these choices, each computed once."""

    @functools.cache
    def computed(**choices):
        return bytes_of(run(*with_signs, AnalysisSpecification(**{"imputations": 5, **choices}), mask=mask))

    return computed


@pytest.mark.parametrize(
    "change",
    [
        {"imputations": 6},
        {"seed": 2},
        {"estimator": "REML"},
        {"mle_discards": 0},
        {"sign_peaks": "threshold"},
        {"compatibility": "sdm-6.21"},
        {"anisotropy": 0.2},
        {"fwhm_mm": 10.0},
    ],
    ids=str,
)
def test_every_choice_of_the_model_changes_the_maps(maps_of, change):
    assert maps_of(**change) != maps_of()
