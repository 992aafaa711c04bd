"""The agreed dataset as flat tables, and back: reports, studies, cohorts, groups, datasets, peaks, sources.

A column of a form's own field says in brackets what it holds, as "scan_time [number]"; texts stay texts, whatever they
look like. In CSV a text that a spreadsheet would run as a formula has an apostrophe before it, which reading takes off.
"""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from meta_app.common.spreadsheets import FORMULA_STARTS
from meta_app.extraction.exchange.records import (
    COHORT_FIELDS,
    DATASET_FIELDS,
    GROUP_FIELDS,
    PEAK_FIELDS,
    REPORT_FIELDS,
    STUDY_FIELDS,
    Item,
    Reader,
    UnreadableError,
    read_json,
)

Cell = str | int | float | bool | None
NAMES: Final = ("reports", "studies", "cohorts", "groups", "datasets", "peaks", "sources")
NEEDED: Final = ("studies", "groups", "datasets", "peaks")
MOST_ROWS: Final = 200_000
MOST_COLUMNS: Final = 500
_SOURCE_FIELDS: Final = ("quote", "page", "reported", "formula")
_TYPED: Final = re.compile(r"(?P<key>.+) \[(?P<kind>text|number|yes_no|json)\]")
_GUARDED: Final = re.compile("'+[" + re.escape("".join(FORMULA_STARTS)) + "]")


@dataclass(frozen=True)
class Table:
    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def write(content: Item) -> list[Table]:
    """The tables of a content."""
    studies = content["studies"]
    cohorts = [(study, cohort) for study in studies for cohort in study["cohorts"]]
    groups = [(study, cohort, group) for study, cohort in cohorts for group in cohort["groups"]]
    datasets = [(study, dataset) for study in studies for dataset in study["datasets"]]
    return [
        _table("reports", ({"report": item["key"], **_named(REPORT_FIELDS, item)} for item in content["reports"])),
        _table("studies", ({"study": study["label"], **_study(study)} for study in studies)),
        _table(
            "cohorts",
            ({"study": study["label"], "cohort": item["key"], **_row(COHORT_FIELDS, item)} for study, item in cohorts),
        ),
        _table(
            "groups",
            (
                {"study": study["label"], "cohort": cohort["key"], "group": item["key"], **_row(GROUP_FIELDS, item)}
                for study, cohort, item in groups
            ),
        ),
        _table("datasets", ({"study": study["label"], **_dataset(item)} for study, item in datasets)),
        _table("peaks", (row for _study_, item in datasets for row in _peaks(item))),
        _table("sources", (row for study in studies for row in _sources(study))),
    ]


_FIRST: Final = {
    "reports": ("report", *REPORT_FIELDS),
    "studies": ("study", "year", "reports", "note"),
    "cohorts": ("study", "cohort", *COHORT_FIELDS),
    "groups": ("study", "cohort", "group", *GROUP_FIELDS),
    "datasets": ("study", "dataset", "cohort", "group_a", "group_b", *DATASET_FIELDS),
    "peaks": ("dataset", "row", "space", *PEAK_FIELDS),
    "sources": ("study", "level", "key", "field", *_SOURCE_FIELDS),
}


def _table(name: str, rows: Iterable[Item]) -> Table:
    rows = list(rows)
    more = sorted({column for row in rows for column in row} - set(_FIRST[name]))
    columns = (*_FIRST[name], *more)
    return Table(name, columns, tuple(tuple(row.get(column) for column in columns) for row in rows))


def _named(names: Iterable[str], item: Item) -> Item:
    return {name: item[name] for name in names}


def _row(names: Iterable[str], item: Item) -> Item:
    return {**_named(names, item), **_values(item)}


def _values(item: Item) -> Item:
    cells: Item = {}
    for key, value in item["values"].items():
        if isinstance(value, bool):
            cells[f"{key} [yes_no]"] = "yes" if value else "no"
        elif isinstance(value, int | float):
            cells[f"{key} [number]"] = value
        elif isinstance(value, str):
            cells[f"{key} [text]"] = value
        else:
            cells[f"{key} [json]"] = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return cells


def _study(study: Item) -> Item:
    named = {"year": study["year"], "reports": json.dumps(study["reports"], ensure_ascii=False), "note": study["note"]}
    return {**named, **_values(study)}


def _dataset(item: Item) -> Item:
    keys = {"dataset": item["key"], "cohort": item["cohort"], "group_a": item["group_a"], "group_b": item["group_b"]}
    return {**keys, **_row(DATASET_FIELDS, item)}


def _peaks(dataset: Item) -> Iterator[Item]:
    for number, peak in enumerate(dataset["peaks"], start=1):
        flags = {name: "yes" if peak[name] else "" for name in ("sub_peak", "turned", "confirmed")}
        yield {"dataset": dataset["key"], "row": number, **_named(("space", *PEAK_FIELDS), peak), **flags}


def _sources(study: Item) -> Iterator[Item]:
    for level, key, item in _levels(study):
        for field, source in item["sources"].items():
            place = {"study": study["label"], "level": level, "key": key, "field": field}
            yield {**place, **{name: source.get(name) for name in _SOURCE_FIELDS}}


def _levels(study: Item) -> Iterator[tuple[str, str, Item]]:
    yield "study", study["label"], study
    for cohort in study["cohorts"]:
        yield "cohort", cohort["key"], cohort
        for group in cohort["groups"]:
            yield "group", group["key"], group
    for dataset in study["datasets"]:
        yield "dataset", dataset["key"], dataset


def as_csv(table: Table) -> bytes:
    """With a byte-order mark, so that spreadsheets read Chinese text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([guarded(cell) for cell in row] for row in table.rows)
    return text.getvalue().encode("utf-8-sig")


def guarded(cell: Cell) -> Cell:
    """A text that would be run, or that looks guarded already, with an apostrophe before it."""
    if isinstance(cell, str) and (cell.startswith(FORMULA_STARTS) or _GUARDED.match(cell)):
        return f"'{cell}"
    return cell


def unguarded(text: str) -> str:
    return text[1:] if _GUARDED.match(text) else text


# Reading


def rows_of_csv(file: str, text: str) -> list[list[str]]:
    """By the delimiter that its first lines have most of."""
    first = "".join(text.splitlines(keepends=True)[:20])
    delimiter = max("\t;,", key=first.count)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text.lstrip("\ufeff")), delimiter=delimiter):
            if len(row) > MOST_COLUMNS:
                mend = "Is this a table? Its first row names the columns."
                raise UnreadableError(file, f"has more than {MOST_COLUMNS} columns.", mend, len(rows) + 1)
            rows.append([unguarded(cell) for cell in row])
    except csv.Error as error:
        raise UnreadableError(file, f"is no table ({error}).", "Save it as CSV in UTF-8, or as XLSX.") from error
    if len(rows) > MOST_ROWS:
        raise UnreadableError(file, f"has more than {MOST_ROWS:,} rows.", "Import it in parts.")
    return rows


def is_own(names: Iterable[str]) -> bool:
    """Whether tables of these names are those of our own export."""
    return set(NEEDED) <= set(names)


def read(tables: Mapping[str, Sequence[Sequence[Any]]], reader: Reader) -> tuple[list[Item], list[Item]]:
    """Raw reports and studies of the tables, by table name; the first row of each names its columns."""
    rows = {name: list(_records(name, tables.get(name, ()), reader)) for name in NAMES}
    sources = _sources_by_row(rows["sources"])
    studies: dict[str, Item] = {}
    for record in rows["studies"]:
        label = str(record.get("study") or "")
        studies[label] = {
            **{name: record.get(name) for name in STUDY_FIELDS}, "label": label,
            "reports": _json(record.get("reports"), [], reader), **_extracted(record, sources, label, "study", label),
            "cohorts": [], "datasets": [],
        }  # fmt: skip
    _add_people(rows, studies, sources, reader)
    _add_datasets(rows, studies, sources, reader)
    return [{"key": row.get("report"), **row} for row in rows["reports"]], list(studies.values())


def _records(name: str, table: Sequence[Sequence[Any]], reader: Reader) -> Iterator[Item]:
    """Rows as mappings; `values` holds the form's own fields."""
    if not table:
        return
    header = [str(cell or "").strip() for cell in table[0]]
    for number, row in enumerate(table[1:], start=2):
        if all(cell in (None, "") for cell in row):
            continue
        record: Item = {"values": {}}
        for column, cell in zip(header, row, strict=False):
            match = _TYPED.fullmatch(column)
            if match is None:
                record[column] = cell
            elif cell not in (None, ""):
                try:
                    record["values"][match["key"]] = _TYPES[match["kind"]](cell)
                except (ValueError, TypeError):
                    mend = "Correct the cell, or complete the value after the import."
                    reader.error(f"{name}: “{str(cell)[:40]}” does not fit the column {column}.", mend, number)
        yield record


def _as_number(cell: Any) -> float | int:
    value = float(cell)
    if not abs(value) < 1e15:
        raise ValueError
    return int(value) if value.is_integer() else value


def _as_answer(cell: Any) -> bool:
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if str(cell).lower() not in words:
        raise ValueError
    return words[str(cell).lower()]


_TYPES: Final[dict[str, Callable[[Any], Any]]] = {
    "text": str,
    "number": _as_number,
    "yes_no": _as_answer,
    "json": lambda cell: read_json(str(cell)),
}


def _json(cell: Any, default: Any, reader: Reader) -> Any:
    try:
        return read_json(str(cell)) if cell not in (None, "") else default
    except ValueError:
        reader.error(f"“{str(cell)[:40]}” does not list reports.", 'Write it as ["key", "key"].')
        return default


def _sources_by_row(rows: Iterable[Item]) -> dict[tuple[str, str, str], Item]:
    found: dict[tuple[str, str, str], Item] = {}
    for row in rows:
        place = (str(row.get("study")), str(row.get("level")), str(row.get("key")))
        parts = {name: str(row[name]) for name in _SOURCE_FIELDS if row.get(name) not in (None, "")}
        found.setdefault(place, {})[str(row.get("field"))] = parts
    return found


def _extracted(record: Item, sources: Mapping[tuple[str, str, str], Item], study: str, level: str, key: str) -> Item:
    return {"values": record["values"], "sources": sources.get((study, level, key), {})}


def _add_people(
    rows: Mapping[str, list[Item]],
    studies: Mapping[str, Item],
    sources: Mapping[tuple[str, str, str], Item],
    reader: Reader,
) -> None:
    cohorts: dict[tuple[str, str], Item] = {}
    for record in rows["cohorts"]:
        label, key = str(record.get("study") or ""), str(record.get("cohort") or "")
        cohorts[label, key] = {**record, "key": key, **_extracted(record, sources, label, "cohort", key), "groups": []}
        if label in studies:
            studies[label]["cohorts"].append(cohorts[label, key])
    for number, record in enumerate(rows["groups"], start=2):
        label, of, key = (str(record.get(name) or "") for name in ("study", "cohort", "group"))
        if (label, of) not in cohorts:
            reader.error(f"groups: {key} belongs to no row of cohorts.", "Name its study and cohort as there.", number)
            continue
        cohorts[label, of]["groups"].append({**record, "key": key, **_extracted(record, sources, label, "group", key)})


def _add_datasets(
    rows: Mapping[str, list[Item]],
    studies: Mapping[str, Item],
    sources: Mapping[tuple[str, str, str], Item],
    reader: Reader,
) -> None:
    datasets: dict[str, Item] = {}
    for number, record in enumerate(rows["datasets"], start=2):
        label, key = str(record.get("study") or ""), str(record.get("dataset") or "")
        if label not in studies:
            reader.error(f"datasets: {key} belongs to no row of studies.", "Name its study as there.", number)
            continue
        datasets[key] = {**record, "key": key, **_extracted(record, sources, label, "dataset", key), "peaks": []}
        studies[label]["datasets"].append(datasets[key])
    for number, record in enumerate(rows["peaks"], start=2):
        if str(record.get("dataset") or "") not in datasets:
            mend = "Name its dataset as in the table of datasets."
            reader.error(f"peaks: “{record.get('dataset')}” is no row of datasets.", mend, number)
            continue
        datasets[str(record["dataset"])]["peaks"].append(record)
