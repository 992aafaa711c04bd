"""What is asked of the data: every choice of an analysis, in one frozen value."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sdm_core.errors import InputError, Problem

COMPATIBILITY: Final = "sdm-6.21"
_CHOICES: Final[dict[str, tuple[object, ...]]] = {
    "estimator": ("DL", "REML"),
    "sign_peaks": ("pool", "threshold"),
    "imputed_mean": ("most_likely", "drawn"),
    "compatibility": (None, COMPATIBILITY),
    "tfce_neighbours": (6, 18, 26),
    "permutation_algebra": ("exact", "moments"),
    "permuted_residuals": ("standardised", "raw"),
    "cohorts": ("keep_all", "keep_one", "average"),
}
# Field: kind of number, least and largest value.
_RANGES: Final[dict[str, tuple[type, float, float]]] = {
    "imputations": (int, 2, 1000),
    "seed": (int, 0, 2**63 - 1),
    "mle_discards": (int, 0, 100),
    "anisotropy": (float, 0, 1),
    "fwhm_mm": (float, 4, 60),
    "voxel_p": (float, 1e-10, 0.5),
    "min_peak_z": (float, 0, 100),
    "min_extent": (int, 1, 1_000_000),
    "permutations": (int, 0, 1_000_000),
    "cohort_correlation": (float, 0, 1),
    "fwe_p": (float, 1e-6, 0.5),
}


@dataclass(frozen=True)
class AnalysisSpecification:
    """The choices of an analysis.

    Attributes
    ----------
    imputations : int
        Number of imputed data sets, from 2.
    seed : int
        Same inputs and seed, same maps.
    estimator : {"DL", "REML"}
        Between-study variance: DerSimonian-Laird, as SDM-PSI, or restricted maximum likelihood.
    mle_discards : int or None
        Most favourable studies left out of the most likely mean; None follows the number of studies.
    imputed_mean : {"most_likely", "drawn"}
        What effects are imputed about: the most likely mean every time, as SDM-PSI does, or a mean drawn from its
        likelihood for each imputation, which carries its uncertainty: fewer false alarms and less power. The
        compatibility mode takes the most likely one.
    sign_peaks : {"pool", "threshold"}
        Height of peaks known only by their sign: pooled from the other peaks, or the study's threshold.
    compatibility : {None, "sdm-6.21"}
        Bug for bug as that version of SDM-PSI: coordinates cut toward 0, peaks known only by their sign given an
        effect size equal to the number of the t threshold, a search of the most likely mean that is stuck at some
        voxels and leaves out one study more, its maps smoothed.
    template, mask : str
        Names of packaged data (gray_matter, white_matter, brain), or the labels of what is given to the run instead.
        A mask left empty is that of the template.
    anisotropy : float, 0 to 1
        Of the kernel around peaks: a sphere (0), or as neighbouring voxels correlate in the template (1).
    fwhm_mm : float
        Full width at half maximum of that kernel.
    covariates : tuple of str
        Columns of the study table, each centred on its mean over the analysed studies.
    hypothesis : tuple of float
        What is tested: a weight for the intercept, then one per covariate; empty for the intercept, which is the mean
        adjusted for the covariates.
    study_filter : str
        Analyse only the studies for which this is true (`sdm_core.studies.select_studies`); empty for all.
    allow_few : bool
        Accept a regression of fewer than 10 datasets.
    voxel_p, min_peak_z, min_extent : thresholds of clusters: voxel p value, z of the peak, voxels
        voxel_p also forms the clusters of the cluster-extent test.
    permutations : int
        Of subject images, or of studies for a hypothesis about covariates alone; the data as they are included; 0 for
        none.
    tfce_neighbours : {26, 18, 6}
        What touches in threshold-free cluster enhancement; the compatibility mode takes 6.
    permutation_p : bool
        Also each voxel's own p from the permutations, beside the normal one.
    permutation_algebra : {"exact", "moments"}
        Every imputation of every permutation, or the mean and variance of the imputed effects propagated by
        derivatives, which is about ten times as fast; the data are ranked by the same statistic.
    permuted_residuals : {"standardised", "raw"}
        Of studies, where studies are permuted: in units of sqrt(v + tau2), or as they are, which ignores that
        variances are unequal; the compatibility mode takes them as they are.
    cohorts : {"keep_all", "keep_one", "average"}
        Datasets of one cohort (column `cohort`): analyse all of them, the largest (of several, the first), or their
        mean.
    cohort_correlation : float, 0 to 1
        Assumed between the averaged effects of a cohort.
    fwe_p : float
        Threshold of the family-wise corrected p, for the tables of the permutation test.

    Raises
    ------
    InputError
        With every value out of place.
    """

    imputations: int = 50
    seed: int = 1
    estimator: str = "DL"
    mle_discards: int | None = None
    imputed_mean: str = "most_likely"
    sign_peaks: str = "pool"
    compatibility: str | None = None
    template: str = "gray_matter"
    mask: str = ""
    anisotropy: float = 1.0
    fwhm_mm: float = 20.0
    voxel_p: float = 0.005
    min_peak_z: float = 1.0
    min_extent: int = 10
    covariates: tuple[str, ...] = ()
    hypothesis: tuple[float, ...] = ()
    study_filter: str = ""
    allow_few: bool = False
    permutations: int = 0
    tfce_neighbours: int = 26
    permutation_algebra: str = "exact"
    permuted_residuals: str = "standardised"
    permutation_p: bool = False
    cohorts: str = "keep_all"
    cohort_correlation: float = 0.5
    fwe_p: float = 0.05

    def __post_init__(self) -> None:
        for name, (kind, _, _) in _RANGES.items():
            value = getattr(self, name)
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                object.__setattr__(self, name, float(value))
        if self.mask == "":
            object.__setattr__(self, "mask", self.template)
        problems = list(self._model_problems())
        problems += [p for name in _CHOICES if (p := self._choice_problem(name))]
        problems += [p for name in _RANGES if (p := self._range_problem(name))]
        problems += self._permutation_problems()
        if self.imputed_mean == "drawn" and (self.covariates or self.hypothesis):
            message, mend = '"drawn" is for the mean without covariates.', 'Choose "most_likely".'
            problems.append(Problem("imputed_mean", message, mend, field="imputed_mean"))
        if problems:
            raise InputError(problems)

    def _model_problems(self) -> Iterator[Problem]:
        """Take lists for tuples, as JSON gives them, and check what does not need the studies."""
        for name, kind, words in (("covariates", str, "names"), ("hypothesis", int | float, "numbers")):
            values = getattr(self, name)
            if isinstance(values, list | tuple) and all(isinstance(value, kind) for value in values):
                object.__setattr__(self, name, tuple(values if kind is str else map(float, values)))
            else:
                yield Problem(name, f'"{values}" is not a list of {words}.', field=name)
        kinds = (("study_filter", str, "text"), ("allow_few", bool, "yes or no"), ("permutation_p", bool, "yes or no"))
        for name, plain, words in kinds:
            if not isinstance(getattr(self, name), plain):
                yield Problem(name, f'"{getattr(self, name)}" is not {words}.', field=name)

    def _permutation_problems(self) -> Iterator[Problem]:
        if self.permutations and self.estimator != "DL":
            message = "would be sought anew for every permutation, imputation and voxel, which takes days"
            yield Problem("estimator", message, 'Choose "DL", or no permutations.', field="estimator")
        if self.permutation_algebra == "moments" and (self.covariates or self.hypothesis):
            message, mend = '"moments" is for the mean without covariates.', 'Choose "exact".'
            yield Problem("permutation_algebra", message, mend, field="permutation_algebra")
        if self.permutations and self.cohorts == "average":
            mend = 'Choose "keep_one", or no permutations.'
            yield Problem("cohorts", "cannot be averaged and permuted", mend, field="cohorts")

    def _choice_problem(self, name: str) -> Problem | None:
        value, choices = getattr(self, name), _CHOICES[name]
        if value in choices:
            return None
        mend = "Choose " + " or ".join("nothing" if choice is None else f'"{choice}"' for choice in choices) + "."
        return Problem(name, f'"{value}" is not known.', mend, field=name)

    def _range_problem(self, name: str) -> Problem | None:
        value, (kind, least, most) = getattr(self, name), _RANGES[name]
        if name == "mle_discards" and value is None:
            return None
        if isinstance(value, int | float) and type(value) is kind and least <= value <= most:
            return None
        words = "a whole number" if kind is int else "a number"
        return Problem(name, f'"{value}" is not {words} from {least:g} to {most:g}.', field=name)

    def to_dict(self) -> dict[str, Any]:
        """All choices, JSON-able, always with the same keys in the same order."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AnalysisSpecification:
        """The specification of `to_dict`; choices left out take their defaults."""
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = [
            Problem(str(name), "is not a choice of an analysis.", field=str(name)) for name in values.keys() - known
        ]
        if unknown:
            raise InputError(unknown)
        return cls(**values)
