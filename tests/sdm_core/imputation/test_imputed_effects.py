"""Random fields and the effects drawn with them, against their theory."""

import numpy as np
import pytest
from scipy import special, stats

from sdm_core.imputation import FieldGenerator, impute, truncations
from sdm_core.imputation.normal import density, distribution, interval, quantile
from sdm_core.spaces import NEIGHBOUR_OFFSETS, SHAPE, Mask, Template, load_template


def drawn(z, lower, upper, mean, tau2, base=0.05, slope=0.03):
    """Effects of the normal values z for one distribution."""
    z = np.asarray(z, dtype=np.float32)
    low, high = (np.full(z.size, x, dtype=np.float32) for x in (lower, upper))
    mu, t2 = np.full(z.size, float(mean)), np.full(z.size, float(tau2))
    below, inside, effects, variances = np.empty((4, z.size))
    truncations(low, high, mu, t2, base, slope, below, inside)
    impute(z.reshape(1, 1, -1), np.arange(z.size), low, high, mu, t2, base, slope, below, inside, effects, variances)
    return effects, variances


@pytest.mark.parametrize(
    ("lower", "upper", "mean", "tau2"), [(-0.7, 0.9, 0.2, 0.02), (0.6, 1.4, -0.5, 0.0), (-2, -1, 1, 0)]
)
def test_imputed_effects_follow_the_truncated_normal(lower, upper, mean, tau2):
    z = np.random.default_rng(4).standard_normal(20_000)
    effects, variances = drawn(z, lower, upper, mean, tau2)
    sigma = np.sqrt(0.05 + 0.03 * mean**2 + tau2)
    expected = stats.truncnorm((lower - mean) / sigma, (upper - mean) / sigma, mean, sigma)
    assert stats.kstest(effects, expected.cdf).pvalue > 0.001
    assert variances == pytest.approx(0.05 + 0.03 * effects**2)


def test_a_higher_field_never_gives_a_lower_effect():
    effects, _ = drawn(np.linspace(-7, 7, 500), -0.7, 0.9, 0.6, 0.1)
    assert (np.diff(effects) >= 0).all()
    assert effects.min() >= np.float32(-0.7)
    assert effects.max() <= np.float32(0.9)


def test_known_effects_are_copied():
    effects, _ = drawn([-3, 0, 3], 0.4, 0.4, -1, 0.1)
    assert effects == pytest.approx(0.4)


def test_bounds_beyond_all_probability_give_the_nearer_bound():
    effects, _ = drawn([-1, 0, 1], 30, 31, -30, 0.0, slope=0.0)
    assert effects == pytest.approx(30, abs=0.1)


def test_the_fast_normal_distribution_agrees_with_scipy():
    x = np.concatenate([np.linspace(-9, 9, 4001), [-40, 40]])
    assert [distribution(v) for v in x] == pytest.approx(special.ndtr(x), abs=1e-11)
    assert [density(v) for v in x] == pytest.approx(stats.norm.pdf(x), rel=1e-7)
    p = np.concatenate([np.linspace(1e-6, 1 - 1e-6, 2001), [1e-290, 1e-30, 1 - 1e-15]])
    assert [quantile(v) for v in p] == pytest.approx(special.ndtri(p), rel=1e-13, abs=1e-15)
    assert interval(20.0, 21.0) == pytest.approx(special.ndtr(-20.0), rel=1e-7)
    assert interval(-21.0, -20.0) == pytest.approx(special.ndtr(-20.0), rel=1e-7)


@pytest.fixture(scope="module")
def generator():
    return FieldGenerator.of(load_template("gray_matter"))


def test_a_field_depends_on_seed_study_and_imputation_alone(generator):
    field = generator.draw(1, "smith", 0)
    assert generator.draw(1, "smith", 0).tobytes() == field.tobytes()
    for other in ((2, "smith", 0), (1, "jones", 0), (1, "smith", 1)):
        assert abs(np.corrcoef(generator.draw(*other).ravel(), field.ravel())[0, 1]) < 0.2


def box_template(rho):
    volume = np.zeros(SHAPE, dtype=bool)
    volume[30:42, 30:42, 30:42] = True
    mask = Mask.from_volume(volume, "box")
    correlations = np.stack([np.full(mask.size, rho ** np.abs(o).sum()) for o in NEIGHBOUR_OFFSETS]).astype(np.float32)
    return Template("box", correlations, mask)


def test_fields_are_standard_normal_with_the_correlations_of_the_template():
    generator = FieldGenerator.of(box_template(0.9))
    fields = np.array([generator.draw(3, "s", j) for j in range(1500)])
    assert fields.std(axis=0) == pytest.approx(1, abs=0.1)
    for axis in (1, 2, 3):
        ahead, behind = np.moveaxis(fields, axis, 0)[1:], np.moveaxis(fields, axis, 0)[:-1]
        assert (ahead * behind).mean() == pytest.approx(0.9, abs=0.02)
    assert (fields[:, 1:, 1:] * fields[:, :-1, :-1]).mean() == pytest.approx(0.81, abs=0.03)


def test_lag_one_correlations_in_the_brain_are_those_of_the_template(generator):
    template = load_template("gray_matter")
    ijk = template.mask.indices
    fields = np.array([generator.draw(8, "s", j).ravel()[generator.voxels] for j in range(60)])
    for axis in range(3):
        joined = np.flatnonzero(np.isfinite(template.correlations[axis]))
        neighbour = template.mask.index_volume[tuple((ijk[joined] + NEIGHBOUR_OFFSETS[axis]).T)]
        products = (fields[:, joined] * fields[:, neighbour]).mean() / (fields**2).mean()
        assert products == pytest.approx(template.correlations[axis, joined].mean(), abs=0.005)
