"""The voxel grid, by hand."""

import numpy as np

from sdm_core.spaces import AFFINE, NEIGHBOUR_OFFSETS, SHAPE, mm_to_voxel, voxel_to_mm


def test_the_origin_is_voxel_45_63_36():
    assert mm_to_voxel([0, 0, 0]).tolist() == [45, 63, 36]


def test_the_first_axis_runs_from_right_to_left():
    assert voxel_to_mm([0, 0, 0]).tolist() == [90, -126, -72]
    assert voxel_to_mm([90, 108, 90]).tolist() == [-90, 90, 108]


def test_millimetres_and_voxels_are_inverse_and_follow_the_affine():
    ijk = np.random.default_rng(1).uniform(0, SHAPE, (20, 3))
    mm = voxel_to_mm(ijk)
    np.testing.assert_allclose(mm, ijk @ AFFINE[:3, :3].T + AFFINE[:3, 3])
    np.testing.assert_allclose(mm_to_voxel(mm), ijk)


def test_the_13_directions_and_their_opposites_are_the_26_neighbours_faces_first():
    both = {tuple(step) for step in (*NEIGHBOUR_OFFSETS, *-NEIGHBOUR_OFFSETS)}
    assert len(both) == 26
    assert (0, 0, 0) not in both
    assert np.abs(NEIGHBOUR_OFFSETS).sum(axis=1).tolist() == [1] * 3 + [2] * 6 + [3] * 4
