"""Peaks alone, for one dataset: from CSV, XLSX, a peak file of SDM-PSI, Sleuth text, or any file of whole studies.

Cells come as they are written; what is wrong with one is said by the grid's own checks, so that a bad cell is kept as
text and its row is not lost.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from meta_app.extraction.exchange import sdm, sleuth
from meta_app.extraction.exchange.opening import kind_of_file, problems_of, text_of
from meta_app.extraction.exchange.reading import Tools, read_studies
from meta_app.extraction.exchange.records import FileProblem, Reader, UnreadableError, peak_cells
from meta_app.extraction.exchange.tables import rows_of_csv

Cells = dict[str, str]
MOST_PEAKS: Final = 5000
LONGEST_CELL: Final = 2000
HEADERS: Final = {
    "x": "x", "y": "y", "z": "z", "x_reported": "x", "y_reported": "y", "z_reported": "z", "xmm": "x", "ymm": "y",
    "zmm": "z", "coordinates": "x", "mni": "x", "xyz": "x",
    "t": "statistic", "tvalue": "statistic", "statistic": "statistic", "stat": "statistic", "value": "statistic",
    "zvalue": "statistic", "zscore": "statistic", "peakt": "statistic", "peakz": "statistic", "kind": "kind",
    "statistickind": "kind", "stattype": "kind", "sign": "sign", "direction": "sign", "label": "label",
    "region": "label", "area": "label", "brainregion": "label", "hemisphere": "hemisphere", "side": "hemisphere",
    "ba": "brodmann", "brodmann": "brodmann", "clustersize": "cluster_size", "voxels": "cluster_size",
    "k": "cluster_size", "ke": "cluster_size", "clusterunit": "cluster_unit", "space": "space", "page": "page",
    "note": "note", "notes": "note", "subpeak": "sub_peak", "pkind": "p_kind", "confirmed": "confirmed",
}  # fmt: skip
_KIND_OF_HEADER: Final = {"t": "t", "tvalue": "t", "peakt": "t", "zvalue": "z", "zscore": "z", "peakz": "z"}


@dataclass(frozen=True)
class PeakSet:
    """The peaks of one dataset of a file, as cells of the grid."""

    name: str
    rows: tuple[Cells, ...]
    is_silent: bool = False


@dataclass(frozen=True)
class PeakReading:
    sets: tuple[PeakSet, ...]
    problems: tuple[FileProblem, ...]


def read_peaks(files: Mapping[str, bytes], tools: Tools) -> PeakReading:
    """The sets of peaks that the files hold.

    Raises
    ------
    UnreadableError
        There is none.
    """
    if len(files) == 1:
        ((name, content),) = files.items()
        kind = kind_of_file(name, content)
        if kind == "text":
            return _told_twice(files, _of_text(name, text_of(name, content), tools))
        if kind == "xlsx" and not {"studies", "datasets"} <= set(sheets := tools.sheets_of(name, content)):
            return _told_twice(files, _of_sheets(name, sheets))
    return _of_studies(files, tools)


def _told_twice(files: Mapping[str, bytes], reading: PeakReading) -> PeakReading:
    return replace(reading, problems=(*problems_of(files), *reading.problems))


def _of_studies(files: Mapping[str, bytes], tools: Tools) -> PeakReading:
    reading = read_studies(files, tools)
    sets = tuple(
        PeakSet(
            f"{study['label']}: {dataset['label']}",
            tuple(_with_space(peak_cells(peak), dataset["space"]) for peak in dataset["peaks"]),
            dataset["peaks_state"] == "no_peaks",
        )
        for study in reading.studies
        for dataset in study["datasets"]
    )
    return _bounded("the file", sets, list(reading.problems))


def _with_space(cells: Cells, space: str) -> Cells:
    """Each row names its space, as the dataset that it goes to may be of another one."""
    return cells if cells.get("space") or space == "unknown" else {**cells, "space": space}


def _of_sheets(name: str, sheets: Mapping[str, Sequence[Sequence[Any]]]) -> PeakReading:
    reader = Reader(name)
    sets = []
    for title, rows in sheets.items():
        found = _of_rows([["" if cell is None else str(cell) for cell in row] for row in rows], reader)
        if found:
            sets.append(PeakSet(title, tuple(found)))
    return _bounded(name, tuple(sets), reader.problems)


def _of_text(name: str, text: str, tools: Tools) -> PeakReading:
    if sleuth.is_sleuth(text):
        return _of_studies({name: text.encode()}, tools)
    reader = Reader(name)
    rows = _of_rows(rows_of_csv(name, text), reader)
    if not rows:
        reader = Reader(name)
        peaks = list(sdm.peak_lines(name, text, reader))
        rows = [
            {**dict(zip("xyz", (f"{value:g}" for value in peak.mm), strict=True)), **_statistic(peak)} for peak in peaks
        ]
    return _bounded(name, (PeakSet(name, tuple(rows)),) if rows else (), reader.problems)


def _statistic(peak: Any) -> Cells:
    if peak.statistic is None:
        return {"kind": "none", "sign": "+" if peak.sign > 0 else "-"}
    return {"statistic": f"{peak.statistic:g}", "kind": "t"}


def _of_rows(rows: Sequence[Sequence[str]], reader: Reader) -> list[Cells]:
    """Rows below the first line that names coordinates; none where no line does."""
    for number, row in enumerate(rows[:30]):
        columns = {place: _header(cell) for place, cell in enumerate(row)}
        if {"x", "y", "z"} <= set(columns.values()) or re.sub(r"\W", "", "".join(row)).lower() == "coordinates":
            return list(_cells(rows, number, columns, row, reader))
    return []


def _header(cell: str) -> str:
    word = re.sub(r"[^a-z_]", "", re.sub(r"\(.*?\)", "", cell.lower()))
    return HEADERS.get(word, HEADERS.get(word.replace("_", ""), ""))


def _cells(
    rows: Sequence[Sequence[str]], header: int, columns: Mapping[int, str], names: Sequence[str], reader: Reader
) -> Iterable[Cells]:
    unknown = [name for place, name in enumerate(names) if name.strip() and not columns[place]]
    if unknown:
        reader.warn(f"Not used: the column {', '.join(unknown[:20])}.", "Rename it if it is needed.", header + 1)
    words = [re.sub(r"[^a-z]", "", name.lower()) for name in names]
    kind = next((_KIND_OF_HEADER[word] for word in words if word in _KIND_OF_HEADER), "")
    for number, row in enumerate(rows[header + 1 :], start=header + 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(names) and any(cell.strip() for cell in row[len(names) :]):
            reader.error("This row has more cells than the header; the surplus is not read.", "Look at it.", number)
        cells = {columns[place]: cell.strip() for place, cell in enumerate(row) if columns.get(place) and cell.strip()}
        if any(len(text) > LONGEST_CELL for text in cells.values()):
            message = f"A cell is longer than {LONGEST_CELL:,} characters; the rest of it is not read."
            reader.error(message, "Is a quotation mark without its partner?", number)
            cells = {name: text[:LONGEST_CELL] for name, text in cells.items()}
        if cells.get("statistic") and kind and not cells.get("kind"):
            cells["kind"] = kind
        yield cells


def _bounded(name: str, sets: tuple[PeakSet, ...], problems: list[FileProblem]) -> PeakReading:
    kept = tuple(item for item in sets if item.rows or item.is_silent)
    if not kept:
        mend = "Its first row names the columns x, y, z, and if there are any t, label, cluster_size."
        raise UnreadableError(name, "holds no peaks that can be read.", mend)
    for item in kept:
        if len(item.rows) > MOST_PEAKS:
            message = f"has {len(item.rows):,} peaks in {item.name}."
            raise UnreadableError(name, message, f"A dataset takes {MOST_PEAKS:,}: is this one table?")
    return PeakReading(tuple(replace(item, rows=tuple(item.rows)) for item in kept), tuple(problems))
