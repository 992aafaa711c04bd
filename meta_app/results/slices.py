"""Coronal, sagittal and axial slice of a map on the T1 as one PNG, with L and R, millimetres and colour bars."""

from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np
from django.contrib.staticfiles import finders

from meta_app.results.domain import MapKind
from meta_app.results.overlay import read_volume

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Weak to strong, as in static/js/results/brain-viewer/palettes.js.
WARM = ("#c42a06", "#ff8800", "#fff48c")
COOL = ("#184ac8", "#1e96ff", "#aaf5ff")
WINTER = ("#0000ff", "#0080c4", "#00ff80")
AMOUNT = ("#4a1e8c", "#d24678", "#fce682")
CROSSHAIR = "#59d98c"
INK = "#f2f2f2"
PANES = (
    ((0.01, 0.5, 0.485, 0.485), 1, 0, 2, "y"),
    ((0.505, 0.5, 0.485, 0.485), 0, 1, 2, "x"),
    ((0.01, 0.01, 0.485, 0.485), 2, 0, 1, "z"),
)
"""Place in the figure, axis looked along, axis to the right, axis up, letter: coronal, sagittal, axial."""


@dataclass(frozen=True)
class Placed:
    """A volume whose axes run right, forward and up: values, mm of its first voxel's centre, voxel size in mm."""

    values: np.ndarray
    low: np.ndarray
    step: np.ndarray

    def plane(self, axis: int, mm: float) -> np.ndarray | None:
        """The slice nearest to `mm`, rows going up; None outside the volume."""
        index = round((mm - self.low[axis]) / self.step[axis])
        inside = 0 <= index < self.values.shape[axis]
        return self.values.take(index, axis).T if inside else None

    def extent(self, right: int, up: int) -> tuple[float, float, float, float]:
        """Edges in mm: left, right, bottom, top."""
        low = self.low - self.step / 2
        high = low + self.step * self.values.shape
        return low[right], high[right], low[up], high[up]


def placed(values: np.ndarray, affine: np.ndarray) -> Placed:
    """Turn a volume with axis-parallel voxels so that each axis ascends in mm."""
    step, low = np.diag(affine)[:3].copy(), affine[:3, 3].copy()
    for axis in np.flatnonzero(step < 0):
        values = np.flip(values, axis)
        low[axis] += step[axis] * (values.shape[axis] - 1)
    return Placed(values, low, np.abs(step))


@cache
def background() -> Placed:
    path = finders.find("brain/t1.nii.gz")
    if path is None:
        raise FileNotFoundError("static/brain/t1.nii.gz")
    return placed(*read_volume(Path(path)))


@dataclass(frozen=True)
class Picture:
    """What to draw: values beyond the thresholds (0 elsewhere), the scale's ends, the crosshair, and how."""

    kind: MapKind
    overlay: Placed
    mm: tuple[float, float, float]
    threshold: float
    threshold_negative: float
    top: float
    winter: bool = False
    radiological: bool = False
    title: str = ""
    reading: str = ""
    note: str = ""


def draw(picture: Picture) -> bytes:
    """The PNG of a picture; the same picture gives the same bytes."""
    # Here, because matplotlib takes a second to import and most requests need none of it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 8.0), dpi=100, facecolor="black")
    FigureCanvasAgg(figure)
    for place, *plane in PANES:
        _draw_plane(figure.add_axes(place, facecolor="black"), picture, *plane)
    _draw_bars(figure, picture)
    _write(figure, 0.46, picture.title, 14, bold=True)
    _write(figure, 0.415, picture.reading, 13)
    _write(figure, 0.13, picture.note, 11)
    stream = BytesIO()
    figure.savefig(stream, format="png", facecolor="black", metadata={"Software": None})
    return stream.getvalue()


def _draw_plane(axes: "Axes", picture: Picture, axis: int, right: int, up: int, letter: str) -> None:
    ground, mm = background(), picture.mm
    axes.set_axis_off()
    for volume, options in ((ground, {"cmap": "gray", "vmin": 0, "vmax": 255}), *_coloured(picture)):
        plane = volume.plane(axis, mm[axis])
        if plane is not None:
            axes.imshow(plane, origin="lower", extent=volume.extent(right, up), interpolation="nearest", **options)
    left_edge, right_edge, bottom, top = ground.extent(right, up)
    axes.set(xlim=(left_edge - 8, right_edge + 8), ylim=(bottom - 2, top + 2), aspect="equal")
    axes.axvline(mm[right], color=CROSSHAIR, linewidth=1)
    axes.axhline(mm[up], color=CROSSHAIR, linewidth=1)
    if right == 0 and picture.radiological:
        axes.invert_xaxis()
    _write_sides(axes, picture, right, f"{letter} = {mm[axis]:g} mm".replace("-", "−"))


def _write_sides(axes: "Axes", picture: Picture, right: int, place: str) -> None:
    sides = ("L", "R") if right == 0 else ("P", "A")
    if right == 0 and picture.radiological:
        sides = ("R", "L")
    style = {"color": INK, "fontsize": 15, "fontweight": "bold", "va": "center", "transform": axes.transAxes}
    axes.text(0.02, 0.5, sides[0], ha="left", **style)
    axes.text(0.98, 0.5, sides[1], ha="right", **style)
    axes.text(0.98, 0.03, place, ha="right", color=INK, fontsize=12, transform=axes.transAxes)


def _palettes(picture: Picture) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if picture.kind.scale == "positive":
        return AMOUNT, AMOUNT
    return WARM, WINTER if picture.winter else COOL


def _coloured(picture: Picture) -> list[tuple[Placed, dict]]:
    """The positive and the negative part of the overlay with their colours; 0 is see-through."""
    from matplotlib.colors import LinearSegmentedColormap

    parts = []
    values = picture.overlay.values
    starts = (picture.threshold, -picture.threshold_negative)
    for sign, colours, start in zip((1, -1), _palettes(picture), starts, strict=True):
        amount = np.ma.masked_less_equal(sign * values, 0)
        options = {
            "cmap": LinearSegmentedColormap.from_list("overlay", colours),
            "vmin": start,
            "vmax": max(picture.top, start * 1.001 + 1e-6),
            "alpha": 0.9,
        }
        parts.append((Placed(amount, picture.overlay.low, picture.overlay.step), options))
    return parts


def _write(figure: "Figure", height: float, text: str, size: int, bold: bool = False) -> None:
    """Text in the quarter beside the slices."""
    lines = "\n".join(wrap(text, width=round(510 / size)))
    weight = "bold" if bold else "normal"
    figure.text(0.53, height, lines, color=INK, fontsize=size, fontweight=weight, va="top", linespacing=1.35)


def _draw_bars(figure: "Figure", picture: Picture) -> None:
    """A colour bar for each direction, with the value at both ends."""
    warm, cool = _palettes(picture)
    _draw_bar(figure, 0.24, warm, _end(picture.kind, picture.threshold), _end(picture.kind, picture.top))
    if picture.kind.scale != "positive":
        ends = (-picture.top, picture.threshold_negative)
        _draw_bar(figure, 0.18, cool[::-1], *(_end(picture.kind, value) for value in ends))


def _draw_bar(figure: "Figure", bottom: float, colours: tuple[str, ...], low: str, high: str) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    axes = figure.add_axes((0.64, bottom, 0.22, 0.022))
    axes.imshow(np.linspace(0, 1, 128)[None], aspect="auto", cmap=LinearSegmentedColormap.from_list("bar", colours))
    axes.set_axis_off()
    axes.text(-0.05, 0.5, low, color=INK, fontsize=12, ha="right", va="center", transform=axes.transAxes)
    axes.text(1.05, 0.5, high, color=INK, fontsize=12, ha="left", va="center", transform=axes.transAxes)


def _end(kind: MapKind, value: float) -> str:
    if kind.scale == "p":
        return f"p {10 ** -abs(value):.2g}"
    return f"{value:.3g}".replace("-", "−")
