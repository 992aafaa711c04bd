"""What a folder's studies were understood to be, a line for each."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sdm_core.effects import effective_thresholds
from sdm_core.studies import PeakTable, StudyTable

_DESIGNS = {"one_sample": "one sample or paired", "two_sample": "two samples", "correlation": "correlation"}


def study_lines(studies: StudyTable, peaks: PeakTable | None) -> Iterator[str]:
    """Name, design, people, degrees of freedom, what is known and the threshold of every study.

    `peaks` is None where they could not be read: they are then not counted.
    """
    thresholds = studies.t_threshold if peaks is None else effective_thresholds(studies, peaks)[0]
    for i, name in enumerate(studies.names):
        people = f"n {studies.n1[i]}" + (f" + {studies.n2[i]}" if studies.n2[i] else "")
        threshold = _threshold(studies, i, float(thresholds[i]))
        known = _known(studies, peaks, i)
        yield f"{name}: {_DESIGNS[studies.design[i]]}, {people}, df {studies.df[i]}; {known}; {threshold}"


def _known(studies: StudyTable, peaks: PeakTable | None, i: int) -> str:
    image = studies.images[i]
    if image is not None:
        return f"map of {image.statistic}"
    if studies.no_peaks[i]:
        return "no peaks"
    if peaks is None:
        return "no map"
    own = peaks.of_study(i)
    signs = int(np.isnan(peaks.t[own]).sum())
    return f"{own.size} peak{'' if own.size == 1 else 's'}" + (f", {signs} of them by sign only" if signs else "")


def _threshold(studies: StudyTable, i: int, threshold: float) -> str:
    if np.isnan(threshold):
        return "no threshold"
    assumed = np.isnan(studies.t_threshold[i])
    return f"threshold t {threshold:.3f}" + (" (assumed)" if assumed else f" {studies.threshold_kind[i]}").rstrip()
