"""Most likely mean effect and between-study variance of every voxel (MetaNSUE).

A study whose bounds coincide is known: it adds the normal density at its effect.  A study known only to lie between
bounds adds the probability of that interval.  For fixed variances the log-likelihood is concave in the mean.

Notes
-----
The robust step removes, one after another, the studies whose removal brings the mean closest to 0.  Candidates are
screened by one Newton step without the study; the best four are solved exactly.
Each bound has the standard error of an effect of its size, so that changing the sign of all effects changes the sign
of the result; MetaNSUE takes the upper bound's for both, the same number for symmetric bounds.  Where the mean is so
far away that the interval has no probability, its nearer bound counts as if observed.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

from .normal import SMALLEST_PROBABILITY, density, interval

Floats = NDArray[np.float64]

KNOWN_WIDTH = 1e-6
"""Bounds closer than this are one known effect."""
LARGEST_TAU2 = 25.0
EXACT_CANDIDATES = 4
NEWTON_STEPS = 60
MEAN_TOLERANCE = 1e-5
"""Of the last Newton step, which leaves an error of about its square."""
GOLDEN_STEPS = 15
RISES = 3
"""The coarse search for tau2 ends after this many steps without a better value."""
_GOLDEN = (math.sqrt(5) - 1) / 2
_TAU2_GRID = np.concatenate([[0.0], np.geomspace(1e-3, LARGEST_TAU2, 10)])


def default_discards(n_studies: int) -> int:
    """How many of the most favourable studies the robust step removes: metansue's rule."""
    for limit, count in ((30, 1), (59, 2), (77, 3)):
        if n_studies <= limit:
            return count
    return math.ceil((n_studies - 34) / 15)


@compiled
def load_voxel(lower: NDArray[np.float32], upper: NDArray[np.float32], base: Floats,
               slope: Floats) -> tuple[Floats, Floats, Floats, int]:  # fmt: skip
    """One voxel's bounds (n_studies,), the variances of such effects (n_studies, 2), and how many are known."""
    low, high, variance, n_known = np.empty(lower.size), np.empty(lower.size), np.empty((lower.size, 2)), 0
    for i in range(lower.size):
        low[i], high[i] = lower[i], upper[i]
        variance[i, 0] = base[i] + slope[i] * low[i] * low[i]
        variance[i, 1] = base[i] + slope[i] * high[i] * high[i]
        n_known += high[i] - low[i] < KNOWN_WIDTH
    return low, high, variance, n_known


@compiled
def study_slope(mean: float, lower: float, upper: float, variance: Floats) -> tuple[float, float]:
    """Score and information of one study about the mean."""
    if upper - lower < KNOWN_WIDTH:
        return (0.5 * (lower + upper) - mean) / variance[0], 1.0 / float(variance[0])
    s_lower, s_upper = math.sqrt(variance[0]), math.sqrt(variance[1])
    a, b = (lower - mean) / s_lower, (upper - mean) / s_upper
    probability = interval(a, b)
    if probability < SMALLEST_PROBABILITY:
        nearer, at = (lower, 0) if a > 0.0 else (upper, 1)
        return (nearer - mean) / variance[at], 1.0 / float(variance[at])
    density_a, density_b = density(a) / s_lower, density(b) / s_upper
    score = (density_a - density_b) / probability
    return score, score * score + (b * density_b / s_upper - a * density_a / s_lower) / probability


@compiled
def study_loss(tau2: float, mean: float, lower: float, upper: float, variance: Floats) -> float:
    """Negative log-likelihood of one study, up to a constant."""
    total = float(variance[0]) + tau2
    if upper - lower < KNOWN_WIDTH:
        return 0.5 * (math.log(total) + (0.5 * (lower + upper) - mean) ** 2 / total)
    a, b = (lower - mean) / math.sqrt(total), (upper - mean) / math.sqrt(variance[1] + tau2)
    probability = interval(a, b)
    if probability < SMALLEST_PROBABILITY:
        nearer = abs(a) if a > 0.0 else abs(b)
        return 0.5 * nearer * nearer + math.log(nearer)
    return -math.log(probability)


@compiled
def solve_mean(start: float, lower: Floats, upper: Floats, variance: Floats, used: NDArray[np.bool_]) -> float:
    """Maximise the likelihood over the mean by Newton steps inside a bracket."""
    low, high = np.inf, -np.inf
    for i in range(lower.shape[0]):
        if used[i]:
            low, high = min(low, lower[i]), max(high, upper[i])
    mean = min(max(start, low), high)
    for _ in range(NEWTON_STEPS):
        score, information = 0.0, 0.0
        for i in range(lower.shape[0]):
            if used[i]:
                own_score, own_information = study_slope(mean, lower[i], upper[i], variance[i])
                score += own_score
                information += own_information
        if score > 0.0:
            low = mean
        else:
            high = mean
        following = mean + score / information if information > 0.0 else np.inf
        if not low <= following <= high:
            following = 0.5 * (low + high)
        change = abs(following - mean)
        mean = following
        if change < MEAN_TOLERANCE:
            break
    return mean


@compiled
def screen(mean: float, lower: Floats, upper: Floats, variance: Floats, used: NDArray[np.bool_], promise: Floats,
           own: Floats) -> None:  # fmt: skip
    """One Newton step without each study: the mean in `own[:, 0]`, its size in `promise`, infinite if there is none."""
    score, information = 0.0, 0.0
    for i in range(lower.shape[0]):
        if used[i]:
            own[i, 0], own[i, 1] = study_slope(mean, lower[i], upper[i], variance[i])
            score += own[i, 0]
            information += own[i, 1]
    for i in range(lower.shape[0]):
        promise[i] = np.inf
        if used[i] and information > own[i, 1]:
            own[i, 0] = mean + (score - own[i, 0]) / (information - own[i, 1])
            promise[i] = abs(own[i, 0])


@compiled
def best_candidate(lower: Floats, upper: Floats, variance: Floats, used: NDArray[np.bool_], promise: Floats,
                   own: Floats) -> tuple[int, float]:  # fmt: skip
    """Of the most promising studies the one without which the mean is closest to 0, and that mean; -1 for none."""
    best, best_mean = -1, np.inf
    for _ in range(EXACT_CANDIDATES):
        i = int(np.argmin(promise))
        if promise[i] == np.inf:
            break
        used[i] = False
        candidate = solve_mean(own[i, 0], lower, upper, variance, used)
        used[i] = True
        promise[i] = np.inf
        if abs(candidate) < abs(best_mean):
            best, best_mean = i, candidate
    return best, best_mean


@compiled
def discard_best(mean: float, lower: Floats, upper: Floats, variance: Floats, used: NDArray[np.bool_],
                 promise: Floats, own: Floats) -> float:  # fmt: skip
    """Remove the study without which the mean is closest to 0; returns that mean."""
    screen(mean, lower, upper, variance, used, promise, own)
    best, best_mean = best_candidate(lower, upper, variance, used, promise, own)
    if best < 0:
        return mean
    used[best] = False
    return best_mean


@compiled
def total_loss(tau2: float, mean: float, lower: Floats, upper: Floats, variance: Floats) -> float:
    total = 0.0
    for i in range(lower.shape[0]):
        total += study_loss(tau2, mean, lower[i], upper[i], variance[i])
    return total


@compiled
def solve_tau2(mean: float, lower: Floats, upper: Floats, variance: Floats) -> float:
    """Minimise the loss over tau2: a coarse grid, then golden sections around its best point."""
    best, best_loss = 0, np.inf
    for k in range(_TAU2_GRID.shape[0]):
        loss = total_loss(_TAU2_GRID[k], mean, lower, upper, variance)
        if loss < best_loss:
            best, best_loss = k, loss
        elif k >= best + RISES:
            break
    left, right = _TAU2_GRID[max(best - 1, 0)], _TAU2_GRID[min(best + 1, _TAU2_GRID.shape[0] - 1)]
    inner, outer = right - _GOLDEN * (right - left), left + _GOLDEN * (right - left)
    inner_loss = total_loss(inner, mean, lower, upper, variance)
    outer_loss = total_loss(outer, mean, lower, upper, variance)
    for _ in range(GOLDEN_STEPS):
        if inner_loss <= outer_loss:
            right, outer, outer_loss = outer, inner, inner_loss
            inner = right - _GOLDEN * (right - left)
            inner_loss = total_loss(inner, mean, lower, upper, variance)
        else:
            left, inner, inner_loss = inner, outer, outer_loss
            outer = left + _GOLDEN * (right - left)
            outer_loss = total_loss(outer, mean, lower, upper, variance)
    tau2 = 0.5 * (left + right)
    improved = total_loss(tau2, mean, lower, upper, variance) < best_loss
    return float(tau2 if improved else _TAU2_GRID[best])


@compiled
def most_likely(lower: NDArray[np.float32], upper: NDArray[np.float32], base: Floats, slope: Floats, n_discards: int,
                mean: Floats, tau2: Floats) -> None:  # fmt: skip
    """Fill the most likely mean and tau2 of each voxel, both of shape (n_voxels,).

    Parameters
    ----------
    lower, upper : ndarray of shape (n_studies, n_voxels)
        Bounds of the effects.
    base, slope : ndarray of shape (n_studies,)
        Variance of an effect y: base + slope y^2.
    n_discards : int
        Studies that the robust step removes; at least one study stays.

    Notes
    -----
    A single study has mean 0 and tau2 0, as has a voxel where every study is known: nothing is imputed there.
    """
    n_studies, n_voxels = lower.shape
    promise, own, used = np.empty(n_studies), np.empty((n_studies, 2)), np.empty(n_studies, dtype=np.bool_)
    for voxel in range(n_voxels):
        mean[voxel] = tau2[voxel] = 0.0
        used[:] = True
        low, high, variance, n_known = load_voxel(lower[:, voxel], upper[:, voxel], base, slope)
        if n_studies == 1 or n_known == n_studies:
            continue
        mean[voxel] = solve_mean(0.0, low, high, variance, used)
        for _ in range(min(n_discards, n_studies - 1)):
            mean[voxel] = discard_best(mean[voxel], low, high, variance, used, promise, own)
        tau2[voxel] = solve_tau2(mean[voxel], low, high, variance)
