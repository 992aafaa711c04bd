"""The small mask on which whole runs are tried."""

import numpy as np
import pytest

from sdm_core.spaces import SHAPE, Mask, mm_to_voxel

PEAK = (-40.0, 10.0, 4.0)
"""MNI mm; the middle voxel of the mask."""
REACH = 6


@pytest.fixture(scope="session")
def mask():
    """A cube of 13 voxels a side around the peak."""
    volume = np.zeros(SHAPE, dtype=bool)
    volume[tuple(slice(middle - REACH, middle + REACH + 1) for middle in mm_to_voxel(PEAK).astype(int))] = True
    return Mask.from_volume(volume, "box")
