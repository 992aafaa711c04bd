"""A run that was written before: what was asked, and where."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sdm_core.errors import InputError, Problem
from sdm_core.io.nifti import Volume, read_grid_map
from sdm_core.io.results import RUN_FILE
from sdm_core.spaces import Mask, mm_to_voxel
from sdm_core.specification import AnalysisSpecification


@dataclass(frozen=True)
class EarlierRun:
    """What a run's folder tells of it.

    Attributes
    ----------
    folder : Path
    document : mapping
        The content of run.json.
    specification : AnalysisSpecification
    """

    folder: Path
    document: Mapping[str, Any]
    specification: AnalysisSpecification

    @property
    def mask(self) -> Mask:
        """The analysed voxels: those with a pooled variance."""
        return Mask.from_volume(self.map("var") > 0, self.document["mask"]["name"])

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    def map(self, name: str) -> Volume:
        """A map of shape (91, 109, 91); InputError if the run has none of that name."""
        path = self.folder / "maps" / f"{name}.nii.gz"
        if not path.exists():
            mend = "It needs a run with --permutations." if name.startswith("p_") else "Run it again."
            raise InputError([Problem(f"run {self.name}", f"has no map {name}", mend)])
        return read_grid_map(path)

    def value(self, name: str, mm: Sequence[float]) -> float:
        """The value of a map at the voxel that holds a coordinate (MNI mm)."""
        return float(self.map(name)[tuple(np.rint(mm_to_voxel(mm)).astype(int))])

    @property
    def cluster_peaks(self) -> list[tuple[float, float, float]]:
        """The highest peak of every cluster, MNI mm."""
        with (self.folder / "tables" / "clusters.csv").open(encoding="utf-8-sig", newline="") as lines:
            return [(float(row["peak_x"]), float(row["peak_y"]), float(row["peak_z"])) for row in csv.DictReader(lines)]


def read_run(folder: str | Path) -> EarlierRun:
    """Read a run's run.json.

    Raises
    ------
    InputError
        If there is none, or it is not one of ours.
    """
    folder = Path(folder)
    try:
        document = json.loads((folder / RUN_FILE).read_text("utf-8"))
        specification = AnalysisSpecification.from_dict(document["specification"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        mend = "Give the folder that a run wrote."
        raise InputError([Problem(f"run {folder}", f"has no {RUN_FILE} that can be read", mend)]) from error
    return EarlierRun(folder, document, specification)
