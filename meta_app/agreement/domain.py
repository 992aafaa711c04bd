"""What two reviewers say of the same thing: when it is equal, in words, and which slip may explain a difference.

Plain Python. Peaks are compared as reported (mm of the space of their table); distances are in MNI mm where both are
known.
"""

import re
import statistics
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import permutations
from typing import Any, Final

from meta_app.extraction.form_domain import FormField
from meta_app.extraction.parsers import is_blank

Triple = tuple[float, float, float]

NEAR_MM: Final = 4.0
"""Two places up to this far apart are taken for one peak, and the difference for a typing error."""
AXES: Final = "xyz"
_SAME_MM: Final = 0.005
_LEAST_DIGITS: Final = 2
_DASHES: Final = re.compile("[‐‑‒–—―−]")
_PUNCTUATION: Final = re.compile(r"[^\w<>=±+%/.,-]|_|(?<!\d)[.,]|[.,](?!\d)|(?<=\w)-|-(?!\d)")
_BLANKS: Final = re.compile(r"(?<!\d)\s+|\s+(?!\d)")


# Values


def is_reported(value: Any) -> bool:
    """Whether a value says anything: None, empty, "NA" and a quantity without its number do not."""
    if isinstance(value, str):
        return not is_blank(value)
    if isinstance(value, Mapping):
        return is_reported(value.get("value"))
    return value is not None and value != []


def normal_text(text: str) -> str:
    """`text` without what only typing makes different: width, case, blanks, punctuation.

    Examples
    --------
    >>> normal_text("Siemens Trio, 3 T") == normal_text("ＳＩＥＭＥＮＳ trio 3T")
    True
    >>> normal_text("p < 0.05") == normal_text("p<0.5")
    False
    """
    folded = _DASHES.sub("-", unicodedata.normalize("NFKC", text)).casefold()
    return _BLANKS.sub("", _PUNCTUATION.sub(" ", folded).strip())


def same_text(a: str, b: str) -> bool:
    return normal_text(a) == normal_text(b)


def same_number(a: float, b: float) -> bool:
    """Whether two printed numbers are equal, or one is the other rounded.

    Rounded counts from two digits and one decimal on: 9.3 is 9.29 rounded, but 60 is not taken for 60.4.

    Examples
    --------
    >>> same_number(9.29, 9.3), same_number(60.4, 60.0), same_number(0.05, 0.045)
    (True, False, False)
    """
    coarse, fine = sorted((_decimal(a), _decimal(b)), key=decimals)
    if coarse == fine:
        return True
    digits = len(coarse.as_tuple().digits)
    if decimals(coarse) == decimals(fine) or decimals(coarse) < 1 or digits < _LEAST_DIGITS:
        return False
    return abs(coarse - fine) <= Decimal(5).scaleb(-decimals(coarse) - 1)


def more_precise(a: Any, b: Any) -> Any:
    """Of two equal values the one with more printed decimals; `a` otherwise."""
    return b if _are_numbers(a, b) and decimals(_decimal(b)) > decimals(_decimal(a)) else a


def second_is_finer(pairs: Iterable[tuple[float | None, float | None]]) -> bool:
    """Whether of two equal rows the second has a number with more printed decimals, their signs apart."""
    given = [(abs(one), abs(other)) for one, other in pairs if one is not None and other is not None]
    return any(more_precise(one, other) != one for one, other in given)


def equal_in_words(a: str, b: str, second_taken: bool, rounded: bool) -> str:
    """What two equal values say; where their words differ both of them, and which is taken.

    Examples
    --------
    >>> equal_in_words("12.3", "12.31", True, True)
    'equal within rounding: A 12.3, B 12.31; taken: 12.31'
    """
    if a == b:
        return a
    how = "equal within rounding" if rounded else "equal but for how it is typed"
    return f"{how}: A {a}, B {b}; taken: {b if second_taken else a}"


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, float | int) and not isinstance(value, bool) for value in values)


def decimals(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _decimal(number: float) -> Decimal:
    """The number as printed, without trailing zeros."""
    return Decimal(repr(number)).normalize()


def _same_quantity(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return a.get("unit") == b.get("unit") and same_number(float(a["value"]), float(b["value"]))


def _same_scales(a: Sequence[Mapping[str, Any]], b: Sequence[Mapping[str, Any]]) -> bool:
    """In whatever order the scales are listed."""
    return len(a) == len(b) and all(
        _same_scale(one, other) for one, other in zip(_in_order(a), _in_order(b), strict=True)
    )


def _in_order(scales: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return sorted(scales, key=lambda scale: [normal_text(str(scale.get(key) or "")) for key in ("name", "when")])


def _same_scale(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return all(_same_plain(a.get(key), b.get(key)) for key in a.keys() | b.keys())


def _same_plain(a: Any, b: Any) -> bool:
    """Two values of which only the types tell what they are."""
    if not (is_reported(a) and is_reported(b)):
        return is_reported(a) == is_reported(b)
    if isinstance(a, str) and isinstance(b, str):
        return same_text(a, b)
    return same_number(a, b) if _are_numbers(a, b) else bool(a == b)


_SAME: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "text": same_text,
    "long_text": same_text,
    "number": same_number,
    "quantity": _same_quantity,
    "scales": _same_scales,
}


def same_value(field: FormField, a: Any, b: Any) -> bool:
    """Whether two stored answers to a field say the same; two blanks do."""
    if not (is_reported(a) and is_reported(b)):
        return is_reported(a) == is_reported(b)
    return _SAME[field.kind](a, b) if field.kind in _SAME else bool(a == b)


def in_words(field: FormField, value: Any, choices: Mapping[str, str]) -> str:
    """A stored answer as a person reads it; "not reported" where there is none."""
    if not is_reported(value):
        return "not reported"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return f"{value['value']:g} {value.get('unit') or ''}".strip()
    if isinstance(value, list):
        return "; ".join(_scale_in_words(scale) for scale in value)
    if field.kind == "choice":
        return str(choices.get(value, value))
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _scale_in_words(scale: Mapping[str, Any]) -> str:
    name = " ".join(str(scale[key]) for key in ("name", "when") if is_reported(scale.get(key)))
    numbers = [f"{key} {scale[key]}" for key in ("mean", "sd", "lowest", "highest") if is_reported(scale.get(key))]
    return ", ".join([name, *numbers])


def with_units(field: FormField) -> str:
    return f"{field.label} ({field.units[0]})" if len(field.units) == 1 else field.label


# Peaks


@dataclass(frozen=True)
class PeakPoint:
    """A row of the grid: `reported` in mm of its space, `mni` in MNI mm, None where it has no place."""

    row: int
    reported: Triple | None
    mni: Triple | None = None
    space: str = ""
    kind: str = "t"
    statistic: float | None = None
    sign: int | None = None
    cluster_size: float | None = None
    cluster_unit: str = ""
    label: str = ""
    hemisphere: str = ""
    brodmann: str = ""
    sub_peak: bool = False
    p_kind: str = ""
    page: str = ""
    typed: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The cells as they were typed, from which the rest was read."""

    @property
    def content(self) -> tuple[Any, ...]:
        """What is compared: neither the number of the row nor its page."""
        numbers = (self.statistic, self.sign, self.cluster_size)
        words = (self.space, self.kind, self.cluster_unit, self.label, self.hemisphere, self.brodmann, self.p_kind)
        place = self.reported or (float("inf"),) * 3
        filled = (float("inf") if number is None else float(number) for number in numbers)
        return (place, *filled, *words, self.sub_peak)


PEAK_FIELDS: Final = {
    "place": "Place (x, y, z in mm)",
    "space": "Space of the row",
    "statistic": "Statistic",
    "kind": "Kind of the statistic",
    "sign": "Sign",
    "cluster_size": "Cluster size",
    "cluster_unit": "Unit of the cluster size",
    "label": "Label",
    "hemisphere": "Hemisphere",
    "brodmann": "Brodmann area",
    "sub_peak": "Sub-peak",
    "p_kind": "Kind of p",
}


def peak_differences(a: PeakPoint, b: PeakPoint) -> tuple[str, ...]:
    """The fields in which two rows differ, in the order of `PEAK_FIELDS`."""
    return tuple(name for name in PEAK_FIELDS if not _same_cell(name, a, b))


def _same_cell(name: str, a: PeakPoint, b: PeakPoint) -> bool:
    if name == "place":
        return a.reported == b.reported or (
            a.reported is not None and b.reported is not None and same_place(a.reported, b.reported)
        )
    if name == "statistic":
        return _same_plain(_size(a.statistic), _size(b.statistic))
    return _same_plain(getattr(a, name), getattr(b, name))


def _size(statistic: float | None) -> float | None:
    """Without its sign, which is compared by itself."""
    return None if statistic is None else abs(statistic)


def same_place(a: Triple, b: Triple) -> bool:
    return all(abs(one - other) < _SAME_MM for one, other in zip(a, b, strict=True))


def distance_mm(a: PeakPoint, b: PeakPoint) -> float | None:
    """In MNI mm, or as reported where one of the two has no place in MNI."""
    here, there = (a.mni, b.mni) if a.mni and b.mni else (a.reported, b.reported)
    if here is None or there is None:
        return None
    return float(sum((one - other) ** 2 for one, other in zip(here, there, strict=True)) ** 0.5)


# Slips


def slip_of(a: Triple, b: Triple) -> str:
    """The one slip that makes a place of A out of one of B, in words; empty if none does."""
    differing = [axis for axis in range(3) if abs(a[axis] - b[axis]) >= _SAME_MM]
    if not differing:
        return ""
    if all(abs(a[axis] + b[axis]) < _SAME_MM for axis in differing):
        names = " and ".join(AXES[axis] for axis in differing)
        return f"The sign of {names} is opposite."
    if order := swapped_axes(a, b):
        return f"The axes are swapped: x, y, z of A {words_of_order(order)} in B."
    if len(differing) > 1:
        return ""
    return slip_of_number(a[differing[0]], b[differing[0]], AXES[differing[0]])


def swapped_axes(a: Triple, b: Triple) -> tuple[int, ...] | None:
    """The order in which the numbers of A stand in B; None where they are others."""
    orders = (order for order in permutations(range(3)) if order != (0, 1, 2))
    return next((order for order in orders if same_place(a, (b[order[0]], b[order[1]], b[order[2]]))), None)


def words_of_order(order: Sequence[int]) -> str:
    return f"stand in the columns {', '.join(AXES[column] for column in order)}"


def slip_of_number(one: float, other: float, name: str) -> str:
    """The slip of a decimal point or of a digit between two numbers, in words; empty if there is none.

    Examples
    --------
    >>> slip_of_number(4.52, 45.2, "t")
    'The decimal point of t is elsewhere (4.52 and 45.2).'
    """
    if one * other != 0 and any(abs(one - other * factor) < _SAME_MM * factor for factor in (0.01, 0.1, 10, 100)):
        return f"The decimal point of {name} is elsewhere ({one:g} and {other:g})."
    words = _digit_words(f"{abs(one):g}", f"{abs(other):g}", name) if one * other >= 0 else ""
    return f"{words} ({one:g} and {other:g})." if words else ""


def _digit_words(one: str, other: str, name: str) -> str:
    if len(one) == len(other):
        places = [place for place, (left, right) in enumerate(zip(one, other, strict=True)) if left != right]
        if len(places) == 1:
            return f"One digit of {name} differs"
        if len(places) == 2 and sorted(one) == sorted(other):
            return f"Two digits of {name} are exchanged"
    longer, shorter = sorted((one, other), key=len, reverse=True)
    if len(longer) == len(shorter) + 1 and any(
        longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer))
    ):
        return f"A digit of {name} is missing or too many"
    return ""


# Agreement


@dataclass(frozen=True)
class PeakAgreement:
    """How far the peaks of two tables agree. `distances` are those of the pairs, in mm."""

    pairs: int = 0
    only_a: int = 0
    only_b: int = 0
    near: int = 0
    exact: int = 0
    distances: tuple[float, ...] = ()

    @property
    def peaks(self) -> int:
        """Different peaks, a pair counted once."""
        return self.pairs + self.only_a + self.only_b

    @property
    def matched_share(self) -> float | None:
        """Of all different peaks, those that both have at most 4 mm apart."""
        return self.near / self.peaks if self.peaks else None

    @property
    def exact_share(self) -> float | None:
        """Of all different peaks, those that both have at the same place."""
        return self.exact / self.peaks if self.peaks else None

    @property
    def median_mm(self) -> float | None:
        """Median distance of the pairs, those explained by a slip among them."""
        return statistics.median(self.distances) if self.distances else None

    def __add__(self, other: "PeakAgreement") -> "PeakAgreement":
        return PeakAgreement(
            self.pairs + other.pairs,
            self.only_a + other.only_a,
            self.only_b + other.only_b,
            self.near + other.near,
            self.exact + other.exact,
            self.distances + other.distances,
        )


def peak_agreement(distances: Sequence[float | None], only_a: int, only_b: int) -> PeakAgreement:
    """From the distance (mm) of each pair; None where a place is missing."""
    known = tuple(round(distance, 2) for distance in distances if distance is not None)
    near = sum(distance <= NEAR_MM for distance in known)
    exact = sum(distance < _SAME_MM for distance in known)
    return PeakAgreement(len(distances), only_a, only_b, near, exact, known)
