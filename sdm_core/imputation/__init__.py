"""What an unreported effect may have been.

- `normal`: the normal distribution, fast enough for hundreds of millions of values
- `likelihood`: the most likely mean and between-study variance of each voxel, known and bounded studies together
- `linear_likelihood`: the same with covariates
- `mean_draws`: the mean of each imputation drawn from its likelihood, on request
- `sdm_search`: the mean as SDM-PSI 6.21 seeks it
- `fields`: random fields whose neighbouring voxels go together as the template says
- `truncated`: effects drawn between their bounds, the field deciding where in the distribution
- `subjects`: residuals of the subjects of a study, shared by all imputations

Bounds (from `effects`) flow in; one imputation of one study flows out at a time.
"""

from .fields import FieldGenerator
from .likelihood import default_discards, most_likely
from .linear_likelihood import most_likely_linear, most_likely_tau2
from .mean_draws import KNOTS, draw_mean, mean_deviations
from .sdm_search import SDM_FURTHER_DISCARDS, most_likely_sdm
from .subjects import SDM_ROUGHNESS, SUBJECT_ROUGHNESS, SubjectFields, fill_residuals, n_tiles, to_tiles
from .truncated import impute, truncations

__all__ = [
    "KNOTS",
    "SDM_FURTHER_DISCARDS",
    "SDM_ROUGHNESS",
    "SUBJECT_ROUGHNESS",
    "FieldGenerator",
    "SubjectFields",
    "default_discards",
    "draw_mean",
    "fill_residuals",
    "impute",
    "mean_deviations",
    "most_likely",
    "most_likely_linear",
    "most_likely_sdm",
    "most_likely_tau2",
    "n_tiles",
    "to_tiles",
    "truncations",
]
