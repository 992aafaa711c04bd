"""Class of evidence, I (convincing) to IV (weak), as umbrella reviews grade it (Fusar-Poli and Radua 2018)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sdm_core.pooling.univariate import two_sided_p

from .excess import ExcessSignificance
from .forest import Forest
from .heterogeneity import Heterogeneity
from .place import PlaceEffects
from .small_studies import Egger

MANY_CASES: Final = 1000
CONVINCING_P: Final = 1e-6
SUGGESTIVE_P: Final = 1e-3
WEAK_P: Final = 0.05
HIGH_I2: Final = 50.0
BIAS_P: Final = 0.05

_CASES: Final = f"more than {MANY_CASES} cases"
"""Those of a cohort are counted once."""
_P6, _P3, _P05 = (f"p < {p:g}" for p in (CONVINCING_P, SUGGESTIVE_P, WEAK_P))
_I2: Final = f"I2 < {HIGH_I2:g} %"
_PREDICTION: Final = "95 % prediction interval excludes 0"
_EGGER: Final = "no small-study effect"
_EXCESS: Final = "no excess of significant datasets"
_LARGEST: Final = "largest dataset significant"

NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "I": (_CASES, _P6, _I2, _PREDICTION, _EGGER, _EXCESS),
    "II": (_CASES, _P6, _LARGEST),
    "III": (_CASES, _P3),
    "IV": (_P05,),
}
"""What each class asks for."""


@dataclass(frozen=True)
class EvidenceClass:
    """A class and why.

    Attributes
    ----------
    name : {"I", "II", "III", "IV", "none"}
        The first class all of whose criteria are met.
    met : dict
        Each criterion: True, False, or None where it could not be judged, which counts as not met.
    values : dict
        The number each criterion was judged by; of the prediction interval, the end nearer to 0.
    needed : dict
        The criteria of each class.
    """

    name: str
    met: dict[str, bool | None]
    values: dict[str, float | None]
    needed: dict[str, list[str]] = field(default_factory=lambda: {name: list(rule) for name, rule in NEEDED.items()})


def grade(
    place: PlaceEffects,
    forest: Forest,
    heterogeneity: Heterogeneity,
    egger: Egger | None,
    excess: ExcessSignificance | None,
) -> EvidenceClass:
    """Grade a place.

    Parameters
    ----------
    forest, heterogeneity : of that place, at the level 0.95
    egger, excess : of that place, or None where they were not answered (fewer than 10 datasets)
    """
    cases, low, high = place.different_cases, forest.prediction_lower, forest.prediction_upper
    values: dict[str, float | None] = {
        _CASES: cases,
        **dict.fromkeys((_P6, _P3, _P05), forest.p),
        _I2: heterogeneity.i2,
        _PREDICTION: None if low is None or high is None else min(low, high, key=abs),
        _EGGER: None if egger is None else egger.p,
        _EXCESS: None if excess is None else excess.p,
        _LARGEST: largest_dataset_p(place, forest) if cases else None,
    }
    met: dict[str, bool | None] = {
        _CASES: cases > MANY_CASES,
        _P6: forest.p < CONVINCING_P,
        _P3: forest.p < SUGGESTIVE_P,
        _P05: forest.p < WEAK_P,
        _I2: heterogeneity.i2 < HIGH_I2,
        _PREDICTION: None if low is None or high is None else low > 0 or high < 0,
        _EGGER: None if egger is None else egger.p > BIAS_P,
        _EXCESS: None if excess is None else excess.p > BIAS_P,
        _LARGEST: _below(values[_LARGEST], WEAK_P),
    }
    name = next((name for name, rule in NEEDED.items() if all(met[criterion] for criterion in rule)), "none")
    return EvidenceClass(name, met, values)


def largest_dataset_p(place: PlaceEffects, forest: Forest) -> float:
    """Two-sided p of the dataset with the most people; of several, the one with the smallest variance."""
    most = max(range(len(place)), key=lambda i: (place.subjects[i], -forest.variances[i]))
    return float(two_sided_p(forest.effects[most] / forest.variances[most] ** 0.5))


def _below(value: float | None, limit: float) -> bool | None:
    return None if value is None else value < limit
