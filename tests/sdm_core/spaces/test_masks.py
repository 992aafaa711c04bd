"""Masks: order of voxels, distances, and how well ours covers the published one."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from scripts import build_spatial_data
from sdm_core.errors import InputError
from sdm_core.spaces import SHAPE, Mask, distance_to_mask, load_mask, packaged, voxel_to_mm

PUBLISHED_MASK = Path(__file__).parents[4] / "shared/data/sdm_psi_run/mask.nii.gz"


def one_voxel(*ijk):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[ijk] = True
    return Mask.from_volume(volume, "one voxel")


def test_voxels_are_in_fortran_order():
    mask = load_mask("gray_matter")
    assert (np.diff(np.ravel_multi_index(mask.indices.T, SHAPE, order="F")) > 0).all()
    assert mask.size == len(mask.indices) == mask.voxels.sum()


def test_values_survive_the_way_into_a_volume_and_back():
    mask = load_mask("gray_matter")
    values = np.arange(mask.size, dtype=np.float32)
    volume = mask.to_volume(values)
    assert volume.dtype == np.float32
    np.testing.assert_array_equal(mask.take(volume), values)
    assert not volume[~mask.voxels].any()


def test_the_index_volume_finds_each_voxel_and_is_minus_1_outside():
    mask = load_mask("gray_matter")
    np.testing.assert_array_equal(mask.take(mask.index_volume), np.arange(mask.size))
    assert (mask.index_volume[~mask.voxels] == -1).all()


def test_masks_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        load_mask("brain").voxels[0, 0, 0] = True


def test_two_masks_of_the_same_voxels_have_the_same_hash_whatever_their_name():
    mask = load_mask("brain")
    assert Mask.from_volume(mask.voxels, "copy").sha256 == mask.sha256
    assert load_mask("gray_matter").sha256 != mask.sha256


@pytest.mark.parametrize("volume", [np.ones((2, 2, 2)), np.zeros(SHAPE)], ids=["off the grid", "empty"])
def test_a_volume_off_the_grid_or_without_voxels_is_refused(volume):
    with pytest.raises(InputError, match="mask"):
        Mask.from_volume(volume, "mine")


def test_an_unknown_mask_is_refused_with_the_names_there_are():
    with pytest.raises(InputError, match="gray_matter, white_matter, brain"):
        load_mask("dark_matter")


def test_the_distance_is_0_inside_a_voxel_and_counted_from_its_centre_outside():
    mask = one_voxel(45, 63, 36)
    points = [[0, 0, 0], [0.9, -0.9, 1.0], [3, 4, 0], [0, 0, -10]]
    np.testing.assert_allclose(distance_to_mask(points, mask), [0, 0, 5, 10])


def test_every_voxel_of_a_mask_has_distance_0():
    mask = load_mask("gray_matter")
    assert not distance_to_mask(voxel_to_mm(mask.indices[::500]), mask).any()


def test_gray_and_white_matter_lie_inside_the_brain_and_make_it_up():
    gray, white, brain = (load_mask(name).voxels for name in ("gray_matter", "white_matter", "brain"))
    assert not ((gray | white) & ~brain).any()
    assert (gray | white).sum() > 0.95 * brain.sum()


def test_the_white_matter_mask_holds_the_corpus_callosum_and_the_internal_capsules():
    inside = distance_to_mask([[0, 26, 4], [0, -40, 14], [-22, -10, 14], [22, -10, 14]], load_mask("white_matter"))
    assert not inside.any()


def test_the_gray_matter_mask_holds_the_deep_nuclei_and_the_cerebellum():
    regions = packaged.arrays("atlases")["regions"]
    for numbers in (range(71, 79), range(91, 117)):
        place = np.isin(regions, numbers)
        assert load_mask("gray_matter").voxels[place].mean() > 0.85


def test_the_shipped_masks_follow_their_rule_on_the_shipped_tissue_maps():
    tissue = packaged.arrays("tissue")
    for name, rule in build_spatial_data.MASKS.items():
        np.testing.assert_array_equal(rule(tissue["gray"], tissue["white"]), load_mask(name).voxels)


@pytest.mark.reference
@pytest.mark.skipif(not PUBLISHED_MASK.exists(), reason="the published SDM-PSI run is not beside the project")
def test_our_mask_covers_96_per_cent_of_the_published_gray_matter_mask():
    published = np.asarray(nib.load(PUBLISHED_MASK).dataobj) > 0
    ours = load_mask("gray_matter").voxels
    both = (ours & published).sum()
    assert both / published.sum() > 0.96
    assert 2 * both / (ours.sum() + published.sum()) > 0.91
