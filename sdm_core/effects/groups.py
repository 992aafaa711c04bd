"""How the images of a study's subjects make its effect, so that subjects can be permuted.

A subject's value at a voxel is e + x d: a residual, and a code x times the sample effect d.  Codes: 1 for everyone (one
sample); 1 for patients and 0 for controls (two samples); standardised normal scores (correlation).  Over subjects the
residuals have mean 0 (within each group), are orthogonal to x and have variance 1.  A permutation changes the weights w
with which subjects enter the effect:

    D = sum w e + (sum w x) d,    effect = D / sqrt(1 + (d^2 - D^2) h)

because the total sum of squares does not change; h is (sum of the weights of d^2 in that sum) / df.  With Hedges'
correction J, effects g = J D, the same holds for g and J d with h / J^2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sdm_core.effects.hedges import EffectScale
from sdm_core.studies import StudyTable

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Group:
    """Subjects of one study.

    Attributes
    ----------
    design : {"one_sample", "two_sample", "correlation"}
    code : ndarray of shape (n_subjects,)
        x.
    weights : ndarray of shape (n_subjects,)
        w of the data as they are, Hedges' correction included.
    n1 : int
        Subjects of the first group, which come first.
    """

    design: str
    code: Array
    weights: Array
    n1: int


def groups_of(studies: StudyTable, scale: EffectScale) -> list[Group]:
    """The subjects of every study."""
    return [_group(studies, scale, i) for i in range(len(studies))]


def curvatures(studies: StudyTable, scale: EffectScale) -> Array:
    """h / J^2 of every study, shape (n_studies,)."""
    hedges = _corrections(scale)
    return np.where(scale.correlation, 1.0, 1 / (scale.base * studies.df * hedges**2))


def _corrections(scale: EffectScale) -> Array:
    return np.where(scale.correlation, 1.0, scale.factor / np.sqrt(scale.base))


def _group(studies: StudyTable, scale: EffectScale, i: int) -> Group:
    n1, n2 = int(studies.n1[i]), int(studies.n2[i])
    hedges = float(_corrections(scale)[i])
    if scale.correlation[i]:
        scores = special.ndtri((np.arange(n1) + 0.5) / n1)
        scores *= np.sqrt((n1 - 1) / (scores**2).sum())
        return Group("correlation", scores, scores / (n1 - 1), n1)
    if n2 == 0:
        return Group("one_sample", np.ones(n1), np.full(n1, hedges / n1), n1)
    patient = np.arange(n1 + n2) < n1
    weights = hedges * np.where(patient, 1 / n1, -1 / n2)
    return Group("two_sample", patient.astype(np.float64), weights, n1)
