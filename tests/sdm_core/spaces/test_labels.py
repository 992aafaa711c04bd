"""Anatomical labels: sides, nearest region, and nothing that the atlas does not hold."""

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from sdm_core.spaces import AFFINE, SHAPE, packaged, voxel_to_mm
from sdm_core.spaces.labels import (
    NEAREST_MM,
    UNDEFINED,
    Label,
    breakdown,
    label_at,
    label_of_voxel,
    label_volume,
    region_names,
)
from sdm_core.spaces.region_names import READABLE, readable

BRAIN = Path(__file__).parents[3] / "static/brain"


def aal_codes():
    return json.loads((packaged.DATA / "aal.json").read_text("utf-8"))


def mean_x_of_region(number):
    return voxel_to_mm(np.argwhere(label_volume() == number))[:, 0].mean()


def test_all_54_left_regions_lie_left_of_all_54_right_ones_and_on_their_side():
    left = [mean_x_of_region(int(number)) for number, code in aal_codes().items() if code.endswith("_L")]
    right = [mean_x_of_region(int(number)) for number, code in aal_codes().items() if code.endswith("_R")]
    assert len(left) == len(right) == 54
    assert max(left) < 0 < min(right)


def test_every_region_of_the_atlas_has_a_name_and_no_other_name_exists():
    codes = aal_codes()
    assert len(codes) == 116 == len(region_names()) - 1
    assert {code.removesuffix("_L").removesuffix("_R") for code in codes.values()} == set(READABLE)
    assert set(np.unique(label_volume())) == set(range(117))


def test_names_carry_the_side_and_are_all_different():
    assert readable("Insula_L") == "Left insula"
    assert readable("Vermis_8") == "Cerebellum, vermic lobule VIII"
    assert len(set(region_names())) == 117


def test_a_name_that_is_not_in_the_atlas_is_refused():
    with pytest.raises(KeyError):
        readable("Anterior_Thalamic_Projections_L")


@pytest.mark.parametrize(
    ("mm", "text"),
    [
        # Labels that SDM-PSI printed for these peaks: SkeideLab/meta_semantics, mean model, MIT licence.
        ([-4, -4, 56], "Left supplementary motor area, BA 6"),
        ([-54, -52, 8], "Left middle temporal gyrus, BA 21"),
        ([48, 20, 4], "Right inferior frontal gyrus, triangular part, BA 45"),
        ([2, 0, 52], "Right supplementary motor area"),
        ([44, 12, -12], "Right insula, BA 38"),
        ([-18, -42, -10], "Left lingual gyrus, BA 30"),
        ([46, -48, -32], "Right cerebellum, crus I, BA 37"),
    ],
)
def test_known_places_have_their_name(mm, text):
    assert label_at(mm).text == text
    assert label_at(mm).distance_mm == 0


def test_a_place_beside_a_region_takes_its_name_and_says_how_far_it_is():
    label = label_at([30, 10, -10])
    assert label.region == "Right lenticular nucleus, putamen"
    assert 0 < label.distance_mm <= NEAREST_MM


def test_the_nearest_of_several_regions_is_taken():
    rng = np.random.default_rng(3)
    labelled = np.argwhere(label_volume() > 0)
    for mm in voxel_to_mm(labelled[rng.integers(len(labelled), size=60)]) + rng.uniform(-4, 4, (60, 3)):
        distance = np.linalg.norm(voxel_to_mm(labelled) - mm, axis=1)
        label = label_at(mm)
        if label.distance_mm:
            assert label.distance_mm == pytest.approx(distance.min())
        elif not label.region:
            assert distance.min() > NEAREST_MM


def test_a_place_far_from_every_region_is_undefined():
    assert label_at([0, 0, 105]).text == UNDEFINED
    assert label_at([500, 0, 0]) == Label("")


def test_an_area_without_a_region_keeps_its_number():
    assert Label("", 48).text == "(undefined), BA 48"


def test_every_label_in_the_brain_comes_from_the_atlases():
    names, areas = set(region_names()), set(np.unique(label_volume("brodmann")).tolist()) | {None}
    rng = np.random.default_rng(4)
    for mm in rng.uniform([-80, -110, -60], [80, 80, 90], (300, 3)):
        label = label_at(mm)
        assert label.region in names
        assert label.brodmann in areas


def test_a_breakdown_counts_every_voxel_once_largest_first():
    voxels = np.zeros(SHAPE, dtype=bool)
    voxels[40:50, 60:70, 30:40] = True
    rows = breakdown(voxels)
    assert sum(count for _, count, _ in rows) == 1000
    assert sum(share for *_, share in rows) == pytest.approx(1)
    assert [count for _, count, _ in rows] == sorted((count for _, count, _ in rows), reverse=True)
    texts = [label_of_voxel(ijk).text for ijk in np.argwhere(voxels)]
    assert all(texts.count(text) == count for text, count, _ in rows)


@pytest.mark.parametrize(("file", "atlas"), [("regions", "regions"), ("brodmann", "brodmann")])
def test_the_browser_reads_the_same_labels_at_the_same_places(file, atlas):
    image = nib.load(BRAIN / f"{file}.nii.gz")
    np.testing.assert_array_equal(np.asarray(image.dataobj), label_volume(atlas))
    np.testing.assert_array_equal(image.affine, AFFINE)


def test_the_browser_has_the_same_names():
    document = json.loads((BRAIN / "labels.json").read_text("utf-8"))
    assert document == {"regions": list(region_names()), "undefined": UNDEFINED}
