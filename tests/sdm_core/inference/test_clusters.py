"""Clusters and peaks: by hand, and against a published SDM-PSI run."""

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from sdm_core.inference import find_clusters
from sdm_core.spaces import SHAPE, Mask, voxel_to_mm
from sdm_core.spaces.labels import label_at, label_of_voxel, region_names

RUN = Path(__file__).parents[4] / "shared/data/sdm_psi_run"
reference = [
    pytest.mark.reference,
    pytest.mark.skipif(not RUN.exists(), reason="the published SDM-PSI run is not beside the project"),
]
EVERYWHERE = Mask.from_volume(np.ones(SHAPE), "everywhere")


def z_map(values):
    """Volume with z at some voxels, the rest just below 0."""
    z = np.full(SHAPE, -0.01, dtype=np.float32)
    for ijk, value in values.items():
        z[ijk] = value
    return z


def clusters_of(values, mask=EVERYWHERE, min_peak_z=1.0, min_extent=1, connectivity=26):
    z = z_map(values)
    p = np.where(z > 2, 0.001, np.where(z < -2, 0.999, 0.5))
    return find_clusters(
        z, mask, p, voxel_p=0.005, min_peak_z=min_peak_z, min_extent=min_extent, connectivity=connectivity
    )


FACE, EDGE, CORNER, FAR = (41, 40, 40), (41, 41, 40), (41, 41, 41), (42, 40, 40)


@pytest.mark.parametrize(
    ("other", "connectivity", "number"),
    [
        (FACE, 6, 1),
        (EDGE, 6, 2),
        (EDGE, 18, 1),
        (CORNER, 18, 2),
        (CORNER, 26, 1),
        (FAR, 26, 2),
    ],
)
def test_voxels_that_touch_within_the_neighbourhood_are_one_cluster(other, connectivity, number):
    assert len(clusters_of({(40, 40, 40): 3, other: 4}, connectivity=connectivity)) == number


def test_a_cluster_tells_its_size_volume_and_peak():
    (cluster,) = clusters_of({(40, 40, 40): 3, FACE: 4, EDGE: 3.5})
    assert (cluster.number, cluster.sign, cluster.size_voxels, cluster.volume_mm3) == (1, 1, 3, 24)
    assert cluster.peak.mm == tuple(voxel_to_mm(FACE))
    assert (cluster.peak.z, cluster.peak.p) == (4, pytest.approx(0.001))
    assert cluster.peak.label == label_at(cluster.peak.mm)
    assert cluster.peaks == (cluster.peak,)


def test_both_signs_are_found_positive_first_each_by_size():
    values = {(10, 10, 10): 5, (20, 20, 20): 3, (20, 20, 21): 3}
    values |= {(30, 30, 30): -6, (40, 40, 40): -3, (40, 40, 41): -4, (40, 40, 42): -3}
    clusters = clusters_of(values)
    assert [(cluster.number, cluster.sign, cluster.size_voxels) for cluster in clusters] == [
        (1, 1, 2),
        (2, 1, 1),
        (3, -1, 3),
        (4, -1, 1),
    ]
    assert clusters[2].peak.z == -4
    assert clusters[2].peak.p == pytest.approx(0.001)


def test_clusters_of_equal_size_come_by_height():
    assert [cluster.peak.z for cluster in clusters_of({(10, 10, 10): 3, (20, 20, 20): 4})] == [4, 3]


def test_positive_and_negative_voxels_that_touch_are_two_clusters():
    assert [cluster.sign for cluster in clusters_of({(40, 40, 40): 3, FACE: -3})] == [1, -1]


def test_small_and_low_clusters_are_dropped():
    values = {(10, 10, 10): 2.5, (10, 10, 11): 2.5, (20, 20, 20): 4}
    assert [cluster.size_voxels for cluster in clusters_of(values, min_extent=2)] == [2]
    assert [cluster.peak.z for cluster in clusters_of(values, min_peak_z=3)] == [4]


def test_voxels_outside_the_mask_belong_to_no_cluster():
    inside = np.zeros(SHAPE)
    inside[40, 40, 40] = 1
    (cluster,) = clusters_of({(40, 40, 40): 3, FACE: 4}, mask=Mask.from_volume(inside, "one"))
    assert cluster.size_voxels == 1


def test_a_voxel_exactly_at_the_threshold_counts():
    z, p = z_map({(40, 40, 40): 3}), np.ones(SHAPE)
    p[40, 40, 40] = 0.05
    assert len(find_clusters(z, EVERYWHERE, p, p, voxel_p=0.05, min_peak_z=0, min_extent=1)) == 1


def test_nothing_above_the_threshold_gives_no_cluster():
    assert clusters_of({}) == []


def test_local_peaks_are_the_voxels_that_none_of_26_neighbours_exceeds_strongest_first():
    line = {(40, 40, k): value for k, value in enumerate([3, 5, 3, 4, 3.5, 3.8], start=40)}
    (cluster,) = clusters_of(line)
    assert [peak.z for peak in cluster.peaks] == pytest.approx([5, 4, 3.8])


def test_a_plateau_is_one_peak():
    (cluster,) = clusters_of({(40, 40, 40): 4, FACE: 4, EDGE: 3})
    assert [peak.z for peak in cluster.peaks] == [4]


def test_a_neighbouring_cluster_of_the_other_sign_hides_no_peak():
    positive, _ = clusters_of({(40, 40, 40): 3, FACE: -9})
    assert positive.peak.z == 3


def test_the_breakdown_names_regions_and_shares():
    voxels = np.argwhere(np.ones((6, 6, 6))) + np.array([60, 70, 36])
    (cluster,) = clusters_of({tuple(ijk): 3 for ijk in voxels})
    assert sum(count for _, count, _ in cluster.breakdown) == 216
    assert sum(share for *_, share in cluster.breakdown) == pytest.approx(1)


@pytest.fixture(scope="module")
def published():
    def volume(name):
        return np.asarray(nib.load(RUN / name).dataobj)

    mask = Mask.from_volume(volume("mask.nii.gz") > 0, "published")
    # corrp is 1 - p with a resolution of 1/1000 in float32
    p = np.round(1 - volume("mean_model/corrp_voxel.nii.gz"), 4)
    nothing = np.ones_like(p)
    return find_clusters(volume("mean_model/z.nii.gz"), mask, p, nothing, voxel_p=0.001, min_peak_z=0, min_extent=50)


def rows_of(name):
    with (RUN / "mean_model" / name).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


class TestPublishedRun:
    pytestmark = reference

    def test_its_clusters_are_found(self, published):
        assert [cluster.size_voxels for cluster in published] == [2834, 2576, 978, 497, 322, 73, 69]
        for cluster, row in zip(published, rows_of("mod1_clusters.csv"), strict=True):
            assert cluster.peak.mm == tuple(float(row[axis]) for axis in "xyz")
            assert cluster.peak.z == pytest.approx(float(row["sdm_z"]), abs=5e-4)
            assert cluster.peak.p == pytest.approx(float(row["p"]), abs=1e-6)

    def test_all_its_110_local_peaks_are_found_and_no_other(self, published):
        ours = {(cluster.number, *peak.mm) for cluster in published for peak in cluster.peaks}
        rows = rows_of("mod1_local_peaks.csv")
        assert ours == {(int(row["cluster"]), *(float(row[axis]) for axis in "xyz")) for row in rows}
        assert len(rows) == 110

    def test_its_labels_in_the_atlas_are_ours_at_all_99_peaks_that_have_one(self, published):
        ours = {peak.mm: peak for cluster in published for peak in cluster.peaks}
        theirs = {
            tuple(float(row[axis]) for axis in "xyz"): row["description"] for row in rows_of("mod1_local_peaks.csv")
        }
        held = {mm: text for mm, text in theirs.items() if text.split(", BA")[0] in {*region_names(), "(undefined)"}}
        assert len(held) == 99
        for mm, text in held.items():
            own_voxel = label_of_voxel(np.rint((np.array(mm) - [90, -126, -72]) / [-2, 2, 2])).text
            assert own_voxel == text
            assert ours[mm].label.text == text or text.startswith("(undefined)")
