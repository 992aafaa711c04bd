"""An agreed dataset as tables for other programs: CSV and XLSX, numbers as numbers.

Text that a spreadsheet would run as a formula is stored as text: in XLSX by its cell type, in CSV by a leading
apostrophe. A leading minus is data in numbers and stays.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from meta_app.common.spreadsheets import formula_safe
from meta_app.datasets.domain import DatasetRow, Snapshot

Cell = str | int | float | None
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
GROUP_COLUMNS = ("kind", "n", "n_female", "age_mean", "age_sd", "education_mean", "education_sd", "duration_mean",
                 "duration_sd", "duration_unit")  # fmt: skip
PEAK_COLUMNS = ("x", "y", "z", "statistic_kind", "statistic", "sign", "x_reported", "y_reported", "z_reported",
                "cluster_size", "cluster_unit", "label", "page")  # fmt: skip
METHOD_COLUMNS = ("comparison", "modality", "metric", "design", "software", "software_reported", "fwhm_mm", "space",
                  "threshold_kind", "threshold_reported", "t_threshold", "peaks_state")  # fmt: skip


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def dataset_table(snapshot: Snapshot) -> Table:
    """One row for each dataset: study, methods, groups."""
    columns = (
        "dataset", "study", "year", "cohort", *METHOD_COLUMNS, "peaks",
        *(f"a_{name}" for name in GROUP_COLUMNS), *(f"b_{name}" for name in GROUP_COLUMNS),
    )  # fmt: skip
    return Table("studies", columns, tuple(map(_dataset_cells, snapshot.datasets)))


def _dataset_cells(row: DatasetRow) -> tuple[Cell, ...]:
    methods = [getattr(row, name) for name in METHOD_COLUMNS]
    groups = [getattr(group, name, None) for group in (row.group_a, row.group_b) for name in GROUP_COLUMNS]
    return (row.key, row.study, row.year, row.cohort, *methods, len(row.peaks), *groups)


def peak_table(snapshot: Snapshot) -> Table:
    """One row for each peak; x, y, z in MNI mm."""
    rows = tuple(
        (row.key, row.study, *(getattr(peak, name) for name in PEAK_COLUMNS))
        for row in snapshot.datasets
        for peak in row.peaks
    )
    return Table("peaks", ("dataset", "study", *PEAK_COLUMNS), rows)


def as_csv(table: Table) -> str:
    """With a byte-order mark, so that spreadsheets read Chinese text."""
    text = io.StringIO()
    text.write("\ufeff")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([formula_safe(cell) for cell in row] for row in table.rows)
    return text.getvalue()


def without_control(text: str) -> str:
    """Control characters, as a paste from a PDF may hold, cannot stand in a workbook; a blank takes their place."""
    return CONTROL.sub(" ", text)


def as_xlsx(tables: Sequence[Table]) -> bytes:
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    for table in tables:
        sheet = book.create_sheet(table.name)
        sheet.freeze_panes = "B2"
        for row in (table.columns, *table.rows):
            sheet.append(list(_typed(sheet, row)))
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _typed(sheet: object, row: Iterable[Cell]) -> Iterable[Any]:
    from openpyxl.cell import WriteOnlyCell

    for value in row:
        if isinstance(value, str):
            cell = WriteOnlyCell(sheet, value=without_control(value))
            cell.data_type = "s"
            yield cell
        else:
            yield value
