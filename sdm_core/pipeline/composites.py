"""One effect for each cohort: the mean of its datasets' imputed effects, imputation by imputation.

Each dataset is imputed from its own bounds; only then are the datasets of a cohort averaged, because bounds of
different datasets have no mean that would be a bound.  With k datasets of standard errors s_i that go together with
correlation r, the mean has the variance [(1 - r) sum s_i^2 + r (sum s_i)^2] / k^2 (Borenstein et al. 2009, chapter 24).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import AVERAGE, LinearModel, StudyTable, averages, members_of

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Composites:
    """What is pooled in place of the datasets.

    Attributes
    ----------
    names : tuple of str
        Of the cohorts.
    weights : ndarray of shape (n_cohorts, n_studies)
        Rows sum to 1.
    correlation : float
        Assumed between the datasets of a cohort.
    """

    names: tuple[str, ...]
    weights: Floats
    correlation: float

    @classmethod
    def of(cls, studies: StudyTable, specification: AnalysisSpecification) -> Composites | None:
        """The composites that the specification asks for; None if it averages nothing or no cohort is shared."""
        members = members_of(studies)
        if specification.cohorts != AVERAGE or len(members) == len(studies):
            return None
        return cls(tuple(members), averages(studies), specification.cohort_correlation)

    def combine(self, effects: Floats, variances: Floats) -> tuple[Floats, Floats]:
        """Effects and variances (n_studies, ...) of datasets -> (n_cohorts, ...) of cohorts."""
        own = (1 - self.correlation) * np.tensordot(self.weights**2, variances, 1)
        together = self.correlation * np.tensordot(self.weights, np.sqrt(variances), 1) ** 2
        return np.tensordot(self.weights, effects, 1), own + together

    def design(self, model: LinearModel) -> Floats:
        """Columns of the model averaged over the datasets of each cohort, shape (n_cohorts, n_columns)."""
        return self.weights @ model.design


def pooled_design(model: LinearModel, composites: Composites | None) -> Floats:
    """The design of what is pooled: datasets, or composites of them."""
    return model.design if composites is None else composites.design(model)
