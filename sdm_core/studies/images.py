"""The map of a study that has one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from sdm_core.studies.cells import frozen

STATISTICS: Final = ("t", "z", "g")


@dataclass(frozen=True, eq=False)
class StudyImage:
    """The map of a study on the grid.

    Attributes
    ----------
    statistic : {"t", "z", "g"}
    values : ndarray of shape (91, 109, 91), float32, read-only
        NaN where the map has no value.
    df : float or None
        Degrees of freedom as the file gives them.
    """

    statistic: str
    values: npt.NDArray[np.float32]
    df: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", frozen(self.values, np.float32))

    @property
    def digest(self) -> bytes:
        """Hash of what enters an analysis."""
        return hashlib.sha256(self.statistic.encode() + np.ascontiguousarray(self.values).tobytes()).digest()
