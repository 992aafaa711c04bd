"""The search of SDM-PSI 6.21 against scipy's, which is stuck in the same way, and against its published map."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage, optimize, special

from sdm_core.effects import EffectScale
from sdm_core.imputation import most_likely, most_likely_linear, most_likely_sdm, most_likely_tau2
from sdm_core.io import read_bounds, read_masked_map, read_sdm_folder

RUN = Path(__file__).parents[4] / "shared/data/sdm_psi_run"
BASE, SLOPE = 0.09, 0.06


def seek(lower, upper, n_discards=0):
    lower, upper = (np.array(side, dtype=np.float32).reshape(len(lower), -1) for side in (lower, upper))
    mean, scale = np.empty(lower.shape[1]), [np.full(len(lower), value) for value in (BASE, SLOPE)]
    most_likely_sdm(lower, upper, *scale, n_discards, mean)
    return mean


def own(lower, upper, n_discards=0):
    lower, upper = (np.array(side, dtype=np.float32).reshape(len(lower), -1) for side in (lower, upper))
    mean, tau2 = np.empty((2, lower.shape[1]))
    most_likely(lower, upper, np.full(len(lower), BASE), np.full(len(lower), SLOPE), n_discards, mean, tau2)
    return mean


def loss(mean, lower, upper):
    """No number where the probability of an interval comes out negative."""
    a, b = ((side - mean) / np.sqrt(BASE + SLOPE * side**2) for side in (lower, upper))
    with np.errstate(invalid="ignore", divide="ignore"):
        return -np.log(special.ndtr(b) - special.ndtr(a)).sum()


def plain_search(lower, upper):
    return float(optimize.fminbound(loss, lower.min(), upper.max(), args=(lower, upper), xtol=1e-7))


def plain_discards(lower, upper, n_discards):
    """The study without which the answer is smallest, again and again."""
    for _ in range(n_discards):
        answers = [abs(plain_search(np.delete(lower, i), np.delete(upper, i))) for i in range(len(lower))]
        lower, upper = (np.delete(side, int(np.argmin(answers))) for side in (lower, upper))
    return plain_search(lower, upper)


def hard_bounds(n_voxels, seed=0):
    """Eight studies of which two know next to nothing and up to five found a strong effect.  Simulated."""
    rng = np.random.default_rng(seed)
    lower, upper = np.tile([[-0.6], [0.6]], (8, 1, n_voxels)).transpose(1, 0, 2)
    lower[:2], upper[:2] = -9 + rng.uniform(0, 0.5, (2, n_voxels)), 11.5
    strong = rng.integers(0, 6, n_voxels)
    for i in range(5):
        middle, width = rng.uniform(3, 4, n_voxels), rng.uniform(0.5, 1.2, n_voxels)
        lower[2 + i] = np.where(i < strong, middle - width / 2, -0.6)
        upper[2 + i] = np.where(i < strong, middle + width / 2, 0.6)
    return lower.astype(np.float32).astype(float), upper.astype(np.float32).astype(float)


@pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning")
@pytest.mark.parametrize("n_discards", [0, 1, 2])
def test_the_answer_is_that_of_a_plain_search_with_every_study_left_out_in_turn(n_discards):
    lower, upper = hard_bounds(25, seed=n_discards)
    found = seek(lower, upper, n_discards)
    plain = [plain_discards(lower[:, v], upper[:, v], n_discards) for v in range(25)]
    assert found == pytest.approx(plain, abs=1e-4)
    stuck = found < -0.5
    assert stuck.any()
    assert not stuck.all()
    assert (own(lower, upper, n_discards) > -0.5).all()


def test_symmetrical_bounds_leave_the_search_nowhere_to_be_stuck():
    widths = np.random.default_rng(1).uniform(0.3, 2, (6, 10))
    assert seek(-widths, widths, 2) == pytest.approx(own(-widths, widths, 2), abs=1e-9)


def test_a_single_study_and_known_studies_alone_have_mean_zero():
    assert seek([0.3], [0.9]) == 0
    assert seek([0.2, 0.4], [0.2, 0.4]) == 0


def test_tau2_around_given_coefficients_is_that_of_the_likelihood_that_found_them():
    lower, upper = (side.astype(np.float32) for side in hard_bounds(12, seed=4))
    scale = np.full(8, BASE), np.full(8, SLOPE)
    design = np.column_stack([np.ones(8), np.arange(8) - 3.5])
    coefficients, tau2, again = np.empty((2, 12)), np.empty(12), np.empty(12)
    most_likely_linear(lower, upper, *scale, design, np.array([0.0, 1.0]), 1, coefficients, tau2)
    most_likely_tau2(lower, upper, *scale, design, coefficients, again)
    np.testing.assert_array_equal(again, tau2)
    assert (tau2 > 0).any()


@pytest.mark.skipif(not RUN.exists(), reason="needs the published SDM-PSI run, ../shared/data/sdm_psi_run")
def test_the_search_is_stuck_where_the_published_map_has_its_pits():
    studies = read_sdm_folder(RUN / "inputs")[0]
    bounds, scale = read_bounds(RUN / "bounds", studies), EffectScale.of(studies)
    order = [bounds.names.index(name) for name in studies.names]
    box = np.zeros(bounds.mask.voxels.shape, dtype=bool)
    box[54:67, 25:38, 26:31] = True
    inside = bounds.mask.take(box)
    lower, upper = (np.ascontiguousarray(side[order][:, inside]) for side in (bounds.lower, bounds.upper))
    found, usual, tau2 = np.empty((3, inside.sum()))
    most_likely_sdm(lower, upper, scale.base, scale.slope, 3, found)
    most_likely(lower, upper, scale.base, scale.slope, 3, usual, tau2)
    stuck, volume = np.abs(found - usual) > 0.5, np.zeros(box.shape)
    assert 0.1 < stuck.mean() < 0.3
    published = read_masked_map(RUN / "mean_model/g.nii.gz", bounds.mask)[inside]
    difference = usual - published
    assert np.median(difference[stuck]) > 0.1
    volume[tuple(bounds.mask.indices[inside][stuck].T)] = 1
    near = bounds.mask.take(ndimage.binary_dilation(volume, np.ones((3, 3, 3))))[inside]
    assert np.quantile(np.abs(difference[~near]), 0.95) < 0.06
