"""The template model, by hand and as a whole."""

import numpy as np
import pytest

from sdm_core.errors import InputError
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, Mask, load_mask, load_template
from sdm_core.spaces.templates import (
    FACE_CORRELATION,
    FACTOR_SLOPE,
    FACTOR_WITHOUT_GRAY,
    RHO_RANGE,
    neighbour_correlations,
)


@pytest.fixture(scope="module")
def template():
    return load_template("gray_matter")


def two_voxels(offset):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[40, 40, 40] = volume[tuple(np.array([40, 40, 40]) + offset)] = True
    return Mask.from_volume(volume, "two voxels")


@pytest.mark.parametrize("direction", range(13))
def test_each_direction_holds_the_correlation_with_the_neighbour_there(direction):
    offset = NEIGHBOUR_OFFSETS[direction]
    mask = two_voxels(offset)
    gray = np.zeros(SHAPE, dtype=np.float32)
    gray[40, 40, 40], gray[tuple(np.array([40, 40, 40]) + offset)] = 1.0, 0.5
    rho = neighbour_correlations(gray, mask)
    unlike = 1 - FACE_CORRELATION ** np.abs(offset).sum()
    expected = 1 - unlike * (FACTOR_WITHOUT_GRAY - FACTOR_SLOPE * 0.75)
    here = mask.index_volume[40, 40, 40]
    assert rho[direction, here] == pytest.approx(expected, abs=1e-6)
    rho[direction, here] = np.nan
    assert np.isnan(rho).all()


def test_correlations_exist_exactly_where_both_voxels_are_in_the_mask(template):
    mask = template.mask
    for offset, row in zip(NEIGHBOUR_OFFSETS, template.correlations, strict=True):
        neighbour = mask.voxels[tuple((mask.indices + offset).T)]
        np.testing.assert_array_equal(np.isfinite(row), neighbour)


def test_near_neighbours_are_more_alike_than_far_ones(template):
    means = np.nanmean(template.correlations, axis=1)
    assert means[:3].min() > means[3:9].max() > means[3:9].min() > means[9:].max()
    assert np.nanmin(template.correlations) >= RHO_RANGE[0]
    assert np.nanmax(template.correlations) <= RHO_RANGE[1]


def test_a_template_can_be_made_for_any_mask(template):
    brain = load_template("gray_matter", load_mask("brain"))
    assert brain.correlations.shape == (13, load_mask("brain").size)
    assert brain.sha256 != template.sha256 == load_template("gray_matter").sha256


def test_templates_cannot_be_changed(template):
    with pytest.raises(ValueError, match="read-only"):
        template.correlations[0, 0] = 1


def test_an_unknown_template_is_refused():
    with pytest.raises(InputError, match="Choose one of gray_matter"):
        load_template("white_matter")
