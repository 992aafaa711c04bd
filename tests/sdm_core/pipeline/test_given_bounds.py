"""Bounds that a user brings: what is taken and what is refused."""

import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.pipeline.stages import given_bounds
from sdm_core.spaces import SHAPE, Mask
from sdm_core.studies import BoundsMaps, StudyTable

STUDIES = StudyTable.from_rows([{"study": "a", "n1": 20, "t_thr": 3}])


def bounds(lower, upper):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[40, 50, 40:42] = True
    pair = (np.array([values], dtype=np.float32) for values in (lower, upper))
    return BoundsMaps(("a",), *pair, Mask.from_volume(volume, "two voxels"))


def test_bounds_that_cross_by_the_rounding_of_single_precision_are_taken():
    assert given_bounds(bounds([9.336681, -1], [9.336679, 1]), STUDIES).lower.shape == (1, 2)


@pytest.mark.parametrize(("lower", "upper"), [([0.2, 0], [0.1, 0]), ([np.nan, 0], [1, 0]), ([0, 0], [np.inf, 0])])
def test_bounds_that_are_none_are_refused_with_the_study(lower, upper):
    with pytest.raises(InputError, match="study a: has 1 voxels"):
        given_bounds(bounds(lower, upper), STUDIES)
