"""Text cells of the coordinate grid -> values, or the reason why not.

The browser applies the same rules while typing (`static/js/extraction/coordinate-grid/cells.js`); both are tested
against tests/fixtures/cells.json, so a cell that looks good in the grid is good on the server.
"""

import functools
import math
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meta_app.extraction.domain import FIELDS, CellProblem, PeakRow

_MINUS: Final = str.maketrans(dict.fromkeys("−‐‑‒–—―﹣－", "-") | {"、": ","})
_INVISIBLE: Final = str.maketrans(dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad"))
_RAISED_DIGITS: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED_POWER: Final = re.compile(r"\s*[x×·]\s*10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)", re.IGNORECASE)
_POWER: Final = re.compile(r"\s*[x×·]\s*10(?:\s*\^\s*|(?=[+-]))([+-]?\d+)", re.IGNORECASE)
_FOOTNOTES: Final = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ*＊†‡§¶#]")
_BLANKS: Final = frozenset(
    {"", "-", "/", ".", "na", "n/a", "n.a.", "nr", "n.r.", "nan", "none", "not reported", "未报告", "无"}
)
_BRACKETS: Final = re.compile(r"^[(\[{]\s*(.*?)\s*[)\]}]$")
_NAMES: Final = {
    "x": re.compile(r"^x\s*[=:]\s*", re.IGNORECASE),
    "y": re.compile(r"^y\s*[=:]\s*", re.IGNORECASE),
    "z": re.compile(r"^z\s*[=:]\s*", re.IGNORECASE),
    "statistic": re.compile(r"^[tzprf]\s*(?:\(\s*\d+(?:\s*,\s*\d+)?\s*\))?\s*[=:]\s*", re.IGNORECASE),
    "cluster_size": re.compile(r"^(?:ke?|n)\s*[=:]\s*", re.IGNORECASE),
}
_SPACED_SIGN: Final = re.compile(r"^([+-])\s+(?=[\d.])")
_MILLIMETRES: Final = re.compile(r"(?<=\d)\s*mm$", re.IGNORECASE)
_P_BEHIND: Final = re.compile(r"(?<=\d)[\s,;]*[([]?\s*p\s*[<>=≤≥]\s*[\d.,]+\s*[)\]]?$", re.IGNORECASE)
_FOOTNOTE_LETTER: Final = re.compile(r"(?<=\d)\s?[a-d]$")
_SIDE: Final = re.compile(r"^(?:[LR]\s*\d[\d.]*|\d[\d.]*\s*[LR])$")
_THOUSANDS: Final = re.compile(r"^[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$")
_SPACED_THOUSANDS: Final = re.compile(r"^\d{1,3}(?: \d{3})+$")
_DECIMAL_COMMA: Final = re.compile(r"^[+-]?\d*,\d+$")
_NUMBER: Final = re.compile(r"^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$", re.IGNORECASE | re.ASCII)
_SIZE_WITH_UNIT: Final = re.compile(r"^(.*\d)\s*(voxels?|vox|mm\s?(?:³|\^?3))$", re.IGNORECASE)
_AXIS_NAMES: Final = re.compile(r"[xyz]\s*[=:]", re.IGNORECASE)
_SIGNED: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")

_COORDINATES: Final = ("x", "y", "z")
_TEXT_LIMITS: Final = {"label": 200, "brodmann": 20, "page": 20, "note": 300}
_KINDS: Final = {
    "t": "t", "z": "z", "p": "p", "r": "r", "f": "F", "none": "none", "sign only": "none", "sign": "none",
}  # fmt: skip
_SIGNS: Final = {
    **dict.fromkeys(("+", "+1", "1", "p", "pos", "positive", "up", "↑", "increase", "increased"), 1),
    **dict.fromkeys(("-", "-1", "n", "neg", "negative", "down", "↓", "decrease", "decreased"), -1),
}
_SPACES: Final = {
    **dict.fromkeys(("mni", "mni152", "icbm", "icbm152"), "mni"),
    **dict.fromkeys(("talairach", "tal", "t88", "tt"), "talairach"),
}
_UNITS: Final = {
    **dict.fromkeys(("voxels", "voxel", "vox", "v", "k", "ke"), "voxels"),
    **dict.fromkeys(("mm3", "mm^3", "mm 3", "μl", "ul"), "mm3"),
    **dict.fromkeys(("unstated", "not stated", "unknown", "?"), "unstated"),
}
_SIDES: Final = {
    **dict.fromkeys(("l", "left", "lt", "lh", "左", "左侧"), "left"),
    **dict.fromkeys(("r", "right", "rt", "rh", "右", "右侧"), "right"),
    **dict.fromkeys(("b", "both", "bilateral", "bi", "l/r", "r/l", "midline", "m", "双侧", "中线"), "both"),
}
_P_KINDS: Final = {
    **dict.fromkeys(("one-tailed", "one tailed", "one-sided", "1-tailed", "单侧", "uncorrected"), "one_tailed"),
    **dict.fromkeys(("two-tailed", "two tailed", "two-sided", "2-tailed", "双侧"), "two_tailed"),
    **dict.fromkeys(
        ("corrected", "fwe", "fdr", "fwe-corrected", "fdr-corrected", "cluster", "cluster-level"), "corrected"
    ),
}
_DIRECTIONS: Final = {"turned": "turned", "reversed": "turned", "⇄": "turned", "as printed": ""}
_YES: Final = frozenset({"yes", "y", "true", "1", "x", "✓", "✔"})
_SUB_PEAKS: Final = {
    **dict.fromkeys((*_YES, "sub", "sub-peak", "subpeak"), "yes"),
    **dict.fromkeys(("no", "false", "0"), ""),
}
_AREA: Final = re.compile(r"\d+")
_AREAS: Final = re.compile(
    r"^(?:ba|brodmann(?: areas?)?|areas?)?\s?\d{1,4}[a-z]?"
    r"(?:\s?(?:[/,;&+、-]|and|\s)\s?(?:ba|area)?\s?\d{1,4}[a-z]?)*$",
    re.IGNORECASE,
)
LAST_AREA: Final = 52
_DIRECTED: Final = ("t", "z", "r")
"""Statistics whose sign is a direction."""
_F_GROUPS: Final = re.compile(r"^F\s*\(\s*(\d+)\s*,", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """What a cell holds: its value, its tidied text, and what is wrong with it."""

    value: float | int | str | bool | None
    text: str
    problem: CellProblem | None = None


@functools.lru_cache(maxsize=8192)
def plain(raw: str) -> str:
    """`raw` with typographic signs made plain, and without footnote marks and invisible characters.

    Examples
    --------
    >>> plain("−１２.５＊")
    '-12.5'
    """
    text = _RAISED_POWER.sub(lambda power: "e" + power[1].translate(_RAISED_DIGITS), raw.translate(_INVISIBLE))
    text = unicodedata.normalize("NFKC", _FOOTNOTES.sub("", text).translate(_MINUS))
    return " ".join(_POWER.sub(r"e\1", text).split())


def is_blank(raw: str) -> bool:
    """Whether a cell says nothing: empty, a dash, NA, 未报告."""
    return plain(raw).lower() in _BLANKS


def read_number(raw: str, field: str) -> Cell:
    """The finite number in a cell of that field."""
    if is_blank(raw):
        return Cell(None, "")
    text = _undressed(raw, field)
    refusal = _refusal(text, field)
    if refusal is None:
        text = _without_commas(text, field)
        refusal = _not_a_number(text, field)
    if refusal is not None:
        return Cell(None, text, refusal)
    return Cell(float(text), text)


def _undressed(raw: str, field: str) -> str:
    text = _BRACKETS.sub(r"\1", plain(raw))
    if field in _NAMES:
        text = _NAMES[field].sub("", text)
    if field == "statistic":
        text = _P_BEHIND.sub("", text)
    if field in _COORDINATES:
        text = _MILLIMETRES.sub("", text)
    return _FOOTNOTE_LETTER.sub("", _SPACED_SIGN.sub(r"\1", text))


def _refusal(text: str, field: str) -> CellProblem | None:
    if text[:1] in ("<", ">", "≤", "≥"):
        mend = "Type the exact value, or clear the cell, choose kind none and give the sign."
        return _error(field, f"“{text}” is a bound, not a value", mend)
    if field == "x" and _SIDE.match(text):
        return _error(
            field, f"“{text}” has a side letter in place of a sign", "Type x below 0 for left, above 0 for right."
        )
    if field != "cluster_size" and _THOUSANDS.match(text) and text.count(",") == 1 and "." not in text:
        return _error(
            field, f"“{text}” can be read in two ways", f"Type {text.replace(',', '.')} or {text.replace(',', '')}."
        )
    return None


def _without_commas(text: str, field: str) -> str:
    if _THOUSANDS.match(text):
        return text.replace(",", "")
    if field == "cluster_size" and _SPACED_THOUSANDS.match(text):
        return text.replace(" ", "")
    return text.replace(",", ".") if _DECIMAL_COMMA.match(text) else text


def _not_a_number(text: str, field: str) -> CellProblem | None:
    if not _NUMBER.match(text):
        return _error(field, f"“{text}” is not a number", "Type one number, for example -12.5.")
    if not math.isfinite(float(text)):
        return _error(field, f"“{text}” is too large", "Type the number as the paper prints it.")
    return None


def read_size(raw: str) -> tuple[Cell, str]:
    """The cluster size, and its unit where the cell names one ("120 mm³")."""
    dressed = _SIZE_WITH_UNIT.match(raw.strip())
    if dressed is None:
        return read_number(raw, "cluster_size"), ""
    unit = "mm3" if dressed[2].lower().startswith("mm") else "voxels"
    return read_number(dressed[1], "cluster_size"), unit


def read_kind(raw: str) -> Cell:
    word = re.sub(r"[\s-]*(?:value|score|statistic)s?$", "", plain(raw).lower())
    return _word("kind", raw, _KINDS, word, "Choose t, z, p, r, F or none.")


def read_sign(raw: str) -> Cell:
    return _word("sign", raw, _SIGNS, plain(raw).lower(), "Choose + or -.")


def read_space(raw: str) -> Cell:
    return _word("space", raw, _SPACES, plain(raw).lower(), "Choose MNI or Talairach, or clear the cell.")


def read_unit(raw: str) -> Cell:
    word = " ".join(unicodedata.normalize("NFKC", raw).lower().split())
    return _word("cluster_unit", raw, _UNITS, word, "Choose voxels or mm3.")


def read_side(raw: str) -> Cell:
    return _word("hemisphere", raw, _SIDES, plain(raw).lower(), "Choose left, right or both.")


def read_p_kind(raw: str) -> Cell:
    return _word("p_kind", raw, _P_KINDS, plain(raw).lower(), "Choose one-tailed, two-tailed or corrected.")


def read_direction(raw: str) -> Cell:
    return _word("direction", raw, _DIRECTIONS, plain(raw).lower(), "Choose “turned”, or clear the cell.")


def read_sub_peak(raw: str) -> Cell:
    return _word("sub_peak", raw, _SUB_PEAKS, raw.strip().lower(), "Type yes, or clear the cell.")


def read_areas(raw: str) -> tuple[tuple[int, ...], CellProblem | None]:
    """Brodmann areas of a cell: "BA 9/46" is (9, 46)."""
    text = plain(raw)
    if is_blank(raw):
        return (), None
    areas = tuple(int(area) for area in _AREA.findall(text)) if _AREAS.match(text) else ()
    if areas and all(1 <= area <= LAST_AREA for area in areas):
        return areas, None
    message = f"“{text}” is no Brodmann area."
    return (), CellProblem("brodmann", "warning", message, "Type numbers from 1 to 52, for example 9/46.")


def _word(field: str, raw: str, known: Mapping[str, str] | Mapping[str, int], word: str, mend: str) -> Cell:
    if word in known:
        return Cell(known[word], raw.strip())
    if is_blank(raw):
        return Cell(None, "")
    return Cell(None, raw.strip(), _error(field, f"“{raw.strip()}” is not known here", mend))


def read_triple(raw: str) -> list[str] | None:
    """The three coordinates in one combined cell, as text, or None where it does not hold three.

    Examples
    --------
    >>> read_triple("(−12 −50 32)")
    ['-12', '-50', '32']
    """
    text = re.sub(r"[()\[\]{}]", " ", _AXIS_NAMES.sub(" ", plain(raw)))
    text = re.sub(r"([+-])\s+(?=[\d.])", r"\1", text).strip()
    for split in _SPLITS:
        parts = split(text)
        if len(parts) == 3 and all(_is_number(part) for part in parts):
            return parts
    return None


def _split_run_together(text: str) -> list[str]:
    return _SIGNED.findall(text) if not _SIGNED.sub("", text).strip(" ,;") else []


_SPLITS: Final[tuple[Callable[[str], list[str]], ...]] = (
    lambda text: [part.strip() for part in re.split(r"[;/|]", text)],
    lambda text: [part.rstrip(",") for part in text.split()],
    lambda text: [part.strip() for part in text.split(",")],
    _split_run_together,
)


def _is_number(text: str) -> bool:
    cell = read_number(text, "y")
    return cell.problem is None and cell.value is not None


def read_row(cells: Mapping[str, str], default_space: str) -> PeakRow:
    """Everything a row of the grid says; `default_space` is the dataset's."""
    return _read_texts(tuple(str(cells.get(field, "")) for field in FIELDS), default_space)


@functools.lru_cache(maxsize=16_384)
def _read_texts(row: tuple[str, ...], default_space: str) -> PeakRow:
    """Kept in memory, because a table is read again after each edit of one of its rows."""
    texts = dict(zip(FIELDS, row, strict=True))
    if all(not texts[field].strip() for field in FIELDS if field != "confirmed"):
        return _blank_row(default_space)
    if _is_header(texts):
        return _bad_row(default_space, _error("x", "these are column names, not a peak", "Delete the row."))
    texts |= _split_combined(texts)
    read = {field: read_number(texts[field], field) for field in (*_COORDINATES, "statistic")}
    read |= {"kind": read_kind(texts["kind"]), "sign": read_sign(texts["sign"]), "space": read_space(texts["space"])}
    read |= {"hemisphere": read_side(texts["hemisphere"]), "p_kind": read_p_kind(texts["p_kind"])}
    read |= {"direction": read_direction(texts["direction"]), "sub_peak": read_sub_peak(texts["sub_peak"])}
    read["cluster_size"], named_unit = read_size(texts["cluster_size"])
    read["cluster_unit"] = read_unit(texts["cluster_unit"])
    if named_unit and read["cluster_unit"].value is None:
        read["cluster_unit"] = Cell(named_unit, named_unit)
    direction = _sign_only(texts)
    if direction is not None:
        read |= {"statistic": Cell(None, ""), "kind": Cell("none", "none"), "sign": direction}
    return _assembled(texts, read, default_space)


def _is_header(texts: Mapping[str, str]) -> bool:
    names = [re.sub(r"[\s,]*\(?mm\)?$", "", plain(texts[axis]).lower()) for axis in _COORDINATES]
    return sum(name == axis for name, axis in zip(names, _COORDINATES, strict=True)) >= 2


def _split_combined(texts: Mapping[str, str]) -> dict[str, str]:
    triple = read_triple(texts["x"]) if is_blank(texts["y"]) and is_blank(texts["z"]) else None
    return dict(zip(_COORDINATES, triple, strict=True)) if triple else {}


def _sign_only(texts: Mapping[str, str]) -> Cell | None:
    """`p` or `n` in place of a number: only the direction is known, as in SDM tables."""
    word = plain(texts["statistic"]).lower()
    if word in ("p", "n") and is_blank(texts["sign"]):
        return Cell(_SIGNS[word], "+" if word == "p" else "-")
    return None


def _assembled(texts: Mapping[str, str], read: Mapping[str, Cell], default_space: str) -> PeakRow:
    values: dict[str, Any] = {field: cell.value for field, cell in read.items()}
    problems = [cell.problem for field in FIELDS if (cell := read.get(field)) is not None and cell.problem is not None]
    bad = {problem.field for problem in problems}
    areas, no_area = read_areas(texts["brodmann"])
    problems += _coordinate_problems(values, bad) + _statistic_problems(values, bad) + _sign_problems(values, bad)
    problems += _size_problems(values, bad) + _text_problems(texts) + _f_problems(texts, bad)
    problems += _p_problems(values, bad) + ([no_area] if no_area else [])
    statistic, sign = _counted(values)
    return PeakRow(
        blank=False,
        label=texts["label"].strip(),
        x=values["x"],
        y=values["y"],
        z=values["z"],
        space=values["space"] or default_space,
        statistic=statistic,
        kind=values["kind"] or "none",
        sign=sign,
        cluster_size=values["cluster_size"],
        cluster_unit=values["cluster_unit"] or "",
        page=texts["page"].strip(),
        note=texts["note"].strip(),
        confirmed=texts["confirmed"].strip().lower() in _YES,
        hemisphere=values["hemisphere"] or "",
        brodmann=areas,
        p_kind=values["p_kind"] or "",
        turned=values["direction"] == "turned",
        sub_peak=values["sub_peak"] == "yes",
        f_unknown_df=values["kind"] == "F" and not _F_GROUPS.match(plain(texts["statistic"])),
        problems=tuple(sorted(problems, key=lambda problem: FIELDS.index(problem.field))),
    )


def _counted(values: Mapping[str, Any]) -> tuple[float | None, int | None]:
    """Statistic and sign as they count: in the direction of the comparison, p one-tailed."""
    statistic: float | None = values["statistic"]
    sign: int | None = values["sign"] if values["sign"] is not None else _sign_of(values)
    if values["kind"] == "p" and statistic is not None:
        statistic = {"two_tailed": statistic / 2, "corrected": None}.get(values["p_kind"], statistic)
    if values["direction"] == "turned":
        sign = -sign if sign else sign
        statistic = -statistic if statistic and values["kind"] in _DIRECTED else statistic
    return statistic, sign


def _blank_row(default_space: str) -> PeakRow:
    return _bad_row(default_space, _error("label", "the row is empty", "Delete it, or fill it in."), blank=True)


def _bad_row(default_space: str, problem: CellProblem, blank: bool = False) -> PeakRow:
    nothing: tuple[None, None, None] = (None, None, None)
    return PeakRow(
        blank, "", *nothing, default_space, None, "none", None, None, "", "", "", False, problems=(problem,)
    )  # fmt: skip


def _coordinate_problems(values: Mapping[str, Any], bad: set[str]) -> list[CellProblem]:
    missing = [field for field in _COORDINATES if values[field] is None and field not in bad]
    return [_error(field, f"{field} is missing", "Type it in mm, or delete the row.") for field in missing]


def _statistic_problems(values: Mapping[str, Any], bad: set[str]) -> list[CellProblem]:
    statistic, kind = values["statistic"], values["kind"]
    if bad & {"statistic", "kind"}:
        return []
    if statistic is None:
        mend = "Type it, or choose kind none and give the sign."
        return [_error("statistic", f"the {kind} value is missing", mend)] if kind not in (None, "none") else []
    if kind is None:
        return [_error("kind", "the kind of the statistic is missing", "Choose t, z, p, r or F.")]
    impossible = _IMPOSSIBLE[kind](statistic)
    return [_error("statistic", *impossible)] if impossible else []


def _impossible_p(p: float) -> tuple[str, str] | None:
    if p == 0:
        return "p is printed as 0", "Type the bound's t or z, or clear the cell, choose kind none and give the sign."
    return None if 0 < p <= 1 else ("p is outside 0 to 1", "Check the kind, or type p as a fraction of 1.")


_CHECK_R: Final = "A correlation is above -1 and below 1: check the value and its kind."
_IMPOSSIBLE: Final[dict[str, Callable[[float], tuple[str, str] | None]]] = {
    "t": lambda t: None if t else ("t is 0, which has no direction", "Check the value."),
    "z": lambda z: None if z else ("z is 0, which has no direction", "Check the value."),
    "r": lambda r: None if 0 < abs(r) < 1 else ("r is not between -1 and 1, or is 0", _CHECK_R),
    "F": lambda f: None if f > 0 else ("F is not above 0", "Check the kind of the statistic."),
    "p": _impossible_p,
    "none": lambda _: ("a value is given although the kind is none", "Choose its kind, or clear the value."),
}


def _sign_of(values: Mapping[str, Any]) -> int | None:
    if values["kind"] not in _DIRECTED or not values["statistic"]:
        return None
    return 1 if values["statistic"] > 0 else -1


def _sign_problems(values: Mapping[str, Any], bad: set[str]) -> list[CellProblem]:
    told, implied, statistic, kind = values["sign"], _sign_of(values), values["statistic"], values["kind"]
    if bad & {"sign", "statistic", "kind"}:
        return []
    if told is not None and implied is not None and told != implied:
        return [_error("sign", "the sign contradicts the statistic", "Correct one of them, or clear the sign.")]
    if told is not None or implied is not None:
        return []
    if statistic is None and kind in (None, "none"):
        return [_error("sign", "the sign is missing, and there is no statistic to take it from", "Choose + or -.")]
    if statistic is not None and kind in ("p", "F"):
        return [_error("sign", f"{kind} has no direction, and the sign is missing", "Choose + or -.")]
    return []


def _size_problems(values: Mapping[str, Any], bad: set[str]) -> list[CellProblem]:
    size = values["cluster_size"]
    if size is None:
        return []
    if size <= 0:
        return [_error("cluster_size", "the cluster size is not above 0", "Check the value.")]
    if values["cluster_unit"] is None and "cluster_unit" not in bad:
        mend = "Choose voxels or mm3, or “not stated” if the paper does not say."
        return [_error("cluster_unit", "the unit of the cluster size is missing", mend)]
    return []


def _f_problems(texts: Mapping[str, str], bad: set[str]) -> list[CellProblem]:
    """F of three groups or more says that they differ, not which one is higher."""
    groups = _F_GROUPS.match(plain(texts["statistic"]))
    if groups is None or int(groups[1]) == 1 or bad & {"statistic", "kind"}:
        return []
    message = f"F with {groups[1]} degrees of freedom above compares {int(groups[1]) + 1} groups"
    return [_error("statistic", message, "Enter the t of the two groups' post-hoc test, or leave the peak out.")]


def _p_problems(values: Mapping[str, Any], bad: set[str]) -> list[CellProblem]:
    if values["p_kind"] is None or bad & {"p_kind", "kind"}:
        return []
    if values["kind"] != "p":
        return [CellProblem("p_kind", "warning", "the statistic is no p.", "Clear the type of p, or choose kind p.")]
    if values["p_kind"] == "corrected":
        message = "a corrected p is not the p of the peak, so its sign alone counts."
        return [CellProblem("p_kind", "warning", message, "Enter the peak's t or z if the paper gives it.")]
    return []


def _text_problems(texts: Mapping[str, str]) -> list[CellProblem]:
    return [
        _error(field, f"longer than {limit} characters", "Shorten it; the rest can go into the note.")
        for field, limit in _TEXT_LIMITS.items()
        if len(texts[field].strip()) > limit
    ]


def _error(field: str, message: str, mend: str) -> CellProblem:
    return CellProblem(field, "error", f"{message}.", mend)
