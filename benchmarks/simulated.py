"""SIMULATED subjects, studies and peaks for the validation scripts of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from sdm_core.imputation import FieldGenerator
from sdm_core.spaces import AFFINE, SHAPE, VOXEL_MM, Mask, load_mask, load_template, voxel_to_mm

PEAKS_PER_CLUSTER = 3
PEAK_DISTANCE_MM = 8.0
_OTHER_STREAM = 2**40
"""Added to seeds, so that simulated subjects share no random number with the imputations of a run."""


def block_mask(edge: int, corner: tuple[int, int, int] = (20, 50, 35)) -> Mask:
    """The gray matter in a cube of the grid; the default corner lies in the right temporal lobe, nearly all gray."""
    volume = np.zeros(SHAPE, dtype=bool)
    volume[tuple(slice(start, start + edge) for start in corner)] = True
    return Mask.from_volume(volume & load_mask("gray_matter").voxels, f"block of {edge}")


class SmoothNoise:
    """Standard normal fields on a mask: smoothed white noise, the template's generator, or mixtures of real subjects.

    Parameters
    ----------
    smoothness : number, "template" or the path of a 4-D NIfTI file
        Full width at half maximum in mm; a file holds real subjects, whose residuals are mixed with random normal
        weights, which gives Gaussian fields with the subjects' own covariance.
    """

    def __init__(self, mask: Mask, smoothness: str, seed: int) -> None:
        self.mask, self.seed, self.drawn = mask, seed, 0
        self.template, self.real = smoothness == "template", Path(smoothness).is_file()
        if self.template:
            self.generator = FieldGenerator.of(load_template("gray_matter", mask))
        elif self.real:
            self.residuals = residuals_of(Path(smoothness), mask)
        else:
            self.axes = [self._weights(axis, float(smoothness)) for axis in range(3)]
        self.rng = np.random.default_rng([seed, 7])

    def _weights(self, axis: int, fwhm: float) -> np.ndarray:
        """Weights of white noise, beyond the mask too, along one axis; every row has length 1."""
        places = np.arange(self.mask.indices[:, axis].min(), self.mask.indices[:, axis].max() + 1)
        sigma = fwhm / np.sqrt(8 * np.log(2)) / VOXEL_MM
        margin = int(np.ceil(3 * sigma))
        sources = np.arange(places[0] - margin, places[-1] + margin + 1)
        weights = np.exp(-((places[:, None] - sources) ** 2) / (2 * sigma**2))
        return (weights / np.sqrt((weights**2).sum(axis=1, keepdims=True))).astype(np.float32)

    def draw(self, count: int) -> np.ndarray:
        """Fields of shape (count, n_voxels)."""
        if self.template:
            return np.stack([self._from_template() for _ in range(count)])
        if self.real:
            return self.rng.standard_normal((count, len(self.residuals))) @ self.residuals
        white = self.rng.standard_normal((count, *(weights.shape[1] for weights in self.axes)), dtype=np.float32)
        along_x, along_y, along_z = self.axes
        smooth = along_x @ (along_y @ (white @ along_z.T)).reshape(count, white.shape[1], -1)
        smooth = smooth.reshape(count, len(along_x), len(along_y), len(along_z))
        return smooth[:, *(self.mask.indices - self.mask.indices.min(axis=0)).T]

    def _from_template(self) -> np.ndarray:
        self.drawn += 1
        field = self.generator.draw(_OTHER_STREAM + self.seed, "simulated subject", self.drawn)
        return field.ravel()[self.generator.voxels]


def residuals_of(path: Path, mask: Mask) -> np.ndarray:
    """Residuals of real subjects about their mean, length 1 over subjects, shape (n_subjects, n_voxels)."""
    image = nib.load(path)
    values = np.array([mask.take(on_grid(image.slicer[..., i])) for i in range(image.shape[-1])])
    residuals = np.nan_to_num(values - values.mean(axis=0))
    return residuals / np.maximum(np.linalg.norm(residuals, axis=0), 1e-9)


def t_map(subjects: np.ndarray, n2: int = 0) -> np.ndarray:
    """t of the mean, or of the difference of all but the last `n2` subjects from these, shape (n_voxels,)."""
    first, second = np.split(subjects.astype(np.float64), [len(subjects) - n2])
    squares = sum(((group - group.mean(axis=0)) ** 2).sum(axis=0) for group in (first, second) if len(group))
    df = len(subjects) - (2 if n2 else 1)
    inverse = 1 / len(first) + (1 / n2 if n2 else 0)
    difference = first.mean(axis=0) - (second.mean(axis=0) if n2 else 0)
    return difference / np.sqrt(squares / df * inverse)


def on_grid(image: nib.Nifti1Image) -> np.ndarray:
    """A map resampled to the grid, not a number outside the image and where it is 0."""
    values = np.asarray(image.dataobj, dtype=np.float64)
    move = np.linalg.inv(image.affine) @ AFFINE
    inside = ndimage.affine_transform((values != 0).astype(float), move, output_shape=SHAPE,
                                      order=1)  # fmt: skip
    resampled = ndimage.affine_transform(values, move, output_shape=inside.shape, order=1)
    return np.where(inside > 0.999, resampled, np.nan)


@dataclass(frozen=True)
class Peak:
    """A local maximum of |t|, MNI mm."""

    mm: np.ndarray
    t: float


def peaks_of(t: np.ndarray, mask: Mask, threshold: float, *, least_voxels: int = 1) -> Iterator[Peak]:
    """What a paper would list: up to 3 peaks, 8 mm apart, of each cluster beyond the threshold, of both signs."""
    for sign in (1, -1):
        beyond = np.flatnonzero(sign * t > threshold)
        if not len(beyond):
            continue
        places = mask.indices[beyond]
        near = np.zeros(np.ptp(places, axis=0) + 1, dtype=bool)
        near[tuple((places - places.min(axis=0)).T)] = True
        labels, count = ndimage.label(near, np.ones((3, 3, 3)))
        cluster = labels[tuple((places - places.min(axis=0)).T)]
        for number in range(1, count + 1):
            own = cluster == number
            if own.sum() >= least_voxels:
                yield from _highest(places[own], t[beyond[own]])


def _highest(voxels: np.ndarray, heights: np.ndarray) -> Iterator[Peak]:
    places = voxel_to_mm(voxels)
    taken: list[np.ndarray] = []
    for i in np.argsort(-np.abs(heights)):
        if all(np.linalg.norm(places[i] - place) >= PEAK_DISTANCE_MM for place in taken):
            taken.append(places[i])
            yield Peak(places[i], float(heights[i]))
        if len(taken) == PEAKS_PER_CLUSTER:
            return
