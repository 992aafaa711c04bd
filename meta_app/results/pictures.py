"""From what was asked (a cleaned SliceForm) to the picture of slices of one run."""

import math
from collections.abc import Mapping
from typing import Any

from meta_app.analyses import engine
from meta_app.analyses.models import Run
from meta_app.results.domain import MAPS_BY_KEY, MapKind, PeakRow, Thresholds, start_state, thresholds_of
from meta_app.results.overlay import (
    SMALLEST_P,
    beyond,
    display_top,
    read_volume,
    reported_voxels,
    shown_scale,
    strongest,
    voxel_of,
)
from meta_app.results.selectors import checked_path, find_artefact, read_clusters, read_specification
from meta_app.results.slices import Picture, placed


def picture_of(run: Run, asked: Mapping[str, Any]) -> Picture:
    """The picture of a run's map; what was not asked is as the viewer starts.

    Raises
    ------
    LostFileError
        If a map's file is missing.
    Http404
        If the run has no such map.
    """
    clusters = read_clusters(run)
    thresholds = thresholds_of(read_specification(run)["core"])
    start = start_state(clusters)
    kind = MAPS_BY_KEY[asked["map"] or start["map"]]
    mm = tuple(start["mm"][axis] if asked[name] is None else asked[name] for axis, name in enumerate("xyz"))
    volumes, affine = _volumes(run, kind)
    values = shown_scale(kind, volumes)
    low, high = _limits(kind, thresholds, asked)
    kept = None
    if (asked["clusters"] or str(int(start["clustersOnly"]))) == "1":
        (z,), _ = _volumes(run, MAPS_BY_KEY["z"])
        (p, p_negative), _ = _volumes(run, MAPS_BY_KEY["p"])
        kept = reported_voxels(clusters, z, p, p_negative, affine, thresholds.voxel_p)
    return Picture(
        kind=kind,
        overlay=placed(beyond(values, high, low, kept), affine),
        mm=mm,
        threshold=high,
        threshold_negative=low,
        top=max(display_top(kind.scale, values), high, -low),
        winter=asked["colours"] == "warm-winter",
        radiological=asked["side"] == "radiological",
        title=kind.title,
        reading=f"At {_place(mm)} mm (MNI): " + _reading(kind, values, affine, mm),
        note=f"{'Reported clusters only. ' if kept is not None else ''}Clusters: {thresholds.sentence}.",
    )


def _volumes(run: Run, kind: MapKind) -> tuple[list, Any]:
    artefacts = [find_artefact(run, name) for name in kind.files]
    read = [read_volume(checked_path(artefact), artefact.sha256) for artefact in artefacts]
    return [values for values, _ in read], read[0][1]


def _limits(kind: MapKind, thresholds: Thresholds, asked: Mapping[str, Any]) -> tuple[float, float]:
    """Thresholds of the negative and of the positive side on the scale of the colours."""
    positive = thresholds.start_of(kind) if asked["threshold"] is None else asked["threshold"]
    mirrored = positive if kind.scale == "p" else -positive
    negative = mirrored if asked["threshold_neg"] is None else asked["threshold_neg"]
    if kind.scale == "p":
        return -_log_p(negative), _log_p(positive)
    return -abs(negative), abs(positive)


def _log_p(p: float) -> float:
    return -math.log10(min(max(abs(p), SMALLEST_P), 1.0))


def _place(mm: tuple[float, ...]) -> str:
    return " ".join(f"{part:g}" for part in mm).replace("-", "−")


def _reading(kind: MapKind, values: Any, affine: Any, mm: tuple[float, ...]) -> str:
    """The value and the label at a coordinate."""
    voxel = voxel_of(affine, mm)
    value = float(values[voxel]) if all(0 <= i < n for i, n in zip(voxel, values.shape, strict=True)) else 0.0
    return f"{_value(kind, value)}; {engine.label_text(mm)}"


def _value(kind: MapKind, value: float) -> str:
    if value == 0:
        return "outside the mask"
    if kind.scale == "p":
        return f"p {10 ** -abs(value):.3g} ({'positive' if value > 0 else 'negative'})"
    number = f"{value:.3f}".replace("-", "−")
    return f"{kind.symbol} {number}{' ' + kind.unit if kind.unit else ''}"


def extremes_of(run: Run) -> list[PeakRow]:
    """The strongest effect of either direction, whether or not it passes any threshold."""
    (z,), affine = _volumes(run, MAPS_BY_KEY["z"])
    return strongest(z, affine)
