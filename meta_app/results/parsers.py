"""The tables of a run, as the core wrote them, read back into rows."""

import csv
import re
from collections import defaultdict
from io import StringIO

from meta_app.results.domain import ClusterRow, PeakRow, RegionShare

_SHARE = re.compile(r"(?P<region>.+?): (?P<voxels>\d+) \((?P<percent>[\d.]+)%\)")


def parse_peaks(text: str) -> list[PeakRow]:
    """Rows of ``tables/peaks.csv``."""
    return [
        PeakRow(
            int(row["cluster"]),
            int(row["x"]),
            int(row["y"]),
            int(row["z"]),
            float(row["sdm_z"]),
            float(row["p"]),
            row["label"],
        )
        for row in csv.DictReader(StringIO(text))
    ]


def parse_clusters(text: str, peaks_text: str) -> list[ClusterRow]:
    """Rows of ``tables/clusters.csv``, each with its local peaks from ``tables/peaks.csv``."""
    peaks: defaultdict[int, list[PeakRow]] = defaultdict(list)
    for peak in parse_peaks(peaks_text):
        peaks[peak.cluster].append(peak)
    return [_cluster(row, tuple(peaks[int(row["cluster"])])) for row in csv.DictReader(StringIO(text))]


def _cluster(row: dict[str, str], peaks: tuple[PeakRow, ...]) -> ClusterRow:
    return ClusterRow(
        number=int(row["cluster"]),
        direction="positive" if row["sign"] == "positive" else "negative",
        x=int(row["peak_x"]),
        y=int(row["peak_y"]),
        z=int(row["peak_z"]),
        label=f"{row['peak_label']}, BA {row['brodmann']}" if row["brodmann"] else row["peak_label"],
        sdm_z=float(row["z"]),
        p=float(row["p"]),
        voxels=int(row["voxels"]),
        volume_mm3=float(row["volume_mm3"]),
        peaks=peaks,
        regions=parse_breakdown(row["breakdown"]),
    )


def parse_maxima(text: str) -> dict[str, list[float]]:
    """Columns of ``null_maxima.csv``: the largest statistics of every permutation, the first that of the data."""
    rows = list(csv.DictReader(StringIO(text)))
    return {name: [float(row[name]) for row in rows] for name in rows[0] if name != "permutation"} if rows else {}


def parse_breakdown(text: str) -> tuple[RegionShare, ...]:
    """``"Left insula, BA 48: 312 (45.0%); ..."`` as shares."""
    found = (_SHARE.fullmatch(part) for part in text.split("; ") if part)
    return tuple(
        RegionShare(match["region"], int(match["voxels"]), float(match["percent"]) / 100) for match in found if match
    )
