"""Maps of any grid, brought onto ours."""

import nibabel as nib
import numpy as np
import pytest
from nibabel.processing import resample_from_to

from sdm_core.spaces import AFFINE, SHAPE, mni_to_talairach, resample, voxel_to_mm

ROTATION = np.array([[0.8, -0.6, 0, 4], [0.6, 0.8, 0, -9], [0, 0, 1, 3], [0, 0, 0, 1.0]])
GRIDS = {
    "3 mm": ((61, 73, 61), np.array([[-3.0, 0, 0, 90], [0, 3, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])),
    "2 mm, shifted": ((91, 109, 91), np.array([[-2.0, 0, 0, 90.7], [0, 2, 0, -125.2], [0, 0, 2, -72.9], [0, 0, 0, 1]])),
    "left to right": ((61, 73, 61), np.array([[3.0, 0, 0, -90], [0, 3, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])),
    "other axes first": ((73, 61, 61), np.array([[0, -3.0, 0, 90], [3, 0, 0, -126], [0, 0, 3, -72], [0, 0, 0, 1]])),
    "upside down": ((61, 73, 61), np.array([[-3.0, 0, 0, 90], [0, -3, 0, 90], [0, 0, -3, 108], [0, 0, 0, 1]])),
    "rotated": ((70, 80, 61), ROTATION @ [[-3.0, 0, 0, 100], [0, 3, 0, -120], [0, 0, 3, -72], [0, 0, 0, 1]]),
    "not cubes": (
        (47, 56, 31),
        np.array([[-3.4375, 0, 0, 79.1], [0, 3.4375, 0, -113.4], [0, 0, 4.5, -49.5], [0] * 3 + [1]]),
    ),
}


def indices_of(shape):
    return np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)


def mm_of(shape, affine):
    return indices_of(shape) @ affine[:3, :3].T + affine[:3, 3]


def plane(mm):
    """A value that trilinear interpolation finds exactly."""
    return mm @ [0.03, -0.02, 0.01] + 1.0


@pytest.mark.parametrize("name", GRIDS)
def test_a_linear_gradient_is_found_again_on_the_grid_whatever_the_map_s_grid(name):
    shape, affine = GRIDS[name]
    found = resample(plane(mm_of(shape, affine)).astype(np.float32), affine)
    covered = np.isfinite(found)
    inside = (
        np.linalg.inv(affine)
        @ np.append(voxel_to_mm(indices_of(SHAPE)).reshape(-1, 3), np.ones((np.prod(SHAPE), 1)), 1).T
    )[:3].T
    whole = ((inside >= 0) & (inside <= np.array(shape) - 1)).all(axis=1).reshape(SHAPE)
    assert whole.sum() > 100_000
    assert covered[whole].all()
    np.testing.assert_allclose(found[whole], plane(mm_of(SHAPE, AFFINE))[whole], atol=1e-4)


@pytest.mark.parametrize("name", GRIDS)
def test_noise_is_interpolated_as_nibabel_does_where_all_neighbours_have_values(name):
    shape, affine = GRIDS[name]
    noise = np.random.default_rng(3).normal(5, 1, shape).astype(np.float32)
    theirs = resample_from_to(nib.Nifti1Image(noise, affine), (SHAPE, AFFINE), order=1, cval=np.nan).get_fdata()
    both = np.isfinite(theirs)
    assert both.sum() > 100_000
    np.testing.assert_allclose(resample(noise, affine)[both], theirs[both], atol=1e-4)


def test_a_map_on_the_grid_is_copied_bit_by_bit():
    noise = np.random.default_rng(4).normal(size=SHAPE).astype(np.float32)
    noise[:3] = np.nan
    np.testing.assert_array_equal(resample(noise, AFFINE), noise)


def test_the_edge_of_a_map_is_not_drawn_towards_zero_and_ends_half_a_voxel_further():
    shape, affine = GRIDS["3 mm"]
    half = np.full(shape, np.nan, dtype=np.float32)
    half[20:40, 20:40, 20:40] = 4.0
    found = resample(half, affine)
    covered = np.isfinite(found)
    np.testing.assert_allclose(found[covered], 4.0, rtol=1e-6)
    along_x = voxel_to_mm(np.argwhere(covered))[:, 0]
    assert (along_x.min(), along_x.max()) == (-28, 30)  # centres at -27 and 30 mm, and half a voxel of 3 mm


def test_a_talairach_map_is_read_where_each_voxel_lies_in_talairach_space():
    shape, affine = GRIDS["3 mm"]
    found = resample(plane(mm_of(shape, affine)).astype(np.float32), affine, lambda mm: mni_to_talairach(mm, "spm"))
    centre = np.s_[20:70, 20:90, 20:70]
    expected = plane(mni_to_talairach(voxel_to_mm(indices_of(SHAPE)[centre]).reshape(-1, 3), "spm"))
    np.testing.assert_allclose(found[centre].ravel(), expected, atol=1e-4)
