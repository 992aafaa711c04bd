"""Peaks are paired by optimal assignment, and one slip is named, of a pair or of the whole table."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from meta_app.agreement.domain import PeakPoint
from meta_app.agreement.pairing import Reading, pair_peaks, pair_rows


def table(*rows, start=1):
    return [
        PeakPoint(
            number, tuple(map(float, row[:3])), tuple(map(float, row[:3])), statistic=abs(t), sign=1 if t > 0 else -1
        )
        for number, row in enumerate(rows, start)
        for t in [row[3] if len(row) > 3 else 4.0]
    ]


A = table((-38, 12, -4, 4.5), (12, -18, 8, 5.1), (44, -8, 48, -4.07), (-8, -58, 44, -3.91), (26, 50, 21, 3.6))


def moved(change, rows=A):
    return [
        PeakPoint(row.row, tuple(map(float, change(*row.reported))), None, statistic=row.statistic, sign=row.sign)
        for row in rows
    ]


def renumbered(rows):
    return [replace(row, row=number) for number, row in enumerate(rows, 1)]


def rows_of(paired, a, b):
    return {(pair.a is not None and a[pair.a].row, pair.b is not None and b[pair.b].row) for pair in paired.pairs}


def test_a_table_agrees_with_itself():
    paired = pair_peaks(A, A)
    assert len(paired.pairs) == len(A)
    assert all(pair.a == pair.b and pair.distance == 0 and not pair.fields and not pair.slip for pair in paired.pairs)
    assert (paired.table_slip, paired.other_order) == ("", False)


def test_rows_in_another_order_are_paired_and_the_order_is_told():
    paired = pair_peaks(A, renumbered(A[::-1]))
    assert not any(pair.fields for pair in paired.pairs)
    assert paired.other_order


def test_a_near_place_is_paired_with_its_distance():
    b = moved(lambda x, y, z: (x, y + 3, z))
    paired = pair_peaks(A[:1], b[:1])
    assert (paired.pairs[0].distance, paired.pairs[0].fields) == (3.0, ("place",))


def test_a_far_place_without_a_slip_is_two_peaks():
    paired = pair_peaks(A[:1], table((-27, 31, 5)))
    assert [(pair.a, pair.b) for pair in paired.pairs] == [(0, None), (None, 0)]


def test_a_missing_row_is_alone_and_told_as_skipped():
    paired = pair_peaks(A, renumbered(A[:2] + A[3:]))
    alone = [pair for pair in paired.pairs if pair.b is None]
    assert [(A[pair.a].row, pair.slip) for pair in alone] == [
        (3, "B has the rows before and after it: perhaps skipped.")
    ]


def test_one_row_with_a_slip_is_paired_and_the_others_stay_equal():
    b = moved(lambda x, y, z: (-x, y, z) if x == 44 else (x, y, z))
    paired = pair_peaks(A, b)
    assert [pair.slip for pair in paired.pairs if pair.fields] == ["The sign of x is opposite."]
    assert paired.table_slip == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda x, y, z: (-x, y, z), "The sign of x is opposite."),
        (lambda x, y, z: (y, x, z), "The axes are swapped: x, y, z of A stand in the columns y, x, z in B."),
        (lambda x, y, z: (z, x, y), "The axes are swapped: x, y, z of A stand in the columns y, z, x in B."),
        (lambda x, y, z: (10 * x, 10 * y, 10 * z), "The coordinates of B are ten times those of A"),
    ],
)
def test_a_slip_of_the_whole_table_is_said_once(change, words):
    paired = pair_peaks(A, moved(change))
    assert paired.table_slip.startswith(words)
    assert "5 of the 5 pairs" in paired.table_slip
    assert all(pair.slip.startswith(words) for pair in paired.pairs)


def test_mirrored_homologues_are_not_taken_for_each_other():
    """Left and right peaks of the same area: flipped as a whole, each finds its own row and not its mirror image."""
    rows = table((-38, 12, -4, 4.5), (38, 12, -4, 5.5), (-20, 30, 10, 3.3), (22, -60, 40, -6.1), (50, -20, 8, 4.9))
    flipped = moved(lambda x, y, z: (-x, y, z), rows)
    paired = pair_peaks(rows, flipped)
    assert rows_of(paired, rows, flipped) == {(n, n) for n in range(1, 6)}


def test_all_signs_opposite_is_the_direction_of_the_contrast():
    b = [PeakPoint(row.row, row.reported, row.mni, statistic=row.statistic, sign=-row.sign) for row in A]
    paired = pair_peaks(A, b)
    assert paired.table_slip == "The direction of the contrast is opposite. So it is in every pair."
    assert {pair.fields for pair in paired.pairs} == {("sign",)}


def test_a_reading_offered_by_the_caller_explains_a_table():
    shifted = moved(lambda x, y, z: (x + 2, y + 6, z - 5))
    places = np.array([row.reported for row in shifted])
    paired = pair_peaks(A, shifted, [Reading("Shifted.", places, places)])
    assert paired.table_slip == "Shifted. So it is in 5 of the 5 pairs that differ in place."


def test_the_statistic_decides_between_two_rows_at_one_place():
    a = table((10, 10, 10, 4.4), (10, 10, 10, 6.6))
    paired = pair_peaks(a, a[::-1])
    assert not any(pair.fields for pair in paired.pairs)


def test_rows_without_a_place_stay_alone():
    lost = [PeakPoint(1, None, label="somewhere")]
    assert [(pair.a, pair.b) for pair in pair_peaks(lost, A[:1]).pairs] == [(0, None), (None, 0)]
    assert pair_peaks([], []).pairs == ()


def test_rows_are_paired_by_the_greatest_likeness_of_all():
    likeness = {("p", "P"): 3.0, ("p", "Q"): 4.0, ("q", "Q"): 5.0, ("q", "P"): 0.0}
    paired = pair_rows(["p", "q"], ["Q", "P"], lambda one, other: likeness[one, other], least=2.0)
    assert paired == [("p", "P"), ("q", "Q")]
    assert pair_rows(["q"], ["P"], lambda one, other: likeness[one, other], least=2.0) == [("q", None), (None, "P")]


places = st.tuples(st.integers(-35, 35), st.integers(-50, 35), st.integers(-20, 35)).map(
    lambda point: tuple(2 * axis for axis in point)
)
peaks = st.tuples(places, st.integers(-80, 80).filter(bool)).map(lambda row: (*row[0], row[1] / 10))
tables = st.lists(peaks, min_size=1, max_size=7, unique_by=lambda row: row[:3])


def contents(paired, a, b):
    """The pairs by what their rows say, without the numbers of rows."""
    return sorted(
        (str(pair.a is not None and a[pair.a].content), str(pair.b is not None and b[pair.b].content), pair.fields)
        for pair in paired.pairs
    )


@settings(max_examples=40, deadline=None)
@given(tables, tables, st.randoms(use_true_random=False))
def test_permuting_rows_changes_nothing(one, other, random):
    a, b = table(*one), table(*other)
    shuffled_a, shuffled_b = random.sample(a, len(a)), random.sample(b, len(b))
    assert contents(pair_peaks(a, b), a, b) == contents(pair_peaks(shuffled_a, shuffled_b), shuffled_a, shuffled_b)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_a_against_a_has_no_difference(rows):
    a = table(*rows)
    assert not any(pair.fields or pair.slip or pair.distance for pair in pair_peaks(a, a).pairs)


SLIPS = {
    "sign": (lambda x, y, z: (-x, y, z), "The sign of x"),
    "axes": (lambda x, y, z: (y, x, z), "The axes are swapped"),
    "point": (lambda x, y, z: (x, y, z / 10), "The decimal point of z"),
    "digits": (
        lambda x, y, z: (x, int(f"{'-' if y < 0 else ''}{str(abs(y))[::-1]}"), z),
        "Two digits of y are exchanged",
    ),
}


@settings(max_examples=60, deadline=None)
@given(tables, st.sampled_from(sorted(SLIPS)), st.data())
def test_a_planted_slip_is_named(rows, name, data):
    """One row carries the slip; the others are far enough from it that nothing else explains it."""
    change, words = SLIPS[name]
    chosen = data.draw(st.integers(0, len(rows) - 1))
    x, y, z = rows[chosen][:3]
    slipped = change(x, y, z)
    assume(np.linalg.norm(np.subtract(slipped, (x, y, z))) > 4 and abs(x) != abs(y) and abs(y) > 9 and y % 10)
    assume(all(np.linalg.norm(np.subtract(slipped, row[:3])) > 4 for row in rows))
    a = table(*rows)
    b = table(*[(*slipped, row[3]) if number == chosen else row for number, row in enumerate(rows)])
    told = [pair for pair in pair_peaks(a, b).pairs if pair.fields]
    assert [(pair.a, pair.b) for pair in told] == [(chosen, chosen)]
    assert told[0].slip.startswith(words)
