"""All diagnostics of a place as one JSON-able document."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdm_core.errors import InputError
from sdm_core.pooling.univariate import fit, pool, two_sided_p

from .classical import classical
from .evidence import grade
from .excess import excess_significance
from .forest import forest
from .heterogeneity import heterogeneity
from .influence import influence
from .place import PlaceEffects
from .small_studies import egger, funnel

Answer = TypeVar("Answer")
Array = NDArray[np.float64]


def diagnose(place: PlaceEffects, *, estimator: str = "DL", allow_few: bool = False) -> dict[str, Any]:
    """Every diagnostic of a place.

    Parameters
    ----------
    estimator : str
        Of tau2, for everything but Egger's test, which takes REML.
    allow_few : bool
        Answer the tests of bias with fewer than 10 datasets; recorded in the document.

    Returns
    -------
    dict
        Keys ``datasets``, ``imputations``, ``estimator``, ``allow_few``, then one per diagnostic, and
        ``not_answered``: the reason for each diagnostic that is None.
    """
    refused: dict[str, str] = {}
    spread, whole = heterogeneity(place, estimator=estimator), forest(place, estimator=estimator)
    bias = _answer("egger", lambda: egger(place, allow_few=allow_few), refused)
    excess = _answer("excess_significance", lambda: excess_significance(place, allow_few=allow_few), refused)
    return {
        "datasets": len(place),
        "subjects": int(place.subjects.sum()),
        "cases": int(place.cases.sum()),
        "different_cases": place.different_cases,
        "imputations": len(place.effects),
        "estimator": estimator,
        "allow_few": allow_few,
        "forest": plain(whole),
        "heterogeneity": plain(spread),
        "egger": plain(bias),
        "excess_significance": plain(excess),
        "classical": plain(_answer("classical", lambda: classical(place, allow_few=allow_few), refused)),
        "funnel": plain(funnel(place, estimator=estimator)),
        "influence": plain(_answer("influence", lambda: influence(place, estimator=estimator), refused)),
        "evidence": plain(grade(place, whole, spread, bias, excess)),
        "not_answered": refused,
    }


def model_summary(
    place: PlaceEffects, names: Sequence[str], design: Array, contrast: Array, estimator: str
) -> dict[str, Any]:
    """The linear model of a place: its coefficients, and the tested sum of them, as the maps have it.

    Parameters
    ----------
    names : the columns of the design
    design : ndarray of shape (k, p)
    contrast : ndarray of shape (p,)
    """
    pooled = pool(fit(place.effects, place.variances, design, estimator=estimator))
    estimate, variance = float(contrast @ pooled.estimate), float(contrast @ pooled.cov @ contrast)
    z = estimate / math.sqrt(variance)
    rows = zip(names, pooled.estimate, pooled.se, pooled.z, pooled.p, strict=True)
    return {
        "hypothesis": contrast.tolist(),
        "estimate": estimate,
        "variance": variance,
        "z": z,
        "p": float(two_sided_p(z)),
        "tau2": pooled.tau2,
        "i2": pooled.i2,
        "q": pooled.q,
        "df": pooled.df,
        "coefficients": [
            {"name": name, "estimate": float(b), "se": float(se), "z": float(own_z), "p": float(p)}
            for name, b, se, own_z, p in rows
        ],
    }


def plain(value: Any) -> Any:
    """A dataclass, array or number as JSON knows them; None for numbers that are not finite."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _answer(name: str, question: Callable[[], Answer], refused: dict[str, str]) -> Answer | None:
    """The answer, or None with the reason noted."""
    try:
        return question()
    except InputError as error:
        refused[name] = str(error)
        return None
