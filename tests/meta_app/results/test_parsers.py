"""The tables that the core writes are the rows that people read."""

import math

import pytest

from meta_app.common.words import minus
from meta_app.results.domain import (
    CORRECTIONS_BY_KEY,
    MAPS_BY_KEY,
    UNCORRECTED,
    Thresholds,
    maps_of,
    null_rows,
    null_threshold,
    units_text,
)
from meta_app.results.parsers import parse_breakdown, parse_clusters, parse_maxima
from meta_app.results.templatetags.result_numbers import p_value, short_hashes, three_digits


def test_clusters_survive_the_way_through_the_files(blobs, tmp_path):
    from sdm_core.io import write_result

    write_result(blobs, tmp_path / "run")
    tables = tmp_path / "run" / "tables"
    rows = parse_clusters((tables / "clusters.csv").read_text(), (tables / "peaks.csv").read_text())
    assert [row.voxels for row in rows] == [cluster.size_voxels for cluster in blobs.clusters]
    assert [row.sign for row in rows] == [1, -1]
    assert [row.label for row in rows] == [cluster.peak.label.text for cluster in blobs.clusters]
    assert [len(row.peaks) for row in rows] == [len(cluster.peaks) for cluster in blobs.clusters]
    assert sum(part.voxels for part in rows[0].regions) == rows[0].voxels


def test_region_names_with_commas_and_slashes_stay_whole():
    first, second = parse_breakdown(
        "Left median cingulate / paracingulate gyri, BA 24: 12 (60.0%); (undefined): 8 (40.0%)"
    )
    assert (first.region, first.voxels, first.share) == ("Left median cingulate / paracingulate gyri, BA 24", 12, 0.6)
    assert second.region == "(undefined)"


def test_thresholds_in_words_name_the_missing_correction():
    sentence = "one-sided p ≤ 0.001, peak |SDM-Z| ≥ 1.5, at least 1 voxel; not corrected for multiple comparisons"
    assert Thresholds(0.001, 1.5, 1).sentence(UNCORRECTED) == sentence


def test_the_viewer_starts_z_at_the_voxel_threshold():
    thresholds = Thresholds(0.005, 1, 10)
    assert thresholds.start_of(MAPS_BY_KEY["z"]) == pytest.approx(2.576, abs=5e-4)
    assert thresholds.start_of(MAPS_BY_KEY["p"]) == 0.005
    assert thresholds.start_of(MAPS_BY_KEY["i2"]) == 0


def test_no_number_without_its_unit():
    counts = {"reports": 1, "studies": 1, "datasets": 2}
    assert units_text(counts) == "1 report, 1 study, 2 datasets"


def test_numbers_are_printed_as_papers_print_them():
    assert (minus(-34), three_digits(-2.5)) == ("−34", "−2.500")
    assert (p_value(0.00004), p_value(0.00321)) == ("< 0.0001", "0.0032")
    assert short_hashes(f"sha256 {'a' * 64}") == f"sha256 {'a' * 16}…"


@pytest.mark.parametrize(
    ("correction", "words"),
    [
        ("tfce", "by threshold-free cluster enhancement in 1,000 permutations; peak"),
        ("voxel", "by the largest SDM-Z in 1,000 permutations; peak"),
        ("cluster", "by the size of the largest cluster in 1,000 permutations, clusters formed at p ≤ 0.005; peak"),
    ],
)
def test_corrected_thresholds_name_the_correction_and_the_permutations(correction, words):
    sentence = Thresholds(0.005, 1, 10, 0.05, 1000).sentence(CORRECTIONS_BY_KEY[correction])
    assert sentence.startswith("family-wise corrected one-sided p ≤ 0.05 by")
    assert words in sentence


def test_the_viewer_starts_each_map_where_its_correction_lets_pass():
    thresholds = Thresholds(0.005, 1, 10, 0.04, 1000, null_z=4.3217)
    z = {key: thresholds.start_of(MAPS_BY_KEY["z"], correction) for key, correction in CORRECTIONS_BY_KEY.items()}
    assert z == {"tfce": 0.0, "voxel": 4.321, "cluster": 2.576, "uncorrected": 2.576}
    assert [thresholds.start_of(MAPS_BY_KEY[key]) for key in ("p_tfce", "p", "p_own", "tau2")] == [
        0.04,
        0.005,
        0.005,
        0,
    ]


def brute_force_passes(maxima, value, p):
    return (sum(other >= value for other in maxima[1:]) + 1) / len(maxima) <= p


@pytest.mark.parametrize("p", [0.025, 0.05, 0.051, 0.5, 0.999])
@pytest.mark.parametrize("count", [20, 40, 41, 1000])
def test_what_exceeds_the_null_threshold_is_what_passes_by_counting(count, p):
    maxima = [9.0, *(math.sin(7 * place) for place in range(count - 1))]
    threshold = null_threshold(maxima, p)
    for value in (*maxima[1:], *(one + 1e-9 for one in maxima[1:])):
        assert (threshold is not None and value > threshold) == brute_force_passes(maxima, value, p)


def test_too_few_permutations_let_nothing_pass():
    assert null_threshold([3.0] + [1.0] * 18, 0.05) is None
    assert null_threshold([3.0] + [1.0] * 19, 0.05) == 1.0


def test_maxima_are_read_by_statistic_and_direction():
    text = "permutation,z,z_neg,tfce,tfce_neg\n0,5,4,900,30\n" + "1,1.5,2,10,20\n" * 19
    z, tfce = sorted(null_rows(parse_maxima(text), 0.05), key=lambda row: row.statistic, reverse=True)
    assert (z.observed, z.threshold) == ((5, 4), (1.5, 2))
    assert (tfce.observed, tfce.threshold) == ((900, 30), (10, 20))


@pytest.mark.parametrize(
    ("designs", "title"),
    [
        (["two_sample", "one_sample"], "Hedges' g (effect size)"),
        (["correlation"], "Fisher's z (effect size)"),
        (["correlation", "two_sample"], "Effect size"),
    ],
)
def test_the_effect_is_named_by_what_the_designs_measure(designs, title):
    assert [kind.title for kind in maps_of(["maps/g.nii.gz", "maps/p_uncorrected.nii.gz"], designs)] == [title]
