"""One map on the grid, as a NIfTI file."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import AFFINE, SHAPE, Mask

Volume = npt.NDArray[np.float32]

_RESAMPLE = f"Resample it to {SHAPE[0]} x {SHAPE[1]} x {SHAPE[2]} voxels of 2 mm in MNI space."


def read_map(path: str | Path) -> tuple[Volume, npt.NDArray[np.float64]]:
    """Values (float32, as the file scales them) and affine (4, 4) of a NIfTI file.

    Raises
    ------
    InputError
        If there is no such file or it cannot be read.
    """
    path = Path(path)
    try:
        image: Any = nib.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except FileNotFoundError:
        raise _refused(path, "does not exist", "Check the name and the folder.") from None
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise _refused(path, f"cannot be read ({error})", "Give a whole NIfTI file (.nii or .nii.gz).") from error
    return values, np.asarray(image.affine, dtype=np.float64)


def read_grid_map(path: str | Path) -> Volume:
    """Values of shape (91, 109, 91) of a map that must lie on the grid; raises InputError as `read_map` does."""
    values, affine = read_map(path)
    if values.shape != SHAPE:
        raise _refused(Path(path), f"has {' x '.join(map(str, values.shape))} voxels", _RESAMPLE)
    if not np.allclose(affine, AFFINE, atol=1e-3):
        raise _refused(Path(path), "lies elsewhere in space", _RESAMPLE)
    return values


def read_mask(path: str | Path) -> Mask:
    """Mask of the voxels above 0 of a map on the grid; named after the file."""
    return Mask.from_volume(read_grid_map(path) > 0, Path(path).name)


def read_masked_map(path: str | Path, mask: Mask) -> Volume:
    """Values of shape (n_voxels,) of a map on the grid at a mask's voxels; InputError also where one is not finite."""
    values = mask.take(read_grid_map(path))
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise _refused(Path(path), f"has {count} voxels without a number in the mask", "Give a smaller mask.")
    return values


def write_map(path: str | Path, volume: npt.ArrayLike, description: str = "") -> None:
    """Write a volume of shape (91, 109, 91) as float32; the same numbers give the same bytes.

    Parameters
    ----------
    description : str
        At most 79 characters go into the header.
    """
    make_image: Any = nib.Nifti1Image  # nibabel leaves it without types
    image = make_image(np.asarray(volume, dtype=np.float32), AFFINE)
    for set_form in (image.set_sform, image.set_qform):
        set_form(AFFINE, code="mni")
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description.encode("ascii", "replace")[:79]
    Path(path).write_bytes(gzip.compress(image.to_bytes(), compresslevel=6, mtime=0))


def _refused(path: Path, message: str, mend: str) -> InputError:
    return InputError([Problem(f"map {path.name}", message, mend)])
