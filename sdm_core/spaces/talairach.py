"""Talairach <-> MNI.

By software: the affine transforms of Lancaster et al. 2007 (Human Brain Mapping 28:1194), given as MNI -> Talairach
for images normalised with SPM, FSL, or pooled over both ("other").  ``brett`` is the piecewise linear transform
``mni2tal`` of M. Brett, for coordinates whose authors applied it to MNI results.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.spaces.grid import FloatArray

_LANCASTER: Final[dict[str, FloatArray]] = {
    "spm": np.array(
        [
            [0.9254, 0.0024, -0.0118, -1.0207],
            [-0.0048, 0.9316, -0.0871, -1.7667],
            [0.0152, 0.0883, 0.8924, 4.0926],
        ]
    ),
    "fsl": np.array(
        [
            [0.9464, 0.0034, -0.0026, -1.0680],
            [-0.0083, 0.9479, -0.0580, -1.0239],
            [0.0053, 0.0617, 0.9010, 3.1883],
        ]
    ),
    "other": np.array(
        [
            [0.9357, 0.0029, -0.0072, -1.0423],
            [-0.0065, 0.9396, -0.0726, -1.3940],
            [0.0103, 0.0752, 0.8967, 3.6475],
        ]
    ),
}
_BRETT_ABOVE: Final = np.array([[0.99, 0, 0], [0, 0.9688, 0.0460], [0, -0.0485, 0.9189]])
_BRETT_BELOW: Final = np.array([[0.99, 0, 0], [0, 0.9688, 0.0420], [0, -0.0485, 0.8390]])

SOFTWARE: Final = (*_LANCASTER, "brett")


def mni_to_talairach(mm: npt.ArrayLike, software: str = "other") -> FloatArray:
    """Talairach mm of MNI mm, both of shape (n, 3); `software` is one of SOFTWARE.

    Raises
    ------
    InputError
        If the software is unknown.
    """
    points = np.asarray(mm, dtype=np.float64)
    if software == "brett":
        above = points[..., 2:] >= 0
        brett: FloatArray = np.where(above, points @ _BRETT_ABOVE.T, points @ _BRETT_BELOW.T)
        return brett
    matrix = _matrix(software)
    talairach: FloatArray = points @ matrix[:, :3].T + matrix[:, 3]
    return talairach


def talairach_to_mni(mm: npt.ArrayLike, software: str = "other") -> FloatArray:
    """MNI mm of Talairach mm, both of shape (n, 3); the exact inverse of `mni_to_talairach`.

    Notes
    -----
    Brett's transform is inverted piece by piece; the piece is chosen by the sign of the MNI z it leads to.  Near
    the plane z = 0, where both pieces can apply, the upper one is taken.

    Raises
    ------
    InputError
        If the software is unknown.
    """
    points = np.asarray(mm, dtype=np.float64)
    if software == "brett":
        upper, lower = (points @ np.linalg.inv(piece).T for piece in (_BRETT_ABOVE, _BRETT_BELOW))
        return np.where(upper[..., 2:] >= 0, upper, lower)
    matrix = _matrix(software)
    return (points - matrix[:, 3]) @ np.linalg.inv(matrix[:, :3]).T


def _matrix(software: str) -> FloatArray:
    if software not in _LANCASTER:
        mend = f"Choose one of {', '.join(SOFTWARE)}."
        raise InputError([Problem("software", f'"{software}" is not known', mend, field="software")])
    return _LANCASTER[software]
