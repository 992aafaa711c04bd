"""Coefficients of agreement against published worked examples."""

import numpy as np
import pytest

from meta_app.quality.engine import bland_altman, gwet_ac1, icc_2_1, percent_agreement, weighted_kappa


def ratings(table):
    """Category of A and of B for each person of a table of counts."""
    cells = [(i, j) for i, row in enumerate(table) for j, count in enumerate(row) for _ in range(count)]
    return [i for i, _ in cells], [j for _, j in cells]


def test_linear_kappa_is_that_of_the_example_of_sas():
    """The example of PROC FREQ printed by SAS: weighted kappa 0.4701, interval 0.1845 to 0.7558."""
    found = weighted_kappa(*ratings([[0, 4, 1], [0, 8, 0], [0, 1, 5]]), 3, "linear")
    assert [found.value, found.low, found.high] == pytest.approx([0.4701, 0.1845, 0.7558], abs=5e-5)


# Anxiety of 20 people as rated by the second and third rater in the R package irr; nobody used category 4.
ANXIETY = (
    [3, 6, 4, 6, 2, 4, 2, 4, 3, 3, 2, 3, 3, 3, 2, 2, 1, 3, 3, 4],
    [2, 1, 4, 4, 3, 2, 1, 6, 1, 1, 1, 2, 3, 3, 1, 1, 3, 3, 2, 2],
)


@pytest.mark.parametrize(("weights", "published"), [("linear", 0.1459075), ("quadratic", 0.2520325)])
def test_kappas_are_those_of_the_r_package_irr(weights, published):
    """kappa2(anxiety[, 2:3], "equal") and "squared"; that package leaves out the category nobody used (5)."""
    order = {1: 0, 2: 1, 3: 2, 4: 3, 6: 4}
    a, b = ([order[value] for value in rater] for rater in ANXIETY)
    assert weighted_kappa(a, b, 5, weights).value == pytest.approx(published, abs=5e-7)


def test_kappa_is_one_for_equal_and_minus_one_for_opposed_scores_and_open_where_one_category_is_used():
    assert weighted_kappa([0, 1, 2], [0, 1, 2], 3, "quadratic").value == 1
    assert weighted_kappa([0, 1, 0, 1], [1, 0, 1, 0], 2, "linear").value == -1
    assert weighted_kappa([2, 2, 2], [2, 2, 2], 3, "linear") is None
    assert weighted_kappa([1], [1], 3, "linear") is None


def test_interval_of_kappa_is_that_of_simulated_repetitions():
    """Simulated: the standard error against the spread of kappa over 2,000 samples of 200 pairs."""
    random = np.random.default_rng(5)
    shares = np.array([[0.2, 0.08, 0.02], [0.06, 0.24, 0.06], [0.02, 0.07, 0.25]])
    values = []
    for _ in range(2000):
        cells = random.choice(9, size=200, p=shares.ravel())
        values.append(weighted_kappa(cells // 3, cells % 3, 3, "quadratic"))
    spread = np.std([found.value for found in values])
    told = np.mean([(found.high - found.low) / (2 * 1.959964) for found in values])
    assert told == pytest.approx(spread, rel=0.05)


def test_icc_is_that_of_shrout_and_fleiss():
    """Psychological Bulletin 1979;86:420, table 2: ICC(2,1) = 0.29; the R package psych gives 0.019 to 0.761."""
    scores = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    found = icc_2_1(scores)
    assert found.value == pytest.approx(0.2898, abs=5e-5)
    assert [found.low, found.high] == pytest.approx([0.019, 0.761], abs=5e-4)


def test_icc_of_a_reviewer_who_is_always_one_point_higher_is_not_told_as_certain():
    """By hand: 2, 0.5 and 0 are the mean squares; 2 / (2 + 2 x 0.5 / 3) for 3 studies; F(2, 1; 0.975) is 799.5."""
    found = icc_2_1([[1, 2], [2, 3], [3, 4]])
    assert found.value == pytest.approx(2 / (2 + 2 * 1.5 / 3))
    assert found.low == pytest.approx(3 * 2 / (799.5 * 2 * 1.5 + 3 * 2), rel=1e-4)
    assert found.low < found.value < found.high <= 1


def test_icc_of_equal_scores_is_one_and_of_scores_without_any_difference_open():
    assert icc_2_1([[15, 15], [17, 17], [19, 19]]).value == 1
    assert icc_2_1([[20, 20], [20, 20]]) is None
    assert icc_2_1([[20, 20]]) is None
    assert icc_2_1([]) is None


def test_ac1_is_that_of_the_example_where_kappa_fails():
    """Gwet's example of 125 people, 118 of them positive for both: AC1 0.9408, while kappa is below zero."""
    a, b = ratings([[118, 5], [2, 0]])
    assert gwet_ac1(a, b, 2).value == pytest.approx(0.9408, abs=5e-5)
    assert weighted_kappa(a, b, 2, "linear").value == pytest.approx(-0.0234, abs=5e-5)


def test_interval_of_ac1_is_that_of_leaving_each_person_out():
    """The linearised variance against the jackknife."""
    random = np.random.default_rng(3)
    a = random.integers(0, 3, 150)
    b = np.where(random.random(150) < 0.7, a, random.integers(0, 3, 150))
    found = gwet_ac1(a, b, 3)
    left_out = [gwet_ac1(np.delete(a, k), np.delete(b, k), 3).value for k in range(150)]
    jackknife = np.sqrt(149 / 150 * ((left_out - np.mean(left_out)) ** 2).sum())
    assert (found.high - found.low) / 2 / 1.976 == pytest.approx(jackknife, rel=0.02)


def test_differences_are_those_of_bland_and_altman():
    """Lancet 1986: peak flow by two meters, 17 people; mean -2.1 l/min, SD 38.8, interval of the mean -22.0 to 17.8."""
    wright = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
    mini = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
    found = bland_altman(mini, wright)
    assert found.mean.value == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    assert [found.mean.low, found.mean.high] == pytest.approx([-22.0, 17.8], abs=0.1)
    assert found.upper_limit == pytest.approx(-2.1 + 1.96 * 38.8, abs=0.1)
    assert bland_altman([1], [1]) is None


def test_percent_agreement_counts_equal_points():
    assert percent_agreement([1, 2, 2, 0.5], [1, 2, 1.5, 0.5]) == 75
