"""The linear model of an analysis: its columns, and the hypothesis that is tested."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.studies.table import StudyTable

Floats = npt.NDArray[np.float64]

INTERCEPT: Final = "intercept"
FEWEST_DATASETS: Final = 10
"""Below this a regression has next to no power and must be asked for explicitly (Cochrane Handbook 10.11.5.1)."""
EXPLAINED: Final = 1e-8
"""A covariate is the others' combination if less than this share of it is left."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """The columns of a model and one hypothesis about them.

    Attributes
    ----------
    names : tuple of str
        "intercept", then the covariates.
    design : ndarray of shape (n_studies, n_columns)
        Every covariate is centred on its mean over the studies, so that the intercept is the adjusted mean.
    contrast : ndarray of shape (n_columns,)
        The tested sum of coefficients.
    discard_contrast : ndarray of shape (n_columns,)
        Judges which studies are the most favourable in the likelihood step.
    centres : tuple of float
        The means of the covariates.
    """

    names: tuple[str, ...]
    design: Floats
    contrast: Floats
    discard_contrast: Floats
    centres: tuple[float, ...]

    @property
    def is_mean(self) -> bool:
        """Whether there is no covariate."""
        return len(self.names) == 1

    @property
    def tests_covariates(self) -> bool:
        """Whether the intercept has no part in the hypothesis."""
        return bool(self.contrast[0] == 0)

    @property
    def tested_last(self) -> Floats:
        """Columns of the same model, shape (n_studies, n_columns), of which the last one's test is the hypothesis.

        The others span what the model can say if the hypothesis is 0; all are orthogonal, with a mean square of 1.
        """
        free = np.linalg.qr(self.contrast[:, None], mode="complete")[0][:, 1:]
        columns = np.column_stack([self.design @ free, self.design @ self.contrast])
        orthogonal, triangle = np.linalg.qr(columns)
        return np.asarray(orthogonal * np.sign(np.diag(triangle)) * np.sqrt(len(columns)))


def linear_model(
    studies: StudyTable,
    covariates: Sequence[str] = (),
    hypothesis: Sequence[float] = (),
    *,
    raw_discards: bool = False,
    allow_few: bool = False,
) -> LinearModel:
    """The model of covariates of a study table.

    Parameters
    ----------
    covariates : sequence of str
        Columns of the table.
    hypothesis : sequence of float
        One weight for the intercept, then one per covariate; left out, the intercept is tested.
    raw_discards : bool
        Judge discards on the intercept of the covariates as they are, not centred: what SDM-PSI 6.21 does.
    allow_few : bool
        Accept a regression of fewer than 10 datasets.

    Raises
    ------
    InputError
        With every covariate that is unknown, given twice, missing in some study, constant, or a combination of the
        others; if the hypothesis does not fit, or too few studies are left for the model.
    """
    problems = [*_unknown(studies, covariates), *_repeated(covariates)]
    if not problems:
        columns = {name: studies.covariates[name] for name in covariates}
        problems += [*_missing(studies, columns), *_constant(columns)]
    if not problems:
        problems += _collinear(columns)
    problems += [*_hypothesis_problems(hypothesis, covariates), *_too_few(len(studies), len(covariates), allow_few)]
    if problems:
        raise InputError(problems)
    values = np.array([columns[name] for name in covariates]).reshape(len(covariates), len(studies))
    centres = values.mean(axis=1)
    contrast = np.array(hypothesis or [1.0] + [0.0] * len(covariates), dtype=np.float64)
    raw = np.concatenate([contrast[:1], contrast[1:] - contrast[0] * centres])
    return LinearModel(
        names=(INTERCEPT, *covariates),
        design=np.column_stack([np.ones(len(studies)), (values - centres[:, None]).T]),
        contrast=contrast,
        discard_contrast=raw if raw_discards else contrast,
        centres=tuple(map(float, centres)),
    )


def _unknown(studies: StudyTable, covariates: Iterable[str]) -> Iterator[Problem]:
    known = ", ".join(studies.covariates) or "no covariate"
    for name in covariates:
        if name in studies.labels:
            yield _problem(name, "is not a column of numbers", "Code its values as numbers, such as 0 and 1.")
        elif name not in studies.covariates:
            yield _problem(name, "is not a column of the study table", f"The table has {known}.")


def _repeated(covariates: Sequence[str]) -> Iterator[Problem]:
    for name in sorted({name for name in covariates if covariates.count(name) > 1}):
        yield _problem(name, "is given twice", "Name it once.")


def _missing(studies: StudyTable, columns: dict[str, Floats]) -> Iterator[Problem]:
    for name, values in columns.items():
        without = [study for study, value in zip(studies.names, values.tolist(), strict=True) if not np.isfinite(value)]
        if without:
            mend = "Fill it in, or select the studies that have it by a filter."
            yield _problem(name, f"is missing for {', '.join(without)}", mend)


def _constant(columns: dict[str, Floats]) -> Iterator[Problem]:
    for name, values in columns.items():
        if np.isfinite(values).all() and np.ptp(values) <= EXPLAINED * np.abs(values).max():
            yield _problem(name, f"is {values[0]:g} in every study", "Leave it out: it cannot be told from the mean.")


def _collinear(columns: dict[str, Floats]) -> Iterator[Problem]:
    earlier: dict[str, Floats] = {}
    for name, values in columns.items():
        centred = (values - values.mean()) / values.std()
        if earlier:
            others = np.column_stack(list(earlier.values()))
            weights = np.linalg.lstsq(others, centred, rcond=None)[0]
            if np.var(centred - others @ weights) < EXPLAINED:
                partners = [other for other, weight in zip(earlier, weights, strict=True) if abs(weight) > EXPLAINED]
                yield _problem(name, f"follows from {' and '.join(partners)}", "Leave one of them out.")
                continue
        earlier[name] = centred


def _hypothesis_problems(hypothesis: Sequence[float], covariates: Sequence[str]) -> Iterator[Problem]:
    if not hypothesis:
        return
    if len(hypothesis) != len(covariates) + 1:
        message = f"has {len(hypothesis)} weights for the intercept and {len(covariates)} covariates"
        yield Problem("hypothesis", message, f"Give {len(covariates) + 1}.", field="hypothesis")
    elif not np.isfinite(hypothesis).all() or not np.any(hypothesis):
        yield Problem("hypothesis", "tests nothing", "Give at least one weight that is not 0.", field="hypothesis")


def _too_few(n_studies: int, n_covariates: int, allow_few: bool) -> Iterator[Problem]:
    if not n_covariates:
        return
    if n_studies < n_covariates + 2:
        message = f"{n_studies} studies are too few for {n_covariates} covariates"
        yield Problem("covariates", message, f"Give at most {max(n_studies - 2, 0)}.", field="covariates")
    elif n_studies < FEWEST_DATASETS and not allow_few:
        message = f"a regression needs {FEWEST_DATASETS} datasets, there are {n_studies}"
        yield Problem("covariates", message, "Ask for it with fewer explicitly (allow_few).", field="allow_few")


def _problem(name: str, message: str, mend: str) -> Problem:
    return Problem(f"covariate {name}", message, mend, field="covariates")
