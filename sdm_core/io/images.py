"""Maps of single studies: what a file says of itself, whether that can be used, and its values on the grid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from sdm_core.effects import EffectScale, image_effect
from sdm_core.errors import InputError, Problem
from sdm_core.io.nifti import Volume, open_image, values_of
from sdm_core.spaces import load_mask, mni_to_talairach, resample
from sdm_core.spaces.grid import FloatArray
from sdm_core.studies import StudyImage, StudyTable

POOLED_TRANSFORM: Final = "other"
"""How a Talairach map becomes MNI when nobody says with what it was normalised: the transform pooled over software."""
HIGHEST_G: Final = 5.0
IMPOSSIBLE_G: Final = 50.0
LEAST_COVERAGE: Final = 0.5
"""Of the brain; a map that holds less gets a warning."""
UNTHRESHOLDED: Final = 0.5
"""A map of the whole brain has values nearer to 0 than this; one without was thresholded."""
_MANY: Final = 1000

_SPACES: Final = {3: "tal", 4: "mni"}
_SPACE_WORDS: Final = {0: "nothing", 1: "scanner coordinates", 2: "aligned with another image", 5: "another template"}
_NO_INTENT, _T_TEST, _Z_SCORE, _ESTIMATE = 0, 3, 5, 1001
_INTENTS: Final = {_T_TEST: "t", _Z_SCORE: "z"}
_SPM_T: Final = re.compile(rb"SPM\{T_\[(\d+(?:\.\d+)?)\]\}")


@dataclass(frozen=True)
class ImageName:
    """What the name of a map's file says; "" where it says nothing.

    ``STUDY.nii.gz``, ``STUDY.z.nii.gz``, ``STUDY.t_mni.nii.gz`` or ``STUDY.t_spm_tal.nii.gz``.
    """

    study: str
    statistic: str = ""
    software: str = ""
    space: str = ""


_ENDING: Final = re.compile(r"\.nii(\.gz)?$", re.IGNORECASE)
_KIND: Final = re.compile(
    r"(?P<study>.+)\.(?P<statistic>[tzg])(?:_(?:(?P<software>spm|fsl|other|brett)_)?(?P<space>mni|tal))?", re.IGNORECASE
)


def image_name(name: str, studies: list[str]) -> ImageName | None:
    """The name of a file taken apart; None if it is not that of a map of one of the studies."""
    stem = _ENDING.sub("", name)
    if stem == name:
        return None
    if stem in studies:
        return ImageName(stem)
    match = _KIND.fullmatch(stem)
    if match is None or match["study"] not in studies:
        return None
    statistic, software, space = ((match[part] or "").lower() for part in ("statistic", "software", "space"))
    return ImageName(match["study"], statistic, software, space)


def read_image(path: str | Path, name: ImageName) -> tuple[StudyImage | None, list[Problem]]:
    """The map of a study on the grid; None with the reasons why it cannot be used.

    Notes
    -----
    What the header says and what the name says must agree; the name fills in what the header leaves open.  A map of
    Talairach space is read at the place that each voxel of the grid has there (`mni_to_talairach`).  NaN and 0 are
    missing values.
    """
    path, problems = Path(path), _Notes(Path(path), name.study)
    try:
        opened = open_image(path)
        statistic, df = _statistic(opened.header, name, problems)
        to_source = _to_source(opened.header, name, problems)
        _check_shape(opened, problems)
        if problems.refused():
            return None, problems.found
        values = _known_values(values_of(opened, path), statistic, problems)
    except InputError as error:
        return None, [Problem(f"file {path.name}", p.message, p.mend, study=name.study) for p in error.problems]
    if problems.refused():
        return None, problems.found
    volume = resample(values, np.asarray(opened.affine, dtype=np.float64), to_source)
    _check_coverage(volume, problems)
    return (None if problems.refused() else StudyImage(statistic, volume, df)), problems.found


class _Notes:
    """What is wrong with one file."""

    def __init__(self, path: Path, study: str) -> None:
        self.place, self.study = f"file {path.name}", study
        self.found: list[Problem] = []

    def refused(self) -> bool:
        return any(problem.level == "error" for problem in self.found)

    def refuse(self, message: str, mend: str) -> None:
        self.found.append(Problem(self.place, message, mend, study=self.study, field="map"))

    def warn(self, message: str, mend: str) -> None:
        self.found.append(Problem(self.place, message, mend, "warning", self.study, field="map"))


def _statistic(header: Any, name: ImageName, problems: _Notes) -> tuple[str, float | None]:
    """What the values are, and their degrees of freedom where the file gives them."""
    code, first = int(header["intent_code"]), float(header["intent_p1"])
    spm = _SPM_T.match(bytes(header["descrip"].item()))
    own, df = _INTENTS.get(code, ""), first if code == _T_TEST else None
    if code == _NO_INTENT and spm:
        own, df = "t", float(spm[1])
    statistic = name.statistic or own
    if code not in (_NO_INTENT, *_INTENTS) and not (code == _ESTIMATE and name.statistic == "g"):
        label = header.get_intent()[0] or code
        problems.refuse(f"holds {label} by its header (intent code {code})", "Give the map of t, of z or of Hedges' g.")
    elif own and name.statistic and own != name.statistic:
        problems.refuse(f"holds {own} by its header and {name.statistic} by its name", "Correct one of the two.")
    elif not statistic:
        mend = f'Set the intent "t test" with the degrees of freedom, or name the file {_named(name, "t")}, .z or .g.'
        problems.refuse("does not say whether its values are t, z or g", mend)
    if statistic == "t" and not (df and np.isfinite(df) and df > 0):
        df = None
        mend = 'Set the intent "t test" with them, so that n1 and n2 are checked against the map.'
        problems.warn("gives no degrees of freedom", mend)
    return statistic, df if statistic == "t" else None


def _named(name: ImageName, statistic: str, space: str = "") -> str:
    return f"{name.study}.{statistic}{'_' if space else ''}{space}.nii.gz"


def _to_source(header: Any, name: ImageName, problems: _Notes) -> Callable[[FloatArray], FloatArray] | None:
    """From MNI mm to the space of the map; None for a map of MNI space."""
    code = int(header["sform_code"]) or int(header["qform_code"])
    own = _SPACES.get(code, "")
    space, as_mni = name.space or own, _named(name, name.statistic or "t", "mni")
    if code == 0:
        problems.refuse("has no orientation (sform and qform code 0)", "Write the affine of its space into the header.")
    elif own and name.space and own != name.space:
        problems.refuse(
            f"is in {own} space by its header and in {name.space} space by its name", "Correct one of them."
        )
    elif not space:
        words = _SPACE_WORDS.get(code, "an unknown space")
        mend = f"If it is normalised to MNI space, name it {as_mni}; else normalise it."
        problems.refuse(f"is not in MNI space by its header ({words}, xform code {code})", mend)
    if space == "tal":
        if not name.software:
            mend = f"Say with what it was normalised: {_named(name, name.statistic or 't', 'spm_tal')}, fsl or brett."
            problems.warn("is in Talairach space, and the transform pooled over software is taken", mend)
        return partial(mni_to_talairach, software=name.software or POOLED_TRANSFORM)
    return None


def _check_shape(image: Any, problems: _Notes) -> None:
    shape = " x ".join(map(str, image.shape))
    if len(image.shape) < 3 or any(size != 1 for size in image.shape[3:]):
        problems.refuse(f"has {shape} voxels", "Give one map with three dimensions: the study's group statistic.")
    affine = np.asarray(image.affine, dtype=np.float64)
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < np.finfo(np.float32).tiny:
        problems.refuse("has an affine that cannot be inverted", "Write the affine of its space into the header.")


def _known_values(values: Volume, statistic: str, problems: _Notes) -> Volume:
    """Values of three dimensions, NaN where they are missing, after what can be told from them alone."""
    values = values.reshape(values.shape[:3])
    infinite = int(np.isinf(values).sum())
    if infinite:
        problems.warn(f"has {infinite} infinite values, which count as missing", "Check how the map was made.")
    values = np.where(np.isfinite(values) & (values != 0), values, np.float32(np.nan))
    known = values[np.isfinite(values)]
    if not known.size:
        problems.refuse("has no value: every voxel is NaN or 0", "Give the map as the analysis program wrote it.")
        return values
    lowest, highest = float(known.min()), float(known.max())
    if lowest == highest:
        problems.refuse(f"has the value {lowest:g} everywhere", "Give the map of the statistic, not a mask.")
    elif statistic != "g" and lowest >= 0 and highest <= 1 and known.size >= _MANY:
        problems.refuse(f"has values from {lowest:.3g} to {highest:.3g}, as p has", f"Give the map of {statistic}.")
    elif statistic != "g" and known.size >= _MANY and np.abs(known).min() > UNTHRESHOLDED:
        message = f"has no value between -{np.abs(known).min():.2f} and {np.abs(known).min():.2f}: it was thresholded"
        problems.refuse(message, "Give the whole map, or the study's peaks.")
    return values


def _check_coverage(volume: Volume, problems: _Notes) -> None:
    brain = load_mask("brain")
    share = float(np.isfinite(brain.take(volume)).mean())
    if share == 0:
        problems.refuse("has no value inside the brain of MNI space", "Check its space and its affine.")
    elif share < LEAST_COVERAGE:
        problems.warn(f"holds {share:.0%} of the brain", "Check its space, its affine, and that it is whole.")


def effect_problems(studies: StudyTable) -> Iterator[Problem]:
    """Maps whose largest effect nobody would believe."""
    scale = EffectScale.of(studies)
    for i, (name, image) in enumerate(zip(studies.names, studies.images, strict=True)):
        if image is None:
            continue
        ends = np.array([np.nanmin(image.values), np.nanmax(image.values)], dtype=np.float64)
        with np.errstate(over="ignore"):
            largest = float(np.abs(image_effect(image, scale, i, ends)).max())
        message = f"has effects of up to {largest:.3g}"
        mend = f"Check that its values are {image.statistic} and that n1 and n2 are right; make impossible voxels NaN."
        if not largest <= IMPOSSIBLE_G:
            yield Problem(f"study {name}, map", message, mend, study=name, field="map")
        elif largest > HIGHEST_G:
            yield Problem(f"study {name}, map", message, mend, "warning", name, field="map")
