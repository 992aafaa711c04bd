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
Pool = tuple[tuple[float, float], ...]

# Two-tailed level taken for a study that reports neither a threshold nor any t.
DEFAULT_ALPHA = 0.05
# One-sample effect that SDM-PSI assumes for a peak when no study at all reports a t value.
DEFAULT_PEAK_EFFECT = 1.256637


def effective_thresholds(studies: StudyTable, peaks: PeakTable) -> tuple[Array, list[Problem]]:
    """t threshold of every study, with a warning for each that was not reported.

    Returns
    -------
    thresholds : ndarray of shape (n_studies,)
        As reported; else the smallest t of the study's peaks; else that of a two-tailed p of 0.05.  A study with a
        map needs none, and keeps NaN where none was reported.
    warnings : list of Problem
    """
    thresholds, warnings = studies.t_threshold.copy(), []
    without_map = np.array([image is None for image in studies.images])
    for i in np.flatnonzero(np.isnan(thresholds) & without_map):
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


def sign_only_rules(studies: StudyTable, peaks: PeakTable, sign_peaks: str) -> tuple[str, ...]:
    """What gives each peak its height: "" for its own t, else "pool", "default", "threshold" or "sdm-6.21".

    "pool" and "default" (no study has a t to pool) stand for the larger of that height and the study's threshold.
    """
    heights = _PeakHeights(studies, peaks, EffectScale.of(studies))

    def rule(peak: int) -> str:
        if np.isfinite(peaks.t[peak]):
            return ""
        if sign_peaks != "pool":
            return sign_peaks
        study = int(peaks.study_index[peak])
        if heights.pool(study, int(peaks.sign[peak])):
            return "pool"
        return "default" if studies.design[study] == "one_sample" else "threshold"

    return tuple(rule(peak) for peak in range(len(peaks)))


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
    heights = _PeakHeights(studies, peaks, scale)
    for peak, rule in enumerate(sign_only_rules(studies, peaks, sign_peaks)):
        study, sign = int(peaks.study_index[peak]), int(peaks.sign[peak])
        height = float(thresholds[study])
        if rule == "pool":
            height = max(height, float(scale.t(study, heights.pooled(study, sign, pooled_mean))))
        elif rule == "default":
            height = max(height, float(scale.t(study, DEFAULT_PEAK_EFFECT)))
        elif rule == "sdm-6.21":
            height = float(scale.t(study, height))
        if rule:
            t[peak] = sign * height
    return t


class _PeakHeights:
    """How high the reported peaks are: the studies to pool."""

    def __init__(self, studies: StudyTable, peaks: PeakTable, scale: EffectScale) -> None:
        self.studies, self.peaks, self.scale = studies, peaks, scale
        self._found: dict[tuple[int, str | None, bool], Pool | None] = {}
        self._means: dict[Pool, float] = {}

    def pooled(self, study: int, sign: int, pooled_mean: PooledMean) -> float:
        """Expected height of a peak of a study as an absolute effect; 0 where there is no pool."""
        pool = self.pool(study, sign)
        if pool is None:
            return 0.0
        if pool not in self._means:
            effects, variances = zip(*pool, strict=True)
            self._means[pool] = pooled_mean(np.array(effects), np.array(variances))
        return self._means[pool]

    def pool(self, study: int, sign: int) -> Pool | None:
        """Effects and variances of the studies whose reported peaks stand for such a peak; None if there are none."""
        correlation = bool(self.scale.correlation[study])
        for pool_sign, kind in ((sign, self.studies.threshold_kind[study]), (sign, None), (0, None)):
            key = (pool_sign, kind, correlation)
            if key not in self._found:
                self._found[key] = self._heights(*key)
            if self._found[key] is not None:
                return self._found[key]
        return None

    def _heights(self, sign: int, kind: str | None, correlation: bool) -> Pool | None:
        """Of the peaks of a sign, of both for 0; None with too few studies."""
        members = [
            i
            for i in range(len(self.studies))
            if kind in (None, self.studies.threshold_kind[i]) and bool(self.scale.correlation[i]) == correlation
        ]
        pool = []
        for i in members:
            own = self.peaks.of_study(i)
            t = np.abs(self.peaks.t[own][np.isin(self.peaks.sign[own], [sign] if sign else [-1, 1])])
            t = t[np.isfinite(t)]
            if t.size:
                effect = float(self.scale.effect(i, t.mean()))
                pool.append((effect, float(self.scale.variance(i, effect))))
        return tuple(pool) if len(pool) >= (1 if kind is None else 2) else None
