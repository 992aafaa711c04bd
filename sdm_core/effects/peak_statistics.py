"""What papers leave out: the threshold, and the height of peaks known only by their sign."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdm_core.errors import Problem
from sdm_core.studies import PeakTable, StudyTable

from .conversions import t_threshold_from_p
from .hedges import EffectScale

Array = NDArray[np.float64]
PooledMean = Callable[[Array, Array], float]

# Two-tailed level taken for a study that reports neither a threshold nor any t.
DEFAULT_ALPHA = 0.05
# One-sample effect that SDM-PSI assumes for a peak when no study at all reports a t value.
DEFAULT_PEAK_EFFECT = 1.256637


def effective_thresholds(studies: StudyTable, peaks: PeakTable) -> tuple[Array, list[Problem]]:
    """t threshold of every study, with a warning for each that was not reported.

    Returns
    -------
    thresholds : ndarray of shape (n_studies,)
        As reported; else the smallest t of the study's peaks; else that of a two-tailed p of 0.05.
    warnings : list of Problem
    """
    thresholds, warnings = studies.t_threshold.copy(), []
    for i in np.flatnonzero(np.isnan(thresholds)):
        reported = np.abs(peaks.t[peaks.of_study(int(i))])
        reported = reported[np.isfinite(reported)]
        if reported.size:
            thresholds[i], words = reported.min(), "the smallest t of its peaks"
        else:
            thresholds[i], words = t_threshold_from_p(DEFAULT_ALPHA, studies.df[i], tails=2), "a two-tailed p of 0.05"
        name = studies.names[i]
        warnings.append(
            Problem(
                f"study {name}, t_thr",
                f"no threshold is given; {thresholds[i]:.3f} is taken from {words}.",
                "Give the t threshold of the paper.",
                level="warning",
                study=name,
                field="t_thr",
            )
        )
    return thresholds, warnings


def peak_statistics(
    studies: StudyTable, peaks: PeakTable, thresholds: Array, sign_peaks: str, pooled_mean: PooledMean
) -> Array:
    """t value of every peak, shape (n_peaks,), those known only by their sign included.

    Parameters
    ----------
    thresholds : ndarray of shape (n_studies,)
    sign_peaks : {"pool", "threshold", "sdm-6.21"}
        "pool": the larger of the threshold and the pooled height of the peaks that have a t; "threshold": the
        threshold; "sdm-6.21": an effect size equal to the number of the t threshold.
    pooled_mean : callable
        Random-effects mean of effects and variances of shape (n_studies,).

    Notes
    -----
    The pool is of the same sign and kind of threshold when that has two studies, else of the same sign, else of both
    signs; without any t it is 1.2566 for one sample and the threshold for the other designs.  SDM-PSI 6.21 computes
    this pool and then gives such peaks g = t_thr, a mix-up of units which inflates them; only its compatibility mode
    does so here.
    """
    scale = EffectScale.of(studies)
    t = peaks.t.copy()
    heights = _PeakHeights(studies, peaks, scale, pooled_mean) if sign_peaks == "pool" else None
    for peak in np.flatnonzero(np.isnan(t)):
        study, sign = int(peaks.study_index[peak]), int(peaks.sign[peak])
        height = float(thresholds[study])
        if heights is not None:
            height = max(height, float(scale.t(study, heights.effect(study, sign))))
        elif sign_peaks == "sdm-6.21":
            height = float(scale.t(study, height))
        t[peak] = sign * height
    return t


class _PeakHeights:
    """Meta-analysis of how high the reported peaks are."""

    def __init__(self, studies: StudyTable, peaks: PeakTable, scale: EffectScale, pooled_mean: PooledMean) -> None:
        self.studies, self.peaks, self.scale, self.pooled_mean = studies, peaks, scale, pooled_mean
        self._known: dict[tuple[int, str | None, bool], float | None] = {}

    def effect(self, study: int, sign: int) -> float:
        """Expected height of a peak of a study as an absolute effect; 0 where nothing is known."""
        correlation = bool(self.scale.correlation[study])
        for pool_sign, kind in ((sign, self.studies.threshold_kind[study]), (sign, None), (0, None)):
            pooled = self._pool(pool_sign, kind, correlation)
            if pooled is not None:
                return pooled
        return DEFAULT_PEAK_EFFECT if self.studies.design[study] == "one_sample" else 0.0

    def _pool(self, sign: int, kind: str | None, correlation: bool) -> float | None:
        key = (sign, kind, correlation)
        if key not in self._known:
            members = [
                i
                for i in range(len(self.studies))
                if kind in (None, self.studies.threshold_kind[i]) and bool(self.scale.correlation[i]) == correlation
            ]
            self._known[key] = self._mean_height(members, sign, at_least=1 if kind is None else 2)
        return self._known[key]

    def _mean_height(self, members: list[int], sign: int, at_least: int) -> float | None:
        """Pooled absolute effect of the peaks of a sign, of both for 0; None with too few studies."""
        effects, variances = [], []
        for i in members:
            own = self.peaks.of_study(i)
            t = np.abs(self.peaks.t[own][np.isin(self.peaks.sign[own], [sign] if sign else [-1, 1])])
            t = t[np.isfinite(t)]
            if t.size:
                effects.append(float(self.scale.effect(i, t.mean())))
                variances.append(float(self.scale.variance(i, effects[-1])))
        if len(effects) < at_least:
            return None
        return self.pooled_mean(np.array(effects), np.array(variances))
