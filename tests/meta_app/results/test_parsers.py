"""The tables that the core writes are the rows that people read."""

import pytest

from meta_app.results.domain import MAPS_BY_KEY, Thresholds
from meta_app.results.parsers import parse_breakdown, parse_clusters
from meta_app.results.presentation import units_text
from meta_app.results.templatetags.result_numbers import minus, p_value, short_hashes, three_digits


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
    assert Thresholds(0.001, 1.5, 1).sentence == sentence


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
