"""What each dataset changes when it is left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.errors import InputError, Problem
from sdm_core.pooling.univariate import fit, pool

from .place import PlaceEffects

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Influence:
    """One entry per dataset, all arrays of shape (k,).

    Attributes
    ----------
    names : tuple of str
    estimate, se, z, p, tau2, i2, h2, q : ndarray
        Of the others, without the dataset; p two-sided, i2 per cent.
    cook_distance : ndarray
        Squared shift of the estimate in units of its variance.
    hat : ndarray
        Share of the dataset in the pooled effect.
    """

    names: tuple[str, ...]
    estimate: Array
    se: Array
    z: Array
    p: Array
    tau2: Array
    i2: Array
    h2: Array
    q: Array
    cook_distance: Array
    hat: Array


def influence(place: PlaceEffects, *, estimator: str = "DL") -> Influence:
    """Leave each dataset out in turn; the effects of the others stay as imputed.

    Raises
    ------
    InputError
        With fewer than two datasets.

    Notes
    -----
    The imputation model is not fitted anew without the dataset: that is what the whole-brain jackknife does.
    """
    if len(place) < 2:
        raise InputError([Problem("leaving a dataset out", "needs at least two datasets", "Add datasets.")])
    fits = fit(place.effects, place.variances, estimator=estimator)
    whole = pool(fits)
    others = [place.without(i) for i in range(len(place))]
    left = [pool(fit(other.effects, other.variances, estimator=estimator)) for other in others]
    estimate = np.array([one.estimate[0] for one in left])
    return Influence(
        names=place.names,
        estimate=estimate,
        se=np.array([one.se[0] for one in left]),
        z=np.array([one.z[0] for one in left]),
        p=np.array([one.p[0] for one in left]),
        tau2=np.array([one.tau2 for one in left]),
        i2=np.array([one.i2 for one in left]),
        h2=np.array([one.h2 for one in left]),
        q=np.array([one.q for one in left]),
        cook_distance=(whole.estimate[0] - estimate) ** 2 / whole.cov[0, 0],
        hat=fits.leverages.mean(axis=0),
    )
