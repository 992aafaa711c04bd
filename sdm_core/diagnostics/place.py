"""The imputed effects of every dataset at one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sdm_core.errors import InputError, Problem

Array = NDArray[np.float64]

FEWEST_DATASETS: Final = 10
"""Below this, tests of small-study effects and regressions have next to no power (Cochrane Handbook 13.3.5.4)."""


@dataclass(frozen=True, eq=False)
class PlaceEffects:
    """Effects at one place; checked when made.

    Attributes
    ----------
    names : tuple of str, length k
    effects, variances : ndarray of shape (m imputations, k datasets), Hedges' g
        Variances above 0; one imputation where every dataset is known.
    subjects : ndarray of shape (k,), int
        People in each dataset.
    cases : ndarray of shape (k,), int
        Of them, the patients; all, where there is one group.
    cohorts : tuple of str, length k
        Datasets of one cohort measured the same people.
    """

    names: tuple[str, ...]
    effects: Array
    variances: Array
    subjects: NDArray[np.int64]
    cases: NDArray[np.int64]
    cohorts: tuple[str, ...]

    @classmethod
    def of(
        cls,
        effects: ArrayLike,
        variances: ArrayLike,
        names: Sequence[str] | None = None,
        subjects: ArrayLike | None = None,
        cases: ArrayLike | None = None,
        cohorts: Sequence[str] | None = None,
    ) -> PlaceEffects:
        """Check and hold; names default to "1", "2", and so on, people to 0, cases to all people, cohorts to the names.

        Raises
        ------
        InputError
            If shapes disagree, there is no dataset, or a value is not finite, or a variance not positive.
        """
        y, v = (np.atleast_2d(np.asarray(values, dtype=np.float64)) for values in (effects, variances))
        k = y.shape[-1]
        labels = tuple(map(str, names or range(1, k + 1)))
        people = np.zeros(k, dtype=np.int64) if subjects is None else np.asarray(subjects, dtype=np.int64)
        patients = people if cases is None else np.asarray(cases, dtype=np.int64)
        if (
            y.ndim != 2
            or y.shape != v.shape
            or 0 in y.shape
            or len(labels) != k
            or (people.shape, patients.shape) != ((k,), (k,))
            or len(cohorts or labels) != k
        ):
            message = f"have the shapes {y.shape} and {v.shape} for {len(labels)} names"
            raise InputError([Problem("effects and variances", message, "Give one value per imputation and dataset.")])
        odd = np.any(~(np.isfinite(y) & np.isfinite(v) & (v > 0)), axis=0).tolist()
        if any(odd):
            mend = "Give finite effects and variances above 0."
            raise InputError(
                Problem(f"dataset {name}", "has an effect or variance that is not a usable number", mend, study=name)
                for name, bad in zip(labels, odd, strict=True)
                if bad
            )
        return cls(labels, y, v, people, patients, tuple(cohorts or labels))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def different_cases(self) -> int:
        """Cases of all datasets, those of a cohort counted once: in its largest dataset."""
        pairs = list(zip(self.cohorts, self.cases.tolist(), strict=True))
        return sum(max(cases for own, cases in pairs if own == cohort) for cohort in set(self.cohorts))

    @property
    def means(self) -> Array:
        """Mean effect of each dataset over imputations, shape (k,)."""
        return np.asarray(self.effects.mean(axis=0))

    @property
    def rubin_variances(self) -> Array:
        """Mean variance plus (1 + 1/m) times the variance between imputations, shape (k,)."""
        m = len(self.effects)
        between = self.effects.var(axis=0, ddof=1) if m > 1 else np.zeros(len(self))
        return np.asarray(self.variances.mean(axis=0) + (1 + 1 / m) * between)

    def without(self, left_out: int) -> PlaceEffects:
        """All datasets but one."""
        kept = np.arange(len(self)) != left_out
        names, cohorts = (tuple(np.array(words)[kept].tolist()) for words in (self.names, self.cohorts))
        return PlaceEffects(
            names, self.effects[:, kept], self.variances[:, kept], self.subjects[kept], self.cases[kept], cohorts
        )


def check_enough(place: PlaceEffects, question: str, *, allow_few: bool) -> bool:
    """Whether the override `allow_few` was needed for this question.

    Raises
    ------
    InputError
        With fewer than 10 datasets and no override; with fewer than 3 in any case, as no degree of freedom is left.
    """
    k = len(place)
    if k < 3:
        raise InputError([Problem(question, f"cannot be answered with {k} datasets", "It needs at least 3.")])
    if k < FEWEST_DATASETS and not allow_few:
        mend = "Ask for it with fewer explicitly (allow_few); the result will say so."
        raise InputError([Problem(question, f"needs {FEWEST_DATASETS} datasets, there are {k}", mend)])
    return k < FEWEST_DATASETS
