"""What a run was made of: enough to make it again and to see that it was."""

import hashlib
import platform
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import scipy

from sdm_core.compiled import NOT_COMPILED, numba
from sdm_core.effects.peak_statistics import sign_only_rules
from sdm_core.errors import InputError, Problem
from sdm_core.inference import BLOCK, SDM_NEIGHBOURS, NullMaxima, null_summary
from sdm_core.studies import PeakTable, StudyTable, cohort_counts, cohort_names

from .stages import Analysis

ALGEBRAS: Final = {
    "exact": "exact loop over imputations",
    "moments": "mean and variance of the imputed effects propagated; the data are ranked by the same statistic",
}


def describe(
    analysis: Analysis,
    *,
    version: str,
    started: datetime,
    seconds: Mapping[str, float],
    warnings: Iterable[Problem],
    inputs: Mapping[str, str],
    bounds_sha256: str | None,
    null_maxima: NullMaxima | None = None,
) -> dict[str, Any]:
    """The content of run.json; `seconds` by stage, `inputs` sha256 by file name."""
    studies, template = analysis.studies, analysis.template
    return {
        "software": {
            "sdm_core": version,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "numba": None if numba is None else numba.__version__,
        },
        "specification": analysis.specification.to_dict(),
        "model": _model(analysis),
        "mle_discards_used": analysis.n_discards,
        "studies": {
            "count": len(studies),
            "subjects": int((studies.n1 + studies.n2).sum()),
            "names": studies.names,
            **cohort_counts(studies),
        },
        "peaks": {"count": len(analysis.peaks), "sign_only": int(np.isnan(analysis.peaks.t).sum())},
        "maps": {name: image.statistic for name, image in zip(studies.names, studies.images, strict=True) if image},
        "sign_only_heights": {} if bounds_sha256 else _sign_only_heights(analysis),
        "tables_sha256": tables_sha256(studies, analysis.peaks),
        "inputs_sha256": dict(inputs),
        "bounds_sha256": bounds_sha256,
        "template": {"name": template.name, "sha256": template.sha256, **template.origin},
        "mask": {"name": template.mask.name, "voxels": template.mask.size, "sha256": template.mask.sha256},
        "warnings": [*map(str, warnings), *([NOT_COMPILED] if NOT_COMPILED else [])],
        "started": started.isoformat(timespec="seconds"),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": {**seconds, "total": round(sum(seconds.values()), 3)},
        "peak_memory_mb": peak_memory_mb(),
        "machine": {"platform": platform.platform(), "threads": analysis.workers.threads},
        **({} if null_maxima is None else {"permutation_test": _permutation_test(analysis, null_maxima)}),
    }


def _permutation_test(analysis: Analysis, null_maxima: NullMaxima) -> dict[str, Any]:
    """What the corrected p values rest on."""
    compatible = analysis.specification.compatibility is not None
    return {
        "permutations": len(null_maxima.z),
        "exact": null_maxima.exact,
        "block": BLOCK,
        **_permuted(analysis),
        "tfce": {
            "neighbours": SDM_NEIGHBOURS if compatible else analysis.specification.tfce_neighbours,
            "heights": "100 steps, not scaled" if compatible else "all",
            "extent_power": 0.5,
            "height_power": 2,
        },
        "cluster_forming_p": analysis.specification.voxel_p,
        "null": {
            name: {
                sign: null_summary(getattr(null_maxima, name)[:, column], analysis.specification.fwe_p)
                for column, sign in enumerate(("positive", "negative"))
            }
            for name in ("z", "tfce", "extent")
        },
        "gamma": "an approximation by three moments, beside the p that count permutations",
        "maxima_of_the_data": {name: getattr(null_maxima, name)[0].tolist() for name in ("z", "tfce", "extent")},
    }


def _permuted(analysis: Analysis) -> dict[str, str]:
    """What is permuted, and how."""
    if analysis.model.tests_covariates:
        units = "as they are" if analysis.raw_residuals else "in units of sqrt(v + tau2)"
        method = f"Freedman and Lane: residuals of the model without the tested column, {units}"
        return {"permuted": "studies", "method": method}
    algebra = ALGEBRAS[analysis.specification.permutation_algebra]
    return {"permuted": "subjects", "method": f"residuals shared by all imputations; {algebra}"}


def _sign_only_heights(analysis: Analysis) -> dict[str, int]:
    """How many peaks known only by their sign took their height from what."""
    specification = analysis.specification
    wanted = specification.compatibility or specification.sign_peaks
    rules = Counter(sign_only_rules(analysis.studies, analysis.peaks, wanted))
    return {rule: rules[rule] for rule in sorted(rules) if rule}


def _model(analysis: Analysis) -> dict[str, Any]:
    """Columns with their values, so that covariates are on record, and what was tested."""
    model, covariates = analysis.model, analysis.studies.covariates
    return {
        "columns": list(model.names),
        "hypothesis": model.contrast.tolist(),
        "centres": dict(zip(model.names[1:], model.centres, strict=True)),
        "values": {name: covariates[name].tolist() for name in model.names[1:]},
    }


def check_same_tables(studies: StudyTable, peaks: PeakTable, run: Mapping[str, Any]) -> None:
    """Raise InputError unless these are the studies, peaks and covariates that a run.json was made of."""
    values = run.get("model", {}).get("values", {})
    covariates = {name: studies.covariates[name].tolist() for name in values if name in studies.covariates}
    if tables_sha256(studies, peaks) != run["tables_sha256"] or covariates != values:
        message, mend = "are not those of the run", "Give the folder that the run was made of (--inputs)."
        raise InputError([Problem("the studies and peaks", message, mend, field="inputs")])


def tables_sha256(studies: StudyTable, peaks: PeakTable) -> str:
    """Hash of all in the two tables that enters an analysis, covariates excepted; an empty cohort column is as none."""
    digest = hashlib.sha256(repr((studies.names, studies.design, studies.threshold_kind)).encode())
    columns = (studies.n1, studies.n2, studies.t_threshold, studies.no_peaks)
    for array in (*columns, peaks.study_index, peaks.mm, peaks.t, peaks.sign):
        digest.update(np.ascontiguousarray(array).tobytes())
    if any(cohorts := cohort_names(studies)):
        digest.update(repr(cohorts).encode())
    for name, image in zip(studies.names, studies.images, strict=True):
        if image is not None:
            digest.update(name.encode() + image.digest)
    return digest.hexdigest()


def peak_memory_mb() -> float | None:
    """Most memory this process ever held, in MiB; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource  # not on every platform

    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(kilobytes / (1024**2 if sys.platform == "darwin" else 1024), 1)
