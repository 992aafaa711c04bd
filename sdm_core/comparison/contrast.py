"""Where one run's pooled effect is larger than another's: z of the difference of two independent estimates."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import special

from sdm_core.errors import InputError, Problem

from .runs import Comparison, FinishedRun, Thresholds, Volume, check_comparable, shared, sources


def contrast(
    first: FinishedRun, second: FinishedRun, thresholds: Thresholds | None = None, *, allow_shared: bool = False
) -> Comparison:
    """First run minus second run.

    Parameters
    ----------
    thresholds : Thresholds, optional
        Of the uncorrected p of the difference; the first run's own if left out.
    allow_shared : bool
        Contrast runs that share datasets or cohorts; recorded.

    Returns
    -------
    Comparison
        Maps ``g`` (difference), ``var`` (sum of both variances), ``z``, ``p_uncorrected`` and ``p_uncorrected_neg``.

    Raises
    ------
    InputError
        If the runs have different masks or templates, one of them correlations and the other groups, or datasets or
        cohorts are in both and `allow_shared` is False; if a corrected p is asked for.

    Notes
    -----
    This is the test between subgroups with a tau2 of its own in each (Borenstein et al. 2009, chapter 19).  The
    variance of a difference is the sum of both variances less twice their covariance, which is not known for estimates
    that rest on the same people; mostly it is positive, which makes the test conservative.  One regression of all
    studies on the group (`--covariates`) also answers the question and can be permuted.
    """
    check_comparable(first, second)
    thresholds = thresholds or Thresholds.of(first.specification)
    common = shared(first, second)
    problems = [*_scale_problems(first, second), *([] if allow_shared else _shared_problems(common))]
    if thresholds.correction != "uncorrected":
        mend = "Choose uncorrected, or a regression on the group with permutations."
        problems.append(Problem("correction", "no p of a difference is corrected here", mend, field="correction"))
    if problems:
        raise InputError(problems)
    mask = first.mask
    difference = np.where(mask.voxels, first.map("g") - second.map("g"), np.float32(0))
    variance = np.where(mask.voxels, first.map("var") + second.map("var"), np.float32(0))
    z = np.divide(difference, np.sqrt(variance), out=np.zeros_like(difference), where=variance > 0)
    p, p_negative = (_tail(sign * z) for sign in (1, -1))
    p[~mask.voxels] = p_negative[~mask.voxels] = 1
    document = {
        "comparison": "contrast",
        "estimate": f"{first.name} minus {second.name}, variances added as of independent estimates",
        "thresholds": dataclasses.asdict(thresholds),
        "shared": common,
        "allow_shared": allow_shared,
        "runs": sources(first, second),
    }
    maps = {"g": difference, "var": variance, "z": z, "p_uncorrected": p, "p_uncorrected_neg": p_negative}
    return Comparison(maps, thresholds.clusters(z, mask, p, p_negative), document)


def _tail(z: Volume) -> Volume:
    return np.asarray(special.ndtr(-z.astype(np.float64)), dtype=np.float32)


def _shared_problems(common: dict[str, list[str]]) -> list[Problem]:
    mend = "Filter one run to the others, or ask for it explicitly (allow_shared): the result will say so."
    return [
        Problem("the two runs", f"share the {kind} {', '.join(names)}, so their estimates are not independent", mend)
        for kind, names in common.items()
        if names
    ]


def _scale_problems(first: FinishedRun, second: FinishedRun) -> list[Problem]:
    """Fisher's z and Hedges' g have no difference."""
    scales = [_scale(run) for run in (first, second)]
    if None in scales or scales[0] == scales[1]:
        return []
    message = f"measure effects differently: {first.name} {scales[0]}, {second.name} {scales[1]}"
    return [Problem("the two runs", message, "Contrast correlations with correlations only.")]


def _scale(run: FinishedRun) -> str | None:
    """Of the studies' effects; None where a run mixes them or does not tell."""
    designs = set(run.document["studies"].get("designs", {}))
    if not designs or ("correlation" in designs and len(designs) > 1):
        return None
    return "Fisher's z" if designs == {"correlation"} else "Hedges' g"
