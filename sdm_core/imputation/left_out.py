"""Most likely mean and between-study variance of every voxel without some of the studies, for many such subsets.

The same answer as `most_likely` of each subset, without solving each from nothing: around the mean of all studies the
score of every study is a polynomial of the mean, and its loss a polynomial of the mean on a grid of tau2.  A subset's
polynomials are those of all studies less its own, so that a subset costs sums over the studies left out instead of
normal distributions of all others.  Where a subset leaves the range of the polynomials it is solved as usual.

Notes
-----
Scores are quintic through value and slope at three means; losses are quadratic in the mean and interpolated through
five points of log(tau2 + within-study variance).
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

from .likelihood import (
    EXACT_CANDIDATES,
    KNOWN_WIDTH,
    discard_best,
    load_voxel,
    solve_mean,
    solve_tau2,
    study_loss,
    study_slope,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Left = NDArray[np.int64]

DEGREE = 6
"""Coefficients of a study's score."""
REACH = 1.1
"""Range of the mean, in sums of the largest steps of single studies."""
WIDEST = 0.8
"""Standard deviations up to which a score is taken as a polynomial of the mean."""
NEWTON_STEPS = 8
STEP_TOLERANCE = 1e-6
"""Of a Newton step, in ranges."""
TAU2_NODES = 9
TAU2_REACH = 4.0
"""Range of tau2: so many times that of all studies, and twice the within-study variance."""
FARTHEST = 0.5
"""Standard deviations of the mean from that of all studies up to which a loss is taken as quadratic."""


@compiled
def _polynomials(mean: float, reach: float, lower: Floats, upper: Floats, variance: Floats, scores: Floats,
                 whole: Floats) -> None:  # fmt: skip
    """Fill each study's score (n_studies, DEGREE) as a polynomial of (mean' - mean) / reach, and their sum."""
    for i in range(lower.shape[0]):
        left, left_information = study_slope(mean - reach, lower[i], upper[i], variance[i])
        middle, information = study_slope(mean, lower[i], upper[i], variance[i])
        right, right_information = study_slope(mean + reach, lower[i], upper[i], variance[i])
        scores[i, 0], scores[i, 1] = middle, -information * reach
        even, odd = 0.5 * (right + left) - middle, 0.5 * (right - left) - scores[i, 1]
        even_slope = 0.5 * reach * (left_information - right_information)
        odd_slope = -0.5 * reach * (left_information + right_information) - scores[i, 1]
        scores[i, 4] = 0.5 * even_slope - even
        scores[i, 2] = even - scores[i, 4]
        scores[i, 5] = 0.5 * (odd_slope - 3.0 * odd)
        scores[i, 3] = odd - scores[i, 5]
    for k in range(DEGREE):
        whole[k] = scores[:, k].sum()


@compiled
def _value(c: Floats, t: float) -> float:
    value: float = c[0] + t * (c[1] + t * (c[2] + t * (c[3] + t * (c[4] + t * c[5]))))
    return value


@compiled
def _slope(c: Floats, t: float) -> float:
    slope: float = c[1] + t * (2.0 * c[2] + t * (3.0 * c[3] + t * (4.0 * c[4] + t * 5.0 * c[5])))
    return slope


@compiled
def _root(c: Floats, start: float) -> float:
    """Where a score is 0, by Newton's steps; infinite if that is not within the range of the polynomial."""
    t = start
    for _ in range(NEWTON_STEPS):
        slope = _slope(c, t)
        if not slope < 0.0:
            return np.inf
        step = _value(c, t) / slope
        t -= step
        if not abs(t) <= 1.0:
            return np.inf
        if abs(step) < STEP_TOLERANCE:
            return t
    return np.inf


@compiled
def _promises(t: float, mean: float, reach: float, scores: Floats, total: Floats, used: Flags,
              promise: Floats) -> None:  # fmt: skip
    """One Newton step without each study: the size of the mean, infinite where it cannot be left out."""
    score, slope = _value(total, t), _slope(total, t)
    for i in range(scores.shape[0]):
        promise[i] = np.inf
        if used[i]:
            others = slope - _slope(scores[i], t)
            if others < 0.0:
                promise[i] = abs(mean + reach * (t - (score - _value(scores[i], t)) / others))


@compiled
def _discard_best_root(t: float, mean: float, reach: float, scores: Floats, total: Floats, used: Flags,
                       promise: Floats, rest: Floats) -> float:  # fmt: skip
    """`discard_best` on polynomials: changes `total` and `used`; the new root, infinite if out of range."""
    _promises(t, mean, reach, scores, total, used, promise)
    best, best_t, best_size = -1, np.inf, np.inf
    for _ in range(EXACT_CANDIDATES):
        i = int(np.argmin(promise))
        if promise[i] == np.inf:
            break
        promise[i] = np.inf
        for k in range(DEGREE):
            rest[k] = total[k] - scores[i, k]
        candidate = _root(rest, t)
        if candidate == np.inf:
            return np.inf
        if abs(mean + reach * candidate) < best_size:
            best, best_t, best_size = i, candidate, abs(mean + reach * candidate)
    if best < 0:
        return t
    used[best] = False
    for k in range(DEGREE):
        total[k] -= scores[best, k]
    return best_t


@compiled
def _subset_mean(kept: Flags, left: Left, n_discards: int, mean: float, reach: float, scores: Floats, whole: Floats,
                 total: Floats, used: Flags, promise: Floats, rest: Floats) -> float:  # fmt: skip
    """Most likely mean of the kept studies, favourable ones discarded; infinite where polynomials do not reach."""
    total[:] = whole
    for i in left:
        if i >= 0:
            for k in range(DEGREE):
                total[k] -= scores[i, k]
    used[:] = kept
    t = _root(total, 0.0)
    for _ in range(n_discards):
        if t == np.inf:
            return t
        t = _discard_best_root(t, mean, reach, scores, total, used, promise, rest)
    return mean + reach * t


@compiled
def _exact_mean(kept: Flags, n_discards: int, start: float, lower: Floats, upper: Floats, variance: Floats,
                used: Flags, promise: Floats, own: Floats) -> float:  # fmt: skip
    used[:] = kept
    mean = solve_mean(start, lower, upper, variance, used)
    for _ in range(n_discards):
        mean = discard_best(mean, lower, upper, variance, used, promise, own)
    return mean


@compiled
def _losses(mean: float, nodes: Floats, lower: Floats, upper: Floats, variance: Floats, losses: Floats,
            whole: Floats) -> None:  # fmt: skip
    """Fill loss, score and information about the mean of each study at every tau2 (n_nodes, 3, n_studies); sums."""
    wider = np.empty(2)
    for k in range(nodes.size):
        for i in range(lower.shape[0]):
            wider[0], wider[1] = variance[i, 0] + nodes[k], variance[i, 1] + nodes[k]
            losses[k, 0, i] = study_loss(nodes[k], mean, lower[i], upper[i], variance[i])
            losses[k, 1, i], losses[k, 2, i] = study_slope(mean, lower[i], upper[i], wider)
        for part in range(3):
            whole[k, part] = losses[k, part].sum()


@compiled
def _subset_tau2(left: Left, shift: float, within: float, nodes: Floats, losses: Floats, whole: Floats,
                 total: Floats) -> float:  # fmt: skip
    """tau2 with the least loss of the kept studies, their mean shifted; infinite where the grid does not reach."""
    best = 0
    for k in range(nodes.size):
        loss, score, information = whole[k, 0], whole[k, 1], whole[k, 2]
        for i in left:
            if i >= 0:
                loss -= losses[k, 0, i]
                score -= losses[k, 1, i]
                information -= losses[k, 2, i]
        total[k] = loss - shift * score + 0.5 * shift * shift * information
        if total[k] < total[best]:
            best = k
    if best >= nodes.size - 2:
        return np.inf
    # Derivatives from five points around the third node or later, in steps of log(tau2 + within).
    middle = max(best, 2)
    a, b, c, d, e = total[middle - 2], total[middle - 1], total[middle], total[middle + 1], total[middle + 2]
    first, second = (a - 8.0 * b + 8.0 * d - e) / 12.0, (-a + 16.0 * b - 30.0 * c + 16.0 * d - e) / 12.0
    third, fourth = (-a + 2.0 * b - 2.0 * d + e) / 2.0, a - 4.0 * b + 6.0 * c - 4.0 * d + e
    place = float(best - middle)
    for _ in range(NEWTON_STEPS):
        slope = first + place * (second + place * (0.5 * third + place * fourth / 6.0))
        curvature = second + place * (third + 0.5 * place * fourth)
        if curvature <= 0.0:
            break
        place = min(max(place - slope / curvature, best - middle - 1.0), best - middle + 1.0)
    place = max(place, -float(middle))
    log_step = math.log((nodes[1] + within) / within)
    return max(0.0, within * math.exp(log_step * (middle + place)) - within)


@compiled
def most_likely_without(lower: NDArray[np.float32], upper: NDArray[np.float32], base: Floats, slope: Floats,
                        left: Left, n_discards: NDArray[np.int64], mean: Floats, tau2: Floats) -> None:  # fmt: skip
    """Fill the most likely mean and tau2 of every subset of the studies, both of shape (n_subsets, n_voxels).

    Parameters
    ----------
    lower, upper : ndarray of shape (n_studies, n_voxels)
        Bounds of the effects.
    base, slope : ndarray of shape (n_studies,)
        Variance of an effect y: base + slope y^2.
    left : ndarray of shape (n_subsets, most studies left out)
        Places of the studies left out, the rest of a row filled with -1; nobody is left out of the first subset.
    n_discards : ndarray of shape (n_subsets,)
        Studies that the robust step removes, fewer than are kept.
    """
    n_studies, n_voxels = lower.shape
    n_subsets, most = left.shape[0], int(n_discards.max()) + left.shape[1]
    kept = kept_studies(left, n_studies)
    promise, own, used = np.empty(n_studies), np.empty((n_studies, 2)), np.empty(n_studies, dtype=np.bool_)
    scores, total, whole, rest = np.empty((n_studies, DEGREE)), np.empty(DEGREE), np.empty(DEGREE), np.empty(DEGREE)
    nodes, sums, within = np.empty(TAU2_NODES), np.empty(TAU2_NODES), base.mean()
    losses, whole_losses = np.empty((TAU2_NODES, 3, n_studies)), np.empty((TAU2_NODES, 3))
    for voxel in range(n_voxels):
        mean[:, voxel] = 0.0
        tau2[:, voxel] = 0.0
        low, high, variance, _ = load_voxel(lower[:, voxel], upper[:, voxel], base, slope)
        used[:] = True
        if _is_known(kept[0], low, high):
            continue
        centre = solve_mean(0.0, low, high, variance, used)
        reach = _reach(centre, most, low, high, variance, own, promise)
        smooth = reach < WIDEST * math.sqrt(within)
        if smooth:
            _polynomials(centre, reach, low, high, variance, scores, whole)
        mean[0, voxel] = _exact_mean(kept[0], n_discards[0], centre, low, high, variance, used, promise, own)
        tau2[0, voxel] = solve_tau2(mean[0, voxel], low, high, variance)
        _tau2_nodes(tau2[0, voxel], within, nodes)
        _losses(mean[0, voxel], nodes, low, high, variance, losses, whole_losses)
        for r in range(1, n_subsets):
            if _is_known(kept[r], low, high):
                continue
            found, spread = np.inf, np.inf
            if smooth:
                found = _subset_mean(kept[r], left[r], n_discards[r], centre, reach, scores, whole, total, used,
                                     promise, rest)  # fmt: skip
            if not abs(found) < np.inf:
                found = _exact_mean(kept[r], n_discards[r], centre, low, high, variance, used, promise, own)
            shift = found - mean[0, voxel]
            if abs(shift) < FARTHEST * math.sqrt(within):
                spread = _subset_tau2(left[r], shift, within, nodes, losses, whole_losses, sums)
            if not spread < np.inf:
                spread = _exact_tau2(found, kept[r], low, high, variance)
            mean[r, voxel], tau2[r, voxel] = found, spread


@compiled
def kept_studies(left: Left, n_studies: int) -> Flags:
    """Whether each subset keeps each study, shape (n_subsets, n_studies)."""
    kept = np.ones((left.shape[0], n_studies), dtype=np.bool_)
    for r in range(left.shape[0]):
        for i in left[r]:
            if i >= 0:
                kept[r, i] = False
    return kept


@compiled
def _is_known(kept: Flags, lower: Floats, upper: Floats) -> bool:
    """Whether nothing is imputed: there is one study, or all of them are known."""
    n_kept, n_known = 0, 0
    for i in range(kept.size):
        if kept[i]:
            n_kept += 1
            n_known += upper[i] - lower[i] < KNOWN_WIDTH
    return n_kept == 1 or n_known == n_kept


@compiled
def _reach(mean: float, most: int, lower: Floats, upper: Floats, variance: Floats, own: Floats,
           steps: Floats) -> float:  # fmt: skip
    """How far the mean may move when `most` studies are left out, judged by one Newton step for each."""
    information = 0.0
    for i in range(lower.shape[0]):
        own[i, 0], own[i, 1] = study_slope(mean, lower[i], upper[i], variance[i])
        information += own[i, 1]
    for i in range(lower.shape[0]):
        steps[i] = -abs(own[i, 0]) / max(information - own[i, 1], 1e-9)
    steps.sort()
    reach: float = max(-REACH * steps[:most].sum(), 1e-4)
    return reach


@compiled
def _tau2_nodes(tau2: float, within: float, nodes: Floats) -> None:
    """Evenly spaced in log(tau2 + within), from tau2 of 0."""
    ratio = ((TAU2_REACH * tau2 + 3.0 * within) / within) ** (1.0 / (TAU2_NODES - 1))
    for k in range(TAU2_NODES):
        nodes[k] = within * (ratio**k - 1.0)


@compiled
def _exact_tau2(mean: float, kept: Flags, lower: Floats, upper: Floats, variance: Floats) -> float:
    return solve_tau2(mean, lower[kept], upper[kept], variance[kept])
