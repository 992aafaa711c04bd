"""How far two reviewers agree: weighted kappa, AC1, intraclass correlation, Bland-Altman. Reported, never a gate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from meta_app.quality.domain import STEP, Item, highest_total

CONFIDENCE = 0.95
Z = float(stats.norm.ppf(0.5 + CONFIDENCE / 2))
FEWEST = 2
"""Studies below which nothing is estimated."""


@dataclass(frozen=True)
class Estimate:
    """A coefficient with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Differences:
    """B minus A, in points: mean with interval, standard deviation, limits of agreement."""

    mean: Estimate
    sd: float
    lower_limit: float
    upper_limit: float


def percent_agreement(a: Sequence[float], b: Sequence[float]) -> float:
    """Share of studies with exactly equal points, in percent."""
    return 100.0 * float(np.mean(np.asarray(a) == np.asarray(b)))


def weighted_kappa(
    a: Sequence[int], b: Sequence[int], categories: int, weights: Literal["linear", "quadratic"]
) -> Estimate | None:
    """Cohen's weighted kappa of two reviewers.

    Parameters
    ----------
    a, b : sequence of int
        Category of each study, 0 to `categories` - 1, in the same order.
    categories : int
        How many categories there are, used or not.
    weights : {"linear", "quadratic"}
        How disagreement grows with the distance of the categories.

    Returns
    -------
    Estimate or None
        None where chance alone would agree fully (one category is used), so that kappa is not defined.

    References
    ----------
    Cohen J. Psychological Bulletin 1968;70:213-220. Standard error: Fleiss JL, Cohen J, Everitt BS. Psychological
    Bulletin 1969;72:323-327.
    """
    n = len(a)
    if n < FEWEST or categories < FEWEST:
        return None
    observed = _table(a, b, categories)
    distance = np.abs(np.subtract.outer(np.arange(categories), np.arange(categories))) / (categories - 1)
    agreement = 1 - distance ** (1 if weights == "linear" else 2)
    rows, columns = observed.sum(1), observed.sum(0)
    expected = float((agreement * np.outer(rows, columns)).sum())
    if np.isclose(expected, 1):
        return None
    kappa = (float((agreement * observed).sum()) - expected) / (1 - expected)
    means = np.add.outer(agreement @ columns, rows @ agreement)
    spread = float((observed * (agreement - means * (1 - kappa)) ** 2).sum())
    variance = (spread - (kappa - expected * (1 - kappa)) ** 2) / ((1 - expected) ** 2 * n)
    return _interval(kappa, Z * np.sqrt(max(variance, 0.0)))


def _table(a: Sequence[int], b: Sequence[int], categories: int) -> np.ndarray:
    """Shares of the studies, A's category by B's; ndarray of shape (categories, categories)."""
    table = np.zeros((categories, categories))
    np.add.at(table, (np.asarray(a), np.asarray(b)), 1.0)
    return table / len(a)


def _interval(value: float, half_width: float) -> Estimate:
    return Estimate(float(value), float(max(value - half_width, -1.0)), float(min(value + half_width, 1.0)))


def gwet_ac1(a: Sequence[int], b: Sequence[int], categories: int) -> Estimate | None:
    """Gwet's AC1, which stays meaningful where nearly all studies are in one category and kappa does not.

    Parameters
    ----------
    a, b : sequence of int
        Category of each study, 0 to `categories` - 1.

    References
    ----------
    Gwet KL. British Journal of Mathematical and Statistical Psychology 2008;61:29-48; variance linearised over the
    studies, interval by Student's t.
    """
    n = len(a)
    if n < FEWEST or categories < FEWEST:
        return None
    one_hot = np.eye(categories)
    chosen = (one_hot[np.asarray(a)] + one_hot[np.asarray(b)]) / 2
    share = chosen.mean(0)
    equal = (np.asarray(a) == np.asarray(b)).astype(float)
    expected_each = chosen @ (1 - share) / (categories - 1)
    expected = float(expected_each.mean())
    ac1 = (float(equal.mean()) - expected) / (1 - expected)
    each = (equal - expected) / (1 - expected) - 2 * (1 - ac1) * (expected_each - expected) / (1 - expected)
    error = np.sqrt(float(((each - ac1) ** 2).sum()) / (n * (n - 1)))
    return _interval(ac1, float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * error)


def icc_2_1(scores: Sequence[Sequence[float]]) -> Estimate | None:
    """ICC(2,1): two-way random effects, absolute agreement, single reviewer.

    Parameters
    ----------
    scores : array-like of shape (n_studies, n_reviewers), points

    Returns
    -------
    Estimate or None
        None where no score differs from another.

    References
    ----------
    Shrout PE, Fleiss JL. Psychological Bulletin 1979;86:420-428.
    """
    table = np.asarray(scores, dtype=float)
    n, k = table.shape if table.ndim == FEWEST else (0, 0)
    if n < FEWEST:
        return None
    between, reviewers, error = _mean_squares(table)
    below = between + (k - 1) * error + k * (reviewers - error) / n
    if np.isclose(below, 0):
        return None
    icc = (between - error) / below
    shift, spread = k * icc * reviewers, (n * (1 + (k - 1) * icc) - k * icc) * error
    if np.isclose(shift, 0) and np.isclose(spread, 0):
        return Estimate(float(icc), float(icc), float(icc))
    freedom = (k - 1) * (n - 1) * (shift + spread) ** 2 / ((n - 1) * shift**2 + spread**2)
    low_f = stats.f.ppf(0.5 + CONFIDENCE / 2, n - 1, freedom)
    high_f = stats.f.ppf(0.5 + CONFIDENCE / 2, freedom, n - 1)
    rest = k * reviewers + (k * n - k - n) * error
    low = n * (between - low_f * error) / (low_f * rest + n * between)
    high = n * (high_f * between - error) / (rest + n * high_f * between)
    return Estimate(float(icc), float(max(low, -1.0)), float(min(high, 1.0)))


def _mean_squares(table: np.ndarray) -> tuple[float, float, float]:
    """Between studies, between reviewers, and residual."""
    n, k = table.shape
    mean = table.mean()
    between = k * ((table.mean(1) - mean) ** 2).sum() / (n - 1)
    reviewers = n * ((table.mean(0) - mean) ** 2).sum() / (k - 1)
    residual = table - table.mean(1, keepdims=True) - table.mean(0, keepdims=True) + mean
    return float(between), float(reviewers), float((residual**2).sum() / ((n - 1) * (k - 1)))


def bland_altman(a: Sequence[float], b: Sequence[float]) -> Differences | None:
    """Mean difference B - A, and the limits within which 95 % of the differences are expected (mean +- 1.96 SD).

    References
    ----------
    Bland JM, Altman DG. Lancet 1986;327:307-310.
    """
    n = len(a)
    if n < FEWEST:
        return None
    difference = np.subtract(b, a)
    mean, sd = float(difference.mean()), float(difference.std(ddof=1))
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * sd / np.sqrt(n)
    return Differences(Estimate(mean, mean - half, mean + half), sd, mean - Z * sd, mean + Z * sd)


@dataclass(frozen=True)
class Agreement:
    """How far the two reviewers agree on an item, or on the total."""

    name: str
    studies: int
    percent: float
    linear: Estimate | None
    quadratic: Estimate | None
    ac1: Estimate | None


Points = Mapping[str, float]


def item_agreement(item: Item, pairs: Sequence[tuple[Points, Points]]) -> Agreement | None:
    """Agreement on one item over the studies that were scored on it; None without any."""
    scored = [(a[item.key], b[item.key]) for a, b in pairs if item.key in a and item.key in b]
    scored = [pair for pair in scored if set(pair) <= set(item.steps)]
    return _agreement(item.wording.title, scored, item.points)


def total_agreement(items: Sequence[Item], totals: Sequence[tuple[float, float]]) -> Agreement | None:
    """Agreement on the totals, in classes of half a point."""
    return _agreement("Total", totals, highest_total(items))


def _agreement(name: str, pairs: Sequence[tuple[float, float]], most: float) -> Agreement | None:
    if not pairs:
        return None
    a, b = ([round(pair[side] / STEP) for pair in pairs] for side in (0, 1))
    categories = max(round(most / STEP), *a, *b) + 1
    return Agreement(
        name=name,
        studies=len(pairs),
        percent=percent_agreement(a, b),
        linear=weighted_kappa(a, b, categories, "linear"),
        quadratic=weighted_kappa(a, b, categories, "quadratic"),
        ac1=gwet_ac1(a, b, categories),
    )
