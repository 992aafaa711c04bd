"""Text files of any origin -> lines and cells.

Tolerated: byte order marks, UTF-16, CRLF, blank lines, and commas, semicolons, tabs or blanks between cells.
"""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from sdm_core.studies.cells import clean, is_decimal_comma

_BETWEEN_CELLS = re.compile(r"\s*[,;\t\uff0c\uff1b]\s*|\s+")
_BETWEEN_DECIMAL_COMMAS = re.compile(r"\s*[;\t]\s*|\s+")


def decode(content: bytes) -> str:
    """Text of a file; bytes that are not UTF-8 are read as Windows-1252."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a file that are not blank, with their number from 1."""
    lines = decode(path.read_bytes()).splitlines()
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def cells_of_line(line: str) -> list[str]:
    """Cells of a line of numbers, whatever is between them."""
    return [clean(cell) for cell in _BETWEEN_CELLS.split(line.strip().rstrip(",;"))]


def has_decimal_commas(line: str, columns: int) -> bool:
    """Whether the line has `columns` cells if the commas in it are decimal commas."""
    cells = [clean(cell) for cell in _BETWEEN_DECIMAL_COMMAS.split(line.strip())]
    return len(cells) == columns and any(is_decimal_comma(cell) for cell in cells)


def split_table_line(line: str, delimiter: str | None) -> list[str]:
    """Cells of a line of a table; without a delimiter, blanks separate them."""
    cells = line.split() if delimiter is None else line.rstrip("\r\n").split(delimiter)
    return [clean(cell) for cell in cells]


def delimiter_of(header: str) -> str | None:
    """What separates the cells of a table, judged by its header; None stands for blanks."""
    return next((candidate for candidate in "\t;," if candidate in header), None)
