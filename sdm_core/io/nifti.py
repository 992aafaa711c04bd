"""One map on the grid, as a NIfTI file."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Any, Final

import nibabel as nib
import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import AFFINE, SHAPE, Mask

Volume = npt.NDArray[np.float32]

_RESAMPLE = f"Resample it to {SHAPE[0]} x {SHAPE[1]} x {SHAPE[2]} voxels of 2 mm in MNI space."


LARGEST_VOXELS: Final = 100_000_000
"""A map of 0.5 mm has 58 million; a file that claims more than this is not loaded."""
_UNREADABLE: Final = (
    nib.filebasedimages.ImageFileError,
    nib.spatialimages.HeaderDataError,
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    zlib.error,
)


def read_map(path: str | Path) -> tuple[Volume, npt.NDArray[np.float64]]:
    """Values (float32, as the file scales them) and affine (4, 4) of a NIfTI file.

    Raises
    ------
    InputError
        If there is no such file or it cannot be read.
    """
    image = open_image(path)
    return values_of(image, path), np.asarray(image.affine, dtype=np.float64)


def open_image(path: str | Path) -> Any:
    """The nibabel image of a NIfTI file, its header read and its values not; raises InputError as `read_map` does."""
    path = Path(path)
    try:
        image: Any = nib.load(path)
    except FileNotFoundError:
        raise refused(path, "does not exist", "Check the name and the folder.") from None
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    nifti: type = nib.Nifti1Image  # NIfTI-2 is a subclass
    if not isinstance(image, nifti):
        raise refused(path, "is not a NIfTI file", "Give a NIfTI file (.nii or .nii.gz).")
    return _checked(path, image)


def _checked(path: Path, image: Any) -> Any:
    voxels = math.prod(image.shape)
    if not 0 < voxels <= LARGEST_VOXELS:
        message = f"has {' x '.join(map(str, image.shape))} voxels by its header"
        raise refused(path, message, f"Give a map of 1 to {LARGEST_VOXELS:,} voxels.")
    kind = image.get_data_dtype()
    if kind.kind not in "fiu":
        raise refused(path, f"holds values of the type {kind}", "Give a map of real numbers.")
    return image


def values_of(image: Any, path: str | Path) -> Volume:
    """Values (float32, as the file scales them) of an opened image; raises InputError where they cannot be read."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray(image.dataobj, dtype=np.float32)
    except _UNREADABLE as error:
        raise _unreadable(Path(path), error) from error


def _unreadable(path: Path, error: Exception) -> InputError:
    return refused(path, f"cannot be read ({error})", "Give a whole NIfTI file (.nii or .nii.gz).")


def read_grid_map(path: str | Path) -> Volume:
    """Values of shape (91, 109, 91) of a map that must lie on the grid; raises InputError as `read_map` does."""
    values, affine = read_map(path)
    if values.shape != SHAPE:
        raise refused(Path(path), f"has {' x '.join(map(str, values.shape))} voxels", _RESAMPLE)
    if not np.allclose(affine, AFFINE, atol=1e-3):
        raise refused(Path(path), "lies elsewhere in space", _RESAMPLE)
    return values


def read_mask(path: str | Path) -> Mask:
    """Mask of the voxels above 0 of a map on the grid; named after the file."""
    return Mask.from_volume(read_grid_map(path) > 0, Path(path).name)


def read_masked_map(path: str | Path, mask: Mask) -> Volume:
    """Values of shape (n_voxels,) of a map on the grid at a mask's voxels; InputError also where one is not finite."""
    values = mask.take(read_grid_map(path))
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise refused(Path(path), f"has {count} voxels without a number in the mask", "Give a smaller mask.")
    return values


def write_map(
    path: str | Path,
    volume: npt.ArrayLike,
    description: str = "",
    intent: tuple[str, tuple[float, ...]] = ("none", ()),
) -> None:
    """Write a volume of shape (91, 109, 91) as float32; the same numbers give the same bytes.

    Parameters
    ----------
    description : str
        At most 79 characters go into the header.
    intent : tuple of str and tuple of float
        What the numbers are, in NIfTI's words, with its parameters: ("t test", (19,)).
    """
    make_image: Any = nib.Nifti1Image  # nibabel leaves it without types
    image = make_image(np.asarray(volume, dtype=np.float32), AFFINE)
    for set_form in (image.set_sform, image.set_qform):
        set_form(AFFINE, code="mni")
    image.header.set_xyzt_units("mm")
    image.header.set_intent(*intent)
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    Path(path).write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))


def refused(path: Path, message: str, mend: str) -> InputError:
    """A file and what is wrong with it."""
    return InputError([Problem(f"map {path.name}", message, mend)])
