"""Cluster sizes against scipy's labelling; simulated maps."""

import numpy as np
import pytest
from scipy import ndimage, special

from sdm_core.inference import ClusterExtents
from sdm_core.spaces import SHAPE, Mask

BOX = (slice(30, 46), slice(40, 58), slice(20, 33))


@pytest.fixture(scope="module")
def mask():
    volume = np.zeros(SHAPE, dtype=bool)
    volume[BOX] = np.random.default_rng(1).random((16, 18, 13)) < 0.8
    return Mask.from_volume(volume, "holes")


@pytest.mark.parametrize("voxel_p", [0.5, 0.2, 0.01])
def test_sizes_are_those_of_labelled_components(mask, voxel_p):
    rng = np.random.default_rng(2)
    for _ in range(5):
        volume = ndimage.gaussian_filter(rng.standard_normal(SHAPE), 1)
        z = mask.take(volume / volume.std())
        volume = np.where(mask.voxels, mask.to_volume(z), 0)
        extents = ClusterExtents.of(mask, voxel_p)
        for row, sign in enumerate((1, -1)):
            above = mask.voxels & (sign * volume > 0) & (special.ndtr(-sign * volume) <= voxel_p)
            labels, _ = ndimage.label(above, np.ones((3, 3, 3)))
            sizes = np.bincount(labels.ravel())[labels] * above
            assert (np.maximum(sign * extents.sizes(z), 0) == mask.take(sizes)).all()
            assert extents.maxima(z)[row] == sizes.max()


def test_a_map_of_zeros_has_no_cluster(mask):
    for voxel_p in (0.5, 0.005):
        assert ClusterExtents.of(mask, voxel_p).maxima(np.zeros(mask.size)).tolist() == [0, 0]
