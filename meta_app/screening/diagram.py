"""The PRISMA 2020 flow diagram: first where each box stands, then the drawing, as SVG or PNG.

Knows nothing of where the counts come from. Layout after the templates of Page MJ et al., BMJ 2021;372:n71 (CC BY).
Lengths are points; y grows downwards.
"""

import io
import re
import threading
import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal

from meta_app.screening.domain import Count, FlowCounts, Line

FONT_SIZE = 8.5
LINE_HEIGHT = 11.5
PADDING = 6.0
GAP_X, GAP_Y = 24.0, 20.0
MARGIN, BAR_WIDTH = 8.0, 17.0
SHORTEST_BAR = 52.0  # Room for the word Included, written upwards.
COLUMN_WIDTH, PREVIOUS_WIDTH = 182.0, 140.0
NOTE = "Layout after PRISMA 2020 (Page MJ et al., BMJ 2021;372:n71)."
# Latin first, then whichever Chinese font the machine has: DejaVu, which comes with matplotlib, holds no Chinese.
FONTS = ("Arial", "Liberation Sans", "DejaVu Sans")
CHINESE_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei",
    "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB", "SimHei", "Arial Unicode MS",
)  # fmt: skip
WIDE = "\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef"
BREAKABLE = re.compile(f"[{WIDE}] *|[^ {WIDE}]{{1,24}} *")
FILLS = {"box": "#ffffff", "header": "#f7c948", "bar": "#a9c9e8"}
drawing = threading.Lock()


@dataclass(frozen=True)
class Box:
    key: str
    lines: tuple[str, ...]
    x: float
    y: float
    width: float
    height: float
    kind: Literal["box", "header", "bar"] = "box"

    @property
    def bottom(self) -> float:
        return self.y + self.height

    @property
    def right(self) -> float:
        return self.x + self.width

    @property
    def middle_x(self) -> float:
        return self.x + self.width / 2

    @property
    def middle_y(self) -> float:
        return self.y + self.height / 2


Point = tuple[float, float]


@dataclass(frozen=True)
class FlowLayout:
    """Boxes, and arrows as lists of corners; the last corner is the arrow's head."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[Point, ...], ...]

    def box(self, key: str) -> Box:
        return next(box for box in self.boxes if box.key == key)

    def has(self, key: str) -> bool:
        return any(box.key == key for box in self.boxes)


@dataclass
class _Row:
    """Texts that stand side by side: (column, key, lines)."""

    phase: str
    cells: list[tuple[str, str, list[str]]] = field(default_factory=list)


def flow_diagram(counts: FlowCounts) -> FlowLayout:
    """Where everything stands; v1 or v2 of the template by the lanes that are used."""
    columns = _columns(counts)
    boxes: list[Box] = []
    y = MARGIN
    spans: dict[str, tuple[float, float]] = {}
    for row in _rows(counts):
        placed = [_place(key, columns[column], y, lines, row.phase == "") for column, key, lines in row.cells]
        height = max([SHORTEST_BAR if row.phase == "Included" else 0.0, *(box.height for box in placed)])
        boxes += [_stretched(box, height) for box in placed]
        if row.phase:
            spans[row.phase] = (spans.get(row.phase, (y, y))[0], y + height)
        y += height + GAP_Y
    boxes += [Box(phase, (phase,), MARGIN, a, BAR_WIDTH, b - a, "bar") for phase, (a, b) in spans.items()]
    width = max(x + w for x, w in columns.values()) + MARGIN
    layout = FlowLayout(width, y + LINE_HEIGHT, tuple(boxes), ())
    return FlowLayout(layout.width, layout.height, layout.boxes, tuple(_arrows(layout)))


def _columns(counts: FlowCounts) -> dict[str, tuple[float, float]]:
    """Left edge and width of each column."""
    names = ["previous"] if counts.updates_a_review else []
    names += ["main", "side"] + (["other", "other_side"] if counts.uses_other_methods else [])
    columns = {}
    x = MARGIN + BAR_WIDTH + 10
    for name in names:
        width = PREVIOUS_WIDTH if name == "previous" else COLUMN_WIDTH
        columns[name] = (x, width)
        x += width + GAP_X
    columns["lane"] = (columns["main"][0], 2 * COLUMN_WIDTH + GAP_X)
    if counts.uses_other_methods:
        columns["other_lane"] = (columns["other"][0], 2 * COLUMN_WIDTH + GAP_X)
    return columns


def _rows(counts: FlowCounts) -> list[_Row]:
    identified = _headed("Records identified from:", [], counts.databases, "Databases")
    if counts.registers:
        identified += _indented("Registers", counts.registers)
    rows = [
        _Row("", [("lane", "header", ["Identification of studies via databases and registers"])]),
        _Row("Identification", [("main", "identified", identified), ("side", "removed", _removed(counts))]),
        _Row("Screening", [_cell("main", "screened", "Records screened", counts.screened),
                           _cell("side", "excluded", "Records excluded", counts.excluded)]),
        _Row("Screening", [_cell("main", "sought", "Reports sought for retrieval", counts.sought),
                           _cell("side", "not_retrieved", "Reports not retrieved", counts.not_retrieved)]),
        _Row("Screening", [_cell("main", "assessed", "Reports assessed for eligibility", counts.assessed),
                           ("side", "reasons", _headed("Reports excluded:", [], counts.reasons))]),
        _Row("Included", [("main", "included", _included(counts))]),
    ]  # fmt: skip
    if counts.uses_other_methods:
        _add_other_lane(rows, counts)
    if counts.updates_a_review:
        _add_previous(rows, counts)
    return rows


def _add_other_lane(rows: list[_Row], counts: FlowCounts) -> None:
    rows[0].cells.append(("other_lane", "other_header", ["Identification of studies via other methods"]))
    rows[1].cells.append(("other", "other_identified", _headed("Records identified from:", [], counts.other_sources)))
    rows[3].cells += [
        _cell("other", "other_sought", "Reports sought for retrieval", counts.other_sought),
        _cell("other_side", "other_not_retrieved", "Reports not retrieved", counts.other_not_retrieved),
    ]
    rows[4].cells += [
        _cell("other", "other_assessed", "Reports assessed for eligibility", counts.other_assessed),
        ("other_side", "other_reasons", _headed("Reports excluded:", [], counts.other_reasons)),
    ]


def _add_previous(rows: list[_Row], counts: FlowCounts) -> None:
    rows[0].cells.append(("previous", "previous_header", ["Previous studies"]))
    previous = [
        f"Studies included in previous version of review {_n(counts.previous_studies)}",
        f"Reports of studies included in previous version of review {_n(counts.previous_reports)}",
    ]
    rows[1].cells.append(("previous", "previous", previous))
    total = [
        f"Total studies included in review {_n(counts.total_studies)}",
        f"Reports of total included studies {_n(counts.total_reports)}",
    ]
    rows.append(_Row("Included", [("main", "total", total)]))


def _cell(column: str, key: str, label: str, n: Count) -> tuple[str, str, list[str]]:
    return (column, key, [f"{label} {_n(n)}"])


def _removed(counts: FlowCounts) -> list[str]:
    """Of what need not have happened, a blank stands for none: it has no line. A zero that was typed has one."""
    if_any = {
        "Records marked as ineligible by automation tools": counts.automation,
        "Records removed for other reasons": counts.removed_other,
    }
    return [
        "Records removed before screening:",
        f"  Duplicate records removed {_n(counts.duplicates)}",
        *(f"  {label} {_n(n)}" for label, n in if_any.items() if n is not None),
    ]


def _included(counts: FlowCounts) -> list[str]:
    new = "New studies" if counts.updates_a_review else "Studies"
    of_new = "Reports of new included studies" if counts.updates_a_review else "Reports of included studies"
    return [f"{new} included in review {_n(counts.new_studies)}", f"{of_new} {_n(counts.new_reports)}"]


def _headed(head: str, lines: list[str], parts: tuple[Line, ...], group: str = "") -> list[str]:
    lines = [head]
    if group:
        return lines + _indented(group, parts)
    return lines + ([f"  {part.name} {_n(part.n)}" for part in parts] or ["  (n = )"])


def _indented(group: str, parts: tuple[Line, ...]) -> list[str]:
    known = [part.n for part in parts if part.n is not None]
    total = sum(known) if parts and len(known) == len(parts) else None
    return [f"  {group} {_n(total)}", *(f"    {part.name} {_n(part.n)}" for part in parts)]


def _n(n: Count) -> str:
    return "(n = )" if n is None else f"(n = {n})"


def _place(key: str, column: tuple[float, float], y: float, texts: list[str], header: bool) -> Box:
    x, width = column
    lines = tuple(line for text in texts for line in wrapped(text, width - 2 * PADDING))
    height = len(lines) * LINE_HEIGHT + 2 * PADDING
    return Box(key, lines, x, y, width, height, "header" if header else "box")


def _stretched(box: Box, height: float) -> Box:
    return Box(box.key, box.lines, box.x, box.y, box.width, height, box.kind)


def text_width(text: str) -> float:
    """A generous estimate in points, since the reader's fonts are not ours: wide (Chinese) letters count one em."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return FONT_SIZE * (wide + 0.53 * (len(text) - wide))


def wrapped(text: str, width: float) -> list[str]:
    """`text` in lines of at most `width` points; continued lines keep the indent. Chinese breaks between letters."""
    indent = " " * (len(text) - len(text.lstrip()))
    lines, current = [], indent
    for word in _words(text.strip().replace("(n = ", "(n\u00a0=\u00a0")):
        if text_width(current + word.rstrip(" ")) > width and current.strip():
            lines.append(current.rstrip(" "))
            current = indent + word.lstrip(" ")
        else:
            current += word
    return [line.replace("\u00a0", " ") for line in [*lines, current.rstrip(" ")]]


def _words(text: str) -> list[str]:
    """Pieces a line may be broken after; a Latin word longer than 24 letters is cut."""
    return BREAKABLE.findall(text)


def _arrows(layout: FlowLayout) -> list[tuple[Point, ...]]:
    downs = [
        ("identified", "screened"), ("screened", "sought"), ("sought", "assessed"), ("assessed", "included"),
        ("included", "total"), ("other_identified", "other_sought"), ("other_sought", "other_assessed"),
    ]  # fmt: skip
    rights = [
        ("identified", "removed"), ("screened", "excluded"), ("sought", "not_retrieved"), ("assessed", "reasons"),
        ("other_sought", "other_not_retrieved"), ("other_assessed", "other_reasons"),
    ]  # fmt: skip
    arrows: list[tuple[Point, ...]] = []
    for a, b in ((layout.box(a), layout.box(b)) for a, b in downs if layout.has(a) and layout.has(b)):
        arrows.append(((a.middle_x, a.bottom), (a.middle_x, b.y)))
    for a, b in ((layout.box(a), layout.box(b)) for a, b in rights if layout.has(a) and layout.has(b)):
        arrows.append(((a.right, a.middle_y), (b.x, a.middle_y)))
    if layout.has("other_assessed"):
        arrows.append(_corner(layout.box("other_assessed"), layout.box("included"), to_right=False))
    if layout.has("previous"):
        arrows.append(_corner(layout.box("previous"), layout.box("total"), to_right=True))
    return arrows


def _corner(start: Box, end: Box, *, to_right: bool) -> tuple[Point, ...]:
    """Down from `start`, then sideways into `end`."""
    x = start.middle_x
    return ((x, start.bottom), (x, end.middle_y), (end.x if to_right else end.right, end.middle_y))


def render(layout: FlowLayout, kind: Literal["svg", "png"]) -> bytes:
    """The picture's bytes; the same layout gives the same bytes on the same machine. Text in the SVG stays text."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rules: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "concord-flow", "font.family": _installed_fonts()}
    metadata = {"Date": None, "Creator": "Concord"} if kind == "svg" else {"Software": "Concord"}
    with drawing, mpl.rc_context(rules):
        figure = Figure(figsize=(layout.width / 72, layout.height / 72), facecolor="white")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, layout.width), ylim=(layout.height, 0))
        axes.set_axis_off()
        _draw(axes, layout)
        target = io.BytesIO()
        figure.savefig(target, format=kind, dpi=200, metadata=metadata)
    return target.getvalue()


def _installed_fonts() -> list[str]:
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    latin = next(name for name in FONTS if name in installed)
    chinese = [name for name in CHINESE_FONTS if name in installed]
    return [latin, *chinese[:1], "sans-serif"]


def _draw(axes: Any, layout: FlowLayout) -> None:
    from matplotlib.patches import FancyArrowPatch, Rectangle

    for box in layout.boxes:
        fill = FILLS[box.kind]
        corner = (box.x, box.y)
        axes.add_patch(Rectangle(corner, box.width, box.height, facecolor=fill, edgecolor="#333333", linewidth=0.8))
        _write(axes, box)
    for *start, before, end in layout.arrows:
        for a, b in zip([*start, before][:-1], [*start, before][1:], strict=True):
            axes.plot([a[0], b[0]], [a[1], b[1]], color="#333333", linewidth=0.9, solid_capstyle="butt")
        axes.add_patch(
            FancyArrowPatch(
                before, end, arrowstyle="-|>", mutation_scale=8, shrinkA=0, shrinkB=0, color="#333333", linewidth=0.9
            )
        )
    axes.text(MARGIN, layout.height - 5, NOTE, fontsize=6.5, color="#666666", va="bottom")


def _write(axes: Any, box: Box) -> None:
    centre: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "fontsize": FONT_SIZE,
        "fontweight": "bold",
        "color": "#111111",
    }
    if box.kind == "bar":
        axes.text(box.middle_x, box.middle_y, box.lines[0], rotation=90, **centre)
    elif box.kind == "header":
        axes.text(box.middle_x, box.middle_y, "\n".join(box.lines), **centre)
    else:
        top = box.middle_y - (len(box.lines) - 1) * LINE_HEIGHT / 2
        for index, line in enumerate(box.lines):
            x = box.x + PADDING + (len(line) - len(line.lstrip())) * 3.0
            y = top + index * LINE_HEIGHT
            axes.text(x, y, line.lstrip(), fontsize=FONT_SIZE, va="center_baseline", color="#111111", parse_math=False)
