"""The table of agreed points as a figure (SVG), and the distribution of totals. Plain Python.

Points are told by shape and number, never by red against green: a full disc for all points, a half disc for a part, a
ring for none. So they read in grey and by people who see colours differently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from meta_app.quality.domain import CATEGORIES, Item, shown

CELL, ROW, LABEL, HEAD, RIGHT, MARGIN = 46, 30, 150, 176, 210, 14
BLUE, INK, MUTED, LINE = "#2860a8", "#1c2426", "#566366", "#dde2e3"
FONT = "font-family='Arial, Liberation Sans, Noto Sans CJK SC, sans-serif'"


@dataclass(frozen=True)
class StudyRow:
    """A study with its agreed points by item; `excluded` is the reason, or empty."""

    label: str
    points: dict[str, float | None]
    total: float
    excluded: str
    study_id: int


@dataclass(frozen=True)
class Bar:
    """How many studies have a total, and whether it is below the cut-off."""

    total: float
    studies: int
    labels: str
    below: bool


def distribution(rows: Sequence[StudyRow], highest: float, cutoff: float) -> list[Bar]:
    """One bar for each half point from the lowest total (or 2 below the cut-off) to the highest possible one."""
    if not rows:
        return []
    lowest = min(min(row.total for row in rows), cutoff - 2)
    steps = [k / 2 for k in range(round(max(lowest, 0) * 2), round(highest * 2) + 1)]
    found = [[row.label for row in rows if row.total == total] for total in steps]
    return [
        Bar(total, len(labels), ", ".join(labels), total < cutoff) for total, labels in zip(steps, found, strict=True)
    ]


def traffic_light(rows: Sequence[StudyRow], items: Sequence[Item], title: str) -> str:
    """The figure as SVG text: a row for each study, a column for each item, the total and the verdict at the right."""
    width = LABEL + CELL * len(items) + RIGHT + MARGIN
    top = HEAD + 26
    height = top + ROW * len(rows) + 92
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}' "
        f"role='img' {FONT} font-size='12' fill='{INK}'>",
        f"<title>{escape(title)}</title><rect width='{width}' height='{height}' fill='#ffffff'/>",
        *_head(items),
        *(part for k, row in enumerate(rows) for part in _row(row, items, top + ROW * k)),
        *_legend(top + ROW * len(rows) + 30, title),
        "</svg>",
    ]
    return "\n".join(parts)


def _head(items: Sequence[Item]) -> list[str]:
    parts, at = [], LABEL
    for name in dict.fromkeys(item.category for item in items):
        span = CELL * sum(item.category == name for item in items)
        parts.append(_text(at + 4, 14, CATEGORIES.get(name, name), "font-weight='bold'"))
        parts.append(f"<line x1='{at}' y1='20' x2='{at + span - 6}' y2='20' stroke='{INK}'/>")
        at += span
    for k, item in enumerate(items):
        x, words = LABEL + CELL * k + CELL / 2, _shortened(item.wording.title, 30)
        turn = f"transform='rotate(-58 {x:g} {HEAD})'"
        parts.append(_text(x, HEAD, f"{k + 1} {words}", f"{turn} font-size='11'"))
        parts.append(
            _text(x, HEAD + 16, f"/{shown(item.points)}", f"text-anchor='middle' font-size='10' fill='{MUTED}'")
        )
    parts.append(_text(LABEL + CELL * len(items) + 20, HEAD + 16, "Total", "font-weight='bold'"))
    return parts


def _row(row: StudyRow, items: Sequence[Item], y: float) -> list[str]:
    middle = y + ROW / 2
    end = LABEL + CELL * len(items)
    parts = [f"<line x1='{MARGIN}' y1='{y}' x2='{end + RIGHT}' y2='{y}' stroke='{LINE}'/>"]
    parts.append(_text(MARGIN, middle + 4, _shortened(row.label, 22), ""))
    for k, item in enumerate(items):
        parts += _mark(LABEL + CELL * k + CELL / 2 - 9, middle, row.points.get(item.key), item.points)
    parts.append(_text(end + 20, middle + 4, shown(row.total), "font-weight='bold'"))
    verdict = "✕ excluded" if row.excluded else "included"
    parts.append(_text(end + 62, middle + 4, verdict, "font-weight='bold'" if row.excluded else ""))
    return parts


def _mark(x: float, y: float, points: float | None, most: float) -> list[str]:
    """Disc, half disc or ring, with the points beside it."""
    if points is None:
        return [_text(x + 9, y + 4, "–", f"text-anchor='middle' fill='{MUTED}'")]
    ring = f"<circle cx='{x:g}' cy='{y:g}' r='7' fill='{BLUE if points >= most else '#ffffff'}' stroke='{BLUE}' "
    parts = [ring + "stroke-width='1.6'/>"]
    if 0 < points < most:
        parts.append(f"<path d='M {x:g} {y - 7:g} A 7 7 0 0 0 {x:g} {y + 7:g} Z' fill='{BLUE}'/>")
    return [*parts, _text(x + 11, y + 4, shown(points), "font-size='11'")]


def _legend(y: float, title: str) -> list[str]:
    parts = []
    for x, points, words in ((MARGIN + 8, 1.0, "all points"), (130, 0.5, "a part"), (222, 0.0, "none")):
        parts += _mark(x, y, points, 1.0)[:-1]
        parts.append(_text(x + 13, y + 4, words, ""))
    return [*parts, _text(MARGIN, y + 32, title, f"font-size='11' fill='{MUTED}'")]


def _text(x: float, y: float, words: str, more: str) -> str:
    return f"<text x='{x:g}' y='{y:g}' {more}>{escape(words)}</text>"


def _shortened(words: str, length: int) -> str:
    return words if len(words) <= length else f"{words[: length - 1].rstrip()}…"
