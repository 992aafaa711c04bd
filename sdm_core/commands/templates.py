"""`template build FOLDER --out FILE`: a template measured on the maps of a folder."""

from __future__ import annotations

import argparse
import platform
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from sdm_core import __version__
from sdm_core.errors import InputError, Problem
from sdm_core.io import build_template, read_mask, read_template, write_template
from sdm_core.spaces import load_mask
from sdm_core.spaces.masks import NAMES

SUFFIX = ".npz"


def add_template(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = commands.add_parser("template", help="correlations of neighbouring voxels measured on your own images")
    build = parser.add_subparsers(required=True, metavar="build").add_parser(
        "build", help="measure the correlations of neighbouring voxels on your own images and write a file"
    )
    build.add_argument("folder", type=Path, metavar="FOLDER", help="MNI-aligned NIfTI maps of 20 or more subjects")
    build.add_argument("--out", type=Path, required=True, metavar="FILE", help=f"a new {SUFFIX} file")
    build.add_argument("--mask", default="gray_matter", help=f"{', '.join(NAMES)}, or a NIfTI file on the 2 mm grid")
    build.add_argument("--smoothing-mm", type=float, default=0.0, help="FWHM to smooth the maps with; default: none")
    build.add_argument("--smoothed-mm", type=float, help="FWHM that the maps were smoothed with before, for the record")
    build.set_defaults(command=_build)


def _build(options: argparse.Namespace) -> int:
    _check(options)
    mask = load_mask(options.mask) if options.mask in NAMES else read_mask(options.mask)
    template = build_template(
        options.folder, mask, options.out.name, smoothing_mm=options.smoothing_mm, smoothed_mm=options.smoothed_mm,
        versions={
            "sdm_core": __version__, "python": platform.python_version(), "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    )  # fmt: skip
    write_template(template, options.out)
    template, origin = read_template(options.out), template.origin
    print(
        f"{origin['subjects']} subjects, {origin['voxels']} voxels, {origin['voxels_left_out']} without a correlation"
    )
    for words, rows in (("faces", slice(0, 3)), ("edges", slice(3, 9)), ("corners", slice(9, 13))):
        print(f"mean correlation across {words}: {np.nanmean(template.correlations[rows]):.4f}")
    print(f"{options.out}: use it with run --template {options.out}")
    return 0


def _check(options: argparse.Namespace) -> None:
    problems = []
    if options.out.suffix != SUFFIX:
        problems.append(Problem("--out", f"{options.out} does not end in {SUFFIX}", "Name it so.", field="out"))
    if options.out.exists():
        problems.append(Problem("--out", f"{options.out} is there already", "Give a new name.", field="out"))
    for name in ("smoothing_mm", "smoothed_mm"):
        value = getattr(options, name)
        if value is not None and not 0 <= value <= 30:
            mend = "Give a number of mm from 0 to 30."
            problems.append(Problem(f"--{name.replace('_', '-')}", f"is {value:g}", mend, field=name))
    if problems:
        raise InputError(problems)
