"""Which row of A is which row of B: optimal assignment of peaks, and of cohorts, groups and datasets.

Peaks at the same place or at most 4 mm apart are one peak; farther ones only where a single slip explains the
distance, of the pair or of the whole table. The answer depends on what the rows say, not on their order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from meta_app.agreement.domain import (
    AXES,
    NEAR_MM,
    PeakPoint,
    distance_mm,
    peak_differences,
    slip_of,
    words_of_order,
)

Matrix = npt.NDArray[np.float64]
Indices = list[tuple[int, int]]

SLIP_COST: Final = 4.5
"""In mm: a slip explains a pair worse than any distance up to 4 mm."""
UNPAIRED_COST: Final = 5.0
"""In mm, for each of two rows left alone: more than half of what any explained pair costs."""
READING_COST: Final = 3.0
"""In mm, by which a slip of the whole table must be the better explanation, and by at least a fifth."""
_CONTENT_COSTS: Final = {"sign": 1.0, "statistic": 0.6, "label": 0.4, "kind": 0.2, "cluster_size": 0.2}
_SAME_MM: Final = 0.005
_IMPOSSIBLE: Final = 1e6


@dataclass(frozen=True)
class Reading:
    """A slip of the whole table: with it, the places of A and of B are these. ndarrays of shape (rows, 3), mm."""

    words: str
    a: Matrix
    b: Matrix


@dataclass(frozen=True)
class Pair:
    """A row of A and the row of B that is taken for the same, by their index; None where there is none."""

    a: int | None
    b: int | None
    distance: float | None = None
    fields: tuple[str, ...] = ()
    slip: str = ""


@dataclass(frozen=True)
class PairedPeaks:
    """All rows of two tables. `table_slip` is what explains several rows at once; in words, or empty."""

    pairs: tuple[Pair, ...]
    table_slip: str = ""
    other_order: bool = False


def assign(cost: Matrix, alone: float) -> Indices:
    """The pairs of least total cost, where a row left alone costs `alone`; a pair that costs more stays apart."""
    if not cost.size:
        return []
    gain = np.minimum(cost - 2 * alone, 0.0)
    rows, columns = linear_sum_assignment(gain)
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True) if gain[row, column] < 0]


def pair_rows(
    a: Sequence[Any], b: Sequence[Any], likeness: Callable[[Any, Any], float], least: float
) -> list[tuple[Any | None, Any | None]]:
    """Rows of A and B by the greatest total likeness; rows less alike than `least` stay alone. In the order of A."""
    cost = np.array([[-likeness(one, other) for other in b] for one in a], dtype=float).reshape(len(a), len(b))
    found = dict(assign(np.where(cost <= -least, cost, 0.0), 0.0))
    pairs: list[tuple[Any | None, Any | None]] = [
        (row, b[found[index]] if index in found else None) for index, row in enumerate(a)
    ]
    taken = set(found.values())
    return pairs + [(None, row) for index, row in enumerate(b) if index not in taken]


def pair_peaks(a: Sequence[PeakPoint], b: Sequence[PeakPoint], readings: Iterable[Reading] = ()) -> PairedPeaks:
    """Pair the rows of two tables of peaks.

    Parameters
    ----------
    readings : iterable of Reading, optional
        Further slips of the whole table, such as Talairach taken for MNI, with the places in the order of `a` and `b`.
    """
    order_a, order_b = _canonical(a), _canonical(b)
    equal, rest_a, rest_b = _equal_rows(a, b, order_a, order_b)
    left_a, left_b = [a[index] for index in rest_a], [b[index] for index in rest_b]
    offered = [
        Reading(reading.words, reading.a[rest_a], reading.b[rest_b]) for reading in readings if rest_a and rest_b
    ]
    found, words = _best_pairs(left_a, left_b, offered)
    indices = equal + [(rest_a[one], rest_b[other]) for one, other in found]
    slips = {(rest_a[one], rest_b[other]): slip for (one, other), slip in words.items()}
    return _told(a, b, sorted(indices), slips)


def _canonical(rows: Sequence[PeakPoint]) -> list[int]:
    return sorted(range(len(rows)), key=lambda index: rows[index].content)


def _equal_rows(
    a: Sequence[PeakPoint], b: Sequence[PeakPoint], order_a: list[int], order_b: list[int]
) -> tuple[Indices, list[int], list[int]]:
    """Rows that say the same in everything are pairs beforehand, which spares large tables the assignment."""
    waiting: dict[tuple[Any, ...], list[int]] = {}
    for index in reversed(order_b):
        waiting.setdefault(b[index].content, []).append(index)
    equal: Indices = []
    for index in order_a:
        if waiting.get(a[index].content):
            equal.append((index, waiting[a[index].content].pop()))
    done_a, done_b = {one for one, _ in equal}, {other for _, other in equal}
    return equal, [i for i in order_a if i not in done_a], [i for i in order_b if i not in done_b]


def _best_pairs(
    a: list[PeakPoint], b: list[PeakPoint], readings: Sequence[Reading]
) -> tuple[Indices, dict[tuple[int, int], str]]:
    """The pairs, and those of them that a slip of the whole table explains, with its words."""
    if not a or not b:
        return [], {}
    content = _content_costs(a, b)
    plain = np.minimum(_distance_costs(_places(a), _places(b)), _slip_costs(a, b))
    total = _total(plain + content)
    best, best_total, best_reading = plain, min(total - READING_COST, 0.8 * total), None
    close_now = _n_close(_distance_costs(_places(a), _places(b)))
    for reading in (*readings, *_usual_readings(_places(a), _places(b))):
        cost = _distance_costs(reading.a, reading.b) + 0.2
        if _n_close(cost) < max(2, close_now + 2):
            continue
        total = _total(np.minimum(cost, plain) + content)
        if total < best_total:
            best, best_total, best_reading = cost, total, reading
    if best_reading is None:
        return assign(plain + content, UNPAIRED_COST), {}
    found = assign(np.minimum(best, plain) + content, UNPAIRED_COST)
    return found, {pair: best_reading.words for pair in found if best[pair] < plain[pair]}


def _total(cost: Matrix) -> float:
    pairs = assign(cost, UNPAIRED_COST)
    return float(sum(cost[pair] for pair in pairs)) + UNPAIRED_COST * (sum(cost.shape) - 2 * len(pairs))


def _n_close(cost: Matrix) -> int:
    return int((cost.min(axis=1) < _IMPOSSIBLE).sum())


def _places(rows: Sequence[PeakPoint]) -> Matrix:
    """ndarray of shape (rows, 3), mm as reported; NaN where a row has no place."""
    return np.array([row.reported or (np.nan,) * 3 for row in rows], dtype=float).reshape(-1, 3)


def _distance_costs(a: Matrix, b: Matrix) -> Matrix:
    distance = cdist(a, b)
    return np.where(distance <= NEAR_MM, distance, _IMPOSSIBLE)


def _slip_costs(a: Sequence[PeakPoint], b: Sequence[PeakPoint]) -> Matrix:
    """Only pairs that some slip could explain are looked at one by one."""
    here, there = _places(a), _places(b)
    same = np.abs(here[:, None] - there[None]) < _SAME_MM
    mirrored = (np.abs(np.abs(here)[:, None] - np.abs(there)[None]) < _SAME_MM).all(axis=2)
    permuted = (np.abs(np.sort(here)[:, None] - np.sort(there)[None]) < _SAME_MM).all(axis=2)
    cost = np.full((len(a), len(b)), _IMPOSSIBLE)
    for one, other in np.argwhere((same.sum(axis=2) == 2) | mirrored | permuted):
        first, second = a[one].reported, b[other].reported
        if first and second and slip_of(first, second):
            cost[one, other] = SLIP_COST
    return cost


def _content_costs(a: Sequence[PeakPoint], b: Sequence[PeakPoint]) -> Matrix:
    """What tells two pairs at the same distance apart: sign, statistic, label."""
    cost = np.zeros((len(a), len(b)))
    for name, weight in _CONTENT_COSTS.items():
        here, there = (np.array([str(getattr(row, name) or "") for row in rows]) for rows in (a, b))
        cost += weight * (here[:, None] != there[None])
    return cost


def _usual_readings(a: Matrix, b: Matrix) -> Iterable[Reading]:
    for axis in range(3):
        yield Reading(f"The sign of {AXES[axis]} is opposite.", a, b * np.where(np.arange(3) == axis, -1.0, 1.0))
    for order in permutations(range(3)):
        if order != (0, 1, 2):
            words = f"The axes are swapped: x, y, z of A {words_of_order(order)} in B."
            yield Reading(words, a, b[:, list(order)])
    yield Reading("The coordinates of B are ten times those of A: cm taken for mm?", a, b / 10)
    yield Reading("The coordinates of A are ten times those of B: cm taken for mm?", a / 10, b)


# What is told of the pairs


def _told(
    a: Sequence[PeakPoint], b: Sequence[PeakPoint], indices: Indices, slips: dict[tuple[int, int], str]
) -> PairedPeaks:
    opposite = _direction_reversed([(a[one], b[other]) for one, other in indices])
    pairs = [_pair(a, b, pair, slips.get(pair, ""), opposite) for pair in indices]
    partner = dict(indices)
    rows_of_b = {a[one].row: b[other].row for one, other in indices}
    rows_of_a = {other: one for one, other in rows_of_b.items()}
    pairs += [
        Pair(index, None, slip=_skipped(a[index].row, rows_of_b, "B"))
        for index in range(len(a))
        if index not in partner
    ]
    taken = set(partner.values())
    pairs += [
        Pair(None, index, slip=_skipped(b[index].row, rows_of_a, "A")) for index in range(len(b)) if index not in taken
    ]
    rows = [b[other].row for _, other in sorted(indices, key=lambda pair: a[pair[0]].row)]
    moved = sum("place" in pair.fields for pair in pairs)
    return PairedPeaks(tuple(pairs), _table_slip(slips, moved, opposite), rows != sorted(rows))


def _pair(a: Sequence[PeakPoint], b: Sequence[PeakPoint], pair: tuple[int, int], of_table: str, opposite: bool) -> Pair:
    one, other = a[pair[0]], b[pair[1]]
    fields = peak_differences(one, other)
    words = [of_table]
    if not of_table and "place" in fields and one.reported and other.reported:
        words = [slip_of(one.reported, other.reported)]
    if "sign" in fields and one.sign and other.sign:
        words.append(REVERSED if opposite else "The sign of the effect is opposite.")
    return Pair(*pair, distance_mm(one, other), fields, " ".join(filter(None, words)))


REVERSED: Final = "The direction of the contrast is opposite."


def _direction_reversed(pairs: Sequence[tuple[PeakPoint, PeakPoint]]) -> bool:
    """All signs opposite: rather the contrast read the other way round than so many slips."""
    signs = [one.sign * other.sign for one, other in pairs if one.sign and other.sign]
    return len(signs) >= 2 and all(sign < 0 for sign in signs)


def _table_slip(slips: dict[tuple[int, int], str], moved: int, opposite: bool) -> str:
    """In words, said once; `moved` pairs differ in place."""
    counted = Counter(slips.values()).most_common(1)
    words = [f"{slip} So it is in {count} of the {moved} pairs that differ in place." for slip, count in counted]
    return " ".join([*words, f"{REVERSED} So it is in every pair."] if opposite else words)


def _skipped(row: int, partners: dict[int, int], other: str) -> str:
    """A row whose neighbours are neighbours in the other table was perhaps skipped there."""
    before, after = partners.get(row - 1), partners.get(row + 1)
    if before is not None and after is not None and after == before + 1:
        return f"{other} has the rows before and after it: perhaps skipped."
    return ""


def with_rows(paired: PairedPeaks, a: Sequence[PeakPoint], b: Sequence[PeakPoint]) -> PairedPeaks:
    """The same with the numbers of the rows in their tables in place of indices."""
    numbered = (
        replace(
            pair,
            a=None if pair.a is None else a[pair.a].row,
            b=None if pair.b is None else b[pair.b].row,
        )
        for pair in paired.pairs
    )  # fmt: skip
    return replace(paired, pairs=tuple(numbered))
