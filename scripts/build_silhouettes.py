"""Writes the outlines of the brain mask, seen from three sides, that the compare page draws peaks on.

    python -m scripts.build_silhouettes

Outlines are in MNI mm, as paths of an SVG whose vertical axis points up; the same bytes every time.
"""

from __future__ import annotations

import json
from pathlib import Path

import contourpy
import numpy as np
from scipy import ndimage

from sdm_core.spaces import load_mask
from sdm_core.spaces.grid import SHAPE, voxel_to_mm

OUTPUT = Path(__file__).resolve().parent.parent / "static" / "js" / "agreement" / "silhouettes.js"
VIEWS = {"side": (1, 2), "front": (0, 2), "top": (0, 1)}
"""The two axes of mm that a view shows, across and up."""
LEAST_POINTS = 20
STEP = 2
"""Every second point of a contour of 2 mm voxels is as smooth as the drawing needs."""


def main() -> None:
    brain = load_mask("brain").voxels
    lines = [
        "// Outlines of the brain mask in MNI mm, written by scripts/build_silhouettes.py: do not edit.",
        "export const SILHOUETTES = {",
        *(f"  {view}: {json.dumps(outline(brain, *axes))}," for view, axes in VIEWS.items()),
        "};",
    ]
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


def outline(voxels: np.ndarray, across: int, up: int) -> str:
    """One SVG path of whole mm."""
    hidden = next(axis for axis in range(3) if axis not in (across, up))
    seen = ndimage.gaussian_filter(np.pad(voxels.any(axis=hidden).astype(float), 1), 0.8)
    axes = [
        voxel_to_mm(np.repeat(np.arange(-1, SHAPE[axis] + 1)[:, None], 3, axis=1))[:, axis] for axis in (across, up)
    ]
    contours = contourpy.contour_generator(axes[0], axes[1], seen.T).lines(0.5)
    paths = [contour[::STEP] for contour in contours if len(contour) >= LEAST_POINTS]
    return " ".join("M" + " ".join(f"{x:.0f},{-y:.0f}" for x, y in path) + "Z" for path in paths)


if __name__ == "__main__":
    main()
