"""Where two runs both have an effect of the same sign: the minimum statistic against the conjunction null.

Both effects must be there for the null hypothesis to be rejected, so that a voxel's p is the larger of its two
(Nichols et al. 2005, NeuroImage 25:653).  This holds whatever the two runs have in common, studies too.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from .runs import Comparison, FinishedRun, Thresholds, check_comparable, shared, sources


def conjunction(first: FinishedRun, second: FinishedRun, thresholds: Thresholds | None = None) -> Comparison:
    """Conjunction of two runs.

    Parameters
    ----------
    thresholds : Thresholds, optional
        Also says which p is taken; the first run's own for uncorrected p if left out.

    Returns
    -------
    Comparison
        Maps ``z`` (the one nearer to 0 where both have the same sign, else 0), ``p`` and ``p_neg`` (one-sided).

    Raises
    ------
    InputError
        If the runs have different masks or templates, or one lacks the p that is asked for.
    """
    check_comparable(first, second)
    thresholds, mask = thresholds or Thresholds.of(first.specification), first.mask
    z, other_z = first.map("z"), second.map("z")
    least = np.where(z * other_z > 0, np.sign(z) * np.minimum(np.abs(z), np.abs(other_z)), 0).astype(np.float32)
    p, p_negative = (np.maximum(own, other) for own, other in zip(*map(thresholds.maps, (first, second)), strict=True))
    document = {
        "comparison": "conjunction",
        "null_hypothesis": "at least one of the two runs has no effect (minimum statistic)",
        "thresholds": dataclasses.asdict(thresholds),
        "shared": shared(first, second),
        "runs": sources(first, second),
    }
    return Comparison(
        {"z": least, "p": p, "p_neg": p_negative}, thresholds.clusters(least, mask, p, p_negative), document
    )
