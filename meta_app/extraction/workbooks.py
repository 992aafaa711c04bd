"""The cells of an XLSX file, within bounds: a small file may unpack to more than a server holds."""

import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, Final

LARGEST_UNPACKED: Final = 60_000_000
LARGEST_PART: Final = 1_000_000
"""Bytes of a part that holds no cells: styles, names, links."""
MOST_TAGS: Final = 1_600_000
"""Of XML in all parts: a filled cell has four. Each takes microseconds, whatever it says."""
MOST_SHEETS: Final = 100
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 500
MOST_CELLS: Final = 1_000_000
"""Of the rectangles around what the sheets hold."""
_OF_CELLS: Final = re.compile(r"xl/(?:worksheets/[^/]+|sharedStrings)\.xml", re.IGNORECASE)
_MEND: Final = "Copy the values alone into a new workbook, or save the sheet as CSV."
Grid = list[list[Any]]


class WorkbookError(ValueError):
    """Nothing of a workbook is read; the message says why and what to do."""


def sheets_of(content: bytes) -> dict[str, Grid]:
    """The cells of each sheet by row, as far as they hold anything; formulas as the value that was saved with them."""
    from openpyxl import load_workbook  # large, and only this needs it

    try:
        _refuse_bomb(content)
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True, keep_links=False)
        if len(book.worksheets) > MOST_SHEETS:
            raise WorkbookError(f"The workbook has {len(book.worksheets)} sheets; {MOST_SHEETS} are read. {_MEND}")
        return _grids(book.worksheets)
    except WorkbookError:
        raise
    except Exception as error:  # openpyxl answers a damaged workbook with whatever its parts raise
        raise WorkbookError(
            "The workbook is damaged: open it in a spreadsheet and save it again as XLSX, or as CSV."
        ) from error


def _refuse_bomb(content: bytes) -> None:
    """By what the parts hold before anything is made of them; of no part more is read than the size it states."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = sum(part.file_size for part in archive.infolist())
        if size > LARGEST_UNPACKED:
            most = LARGEST_UNPACKED // 1_000_000
            raise WorkbookError(f"The workbook would unpack to {size / 1e6:,.0f} MB; {most} MB are read. {_MEND}")
        tags = 0
        for part in archive.infolist():
            beside = part.filename.endswith(".xml") and not _OF_CELLS.fullmatch(part.filename)
            if beside and part.file_size > LARGEST_PART:
                raise WorkbookError(f"The workbook holds more formats or names than are read, 1 MB. {_MEND}")
            xml = archive.read(part).replace(b"\0", b"")
            tags += xml.count(b"<")
            if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
                raise WorkbookError(f"No spreadsheet wrote this: {part.filename[:80]} defines entities. {_MEND}")
    if tags > MOST_TAGS:
        most = MOST_TAGS // 4
        raise WorkbookError(f"The workbook is too full: about {most:,} cells and rows are read at a time. {_MEND}")


def _grids(sheets: Iterable[Any]) -> dict[str, Grid]:
    grids: dict[str, Grid] = {}
    left = MOST_CELLS
    for sheet in sheets:
        grids[sheet.title] = _grid(sheet, left)
        left -= sum(1 + len(row) for row in grids[sheet.title])
    return grids


def _grid(sheet: Any, left: int) -> Grid:
    """Rows up to the last one that holds something, each up to its last such cell."""
    grid: Grid = []
    for number, cells in _rows(sheet):
        width, gap = max(cells, default=0), number - 1 - len(grid)
        left -= width + gap + 1
        if number > MOST_ROWS or width > MOST_COLUMNS or left < 0:
            most = f"{MOST_ROWS:,} rows, {MOST_COLUMNS} columns, {MOST_CELLS:,} cells with the empty ones between"
            raise WorkbookError(f"The sheet “{sheet.title}” is larger than what is read: {most}. {_MEND}")
        if gap >= 0:
            grid += [[] for _row in range(gap)]
            grid.append([cells.get(column) for column in range(1, width + 1)])
    return grid


def _rows(sheet: Any) -> Iterator[tuple[int, dict[int, Any]]]:
    """Number and filled cells of each row that has any; what a sheet says after its cells is not read."""
    from openpyxl.worksheet._reader import ROW_TAG, WorkSheetParser
    from openpyxl.xml.functions import iterparse

    book = sheet.parent
    with book._archive.open(sheet._worksheet_path) as source:
        parser = WorkSheetParser(
            source, sheet._shared_strings, data_only=True, epoch=book.epoch, date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )  # fmt: skip
        for _event, element in iterparse(source):
            if element.tag == ROW_TAG:
                number, cells = parser.parse_row(element)
                filled = {cell["column"]: cell["value"] for cell in cells if cell["value"] is not None}
                if filled:
                    yield number, filled
                element.clear()
            elif element.tag.endswith("}sheetData"):
                return
