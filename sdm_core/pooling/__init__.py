"""Random-effects meta-analysis of every voxel and Rubin's rules over imputations.

- `random_effects`: one meta-analysis per voxel (compiled); tau2 by DerSimonian-Laird or REML
- `permuted`: both for permuted subjects, in one compiled pass
- `permuted_regression`: the same for models with covariates, for permuted studies and subjects
- `propagated`: `permuted` from the mean and variance of the imputations
- `rubin`: running sums over imputations, and the pooled maps made of them
- `univariate`: the same models at one place, with every common estimator of tau2 (numpy)

Data flows from arrays of effects and variances to `PooledMaps`. Nothing here knows of space, masks or files.
"""

from .permuted import permuted_z
from .permuted_regression import permuted_studies_z, permuted_subjects_z
from .propagated import propagated_z
from .rubin import PooledMaps, RubinPool, meta_analyse, random_effects_mean

__all__ = [
    "PooledMaps",
    "RubinPool",
    "meta_analyse",
    "permuted_studies_z",
    "permuted_subjects_z",
    "permuted_z",
    "propagated_z",
    "random_effects_mean",
]
