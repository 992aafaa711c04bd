"""Writes static/js/extraction/coordinate-grid/outline.js: the packaged brain from three sides, as SVG paths in MNI mm.

    python scripts/build_brain_outline.py

For each side: the silhouette of the brain mask, and the border of gray matter in the middle slice.
"""

import sys
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from sdm_core.spaces import load_mask, voxel_to_mm  # noqa: E402

TARGET = ROOT / "static" / "js" / "extraction" / "coordinate-grid" / "outline.js"
HEAD = """// The brain from three sides as SVG paths in MNI mm, the vertical axis upwards. Written by
// scripts/build_brain_outline.py from the packaged masks (ICBM152 2009a: THIRD_PARTY_NOTICES.md).

"""
SIDES = {"sagittal": (0, 4), "coronal": (1, -16), "axial": (2, 8)}
"""The axis that is looked along, and the mm of the slice whose gray matter is drawn."""
COARSEST_MM = 0.7
SHORTEST_MM = 30.0


def paths(picture: np.ndarray, axes: list[int], smoothing: float) -> str:
    """Contours of a picture (n, m) of voxels, as one SVG path in mm."""
    from contourpy import contour_generator

    lines = contour_generator(z=gaussian_filter(picture.astype(float), smoothing).T).lines(0.5)
    return "".join(closed(mm) for mm in (in_mm(line, axes) for line in lines) if length(mm) >= SHORTEST_MM)


def in_mm(line: np.ndarray, axes: list[int]) -> np.ndarray:
    voxels = np.zeros((len(line), 3))
    voxels[:, axes] = line
    return np.asarray(voxel_to_mm(voxels))[:, axes]


def length(mm: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(mm, axis=0), axis=1).sum())


def closed(mm: np.ndarray) -> str:
    kept = simplified(mm)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in kept[:-1]) + "Z"


def simplified(mm: np.ndarray) -> np.ndarray:
    """Without points that lie within COARSEST_MM of the line between their neighbours (Douglas and Peucker 1973)."""
    if len(mm) < 3:
        return mm
    first, last = mm[0], mm[-1]
    along = last - first
    size = np.hypot(*along)
    off = mm - first
    far = np.abs(along[0] * off[:, 1] - along[1] * off[:, 0]) / size if size else np.hypot(*off.T)
    farthest = int(far.argmax())
    if far[farthest] <= COARSEST_MM:
        return mm[[0, -1]]
    return np.vstack([simplified(mm[: farthest + 1])[:-1], simplified(mm[farthest:])])


def main() -> None:
    brain, gray = load_mask("brain").voxels, load_mask("gray_matter").voxels
    written = []
    for side, (axis, mm) in SIDES.items():
        axes = [other for other in range(3) if other != axis]
        at = np.argmin(np.abs(np.asarray(voxel_to_mm(np.arange(gray.shape[axis])[:, None].repeat(3, 1)))[:, axis] - mm))
        outline = paths(brain.any(axis=axis), axes, 1.0)
        inner = paths(gray.take(at, axis=axis), axes, 1.2)
        written.append(f'  {side}: {{ outline: "{outline}", inner: "{inner}" }},')
    TARGET.write_text(HEAD + "export const OUTLINES = {\n" + "\n".join(written) + "\n};\n", encoding="utf-8")
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
