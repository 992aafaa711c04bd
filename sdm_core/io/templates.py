"""Templates as files: read the maps of subjects and build one, write it, read it.

The file is an npz archive: ``unlike`` (13, n_voxels), 1 - rho as float16, whose relative precision of 0.0005 suits
correlations near 1; ``mask``, the voxels of the grid as packed bits in C order; ``document``, JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from sdm_core.errors import InputError, Problem
from sdm_core.spaces import AFFINE, SHAPE, VOXEL_MM, Mask, Template, resample
from sdm_core.spaces.grid import NEIGHBOUR_OFFSETS
from sdm_core.spaces.measured import NeighbourSums, measured_template

VERSION = 1
TALAIRACH = 3
"""The NIfTI code of that space."""
OUTSIDE = 0.1
"""Largest share of the mask that may lie outside the field of view of the maps."""

Volume = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """A map: a 3D file, or a volume of a 4D one."""

    path: Path
    volume: int | None

    @property
    def name(self) -> str:
        """As messages say it."""
        return self.path.name if self.volume is None else f"{self.path.name}, volume {self.volume + 1}"


def build_template(
    folder: str | Path, mask: Mask, name: str, *, smoothing_mm: float = 0.0, smoothed_mm: float | None = None,
    versions: dict[str, str] | None = None,
) -> Template:  # fmt: skip
    """Measure a template on the NIfTI maps of a folder.

    Parameters
    ----------
    folder : path
        Holds .nii or .nii.gz files on one grid in MNI space; a 4D file counts as many subjects.
    mask : Mask
        Voxels of the template, as far as the maps vary there.
    smoothing_mm : float
        FWHM of the Gaussian that smooths each map on the 2 mm grid; 0 for none.
    smoothed_mm : float, optional
        FWHM of the smoothing that the maps already have, for the record.

    Raises
    ------
    InputError
        If maps cannot be read, are in different spaces, in Talairach space, the same, too few, or miss the mask.
    """
    files = sorted(path for path in Path(folder).glob("*") if path.name.endswith((".nii", ".nii.gz")))
    if not files:
        raise _refused(f"folder {folder}", "has no .nii or .nii.gz file", "Give the folder of the subjects' maps.")
    images = _opened(files)
    sums, seen = NeighbourSums(mask), dict[str, Subject]()
    for subject, values, affine in _subjects(images):
        on_grid = _resampled(values, affine, mask, subject)
        _check_new(on_grid, subject, seen)
        sums.add(mask.take(_smoothed(on_grid, smoothing_mm)))
    origin = {
        "smoothing_applied_mm": smoothing_mm,
        "smoothing_before_mm": smoothed_mm,
        "mask": {"name": mask.name, "sha256": mask.sha256},
        "inputs_sha256": {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "versions": versions or {},
    }
    return measured_template(sums, name, origin)


def _opened(files: list[Path]) -> dict[Path, Any]:
    """Images by path; all on the grid of the first."""
    images: dict[Path, Any] = {}
    problems: list[Problem] = []
    for path in files:
        try:
            image: Any = nib.load(path)
        except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
            problems.append(_problem(f"map {path.name}", f"cannot be read ({error})", "Give a whole NIfTI file."))
            continue
        images[path] = image
        problems += _space_problems(path, image, next(iter(images.values())))
    if problems:
        raise InputError(problems)
    return images


def _space_problems(path: Path, image: Any, first: Any) -> Iterator[Problem]:
    mend = "Bring all maps into one MNI space with one pipeline."
    if image.ndim not in (3, 4):
        yield _problem(f"map {path.name}", f"has {image.ndim} dimensions", "Give maps of 3 dimensions, or 4.")
    if TALAIRACH in (int(image.header["sform_code"]), int(image.header["qform_code"])):
        yield _problem(f"map {path.name}", "is in Talairach space, as its header says", mend)
    if image.shape[:3] != first.shape[:3] or not np.allclose(image.affine, first.affine, atol=1e-3):
        yield _problem(f"map {path.name}", "lies on another grid than the first map", mend)


def _subjects(images: dict[Path, Any]) -> Iterator[tuple[Subject, Volume, npt.NDArray[np.float64]]]:
    for path, image in images.items():
        try:
            for volume in range(image.shape[3]) if image.ndim == 4 else [None]:
                values = image.dataobj if volume is None else image.dataobj[..., volume]
                yield Subject(path, volume), np.asarray(values, dtype=np.float32), np.asarray(image.affine)
        except (OSError, EOFError, ValueError) as error:
            raise _refused(f"map {path.name}", f"cannot be read ({error})", "Give a whole NIfTI file.") from error


def _resampled(values: Volume, affine: npt.NDArray[np.float64], mask: Mask, subject: Subject) -> Volume:
    """The map on the grid; NaN outside its field of view and where it has no number."""
    lies_on_grid = values.shape == SHAPE and np.allclose(affine, AFFINE, atol=1e-3)
    on_grid = values if lies_on_grid else resample(values, affine)
    missing = float(np.isnan(mask.take(on_grid)).mean())
    if missing > OUTSIDE:
        message = f"has no number at {missing:.0%} of the voxels of mask {mask.name}"
        raise _refused(f"map {subject.name}", message, "Give whole-brain maps in MNI space, or a smaller mask.")
    return on_grid


def _check_new(values: Volume, subject: Subject, seen: dict[str, Subject]) -> None:
    if not np.nanmax(np.abs(values), initial=0) > 0:
        raise _refused(f"map {subject.name}", "is empty", "Take it out.")
    digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
    if digest in seen:
        message = f"is the same as {seen[digest].name}"
        raise _refused(f"map {subject.name}", message, "Give each subject once.")
    seen[digest] = subject


def _smoothed(values: Volume, fwhm_mm: float) -> Volume:
    """Smoothed as if there were 0 where there is no number; such voxels stay without."""
    if fwhm_mm == 0:
        return values
    smooth: Volume = ndimage.gaussian_filter(np.nan_to_num(values), fwhm_mm / np.sqrt(8 * np.log(2)) / VOXEL_MM)
    smooth[np.isnan(values)] = np.nan
    return smooth


def write_template(template: Template, path: str | Path) -> None:
    """Write it; the same template gives the same arrays."""
    unlike = (1 - template.correlations.astype(np.float64)).astype(np.float16)
    document = {"version": VERSION, "name": template.name, "mask": template.mask.name, "origin": template.origin}
    with Path(path).open("wb") as stream:
        np.savez_compressed(
            stream, unlike=unlike, mask=np.packbits(template.mask.voxels), document=np.array(json.dumps(document))
        )


def read_template(path: str | Path) -> Template:
    """A template written by `write_template`, named after its file, whose sha256 joins its origin.

    Raises
    ------
    InputError
        If there is no such file or it is not one.
    """
    path = Path(path)
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            unlike, packed, document = archive["unlike"], archive["mask"], json.loads(str(archive["document"]))
        voxels = np.unpackbits(packed, count=int(np.prod(SHAPE))).reshape(SHAPE)
        mask = Mask.from_volume(voxels, document["mask"])
        correlations = 1 - unlike.astype(np.float32)
        if correlations.shape != (len(NEIGHBOUR_OFFSETS), mask.size) or not 0 < np.nanmin(correlations) < 1:
            raise ValueError("its correlations do not fit its mask")
        origin = {**document["origin"], "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        mend = "Give a file that template build wrote, or the name of a packaged template."
        raise _refused(f"template {path}", f"cannot be read ({error})", mend) from error
    correlations.flags.writeable = False
    return Template(path.name, correlations, mask, origin)


def _problem(place: str, message: str, mend: str) -> Problem:
    return Problem(place, message, mend, field="template")


def _refused(place: str, message: str, mend: str) -> InputError:
    return InputError([_problem(place, message, mend)])
