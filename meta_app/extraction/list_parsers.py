"""A list of studies as it arrives (typed lines, CSV, XLSX, RIS and its relatives) -> rows, and what is wrong in them.

A bad row never loses a good one: every problem names its row, its field and how to mend it.
"""

import csv
import datetime
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from meta_app.common.texts import plain_line
from meta_app.extraction.parsers import is_blank
from meta_app.extraction.workbooks import WorkbookError, sheets_of
from meta_app.library.domain import bare_doi, is_han

FIELDS: Final = ("label", "authors", "title", "year", "source", "doi", "language", "kind", "reference")
LONGEST: Final = {"label": 120, "source": 300, "doi": 200, "language": 20}
MOST_ROWS: Final = 5000
MOST_BYTES: Final = 20_000_000
MOST_LINES: Final = 500_000
MOST_LINES_OF_A_ROW: Final = 200
MOST_COLUMNS: Final = 500
TOO_LARGE: Final = f"The file is larger than {MOST_BYTES // 1_000_000} MB. Split the list."
HEADER_WITHIN: Final = 10
COLUMNS: Final[dict[str, str]] = {
    name: key
    for key, names in {
        "label": "label|study|study label|study id|studyid|研究|标签|研究标签",
        "authors": "authors|author|author(s)|au|first author|作者|全部作者|作者姓名",
        "title": "title|article title|document title|ti|题名|标题|篇名|论文题目|文献标题",
        "year": "year|publication year|pub year|py|date|publication date|年|年份|发表年份|出版年|发表时间|出版时间",
        "source": "source|journal|journal/book|source title|journal title|publication|publication title|secondary title"
        "|school|university|publisher|来源|刊名|期刊|期刊名称|文献来源|出版物|学位授予单位",
        "doi": "doi|di|doi号|数字对象标识符",
        "language": "language|la|lang|语言|语种",
        "kind": "kind|type|item type|document type|publication type|reference type|类型|文献类型|来源库",
        "reference": "reference|citation|full reference|参考文献|引文",
    }.items()
    for name in names.split("|")
}
_TAGS: Final[dict[str, str]] = {
    **dict.fromkeys(("AU", "A1", "FAU", "%A", "Author"), "authors"),
    **dict.fromkeys(("TI", "T1", "%T", "Title"), "title"),
    **dict.fromkeys(("PY", "Y1", "DP", "YR", "%D", "Year"), "year"),
    **dict.fromkeys(("JO", "JF", "T2", "JT", "%J", "%B", "Source", "Journal"), "source"),
    **dict.fromkeys(("DO", "DI", "%R", "DOI"), "doi"),
    **dict.fromkeys(("LA", "%G"), "language"),
    **dict.fromkeys(("TY", "RT", "%0", "PT", "SrcDatabase", "Reference Type"), "kind"),
}
_FALLBACKS: Final[dict[str, str]] = {
    **dict.fromkeys(("DA", "%8", "PubTime"), "year"),
    **dict.fromkeys(("JA", "J2", "TA", "SO", "PB", "%I", "Organ", "Publisher"), "source"),
    **dict.fromkeys(("N1", "L3", "UR", "LID", "AID", "%U", "M3"), "doi"),
}
"""Read only where the record has no better tag; a DOI is looked for inside them."""
_OTHER_WORDS: Final = (
    "AB N2 KW VL IS SP EP SN ID AN AD C1 C2 C3 C4 CY ED ET J1 L1 L2 L4 LB M1 M2 NV OP RN RP SE ST T3 TA TT U1 U2 U3 U4 "
    "U5 VO Y2 A2 A3 A4 CN CP CA DB DS LK SR K1 PMID OWN STAT DCOM LR IS VI PG PL PHST EDAT MHDA CRDT PST MH OT GR JID "
    "SB PMC PMCR CI COIS AUID DEP OTO OTOAB RF SI FIR IR IRAD EIN CIN CON PID WT CL"
)
_OTHER_TAGS: Final = frozenset(_OTHER_WORDS.split())
_TAG: Final = re.compile(r"^\s{0,2}([A-Z][A-Z0-9]{1,4}) {0,4}-(?:\s+(.*)|)$")
_TWO_LETTERS: Final = re.compile(r"^([A-Z][A-Z0-9a-z])(?: (.*)|)$")
"""RefWorks and Web of Science."""
_REFER: Final = re.compile(r"^(%[A-Z0-9@!?+^&*$<>~]) ?(.*)$")
_NOTE_EXPRESS: Final = re.compile(r"^\{([A-Za-z ]+)\}: ?(.*)$")
_CNKI: Final = re.compile(r"^([A-Z][A-Za-z]+)-[\u4e00-\u9fff]+[:：]\s*(.*)$")
_NEW_RECORD: Final = {"TY", "RT", "%0", "PMID", "Title", "Reference Type"}
_YEAR: Final = re.compile(r"(?<!\d)(1[89]\d\d|20\d\d)(?!\d)")
_HAN_DIGITS: Final = str.maketrans("〇零一二三四五六七八九○", "001234567890")
_KINDS: Final = (
    ("thesis", re.compile(r"thes|dissert|^thes$|硕士|博士|学位", re.IGNORECASE)),
    ("preprint", re.compile(r"preprint|预印", re.IGNORECASE)),
    ("article", re.compile(r"jour|article|期刊|^ejour$", re.IGNORECASE)),
)
_LANGUAGES: Final = {
    **dict.fromkeys(("en", "eng", "english", "英文", "英语"), "English"),
    **dict.fromkeys(("zh", "chi", "zho", "cn", "chinese", "中文", "汉语"), "Chinese"),
}
_LABEL_LINE: Final = re.compile(r"^.{1,60}?[\s,(]*(?:19|20)\d\d\s?[a-z]?\)?$")
Values = dict[str, str]
Unit = Literal["row", "line"]


@dataclass(frozen=True)
class ListProblem:
    """What is wrong in a row; it keeps the row out until it is mended."""

    row: int
    field: str
    message: str
    mend: str


@dataclass(frozen=True)
class ListRow:
    """A row as text, by field; `number` is the row of the table or the line of the text it begins at, from 1."""

    number: int
    values: Values
    problems: tuple[ListProblem, ...] = ()


@dataclass(frozen=True)
class StudyList:
    """What was read: rows, columns that nothing here uses, and what to say of the whole."""

    rows: list[ListRow]
    kind: str
    unknown: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def unit(self) -> Unit:
        """What the numbers of its rows count."""
        return "line" if self.kind in ("records", "lines") else "row"


@dataclass(frozen=True)
class Entry:
    """A row with its values read; it can be imported when it has no problem."""

    number: int
    label: str
    report: dict[str, Any]
    problems: tuple[ListProblem, ...]

    @property
    def blocked(self) -> bool:
        return bool(self.problems)


class UnreadableListError(ValueError):
    """Nothing of what was sent can be read; the message says what to send instead."""


def read_list(data: bytes, name: str = "") -> StudyList:
    """The rows of a file, whatever its ending says.

    Raises
    ------
    UnreadableListError
        Empty, too large, or of a format that holds no list.
    """
    if not data.strip():
        raise UnreadableListError("The file is empty. Export the list again, and send the new file.")
    if len(data) > MOST_BYTES:
        raise UnreadableListError(TOO_LARGE)
    if data.startswith(b"PK\x03\x04"):
        return _read_workbook(data)
    if data.startswith((b"\xd0\xcf\x11\xe0", b"%PDF", b"{\\rtf")):
        raise UnreadableListError("This is no list that can be read here. Save it as CSV, XLSX or RIS.")
    text, note = decoded(data)
    return read_text(text, table=name.lower().endswith((".csv", ".tsv")), notes=[note] if note else [])


def read_text(text: str, table: bool = False, notes: Sequence[str] = ()) -> StudyList:
    """The rows of a text: tagged records, a table with its header, or one study to a line."""
    breaks = text.count("\n") + text.count("\r")
    if breaks > 2 * MOST_LINES:
        told = f"It holds {breaks:,} line breaks; at most {MOST_LINES:,} lines are read at a time."
        raise UnreadableListError(f"{told} Split the list.")
    lines = re.split(r"\r\n|\r|\n|\u2028|\x85", text.lstrip("\ufeff"))
    if not any(line.strip() for line in lines):
        raise UnreadableListError("There is no line in it. Type one study to a line, or choose a file.")
    if tagged := _tag_reader(lines):
        return _limited(StudyList(_read_records(lines, tagged), "records", notes=list(notes)))
    grid = _read_delimited(lines)
    if grid is not None:
        return _limited(_read_grid(grid, "table", list(notes)))
    if table:
        raise UnreadableListError(_NO_HEADER)
    typed = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    _refuse_many(len(typed))
    return StudyList([ListRow(number, _typed_line(line)) for number, line in typed], "lines", notes=list(notes))


_NO_HEADER: Final = (
    "No row names its columns. Write names such as label, authors, title, year, journal, doi (题名, 作者, 年, 来源) "
    "into the first row."
)


def _limited(found: StudyList) -> StudyList:
    if not found.rows:
        raise UnreadableListError("There is no study in it. Check that the right file was exported.")
    _refuse_many(len(found.rows))
    return found


def _refuse_many(rows: int) -> None:
    if rows > MOST_ROWS:
        raise UnreadableListError(f"It holds {rows} rows; at most {MOST_ROWS} at a time. Split the list.")


# Bytes


def decoded(data: bytes) -> tuple[str, str]:
    """The text of a file, and what to say about its encoding where it is not plain UTF-8."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace"), "" if encoding == "utf-8-sig" else "Read as UTF-16."
    if 0 in data[:2000]:
        little = data[1:2000:2].count(0) >= data[0:2000:2].count(0)
        return data.decode("utf-16-le" if little else "utf-16-be", "replace"), "Read as UTF-16."
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        pass
    lines = [_decoded_line(line) for line in data.split(b"\n")]
    used = sorted({encoding for _text, encoding in lines if encoding})
    return "\n".join(text for text, _encoding in lines), f"Read as {' and '.join(used)}; look at names and titles."


def _decoded_line(line: bytes) -> tuple[str, str]:
    """One line: files put together from several databases mix their encodings."""
    if line.isascii():
        return line.decode("ascii"), ""
    try:
        return line.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        pass
    high = [byte >= 0x80 for byte in line]
    paired = sum(
        1
        for index, here in enumerate(high)
        if here and any(high[max(index - 1, 0) : index] + high[index + 1 : index + 2])
    )
    if paired * 2 >= sum(high):
        try:
            return line.decode("gb18030"), "GB18030"
        except UnicodeDecodeError:
            pass
    return line.decode("cp1252", "replace"), "Windows-1252"


# Tables


def _read_workbook(data: bytes) -> StudyList:
    try:
        grids = sheets_of(data)
    except WorkbookError as error:
        raise UnreadableListError(str(error)) from error
    for title, grid in grids.items():
        if _header_row(grid) is not None:
            others = [name for name in grids if name != title]
            notes = [f"Read from the sheet “{title}”; not read: {', '.join(others)}."] if others else []
            return _limited(_read_grid(grid, "workbook", notes))
    raise UnreadableListError(_NO_HEADER)


def _read_delimited(lines: Sequence[str]) -> list[list[Any]] | None:
    """The cells of the first delimiter with which a row names known columns."""
    for delimiter in "\t,;":
        rows, head = _delimited_rows(lines, delimiter), []
        try:
            head.extend(itertools.islice(rows, HEADER_WITHIN))
        except UnreadableListError:
            if _header_row(head) is not None:
                raise
        if _header_row(head) is not None:
            return [*head, *rows]
    return None


def _delimited_rows(lines: Sequence[str], delimiter: str) -> Iterator[list[Any]]:
    """Rows of a delimited text; a quotation mark without its partner would take all that follows into one cell."""
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    first = 1
    try:
        for row in reader:
            lost = reader.line_num > first and reader.line_num == len(lines) and not _closes(lines)
            if lost or reader.line_num - first > MOST_LINES_OF_A_ROW:
                raise UnreadableListError(_NO_PARTNER.format(first))
            first = reader.line_num + 1
            yield row
    except csv.Error as error:
        raise UnreadableListError(_NO_PARTNER.format(first)) from error


def _closes(lines: Sequence[str]) -> bool:
    """Whether the last line that says something can end a cell that began on a line before."""
    return '"' in next(line for line in reversed(lines) if line.strip())


_NO_PARTNER: Final = (
    "A cell that begins at line {} does not end: a quotation mark has no partner, and the rows below would be lost. "
    "Nothing was read. Close the quotation mark, or take it out."
)


def _header_row(grid: Sequence[Sequence[Any]]) -> int | None:
    for index, row in enumerate(grid[:HEADER_WITHIN]):
        known = {COLUMNS[name] for cell in row[:MOST_COLUMNS] if (name := _column_name(cell)) in COLUMNS}
        if len(known) >= 2 or (known and sum(1 for cell in row if cell not in (None, "")) == 1):
            return index
    return None


def _column_name(cell: Any) -> str:
    return " ".join(unicodedata.normalize("NFKC", str(cell or "")).replace("_", " ").strip(" :*﻿").lower().split())


def _read_grid(grid: Sequence[Sequence[Any]], kind: str, notes: list[str]) -> StudyList:
    header = _header_row(grid)
    assert header is not None
    keys, unknown = _columns(grid[header])
    rows = []
    for number, cells in enumerate(grid[header + 1 :], header + 2):
        if not any(str(cell or "").strip() for cell in cells):
            continue
        values, problems = _row_values(number, keys, cells)
        rows.append(ListRow(number, values, tuple(problems)))
    return StudyList(rows, kind, unknown, notes)


def _columns(header: Sequence[Any]) -> tuple[dict[int, str], list[str]]:
    """The field of each column; the second of two columns for one field is not read, and told."""
    keys: dict[int, str] = {}
    unknown = []
    for index, cell in enumerate(header[:MOST_COLUMNS]):
        key = COLUMNS.get(_column_name(cell))
        if key and key not in keys.values():
            keys[index] = key
        elif str(cell or "").strip():
            unknown.append(str(cell).strip())
    return keys, unknown


def _row_values(number: int, keys: Mapping[int, str], cells: Sequence[Any]) -> tuple[Values, list[ListProblem]]:
    values, problems = {}, []
    for index, key in keys.items():
        cell = cells[index] if index < len(cells) else None
        if isinstance(cell, datetime.date) and key != "year":
            mend = "Format the column as text in the spreadsheet and type the cell again."
            problems.append(
                ListProblem(number, key, f"The spreadsheet turned this into the date {cell:%Y-%m-%d}.", mend)
            )
            continue
        values[key] = _cell_text(cell)
    if len(cells) > max(keys, default=0) + 1 and any(str(cell or "").strip() for cell in cells[len(cells) :]):
        problems.append(
            ListProblem(number, "title", "The row has more cells than the header.", "Check its separators.")
        )
    return values, problems


def _cell_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime.date):
        return str(cell.year)
    return str(cell if cell is not None else "").strip()


# Tagged records: RIS, PubMed, RefWorks, Refer, CNKI


def _tag_reader(lines: Sequence[str]) -> re.Pattern[str] | None:
    start = [line for line in lines[:400] if line.strip()]
    if any(re.match(r"^\s{0,2}(?:TY|PMID) {0,4}- ", line) for line in start):
        return _TAG
    if sum(1 for line in start if (tag := _TAG.match(line)) and tag[1] in _TAGS) >= 2:
        return _TAG
    if any(re.match(r"^(?:RT [A-Z]|PT J)", line) for line in start):
        return _TWO_LETTERS
    if any(re.match(r"^\{(?:Title|Reference Type)\}:", line) for line in start):
        return _NOTE_EXPRESS
    if any(re.match(r"^%[0AT] ", line) for line in start):
        return _REFER
    return _CNKI if any(re.match(r"^Title-题名[:：]", line) for line in start) else None


def _tagged_lines(lines: Sequence[str], reader: re.Pattern[str]) -> Iterator[tuple[int, str, str]]:
    """Line number, tag and text; the tag is empty where a line goes on with the one before."""
    for number, line in enumerate(lines, 1):
        found = reader.match(line.rstrip())
        tag, text = (found[1], found[2] or "") if found else ("", line.strip())
        known = tag in _TAGS or tag in _FALLBACKS or tag in _OTHER_TAGS or tag == "ER" or reader is not _TAG
        if found and (not known or (tag == "ER" and text.strip())):
            tag, text = "", line.strip()
        yield number, tag, text.strip()


def _read_records(lines: Sequence[str], reader: re.Pattern[str]) -> list[ListRow]:
    rows: list[ListRow] = []
    tags: list[tuple[str, str]] = []
    first = 0
    blank_before = False
    for number, tag, text in _tagged_lines(lines, reader):
        ends = tag == "ER" or (tags and (_begins_record(tag, tags) or (_starts_again(tag, tags) and blank_before)))
        if ends:
            rows += _record(first, tags)
            tags = []
        blank_before = not tag and not text
        if tag and tag != "ER":
            first = first if tags else number
            tags.append((tag, text))
        elif text and tags:
            last, before = tags[-1]
            tags[-1] = (last, f"{before}{'; ' if _TAGS.get(last) == 'authors' else ' '}{text}".strip())
    return rows + _record(first, tags)


def _begins_record(tag: str, tags: Sequence[tuple[str, str]]) -> bool:
    """A second TY begins the next record also where ER is missing; a first one may stand below other tags."""
    return tag in _NEW_RECORD and any(name == tag for name, text in tags if text)


def _starts_again(tag: str, tags: Sequence[tuple[str, str]]) -> bool:
    """After a blank line a title begins a new record if this one has its title."""
    return tag in ("%T", "TI", "PT") and any(_TAGS.get(name) == "title" for name, _text in tags)


def _record(first: int, tags: Sequence[tuple[str, str]]) -> list[ListRow]:
    if not any(tag in _TAGS and _TAGS[tag] != "kind" and text for tag, text in tags):
        if not any(text for _tag, text in tags if _tag not in ("RT", "SrcDatabase")):
            return []
        mend = "Repair or remove this record in the file; the others are read."
        return [ListRow(first, {}, (ListProblem(first, "title", "The record has neither title nor authors.", mend),))]
    values: Values = {}
    problems = []
    titles = [text for tag, text in tags if tag in ("TI", "%T", "Title") and text]
    if len(set(titles)) > 1:
        mend = "Probably the end of a record (ER) is missing: split it in the file."
        problems.append(ListProblem(first, "title", f"The record has {len(set(titles))} titles.", mend))
    full_names = any(tag == "FAU" for tag, _text in tags)
    authors = [text for tag, text in tags if _TAGS.get(tag) == "authors" and not (full_names and tag == "AU")]
    values["authors"] = "; ".join(dict.fromkeys(text.strip(" ;") for text in authors if text))
    for tag, text in tags:
        key = _TAGS.get(tag, "")
        if key and key != "authors" and text and not values.get(key):
            values[key] = text
    for tag, text in tags:
        key = _FALLBACKS.get(tag, "")
        text = bare_doi(text) if key == "doi" else text
        if key and text and not values.get(key):
            values[key] = text
    return [ListRow(first, values, tuple(problems))]


# Typed lines


def _typed_line(line: str) -> Values:
    """A label ("Cao 2017a"), a DOI, or a whole reference."""
    text = " ".join(line.split())
    if _LABEL_LINE.match(text) and ". " not in text:
        return {"label": text}
    if bare_doi(text) and len(text) - len(bare_doi(text)) < 25:
        return {"doi": bare_doi(text)}
    values = {"reference": text}
    parts = re.split(r"(?<![,.]\s[A-Z])(?<!^[A-Z])\.\s+", re.sub(r"^\s*(?:\[\d+\]|\d+[.)])\s*", "", text), maxsplit=2)
    if len(parts) == 3:
        values |= {
            "authors": parts[0],
            "title": parts[1],
            "source": re.split(r"[.;]|,? (?=(?:19|20)\d\d)", parts[2])[0],
        }
        year = _YEAR.search(parts[2]) or _YEAR.search(text)
        values["year"] = year[1] if year else ""
    if bare_doi(text):
        values["doi"] = bare_doi(text)
    return values


# A row


def read_entries(rows: Iterable[ListRow]) -> list[Entry]:
    return [read_entry(row) for row in rows]


def read_entry(row: ListRow) -> Entry:
    """The values of a row; what is not reported (-, NA, 未报告) is empty."""
    texts = {key: _tidy(row.values.get(key, "")) for key in FIELDS}
    problems = list(row.problems)
    year, year_problem = _read_year(row.number, texts["year"])
    problems += [year_problem] if year_problem else []
    doi = bare_doi(texts["doi"])
    if texts["doi"] and not doi:
        mend = "Type it as 10.1234/name, or leave the cell empty."
        problems.append(ListProblem(row.number, "doi", f"“{texts['doi'][:60]}” is not a DOI.", mend))
    problems += _text_problems(row.number, texts | {"doi": doi, "language": ""})
    report: dict[str, Any] = {key: texts[key] for key in ("authors", "title", "source", "reference")}
    report |= {"year": year, "doi": doi, "language": _language(texts), "kind": _kind(texts["kind"])}
    if not problems and not any(texts[key] for key in ("label", "authors", "title", "doi", "reference")):
        mend = "Type at least its label, or authors and title."
        problems.append(ListProblem(row.number, "title", "The row names no study.", mend))
    return Entry(row.number, texts["label"], report, tuple(problems))


def _tidy(text: str) -> str:
    text = plain_line(text)
    return "" if is_blank(text) else text


def _read_year(number: int, text: str) -> tuple[int | None, ListProblem | None]:
    plain = unicodedata.normalize("NFKC", text).translate(_HAN_DIGITS)
    found = _YEAR.search(plain)
    if not plain or found:
        return (int(found[1]) if found else None), None
    return None, ListProblem(number, "year", f"“{text[:40]}” is not a year.", "Type four digits, for example 2017.")


def _text_problems(number: int, texts: Mapping[str, str]) -> Iterator[ListProblem]:
    for key, most in LONGEST.items():
        if len(texts[key]) > most:
            yield ListProblem(number, key, f"It is longer than {most} characters.", "Shorten it.")
    for key in ("label", "authors", "title"):
        if "\ufffd" in texts[key]:
            mend = "Save the file as UTF-8 and send it again, or type it."
            yield ListProblem(number, key, "It holds signs that could not be read.", mend)


def _language(texts: Mapping[str, str]) -> str:
    first = re.split(r"[;,/(]", texts["language"])[0].strip()
    told = _LANGUAGES.get(first.lower(), first)
    told = told if len(told) <= LONGEST["language"] else ""
    return told or ("Chinese" if is_han(texts["title"]) else "")


def _kind(text: str) -> str:
    if not text:
        return "article"
    return next((kind for kind, words in _KINDS if words.search(text)), "other")
