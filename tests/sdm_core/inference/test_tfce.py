"""Threshold-free cluster enhancement, against labelling at every distinct height and against SDM-PSI's maxima."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from sdm_core.errors import InputError
from sdm_core.inference import Enhancer
from sdm_core.inference.neighbours import NEIGHBOURHOODS
from sdm_core.io import read_map, read_mask, read_masked_map
from sdm_core.spaces import SHAPE, Mask

PUBLISHED = Path(__file__).parents[4] / "shared/data/sdm_psi_run"
BOX = (9, 8, 10)


@pytest.fixture(scope="module")
def mask():
    """A small box with holes at the corner of the grid, so that its rim is the grid's own."""
    volume = np.zeros(SHAPE, dtype=bool)
    volume[:9, :8, :10] = np.random.default_rng(1).random(BOX) < 0.9
    return Mask.from_volume(volume, "box")


def simulated(mask, kind):
    rng = np.random.default_rng(2)
    field = rng.standard_normal(SHAPE)
    field[:9, :8, :10] = ndimage.gaussian_filter(rng.standard_normal(BOX), 1.5 if kind == "smooth" else 0) * 4
    z = mask.take(field)
    return {"smooth": z, "noise": z, "ties": np.round(z / 2), "positive": np.abs(z), "zero": 0 * z}[kind]


def levels_and_extents(z, mask, neighbours):
    """Every distinct height from the lowest, with the extent of each voxel's component there."""
    structure = ndimage.generate_binary_structure(3, NEIGHBOURHOODS[neighbours])
    volume = np.zeros(BOX)
    volume[tuple(mask.indices.T)] = z
    for height in np.unique(z[z > 0]):
        labelled, _ = ndimage.label(volume >= height, structure)
        sizes = np.bincount(labelled.ravel())
        sizes[0] = 0
        yield height, sizes[labelled[tuple(mask.indices.T)]]


def brute_force(z, mask, neighbours):
    out, below = np.zeros(z.size), 0.0
    for height, extent in levels_and_extents(z, mask, neighbours):
        out += np.sqrt(extent) * (height**3 - below**3) / 3
        below = height
    return out


def brute_force_steps(z, mask):
    structure = ndimage.generate_binary_structure(3, 1)
    volume = np.zeros(BOX, dtype=np.float32)
    volume[tuple(mask.indices.T)] = z
    out, height, step = np.zeros(z.size), np.float32(0), np.float32(z.max()) / np.float32(100)
    for _ in range(100):
        height = np.float32(height + step)
        labelled, _ = ndimage.label(volume >= height, structure)
        sizes = np.bincount(labelled.ravel())
        sizes[0] = 0
        out += np.sqrt(sizes[labelled[tuple(mask.indices.T)]]) * float(height) ** 2
    return out


@pytest.mark.parametrize("neighbours", [6, 18, 26])
@pytest.mark.parametrize("kind", ["smooth", "noise", "ties", "positive", "zero"])
def test_the_tree_gives_the_sum_over_every_distinct_height(mask, neighbours, kind):
    z = simulated(mask, kind).astype(np.float32)
    enhanced = Enhancer.of(mask, neighbours).enhance(z)
    expected = [brute_force(np.maximum(sign * z.astype(float), 0), mask, neighbours) for sign in (1, -1)]
    assert enhanced.values == pytest.approx(expected[0] - expected[1], rel=1e-12, abs=1e-12)
    assert enhanced.maxima == pytest.approx([e.max() for e in expected], rel=1e-12)


@pytest.mark.parametrize("neighbours", [6, 26])
def test_the_maxima_alone_are_those_of_the_map(mask, neighbours):
    for kind in ("smooth", "noise", "ties"):
        z = simulated(mask, kind)
        enhancer = Enhancer.of(mask, neighbours)
        assert (enhancer.maxima(z) == enhancer.enhance(z).maxima).all()


def test_steps_are_those_of_labelling_at_a_hundred_heights(mask):
    z = simulated(mask, "smooth").astype(np.float32)
    enhanced = Enhancer.of(mask, 6, stepped=True).enhance(z)
    expected = brute_force_steps(np.maximum(z, 0), mask) - brute_force_steps(np.maximum(-z, 0), mask)
    assert enhanced.values == pytest.approx(expected, rel=1e-12, abs=1e-12)


def test_doubling_a_map_multiplies_the_integral_by_eight_and_the_steps_by_four(mask):
    z = simulated(mask, "smooth")
    for stepped, factor in ((False, 8), (True, 4)):
        enhancer = Enhancer.of(mask, 6, stepped=stepped)
        assert enhancer.maxima(2 * z) == pytest.approx(factor * enhancer.maxima(z), rel=1e-6)


def test_a_mask_of_one_voxel_has_an_extent_of_one():
    volume = np.zeros(SHAPE, dtype=bool)
    volume[90, 108, 90] = True
    enhancer = Enhancer.of(Mask.from_volume(volume, "one"))
    assert enhancer.maxima([3.0]) == pytest.approx([9, 0])
    assert enhancer.enhance([-3.0]).values == pytest.approx([-9])


def test_other_neighbourhoods_are_refused(mask):
    with pytest.raises(InputError, match="6, 18 or 26"):
        Enhancer.of(mask, 8)


@pytest.mark.reference
@pytest.mark.skipif(not PUBLISHED.exists(), reason="the reference data are not beside the project")
def test_the_published_maxima_and_corrected_p_of_sdm_psi_are_reproduced():
    mask = read_mask(PUBLISHED / "mask.nii.gz")
    z = read_masked_map(PUBLISHED / "mean_model/z.nii.gz", mask)
    enhanced = Enhancer.of(mask, 6, stepped=True).enhance(z)
    assert enhanced.maxima == pytest.approx([87097.484375, 821.288086], rel=1e-6)
    null = np.loadtxt(PUBLISHED / "mean_model/null_maxima.txt")
    for name, values, maxima in (("", enhanced.values, null[:, 2]), ("_neg", -enhanced.values, null[:, 3])):
        corrected, _ = read_map(PUBLISHED / f"mean_model/corrp_tfce{name}.nii.gz")
        share = np.searchsorted(np.sort(maxima), np.maximum(values, 0)) / maxima.size
        assert np.abs(share - mask.take(corrected)).max() < 1e-6
