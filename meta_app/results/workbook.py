"""The tables of a result as an XLSX workbook: numbers are numbers, text is text, and the same bytes each time."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from meta_app.datasets.exports import without_control
from meta_app.results.domain import ClusterRow

if TYPE_CHECKING:  # openpyxl is imported where a workbook is written: pages start sooner without it
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.worksheet._write_only import WriteOnlyWorksheet

Cell = str | int | float
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The date of every file in our archives, so that equal contents make equal bytes."""

_DATE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")

CLUSTER_HEAD = ("Correction", "Cluster", "Region", "Direction", "x (MNI mm)", "y (MNI mm)", "z (MNI mm)", "SDM-Z", "p",
                "Voxels", "Volume (mm3)")  # fmt: skip
PEAK_HEAD = ("Correction", "Cluster", "Region", "x (MNI mm)", "y (MNI mm)", "z (MNI mm)", "SDM-Z", "p")
REGION_HEAD = ("Correction", "Cluster", "Region", "Voxels", "Share (%)")

Table = tuple[str, Sequence[ClusterRow], str]
"""What its p is corrected by, its clusters, its thresholds in words."""


def result_workbook(tables: Sequence[Table], facts: Iterable[tuple[str, str]]) -> bytes:
    """Sheets: clusters of every correction, local peaks, regions of each cluster, and where it all comes from."""
    from openpyxl import Workbook

    notes = [f"{title}: {thresholds}." for title, _, thresholds in tables]
    rows = [(title, cluster) for title, clusters, _ in tables for cluster in clusters]
    peaks = [(title, peak) for title, cluster in rows for peak in cluster.peaks]
    regions = [(title, cluster.number, part) for title, cluster in rows for part in cluster.regions]
    book = Workbook(write_only=True)
    _sheet(book, "Clusters", CLUSTER_HEAD, (_cluster_cells(title, row) for title, row in rows), notes)
    _sheet(
        book,
        "Local peaks",
        PEAK_HEAD,
        ((title, p.cluster, p.label, p.x, p.y, p.z, p.sdm_z, p.p) for title, p in peaks),
        notes,
    )
    _sheet(
        book,
        "Regions",
        REGION_HEAD,
        ((title, n, r.region, r.voxels, round(r.percent, 1)) for title, n, r in regions),
        notes,
    )
    _sheet(book, "Provenance", ("What", "Value"), facts)
    stream = BytesIO()
    book.save(stream)
    return _undated(stream.getvalue())


def _cluster_cells(title: str, row: ClusterRow) -> tuple[Cell, ...]:
    return (
        title, row.number, row.label, row.direction, row.x, row.y, row.z, row.sdm_z, row.p, row.voxels, row.volume_mm3
    )  # fmt: skip


def _sheet(
    book: Workbook, title: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], notes: Sequence[str] = ()
) -> None:
    sheet = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    sheet.column_dimensions["C" if "Region" in head else "B"].width = 46
    sheet.append([_text(sheet, name, bold=True) for name in head])
    for row in rows:
        sheet.append([_text(sheet, cell) if isinstance(cell, str) else cell for cell in row])
    for note in ("", *notes):
        sheet.append([_text(sheet, note)])


def _text(sheet: WriteOnlyWorksheet, text: str, bold: bool = False) -> WriteOnlyCell:
    """A cell that stays text even if it begins like a formula."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font

    cell = WriteOnlyCell(sheet, without_control(text))
    cell.data_type = "s"
    if bold:
        cell.font = Font(bold=True)
    return cell


def _undated(archive: bytes) -> bytes:
    """The same workbook with one fixed date; openpyxl writes the clock's on every member and as time of change."""
    stream = BytesIO()
    with zipfile.ZipFile(BytesIO(archive)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "docProps/core.xml":
                content = _DATE.sub(b"1980-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()
