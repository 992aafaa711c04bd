"""Reads what was typed or sent as the answer to a field of a form, by its kind. Plain Python.

Blanks as papers and people write them (NA, –, /, 未报告) are no answer: None. What cannot be read is refused with the
sentence that says how to write it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from meta_app.common.texts import plain_line
from meta_app.extraction.form_domain import FormField, Kind
from meta_app.extraction.parsers import is_blank, plain, read_number

LONGEST_TEXT: Final = 300
LONGEST_LONG_TEXT: Final = 5000
LONGEST_NUMBER: Final = 100
MOST_SCALES: Final = 30
LARGEST_INTEGER: Final = 2**31 - 1
SCALE_NUMBERS: Final = ("mean", "sd", "lowest", "highest")
SCALE_TEXTS: Final = ("name", "when")

_NO_TEXT: Final = frozenset({"", "-", "/", "na", "n/a", "n.a.", "nr", "n.r.", "not reported", "未报告", "未提及"})
_COUNTED: Final = re.compile(r"(?<=[\d零一二两三四五六七八九十百千万])\s*[例人名个岁年]$")
_SPACED: Final = re.compile(r"^[+-]?\d{1,3}(?: \d{3})+(?:\.\d+)?$")
_CHINESE: Final = re.compile(r"^[零〇一二两三四五六七八九十百千万点]+$")
_DIGITS: Final = {character: number for number, character in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_POWERS: Final = {"十": 10, "百": 100, "千": 1000}
_YES: Final = frozenset({"yes", "true", "1", "是"})
_NO: Final = frozenset({"no", "false", "0", "否"})


@dataclass(frozen=True)
class Answer:
    """The value to store (None: not reported), or the sentence why it cannot be read."""

    value: Any
    problem: str = ""


def read_answer(field: FormField, raw: Any) -> Answer:
    """What `raw`, text or JSON, says as the answer to a field."""
    answer = Answer(None) if raw is None else _READERS[field.kind](field, raw)
    if field.required and answer.value is None and not answer.problem:
        return Answer(None, f"{field.label} is needed. The value before is kept.")
    return answer


def _read_text(field: FormField, raw: Any) -> Answer:
    if not isinstance(raw, str) or "\x00" in raw:
        return Answer(None, "This must be text.")
    text = raw.strip() if field.kind == "long_text" else plain_line(raw)
    longest = LONGEST_LONG_TEXT if field.kind == "long_text" else LONGEST_TEXT
    if len(text) > longest:
        return Answer(None, f"This is {len(text)} characters long; {longest} fit. Shorten it, or use the note.")
    return Answer(None if plain(text).lower() in _NO_TEXT else text)


def _read_integer(field: FormField, raw: Any) -> Answer:
    answer = _read_number(field, raw)
    if answer.value is None:
        return answer
    if answer.value != int(answer.value):
        return Answer(None, f"{answer.value:g} is not a whole number. Type the count.")
    if abs(answer.value) > LARGEST_INTEGER:
        return Answer(None, f"{answer.value:g} is too large. Type the number as the paper prints it.")
    return Answer(int(answer.value))


def _read_number(field: FormField, raw: Any) -> Answer:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        return Answer(None, "This must be a number.")
    text = _COUNTED.sub("", plain(str(raw)))
    if refusal := _unreadable(text):
        return Answer(None, refusal)
    text = _in_digits(text)
    cell = read_number(text, "cluster_size" if field.kind == "integer" else "")
    if cell.problem is not None:
        return Answer(None, f"{cell.problem.message} {cell.problem.mend}")
    value = cell.value
    if field.lowest is not None and isinstance(value, float) and value < field.lowest:
        return Answer(None, f"{value:g} is below {field.lowest:g}, the least that {field.label} can be. Check it.")
    return Answer(value)


def _unreadable(text: str) -> str:
    """The sentence for what is more than one number, or too long for one; empty for anything else."""
    if len(text) > LONGEST_NUMBER:
        return f"This is {len(text)} characters long. Type one number."
    if text.endswith("%"):
        return f"“{text}” is a percentage. Type the number; “Reported otherwise?” turns a percentage into people."
    if "±" in text or "+/-" in text:
        return f"“{text}” holds two numbers. Type the mean here and the SD beside it."
    if re.fullmatch(r"\d+\s*[/:]\s*\d+", text):
        return f"“{text}” holds two numbers. Type one; “Reported otherwise?” turns a ratio into people."
    return ""


def _in_digits(text: str) -> str:
    """Chinese numerals (十八, 六十三点五) and spaced thousands (10 000) as plain digits; other text as it is."""
    if _SPACED.match(text):
        return text.replace(" ", "")
    if not _CHINESE.match(text):
        return text
    whole, _point, part = text.partition("点")
    if any(character not in _DIGITS for character in part):
        return text
    digits = "".join(str(_DIGITS[character]) for character in part)
    return f"{_chinese_integer(whole)}.{digits}" if digits else str(_chinese_integer(whole))


def _chinese_integer(text: str) -> int:
    if "万" in text:
        thousands, _, rest = text.partition("万")
        return _chinese_integer(thousands) * 10_000 + _chinese_integer(rest)
    if all(character in _DIGITS for character in text):  # 二〇一七: digit by digit
        return int("".join(str(_DIGITS[character]) for character in text) or "0")
    total, digit = 0, 0
    for character in text:
        if character in _POWERS:
            total += (digit or 1) * _POWERS[character]
            digit = 0
        else:
            digit = _DIGITS[character]
    return total + digit


def _read_choice(field: FormField, raw: Any) -> Answer:
    if not isinstance(raw, str):
        return Answer(None, "Choose one of the list.")
    keys = {key for key, _label in field.choices}
    by_label = {label.lower(): key for key, label in field.choices}
    if raw in keys:
        return Answer(raw or None)
    if raw.strip().lower() in by_label:
        return Answer(by_label[raw.strip().lower()])
    if not raw.strip():
        return Answer(None)
    return Answer(None, f"“{raw}” is not one of: {', '.join(label for _key, label in field.choices)}.")


def _read_yes_no(_field: FormField, raw: Any) -> Answer:
    word = str(raw).strip().lower()
    if word in _YES or word in _NO:
        return Answer(word in _YES)
    return Answer(None) if is_blank(word) else Answer(None, "Choose yes, no or not reported.")


def _read_quantity(field: FormField, raw: Any) -> Answer:
    if not isinstance(raw, Mapping) or not set(raw) <= {"value", "unit"}:
        return Answer(None, "This needs a number and its unit.")
    number, unit = _read_number(field, raw.get("value") if raw.get("value") is not None else ""), raw.get("unit")
    if number.value is None:
        return number
    if unit not in field.units:
        return Answer(None, f"Choose the unit: {', '.join(field.units)}.")
    return Answer({"value": number.value, "unit": unit})


def _read_scales(_field: FormField, raw: Any) -> Answer:
    if not isinstance(raw, list) or len(raw) > MOST_SCALES or not all(isinstance(row, Mapping) for row in raw):
        return Answer(None, f"This must be a list of at most {MOST_SCALES} scales.")
    rows = []
    for number, row in enumerate(raw, start=1):
        scale, problem = _read_scale(row)
        if problem:
            return Answer(None, f"Scale {number}: {problem}")
        if scale:
            rows.append(scale)
    return Answer(rows or None)


def _read_scale(raw: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    scale: dict[str, Any] = {}
    for key in (*SCALE_TEXTS, *SCALE_NUMBERS):
        kind: Kind = "text" if key in SCALE_TEXTS else "number"
        answer = read_answer(FormField(key, key, "group", "Scale", kind), raw.get(key))
        if answer.problem:
            return {}, f"{key}: {answer.problem}"
        scale[key] = answer.value
    if all(value is None for value in scale.values()):
        return {}, ""
    if scale["name"] is None:
        return {}, "name it, for example VAS."
    return scale, ""


def _read_group(_field: FormField, raw: Any) -> Answer:
    text = str(raw).strip()
    if not text:
        return Answer(None)
    return Answer(int(text)) if text.isdecimal() and len(text) < 19 else Answer(None, "Choose a group of this study.")


_READERS: Final[dict[Kind, Callable[[FormField, Any], Answer]]] = {
    "text": _read_text,
    "long_text": _read_text,
    "integer": _read_integer,
    "number": _read_number,
    "choice": _read_choice,
    "yes_no": _read_yes_no,
    "quantity": _read_quantity,
    "scales": _read_scales,
    "group": _read_group,
}
