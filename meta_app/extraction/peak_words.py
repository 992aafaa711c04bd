"""What the words of a row say about it: direction, side, Brodmann areas, and that it may be no peak of the whole brain.

Plain Python. The words are those of English and Chinese papers. Answers are kept in memory, because a table is checked
again after each edit of one of its rows.
"""

import functools
import re
from collections.abc import Collection
from typing import Final

_UP: Final = re.compile(
    r"\b(?:increas|higher|greater|elevat|enhanc|stronger|hyper)|↑|[升增]高|增[加强大]", re.IGNORECASE
)
_DOWN: Final = re.compile(
    r"\b(?:decreas|lower|reduc|weaker|diminish|hypo(?!thal|phys|gloss|camp))|↓|[降减]低|减[少弱小]|下降", re.IGNORECASE
)
_COMPARED: Final = re.compile(r"([^<>;:,()]+?)\s*([<>])\s*([^<>;:,()]+)")
_WORDS: Final = re.compile(r"[^\W_]+")
_AREAS: Final = re.compile(r"\b(?:BA|Brodmann areas?)\s*((?:\d{1,2}\s*[/,&]?\s*)+)", re.IGNORECASE)
_NO_PEAK: Final[tuple[tuple[re.Pattern[str], str, str], ...]] = (
    (
        re.compile(r"\bcent(?:re|er)s? of (?:mass|gravity)|\bcentroid|\bCoM\b|重心|质心"),
        "Is this the centre of a cluster rather than its peak?",
        "Enter the peak if the paper gives it; otherwise tick “confirmed”, and the centre is used.",
    ),
    (
        re.compile(r"\bROIs?\b|\bSVC\b|\bsmall[- ]volume|\bregions?[- ]of[- ]interest|感兴趣区|小体积校正"),
        "Was only a part of the brain searched here (region of interest, small volume)?",
        "An analysis needs one threshold over the whole brain: delete the row, or tick “confirmed” if it was so.",
    ),
    (
        re.compile(r"\bconjunction|\binteraction|交互"),
        "Is this a conjunction or an interaction rather than the comparison of two groups?",
        "Delete the row, or tick “confirmed” if it is the comparison of this dataset.",
    ),
    (
        re.compile(r"\bcorrelat|相关"),
        "Is this a correlation with a measure rather than a difference between groups?",
        "Enter it in a dataset of correlations, or tick “confirmed”.",
    ),
)

Names = Collection[str]


def direction_said(text: str, first: Names, second: Names) -> int:
    """+1 where the words say that the first group is higher, -1 the second, 0 where they do not say."""
    for left, sign, right in _COMPARED.findall(text):
        order = _order(left, right, first, second)
        if order:
            return order if sign == ">" else -order
    up, down = bool(_UP.search(text)), bool(_DOWN.search(text))
    return int(up) - int(down)


def _order(left: str, right: str, first: Names, second: Names) -> int:
    if _names(left, first) and _names(right, second):
        return 1
    return -1 if _names(left, second) and _names(right, first) else 0


def _names(text: str, names: Names) -> bool:
    said = {word.casefold() for word in _WORDS.findall(text)}
    return any(set(name.casefold().split()) <= said or (not name.isascii() and name in text) for name in names)


@functools.lru_cache(maxsize=16_384)
def areas_said(text: str) -> tuple[int, ...]:
    """Brodmann areas in words such as "insula (BA 13/47)"."""
    return tuple(int(area) for group in _AREAS.findall(text) for area in re.findall(r"\b\d{1,2}\b", group))


@functools.lru_cache(maxsize=16_384)
def no_peak_said(text: str, correlation: bool) -> tuple[str, str] | None:
    """The question why the row may be no peak of this comparison, and how to answer it."""
    patterns = _NO_PEAK[:-1] if correlation else _NO_PEAK
    return next(((asked, mend) for pattern, asked, mend in patterns if pattern.search(text)), None)
