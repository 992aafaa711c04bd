"""From what was asked (a cleaned SliceForm) to the picture of slices of one run."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from django.http import Http404

from meta_app.analyses import engine
from meta_app.analyses.models import Run
from meta_app.results.domain import MAPS_BY_KEY, MapKind, PeakRow, Thresholds, start_state
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
from meta_app.results.selectors import ClusterTable, Result, checked_path, find_artefact, read_result
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
    told = read_result(run)
    table, thresholds = told.table(asked["correction"]), told.thresholds
    start = start_state(table.clusters)
    kind = _kind(told, asked["map"] or start["map"])
    mm = tuple(start["mm"][axis] if asked[name] is None else asked[name] for axis, name in enumerate("xyz"))
    volumes, affine = _volumes(run, kind)
    values = shown_scale(kind, volumes)
    low, high = _limits(kind, thresholds.start_of(kind, table.correction), asked)
    kept = None if asked["clusters"] == "0" else _reported(run, table, thresholds)
    inside = _volumes(run, MAPS_BY_KEY["z"])[0][0]
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
        reading=f"At {_place(mm)} mm (MNI): " + _reading(kind, values, inside, affine, mm),
        note=f"{'Reported clusters only. ' if kept is not None else ''}Clusters: {table.thresholds}.",
    )


def _kind(told: Result, key: str) -> MapKind:
    """A map that the run has, in the words of its designs."""
    found = next((kind for kind in told.maps if kind.key == key), None)
    if found is None:
        raise Http404
    return found


def _reported(run: Run, table: ClusterTable, thresholds: Thresholds) -> Any:
    (z,), affine = _volumes(run, MAPS_BY_KEY["z"])
    (p, p_negative), _ = _volumes(run, MAPS_BY_KEY[table.correction.p_key])
    return reported_voxels(table.clusters, z, p, p_negative, affine, thresholds.p_of(table.correction))


def _volumes(run: Run, kind: MapKind) -> tuple[list, Any]:
    artefacts = [find_artefact(run, name) for name in kind.files]
    read = [read_volume(checked_path(artefact), artefact.sha256) for artefact in artefacts]
    return [values for values, _ in read], read[0][1]


def _limits(kind: MapKind, start: float, asked: Mapping[str, Any]) -> tuple[float, float]:
    """Thresholds of the negative and of the positive side on the scale of the colours."""
    positive = start if asked["threshold"] is None else asked["threshold"]
    mirrored = positive if kind.scale == "p" else -positive
    negative = mirrored if asked["threshold_neg"] is None else asked["threshold_neg"]
    if kind.scale == "p":
        return -_log_p(negative), _log_p(positive)
    return -abs(negative), abs(positive)


def _log_p(p: float) -> float:
    """In single precision, as the maps are, so that a p at the threshold passes."""
    return float(-np.log10(np.float32(min(max(abs(p), SMALLEST_P), 1.0))))


def _place(mm: tuple[float, ...]) -> str:
    return " ".join(f"{part:g}" for part in mm).replace("-", "−")


def _reading(kind: MapKind, values: Any, z: Any, affine: Any, mm: tuple[float, ...]) -> str:
    """The value and the label at a coordinate; where z is 0 is outside the mask."""
    voxel = voxel_of(affine, mm)
    inside = all(0 <= i < n for i, n in zip(voxel, values.shape, strict=True)) and z[voxel] != 0
    text = _value(kind, float(values[voxel])) if inside else "outside the mask"
    return f"{text}; {engine.label_text(mm)}"


def _value(kind: MapKind, value: float) -> str:
    if kind.scale == "p":
        side = "positive" if value > 0 else "negative" if value < 0 else "either direction"
        return f"p {10 ** -abs(value):.3g} ({side})"
    number = f"{value:.3f}".replace("-", "−")
    return f"{kind.symbol} {number}{' ' + kind.unit if kind.unit else ''}"


def extremes_of(run: Run) -> list[PeakRow]:
    """The strongest effect of either direction, whether or not it passes any threshold."""
    (z,), affine = _volumes(run, MAPS_BY_KEY["z"])
    return strongest(z, affine)
