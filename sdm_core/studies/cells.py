"""One cell of a table -> a number.  Cells arrive as numbers or as text typed by people."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Row = Mapping[str, object]

_MINUS_SIGNS = str.maketrans(dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014\ufe63\uff0d", "-"))
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_MISSING = frozenset({"", "na", "n/a", "nan", "none", "null", "."})


class CellError(ValueError):
    """Why a cell is not a number, and what to write instead."""

    def __init__(self, message: str, mend: str) -> None:
        self.message, self.mend = message, mend
        super().__init__(f"{message}. {mend}")


def clean(cell: object) -> str:
    """The cell's text with full-width characters and every kind of minus sign made plain."""
    if cell is None:
        return ""
    return unicodedata.normalize("NFKC", str(cell).translate(_MINUS_SIGNS)).strip().strip('"').strip()


def is_missing(cell: object) -> bool:
    """Whether the cell holds no value: empty, NA or NaN."""
    return clean(cell).lower() in _MISSING


def number(cell: object) -> float:
    """The finite number in a cell.

    Raises
    ------
    CellError
        If the cell is missing, a decimal comma, infinite, or not a number.
    """
    text = clean(cell)
    if text.lower() in _MISSING:
        raise CellError("is missing", "Give a number.")
    if is_decimal_comma(text):
        raise CellError(f'"{text}" has a decimal comma', f"Write {text.replace(',', '.')}, with a point.")
    try:
        value = float(text)
    except ValueError:
        raise CellError(f'"{text}" is not a number', "Give a number with a decimal point.") from None
    if not math.isfinite(value):
        raise CellError(f'"{text}" is not finite', "Give a finite number.")
    return value


def whole_number(cell: object) -> int:
    """The whole number in a cell; raises CellError as `number` does."""
    value = number(cell)
    if value != round(value):
        raise CellError(f'"{clean(cell)}" is not a whole number', "Give a count of people.")
    return round(value)


def is_decimal_comma(text: str) -> bool:
    """Whether the text is one number written with a decimal comma, such as "3,17"."""
    return _DECIMAL_COMMA.fullmatch(text) is not None


def frozen(values: npt.ArrayLike, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A read-only copy of `values`."""
    array: npt.NDArray[Any] = np.array(values, dtype=dtype)
    array.flags.writeable = False
    return array
