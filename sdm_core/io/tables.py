"""Clusters and peaks as rows, for CSV files, spreadsheets and screens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from sdm_core.inference import Cluster, NullMaxima, Peak

CLUSTER_COLUMNS: Final = (
    "cluster",
    "sign",
    "peak_x",
    "peak_y",
    "peak_z",
    "peak_label",
    "brodmann",
    "z",
    "p",
    "voxels",
    "volume_mm3",
    "breakdown",
)
CORRECTED_COLUMNS: Final = (*CLUSTER_COLUMNS, "p_gamma")
PEAK_COLUMNS: Final = ("cluster", "x", "y", "z", "sdm_z", "p", "label")

MAXIMA_COLUMNS: Final = ("permutation", "z", "z_neg", "tfce", "tfce_neg", "extent", "extent_neg")

Cell = str | int | float
TableRow = dict[str, Cell]


def cluster_rows(clusters: Iterable[Cluster]) -> list[TableRow]:
    """One row per cluster with the columns CLUSTER_COLUMNS; coordinates in MNI mm, p one-sided."""
    return [dict(zip(CLUSTER_COLUMNS, _cluster_cells(cluster), strict=True)) for cluster in clusters]


def corrected_rows(clusters: Sequence[Cluster]) -> list[TableRow]:
    """The same with the columns CORRECTED_COLUMNS: beside p its approximation, empty if there is none."""
    approximate = ("" if cluster.p_gamma is None else _short(cluster.p_gamma) for cluster in clusters)
    return [{**row, "p_gamma": p} for row, p in zip(cluster_rows(clusters), approximate, strict=True)]


def peak_rows(clusters: Iterable[Cluster]) -> list[TableRow]:
    """One row per local maximum with the columns PEAK_COLUMNS; ``sdm_z`` is the pooled z, ``z`` a coordinate."""
    return [
        dict(zip(PEAK_COLUMNS, _peak_cells(cluster.number, peak), strict=True))
        for cluster in clusters
        for peak in cluster.peaks
    ]


def maxima_rows(maxima: NullMaxima) -> list[TableRow]:
    """One row per permutation with the columns MAXIMA_COLUMNS; the first, number 0, is the data as they are."""
    values = np.hstack([maxima.z, maxima.tfce, maxima.extent]).tolist()
    return [dict(zip(MAXIMA_COLUMNS, (number, *row), strict=True)) for number, row in enumerate(values)]


def _cluster_cells(cluster: Cluster) -> tuple[Cell, ...]:
    peak = cluster.peak
    return (
        cluster.number,
        "positive" if cluster.sign > 0 else "negative",
        *(round(value) for value in peak.mm),
        peak.label.region or peak.label.text,
        peak.label.brodmann or "",
        _short(peak.z),
        _short(peak.p),
        cluster.size_voxels,
        round(cluster.volume_mm3),
        "; ".join(f"{text}: {voxels} ({share:.1%})" for text, voxels, share in cluster.breakdown),
    )


def _peak_cells(number: int, peak: Peak) -> tuple[Cell, ...]:
    return (number, *(round(value) for value in peak.mm), _short(peak.z), _short(peak.p), peak.label.text)


def _short(value: float) -> float:
    """Six significant digits, which is what float32 maps hold."""
    return float(f"{value:.6g}")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[TableRow]) -> None:
    """Write rows as UTF-8 CSV with a header line, also when there is no row."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(stream.getvalue().encode("utf-8"))
