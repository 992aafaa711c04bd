"""The template model, by hand and as a whole."""

import numpy as np
import pytest
from scipy import ndimage

from sdm_core.errors import InputError
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, Mask, load_mask, load_template
from sdm_core.spaces.templates import (
    NAMES,
    RHO_RANGE,
    TissueModel,
    border_share,
    neighbour_correlations,
    tissue_share,
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
    model = TissueModel(-3.0, -1.0, 0.5, 0, 0, fwhm_mm=0, wide_fwhm_mm=0)
    mask = two_voxels(offset)
    share, border = np.zeros((2, *SHAPE), dtype=np.float32)
    share[40, 40, 40], share[tuple(np.array([40, 40, 40]) + offset)] = 1.0, 0.5
    rho = neighbour_correlations(share, border, mask, model)
    expected = np.exp(-np.abs(offset).sum() * np.exp(-3.0 - 0.5 * 0.75))
    here = mask.index_volume[40, 40, 40]
    assert rho[direction, here] == pytest.approx(expected, abs=1e-6)
    rho[direction, here] = np.nan
    assert np.isnan(rho).all()


def test_the_gradient_counts_a_millimetre_and_the_variance_is_that_of_the_shares_around():
    ramp = np.broadcast_to(np.linspace(0, 1, SHAPE[0], dtype=np.float32)[:, None, None], SHAPE)
    stripes = np.broadcast_to((np.arange(SHAPE[0]) % 2).astype(np.float32)[:, None, None], SHAPE)
    mask, flat = two_voxels(NEIGHBOUR_OFFSETS[0]), np.zeros(SHAPE, dtype=np.float32)
    gradient = neighbour_correlations(flat, ramp, mask, TissueModel(-4.0, 0, 0, 50.0, 0))
    assert np.log(-np.log(np.nanmax(gradient))) == pytest.approx(-4 + 50 / 90 / 2, abs=2e-3)
    variance = neighbour_correlations(flat, stripes, mask, TissueModel(-4.0, 0, 0, 0, 4.0))
    assert np.log(-np.log(np.nanmax(variance))) == pytest.approx(-4 + 4 / 4, abs=2e-3)


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


@pytest.mark.parametrize("name", NAMES)
def test_each_template_has_a_mask_and_is_smoothest_in_the_middle_of_its_tissue(name):
    template, share = load_template(name), tissue_share(name)
    assert template.mask.sha256 == load_mask(name).sha256
    assert 0 <= share.min() < 0.9 < share.max() <= 1
    smooth = template.mask.take(ndimage.gaussian_filter(share, TissueModel().fwhm_mm / 2.3548 / 2))
    assert np.nanmean(template.correlations[0][smooth > 0.6]) > np.nanmean(template.correlations[0][smooth < 0.3])
    assert template.origin["constant"] == TissueModel().constant


def test_gray_matter_borders_on_white_and_white_on_gray_and_the_brain_on_what_is_not_brain():
    np.testing.assert_array_equal(border_share("gray_matter"), tissue_share("white_matter"))
    np.testing.assert_array_equal(border_share("white_matter"), tissue_share("gray_matter"))
    np.testing.assert_allclose(border_share("brain"), 1 - tissue_share("brain"))


def test_an_unknown_template_is_refused():
    with pytest.raises(InputError, match="Choose one of gray_matter, white_matter, brain"):
        load_template("dark_matter")
