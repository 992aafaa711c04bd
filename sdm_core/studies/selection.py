"""Subgroups: the studies that an expression over the columns of the study table is true for.

``modality == "VBM" and (n1 + n2 >= 20 or not medicated)`` - names of columns, numbers, text in quotes, comparisons
(also ``in`` a list), and, or, not, + - * /.  Nothing else is understood, and nothing is ever executed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from sdm_core.errors import InputError, Problem
from sdm_core.studies.peaks import PeakTable
from sdm_core.studies.table import StudyTable

Value = float | str | bool
T = TypeVar("T")
LONGEST: Final = 1000
"""Characters; Python's parser is safe for any expression of this length."""

_COMPARISONS: Final[dict[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class _NotUnderstood(Exception):  # noqa: N818 - becomes an InputError with the expression
    pass


def select_studies(studies: StudyTable, peaks: PeakTable, expression: str) -> tuple[StudyTable, PeakTable]:
    """The studies for which the expression is true, and their peaks.

    Columns are study, n1, n2, t_thr, threshold, design, no_peaks and every further one of the table.  A comparison
    with a missing value is false, whatever the comparison.

    Raises
    ------
    InputError
        If the expression cannot be understood, names no column, compares text with a number, or fits no study.
    """
    try:
        tree = _parse(expression)
        chosen = np.array([bool(_evaluate(tree, row)) for row in _rows(studies)])
    except (_NotUnderstood, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        mend = 'Write for example: modality == "VBM" and n1 >= 20.'
        raise InputError([Problem(f"filter {expression}", reason, mend, field="study_filter")]) from None
    if not chosen.any():
        message = "fits none of the studies"
        raise InputError([Problem(f"filter {expression}", message, "Check its values.", field="study_filter")])
    return take_studies(studies, peaks, chosen)


def take_studies(studies: StudyTable, peaks: PeakTable, chosen: npt.NDArray[np.bool_]) -> tuple[StudyTable, PeakTable]:
    """The chosen studies, shape (n_studies,), and their peaks."""

    def pick(values: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(value for value, keep in zip(values, chosen, strict=True) if keep)

    kept = replace(
        studies,
        names=pick(studies.names),
        design=pick(studies.design),
        n1=studies.n1[chosen],
        n2=studies.n2[chosen],
        t_threshold=studies.t_threshold[chosen],
        threshold_kind=pick(studies.threshold_kind),
        no_peaks=studies.no_peaks[chosen],
        covariates={name: values[chosen] for name, values in studies.covariates.items()},
        labels={name: pick(values) for name, values in studies.labels.items()},
        images=pick(studies.images),
    )
    own = chosen[peaks.study_index]
    place = np.cumsum(chosen) - 1
    return kept, PeakTable(place[peaks.study_index[own]], peaks.mm[own], peaks.t[own], peaks.sign[own])


def leave_out(studies: StudyTable, peaks: PeakTable, *left: int) -> tuple[StudyTable, PeakTable]:
    """All studies but those at some places, and their peaks."""
    return take_studies(studies, peaks, ~np.isin(np.arange(len(studies)), left))


def _rows(studies: StudyTable) -> list[dict[str, Value]]:
    columns: dict[str, list[Any]] = {
        "study": list(studies.names),
        "design": list(studies.design),
        "threshold": list(studies.threshold_kind),
        "n1": studies.n1.tolist(),
        "n2": studies.n2.tolist(),
        "t_thr": studies.t_threshold.tolist(),
        "no_peaks": studies.no_peaks.tolist(),
        **{name: values.tolist() for name, values in studies.covariates.items()},
        **{name: list(values) for name, values in studies.labels.items()},
    }
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _parse(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise _NotUnderstood(f"is longer than {LONGEST} characters")
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _NotUnderstood("is not an expression") from None


def _evaluate(node: ast.expr, row: Mapping[str, Value]) -> Value:
    match node:
        case ast.Constant(value=bool() | int() | float() | str() as value):
            return value
        case ast.Name(id=name):
            if name not in row:
                raise _NotUnderstood(f"{name} is not a column; the table has {', '.join(row)}")
            return row[name]
        case ast.BoolOp(op=op, values=values):
            # All parts, so that a mistake in the last one never hides behind the first.
            held = [bool(_evaluate(value, row)) for value in values]
            return all(held) if isinstance(op, ast.And) else any(held)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _evaluate(operand, row)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_number(_evaluate(operand, row))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            return _calculate(type(op), _number(_evaluate(left, row)), _number(_evaluate(right, row)))
        case ast.Compare():
            return _compare_chain(node, row)
    raise _NotUnderstood(f"{ast.unparse(node)} is not understood")


def _number(value: Value) -> float:
    if isinstance(value, str):
        raise _NotUnderstood(f'"{value}" is not a number')
    return float(value)


def _calculate(op: type[ast.operator], left: float, right: float) -> float:
    return float("nan") if op is ast.Div and right == 0 else float(_ARITHMETIC[op](left, right))


def _compare_chain(node: ast.Compare, row: Mapping[str, Value]) -> bool:
    left, holds = _evaluate(node.left, row), True
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        if isinstance(op, ast.In | ast.NotIn):
            holds &= _is_among(left, comparator, row) == isinstance(op, ast.In) and not _missing(left)
        elif type(op) in _COMPARISONS:
            right = _evaluate(comparator, row)
            holds &= _compare(type(op), left, right)
            left = right
        else:
            raise _NotUnderstood(f"{ast.unparse(node)} is not understood")
    return holds


def _is_among(value: Value, choices: ast.expr, row: Mapping[str, Value]) -> bool:
    if not isinstance(choices, ast.List | ast.Tuple | ast.Set):
        raise _NotUnderstood(f"{ast.unparse(choices)} is not a list of values")
    matches = [_compare(ast.Eq, value, _evaluate(choice, row)) for choice in choices.elts]
    return any(matches)


def _compare(op: type[ast.cmpop], left: Value, right: Value) -> bool:
    if _missing(left) or _missing(right):
        return False
    if isinstance(left, str) != isinstance(right, str):
        raise _NotUnderstood(f"{left!r} and {right!r} are text and a number and cannot be compared")
    return bool(_COMPARISONS[op](left, right))


def _missing(value: Value) -> bool:
    return value == "" or value != value
