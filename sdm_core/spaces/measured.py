"""Templates measured on images of people: correlations of neighbouring voxels across subjects.

A voxel that is the same in all subjects, or has no number in one of them, has no correlation: it is left out of the
template's mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.spaces.grid import NEIGHBOUR_OFFSETS
from sdm_core.spaces.masks import Mask
from sdm_core.spaces.templates import RHO_RANGE, Rho, Template, neighbours

FEWEST_SUBJECTS = 20
LEAST_SHARE = 0.5
"""Share of the mask's voxels that must vary across the subjects."""
LEAST_SD = 1e-6
"""A voxel whose standard deviation is a smaller share of the largest one does not vary."""

Sums = npt.NDArray[np.float64]


class NeighbourSums:
    """Sums over subjects, of one voxel and of neighbours; memory does not grow with the subjects.

    Values are taken relative to the first subject's, which keeps the sums small.
    """

    def __init__(self, mask: Mask) -> None:
        self.mask, self.count = mask, 0
        self._pairs = [neighbours(mask, offset) for offset in NEIGHBOUR_OFFSETS]
        self._first, self._sum, self._square = (np.zeros(mask.size) for _ in range(3))
        self._products = [np.zeros(here.size) for here, _ in self._pairs]

    def add(self, values: npt.NDArray[np.float32]) -> None:
        """Add a subject: values at the mask's voxels, shape (n_voxels,); NaN where there is none."""
        if self.count == 0:
            self._first = values.astype(np.float64)
        self.count += 1
        away = values - self._first
        self._sum += away
        self._square += away**2
        for products, (here, there) in zip(self._products, self._pairs, strict=True):
            products += away[here] * away[there]

    def variances(self) -> Sums:
        """Across subjects, shape (n_voxels,); NaN where a subject has no number."""
        variances: Sums = np.maximum(self._square - self._sum**2 / self.count, 0) / (self.count - 1)
        return variances

    def correlations(self, kept: npt.NDArray[np.bool_]) -> tuple[Mask, Rho]:
        """The mask of the voxels kept, and the correlations between them, shape (13, n_kept), clipped to RHO_RANGE."""
        mask = Mask.from_volume(self.mask.to_volume(kept), self.mask.name)
        place, rho = mask.index_volume, np.full((len(NEIGHBOUR_OFFSETS), mask.size), np.nan, dtype=np.float32)
        sd, new = np.sqrt(self.variances()), self.mask.take(place)
        for direction, (here, there) in enumerate(self._pairs):
            both = kept[here] & kept[there]
            a, b = here[both], there[both]
            covariance = (self._products[direction][both] - self._sum[a] * self._sum[b] / self.count) / (self.count - 1)
            rho[direction, new[a]] = np.clip(covariance / (sd[a] * sd[b]), *RHO_RANGE)
        return mask, rho


def measured_template(sums: NeighbourSums, name: str, origin: Mapping[str, Any]) -> Template:
    """The template of the subjects added.

    Parameters
    ----------
    origin : mapping
        What the maps were; the numbers of subjects and voxels are added.

    Raises
    ------
    InputError
        If there are fewer than 20 subjects, or half of the mask does not vary across them.
    """
    if sums.count < FEWEST_SUBJECTS:
        mend = f"Give the maps of at least {FEWEST_SUBJECTS} subjects."
        raise _refused(name, f"has {sums.count} subjects", mend)
    variances = sums.variances()
    with np.errstate(invalid="ignore"):
        kept = variances > LEAST_SD**2 * np.nanmax(variances, initial=0)
    if kept.mean() < LEAST_SHARE:
        message = f"varies across subjects at only {kept.sum()} of the {kept.size} voxels of mask {sums.mask.name}"
        raise _refused(name, message, "Check that the maps are in MNI space, not masked more, and that the mask fits.")
    mask, rho = sums.correlations(kept)
    rho.flags.writeable = False
    counts = {"subjects": sums.count, "voxels": mask.size, "voxels_left_out": int((~kept).sum())}
    return Template(name, rho, mask, {"kind": "measured", **origin, **counts})


def template_on(template: Template, mask: Mask) -> Template:
    """A measured template at the voxels of a mask.

    Raises
    ------
    InputError
        If the mask has voxels without the template's correlations.
    """
    if mask.sha256 == template.mask.sha256:
        return template
    here = mask.take(template.mask.index_volume)
    if (here < 0).any():
        message = f"has no correlations at {int((here < 0).sum())} of the {mask.size} voxels of mask {mask.name}"
        raise _refused(template.name, message, "Build it for that mask (template build --mask), or leave the mask out.")
    rho = template.correlations[:, here]
    for direction, offset in enumerate(NEIGHBOUR_OFFSETS):
        inside, _ = neighbours(mask, offset)
        rho[direction, np.setdiff1d(np.arange(mask.size), inside)] = np.nan
    rho.flags.writeable = False
    return Template(template.name, rho, mask, template.origin)


def _refused(name: str, message: str, mend: str) -> InputError:
    return InputError([Problem(f"template {name}", message, mend, field="template")])
