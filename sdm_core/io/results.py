"""Everything a run leaves behind, written whole or not at all.

OUT/maps/NAME.nii.gz      one per map
OUT/tables/clusters.csv   one row per cluster
OUT/tables/peaks.csv      one row per local maximum
OUT/null_maxima.csv       with permutations: the maxima of each; tables/clusters_fwe_*.csv and peaks_fwe_*.csv as above
OUT/blocks/               the blocks of permutations that `BlockFolder` stored there, if any
OUT/bounds/STUDY_*.nii.gz if the run kept its bounds
OUT/run.json              what was run, and the sha256 of every other file
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem, SdmError
from sdm_core.inference import Cluster, NullMaxima
from sdm_core.io.bounds import write_bounds
from sdm_core.io.nifti import write_map
from sdm_core.io.tables import (
    CLUSTER_COLUMNS,
    CORRECTED_COLUMNS,
    MAXIMA_COLUMNS,
    PEAK_COLUMNS,
    cluster_rows,
    corrected_rows,
    maxima_rows,
    peak_rows,
    write_csv,
)
from sdm_core.studies import BoundsMaps

RUN_FILE: Final = "run.json"
BLOCKS: Final = "blocks"

DESCRIPTIONS: Final = {
    "g": "pooled effect, Hedges' g",
    "var": "variance of the pooled effect",
    "z": "pooled z (SDM-Z)",
    "tau2": "between-study variance tau2",
    "i2": "I2, per cent",
    "h2": "H2",
    "q": "Cochran's Q",
    "p_uncorrected": "one-sided p of positive effects, uncorrected",
    "p_uncorrected_neg": "one-sided p of negative effects, uncorrected",
    "p": "one-sided p of positive effects in both runs",
    "p_neg": "one-sided p of negative effects in both runs",
    "p_fwe_voxel": "p of positive effects, family-wise corrected by maximum z",
    "p_fwe_voxel_neg": "p of negative effects, family-wise corrected by maximum z",
    "p_fwe_tfce": "p of positive effects, family-wise corrected by maximum TFCE",
    "p_fwe_tfce_neg": "p of negative effects, family-wise corrected by maximum TFCE",
    "p_fwe_cluster": "p of positive effects, family-wise corrected by cluster extent",
    "p_fwe_cluster_neg": "p of negative effects, family-wise corrected by cluster extent",
    **{
        f"p_gamma_{key}{suffix}": f"approximation of p_fwe_{key}{suffix} by a gamma distribution"
        for key in ("voxel", "tfce", "cluster")
        for suffix in ("", "_neg")
    },
    "p_permutation": "one-sided p of positive effects from permutations, uncorrected",
    "p_permutation_neg": "one-sided p of negative effects from permutations, uncorrected",
}


class RunResult(Protocol):
    """What is written of a run."""

    @property
    def maps(self) -> Mapping[str, npt.NDArray[np.float32]]: ...
    @property
    def clusters(self) -> Sequence[Cluster]: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...
    @property
    def bounds(self) -> BoundsMaps | None: ...
    @property
    def null_maxima(self) -> NullMaxima | None: ...
    @property
    def corrected_clusters(self) -> Mapping[str, Sequence[Cluster]]: ...


def write_result(result: RunResult, out_dir: str | Path) -> None:
    """Write all files of a run.

    They are written beside `out_dir` and moved into place at the end, so that `out_dir` never holds half a run.  An
    earlier run in `out_dir` is replaced, but for its blocks of permutations; a folder with anything else in it is left
    alone.

    Raises
    ------
    InputError
        If `out_dir` holds something that is not an earlier run.
    SdmError
        If the files cannot be written, for example on a full disk.
    """
    out = Path(out_dir).resolve()
    check_place(out)
    partial: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        if (out / BLOCKS).is_dir() and result.null_maxima is not None:
            shutil.copytree(out / BLOCKS, partial / BLOCKS)
        _write_files(result, partial)
        _put_in_place(partial, out)
    except OSError as error:
        raise SdmError(f"The results could not be written to {out}: {error.strerror or error}.") from error
    finally:
        if partial is not None:
            shutil.rmtree(partial, ignore_errors=True)


def check_place(out: Path) -> None:
    """Raise InputError if `out` holds something that is not an earlier run, whole or begun."""
    if not out.exists():
        return
    message = "is not a folder" if not out.is_dir() else "holds other files"
    if not out.is_dir() or ({path.name for path in out.iterdir()} - {BLOCKS} and not (out / RUN_FILE).exists()):
        raise InputError([Problem(f"output {out}", message, "Choose a new or an empty folder.")])


def _write_files(result: RunResult, folder: Path) -> None:
    (folder / "maps").mkdir()
    for name, volume in result.maps.items():
        write_map(folder / "maps" / f"{name}.nii.gz", volume, DESCRIPTIONS.get(name, name))
    (folder / "tables").mkdir()
    write_csv(folder / "tables/clusters.csv", CLUSTER_COLUMNS, cluster_rows(result.clusters))
    write_csv(folder / "tables/peaks.csv", PEAK_COLUMNS, peak_rows(result.clusters))
    for correction, clusters in result.corrected_clusters.items():
        name = f"_fwe_{correction}.csv"
        write_csv(folder / "tables" / f"clusters{name}", CORRECTED_COLUMNS, corrected_rows(clusters))
        write_csv(folder / "tables" / f"peaks{name}", PEAK_COLUMNS, peak_rows(clusters))
    if result.null_maxima is not None:
        write_csv(folder / "null_maxima.csv", MAXIMA_COLUMNS, maxima_rows(result.null_maxima))
    if result.bounds is not None:
        write_bounds(folder / "bounds", result.bounds)
    document = {**result.provenance, "outputs": _hashes(folder)}
    (folder / RUN_FILE).write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")


def _hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.parent.name != BLOCKS)
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _put_in_place(partial: Path, out: Path) -> None:
    partial.chmod(0o755)
    if not out.exists():
        partial.rename(out)
        return
    earlier = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    out.rename(earlier / out.name)
    partial.rename(out)
    shutil.rmtree(earlier, ignore_errors=True)
