"""One cell, one number."""

import pytest

from sdm_core.studies.cells import CellError, is_missing, number, whole_number


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("-12", -12),
        ("\u221212", -12),
        ("\u201312", -12),
        ("\uff0d\uff11\uff12\uff0e\uff15", -12.5),
        (" 3.17 ", 3.17),
        ('"4"', 4),
        ("+4", 4),
        ("1e1", 10),
        (7, 7),
        (2.5, 2.5),
    ],
)
def test_numbers_are_read_in_every_way_people_type_them(cell, value):
    assert number(cell) == value


@pytest.mark.parametrize("cell", ["", None, "NA", "n/a", "NaN", float("nan"), "  "])
def test_empty_cells_na_and_nan_are_missing(cell):
    assert is_missing(cell)
    with pytest.raises(CellError, match="is missing"):
        number(cell)


def test_a_decimal_comma_is_refused_with_the_number_to_write():
    with pytest.raises(CellError, match=r'"3,17" has a decimal comma. Write 3\.17'):
        number("3,17")


@pytest.mark.parametrize("cell", ["four", "1.2.3", "inf", "12 mm"])
def test_text_and_infinity_are_refused(cell):
    with pytest.raises(CellError):
        number(cell)


def test_people_are_counted_in_whole_numbers():
    assert whole_number("12.0") == 12
    with pytest.raises(CellError, match="whole"):
        whole_number("12.5")
