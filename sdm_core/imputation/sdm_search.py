"""The most likely mean as SDM-PSI 6.21 finds it, with the voxels where its search is stuck.

Its source is not public; this was inferred from the published maps and bounds of one run.  A search in one variable
starts where the golden section cuts the range of all bounds.  With a standard error of its own for each bound, the
probability of an interval far from the mean can come out negative, and the loss is then no number.  As no comparison
with such a loss is true, a search whose first guess has one never leaves it: the guess is the answer.  As long as every
study that could be left out leaves such a study behind, the robust step cannot mend that.

Our own likelihood, `most_likely`, has no such voxels and is the default.
"""

import math

import numpy as np
from numpy.typing import NDArray

from sdm_core.compiled import compiled

from .likelihood import KNOWN_WIDTH, best_candidate, load_voxel, screen, solve_mean
from .normal import lower_tail

Floats = NDArray[np.float64]
Used = NDArray[np.bool_]

SDM_FURTHER_DISCARDS = 1
"""SDM-PSI leaves out 3 of 50 studies and 2 of 21, by its own logs: one more than metansue."""
FIRST_CUT = (3 - math.sqrt(5)) / 2


@compiled
def _stuck_at(lower: Floats, upper: Floats, errors: Floats, used: Used) -> float:
    """The first guess, if the loss is no number there, and otherwise infinite."""
    low, high = np.inf, -np.inf
    for i in range(lower.size):
        if used[i]:
            low, high = min(low, lower[i]), max(high, upper[i])
    guess = low + FIRST_CUT * (high - low)
    for i in range(lower.size):
        if used[i] and upper[i] - lower[i] >= KNOWN_WIDTH:
            a, b = (lower[i] - guess) / errors[i, 0], (upper[i] - guess) / errors[i, 1]
            if b < a and lower_tail(b) < lower_tail(a):
                return guess
    return np.inf


@compiled
def _discard(mean: float, lower: Floats, upper: Floats, variance: Floats, errors: Floats, used: Used, promise: Floats,
             own: Floats) -> tuple[float, float]:  # fmt: skip
    """Remove the study without which the search answers closest to 0; the mean that is right, and the answer."""
    screen(mean, lower, upper, variance, used, promise, own)
    stuck, guess = -1, np.inf
    for i in range(lower.size):
        if used[i]:
            used[i] = False
            own_guess = _stuck_at(lower, upper, errors, used)
            used[i] = True
            if own_guess < np.inf:
                promise[i] = np.inf
                if abs(own_guess) < abs(guess):
                    stuck, guess = i, own_guess
    best, best_mean = best_candidate(lower, upper, variance, used, promise, own)
    if stuck >= 0 and abs(guess) < abs(best_mean):
        used[stuck] = False
        return solve_mean(mean, lower, upper, variance, used), guess
    if best < 0:
        return mean, mean
    used[best] = False
    return best_mean, best_mean


@compiled
def most_likely_sdm(lower: NDArray[np.float32], upper: NDArray[np.float32], base: Floats, slope: Floats,
                    n_discards: int, mean: Floats) -> None:  # fmt: skip
    """Fill the mean (n_voxels,) that SDM-PSI answers; parameters as of `most_likely`."""
    n_studies, n_voxels = lower.shape
    promise, own, used = np.empty(n_studies), np.empty((n_studies, 2)), np.empty(n_studies, dtype=np.bool_)
    for voxel in range(n_voxels):
        mean[voxel] = 0.0
        low, high, variance, n_known = load_voxel(lower[:, voxel], upper[:, voxel], base, slope)
        if n_studies == 1 or n_known == n_studies:
            continue
        used[:] = True
        errors = np.sqrt(variance)
        right = solve_mean(0.0, low, high, variance, used)
        guess = _stuck_at(low, high, errors, used)
        mean[voxel] = guess if guess < np.inf else right
        for _ in range(min(n_discards, n_studies - 1)):
            right, mean[voxel] = _discard(right, low, high, variance, errors, used, promise, own)
