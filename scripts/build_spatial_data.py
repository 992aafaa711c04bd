"""Makes the small files of ``sdm_core/spaces/data`` and ``static/brain`` from openly licensed maps and atlases.

    python -m scripts.build_spatial_data NILEARN_WHEEL MRICRON_DATA_DEB

NILEARN_WHEEL is the file that ``pip download --no-deps nilearn`` fetches: its packaged ICBM152 2009a maps are read
straight from the archive, nilearn itself is neither installed nor imported.  MRICRON_DATA_DEB is the file that
``apt-get download mricron-data`` fetches.  The outputs depend on nothing else and are the same bytes every time.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import tempfile
import zipfile
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from sdm_core.spaces.grid import AFFINE, SHAPE, VOXEL_MM
from sdm_core.spaces.labels import UNDEFINED, region_names

ROOT = Path(__file__).resolve().parent.parent
CORE_DATA = ROOT / "sdm_core" / "spaces" / "data"
BRAIN = ROOT / "static" / "brain"

ICBM = "nilearn/datasets/data/mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
MRICRON = "usr/share/mricron/templates/{}"

ANTIALIAS_SIGMA_MM = 0.85
"""One 2 mm voxel (FWHM) of smoothing before sampling 1 mm maps at 2 mm."""
TISSUE_FWHM_MM = 8.0
"""The smoothing that voxel-based morphometry usually applies to tissue maps."""
TISSUE_THRESHOLD = 0.20
BRAIN_THRESHOLD = 0.20

ATLAS_AFFINE = np.array([[1.0, 0, 0, -90], [0, 1, 0, -126], [0, 0, 1, -72], [0, 0, 0, 1]])
"""Place of the atlases in MNI space: the 181 x 217 x 181 grid of the single-subject brain they were drawn on, which
starts at (-90, -126, -72).  MRIcron's headers say (-90, -125, -71); with those, every label sits 1 mm too far to the
front and the top.  Against the labels that a published SDM-PSI run printed for 99 peaks in gray matter, the grid used
here agrees at 99, the header at 73."""

ICBM_LICENCE = (
    "Copyright (C) 1993-2004 Louis Collins, McConnell Brain Imaging Centre, Montreal Neurological Institute, McGill "
    "University. Permission to use, copy, modify, and distribute this software and its documentation for any purpose "
    "and without fee is hereby granted, provided that the above copyright notice appear in all copies. The authors "
    "and McGill University make no representations about the suitability of this software for any purpose. It is "
    'provided "as is" without express or implied warranty. The authors are not responsible for any data loss, '
    "equipment damage, property loss, or injury to subjects or patients resulting from the use or misuse of this "
    "software package."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nilearn_wheel", type=Path)
    parser.add_argument("mricron_deb", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = extract_inputs(arguments.nilearn_wheel, arguments.mricron_deb, Path(folder))
        build(inputs, {path.name: sha256(path) for path in (arguments.nilearn_wheel, arguments.mricron_deb)})


def extract_inputs(wheel: Path, deb: Path, folder: Path) -> dict[str, Path]:
    """Unpack what is needed; file by short name."""
    with zipfile.ZipFile(wheel) as archive:
        found = {name: Path(archive.extract(ICBM.format(name), folder)) for name in ("gm", "wm", "t1")}
    subprocess.run(["dpkg", "-x", str(deb), str(folder)], check=True)
    for name in ("aal.nii.gz", "aal.nii.txt", "brodmann.nii.gz"):
        found[name] = folder / MRICRON.format(name)
    return found


def build(inputs: dict[str, Path], archives: dict[str, str]) -> None:
    CORE_DATA.mkdir(parents=True, exist_ok=True)
    BRAIN.mkdir(parents=True, exist_ok=True)
    tissue = {"gray": tissue_map(inputs["gm"]), "white": tissue_map(inputs["wm"])}
    regions, brodmann = (atlas(inputs[name]) for name in ("aal.nii.gz", "brodmann.nii.gz"))
    save(CORE_DATA / "tissue.npz", **tissue)
    masks = {name: rule(**tissue) for name, rule in MASKS.items()}
    save(CORE_DATA / "masks.npz", **{name: np.packbits(mask) for name, mask in masks.items()})
    save(CORE_DATA / "atlases.npz", regions=regions, brodmann=brodmann)
    codes = region_codes(inputs["aal.nii.txt"])
    (CORE_DATA / "aal.json").write_text(json.dumps(codes, indent=1) + "\n", "utf-8")
    for name, mask in masks.items():
        print(f"{name}: {mask.sum()} voxels")
    write_background(inputs["t1"])
    write_nifti(BRAIN / "regions.nii.gz", regions, AFFINE, "AAL region numbers, see labels.json")
    write_nifti(BRAIN / "brodmann.nii.gz", brodmann, AFFINE, "Brodmann areas")
    write_browser_labels()
    write_sources(inputs, archives)


def tissue_map(path: Path) -> np.ndarray:
    """1 mm share of a tissue (uint8, 255 = all) sampled on the 2 mm grid, uint8."""
    image = nib.load(path)
    smooth = ndimage.gaussian_filter(np.asarray(image.dataobj, dtype=np.float32), ANTIALIAS_SIGMA_MM)
    return np.rint(resample(smooth, image.affine, order=1)).astype(np.uint8)


def atlas(path: Path) -> np.ndarray:
    """Label volume at the nearest voxel of the 2 mm grid, uint8."""
    return resample(np.asarray(nib.load(path).dataobj), ATLAS_AFFINE, order=0).astype(np.uint8)


def resample(data: np.ndarray, affine: np.ndarray, order: int) -> np.ndarray:
    to_input = np.linalg.inv(affine) @ AFFINE
    return ndimage.affine_transform(data, to_input[:3, :3], to_input[:3, 3], output_shape=SHAPE, order=order)


def brain_mask(gray: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Voxels with any tissue, in one piece, ventricles included."""
    return ndimage.binary_fill_holes(largest_piece(tissue_share(gray, white) >= BRAIN_THRESHOLD))


def gray_matter_mask(gray: np.ndarray, white: np.ndarray) -> np.ndarray:
    return tissue_mask(gray, gray, white)


def white_matter_mask(gray: np.ndarray, white: np.ndarray) -> np.ndarray:
    return tissue_mask(white, gray, white)


def tissue_mask(tissue: np.ndarray, gray: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Voxels of the brain where a tissue, smoothed as in morphometry, reaches TISSUE_THRESHOLD; in one piece."""
    sigma = TISSUE_FWHM_MM / np.sqrt(8 * np.log(2)) / VOXEL_MM
    smooth = ndimage.gaussian_filter(tissue.astype(np.float32) / 255, sigma)
    return largest_piece((smooth >= TISSUE_THRESHOLD) & (tissue_share(gray, white) >= BRAIN_THRESHOLD))


def tissue_share(gray: np.ndarray, white: np.ndarray) -> np.ndarray:
    return (gray.astype(np.float32) + white) / 255


def largest_piece(mask: np.ndarray) -> np.ndarray:
    pieces, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    return pieces == np.argmax(np.bincount(pieces.ravel())[1:]) + 1


MASKS = {"gray_matter": gray_matter_mask, "white_matter": white_matter_mask, "brain": brain_mask}


def region_codes(path: Path) -> dict[str, str]:
    """Number -> name as the AAL spells it."""
    lines = (line.split() for line in path.read_text("utf-8").splitlines())
    return {words[0]: words[1] for words in lines if words}


def write_background(path: Path) -> None:
    """The skull-stripped T1 at 1 mm, cropped to the brain with a margin of 2 voxels."""
    image = nib.load(path)
    data = np.asarray(image.dataobj, dtype=np.uint8)
    filled = np.argwhere(data)
    start, stop = np.maximum(filled.min(axis=0) - 2, 0), filled.max(axis=0) + 3
    affine = image.affine.copy()
    affine[:3, 3] = (image.affine @ [*start, 1])[:3]
    cropped = data[tuple(slice(first, last) for first, last in zip(start, stop, strict=True))]
    write_nifti(BRAIN / "t1.nii.gz", cropped, affine, "ICBM152 2009a T1, skull-stripped")


def write_nifti(path: Path, data: np.ndarray, affine: np.ndarray, description: str) -> None:
    image = nib.Nifti1Image(data, affine)
    image.set_sform(affine, code="mni")
    image.set_qform(affine, code="mni")
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description
    path.write_bytes(gzip.compress(image.to_bytes(), 9, mtime=0))


def write_browser_labels() -> None:
    """Region names by number; the browser reads the numbers from regions.nii.gz."""
    document = {"regions": region_names(), "undefined": UNDEFINED}
    (BRAIN / "labels.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def save(path: Path, **arrays: np.ndarray) -> None:
    np.savez_compressed(path, **{name: np.ascontiguousarray(array) for name, array in arrays.items()})


def write_sources(inputs: dict[str, Path], archives: dict[str, str]) -> None:
    icbm = {
        "source": "ICBM152 2009a nonlinear symmetric, as packaged in nilearn (uint8, 1 mm, skull-stripped T1)",
        "reference": "Fonov et al. 2011, NeuroImage 54:313; http://www.bic.mni.mcgill.ca/ServicesAtlases/ICBM152NLin2009",
        "licence": ICBM_LICENCE,
    }
    mricron = {
        "source": "Debian package mricron-data, upstream MRIcron by Chris Rorden",
        "reference": "AAL: Tzourio-Mazoyer et al. 2002, NeuroImage 15:273. Brodmann areas: MRIcron.",
        "licence": "BSD-3-Clause (Copyright 2006-2010, Chris Rorden), as Debian's copyright file states",
    }
    document = {
        "made_by": "scripts/build_spatial_data.py",
        "archives": archives,
        "inputs": {
            path.name: {"sha256": sha256(path), **(icbm if name in ("gm", "wm", "t1") else mricron)}
            for name, path in inputs.items()
        },
        "outputs": {
            path.relative_to(ROOT).as_posix(): sha256(path)
            for path in sorted([*CORE_DATA.iterdir(), *BRAIN.iterdir()])
            if path.suffix in (".npz", ".gz") or path.name in ("aal.json", "labels.json")
        },
    }
    (CORE_DATA / "sources.json").write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
