"""A folder of SDM-PSI: sdm_table.txt and one file of peaks for each dataset.

Names are ASCII, no two alike even on a disk that forgets case, and listed beside the datasets' own in names.csv. A name
of a dataset without peaks holds no digit: the program has dropped silent studies whose name had two.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from meta_app.extraction.exchange.opening import text_of
from meta_app.extraction.exchange.plain import COMPANION, PlainDataset, PlainPeak
from meta_app.extraction.exchange.records import Item, Reader

TABLE: Final = "sdm_table.txt"
NAMES: Final = "names.csv"
LONGEST_NAME: Final = 60
COLUMNS: Final = ("study", "n1", "n2", "t_thr", "threshold", "year", "age", "women_percent", "education")
_FILE: Final = re.compile(r"(?P<study>.+)\.(?:(?P<software>spm|fsl|other)_(?P<space>mni|tal)|no_peaks)\.txt", re.I)
_SPACES: Final = {"mni": "mni", "tal": "talairach"}
_NOTHING: Final = ("", "na", "nan", "n/a", "-")

TOf = Callable[[Item, str, int | None, int | None], float | None]
"""The t of a peak, given the design and the numbers of people; None where only its sign is known."""


def ascii_names(datasets: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """A name that the program accepts for the key of each dataset."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for dataset in datasets:
        plain = unicodedata.normalize("NFKD", dataset["key"].replace(" / ", "__")).encode("ascii", "ignore").decode()
        base = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_") or "dataset"
        if dataset["peaks_state"] == "no_peaks":
            base = re.sub(r"_+", "_", re.sub(r"[0-9]", "", base)).strip("_") or "dataset"
        names[dataset["key"]] = name = _free(base[:LONGEST_NAME], taken)
        taken.add(name.lower())
    return names


def _free(base: str, taken: set[str]) -> str:
    """With as many letters behind it as it takes."""
    if base.lower() not in taken:
        return base
    letters = ("abcdefghijklmnopqrstuvwxyz"[number % 26] * (1 + number // 26) for number in range(10_000))
    return next(name for letter in letters if (name := f"{base}_{letter}").lower() not in taken)


def write(studies: Iterable[Item], t_of: TOf) -> dict[str, bytes]:
    """The files of the folder by name, without a companion."""
    rows = [(study, dataset) for study in studies for dataset in study["datasets"]]
    names = ascii_names(dataset for _study, dataset in rows)
    files = {TABLE: _table(rows, names), NAMES: _names(rows, names)}
    for study, dataset in rows:
        file, text = _peak_file(names[dataset["key"]], study, dataset, t_of)
        files[file] = text.encode("ascii")
    return files


def _groups(study: Item, dataset: Item) -> tuple[Item, Item | None]:
    groups = {group["key"]: group for cohort in study["cohorts"] for group in cohort["groups"]}
    two = dataset["design"] == "two_sample" and dataset["group_b"]
    return groups[dataset["group_a"]], groups[dataset["group_b"]] if two else None


def _table(rows: Iterable[tuple[Item, Item]], names: Mapping[str, str]) -> bytes:
    rows = list(rows)
    correlations = any(dataset["design"] == "correlation" for _study, dataset in rows)
    lines = ["\t".join([*COLUMNS, *(["design"] if correlations else [])])]
    for study, dataset in rows:
        first, second = _groups(study, dataset)
        kind = dataset["threshold_kind"] if dataset["threshold_kind"] != "unknown" else "NA"
        women = 100 * first["n_female"] / first["n"] if first["n"] and first["n_female"] is not None else None
        cells = [
            names[dataset["key"]], _cell(first["n"]), _cell(second["n"]) if second else "0",
            _cell(dataset["t_threshold"]), kind, _cell(study["year"]), _cell(first["age_mean"]), _cell(women),
            _cell(first["education_mean"]), *([dataset["design"]] if correlations else []),
        ]  # fmt: skip
        lines.append("\t".join(cells))
    return ("\n".join(lines) + "\n").encode("ascii")


def _cell(value: float | int | None) -> str:
    return "NA" if value is None else repr(int(value)) if float(value).is_integer() else repr(float(value))


def _names(rows: Iterable[tuple[Item, Item]], names: Mapping[str, str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(["name", "study", "dataset"])
    writer.writerows([names[dataset["key"]], study["label"], dataset["label"]] for study, dataset in rows)
    return text.getvalue().encode("utf-8-sig")


def _peak_file(name: str, study: Item, dataset: Item, t_of: TOf) -> tuple[str, str]:
    if dataset["peaks_state"] == "no_peaks":
        return f"{name}.no_peaks.txt", ""
    first, second = _groups(study, dataset)
    signs_only = dataset["peaks_state"] in ("sign_only", "threshold_only")
    lines = []
    for peak in dataset["peaks"]:
        t = None if signs_only else t_of(peak, dataset["design"], first["n"], second["n"] if second else None)
        sign = "p" if peak["sign"] > 0 else "n"
        lines.append(",".join([*(_cell(peak[axis]) for axis in "xyz"), sign if t is None else _cell(t)]) + "\n")
    return f"{name}.{dataset['software']}_mni.txt", "".join(lines)


# Reading


def is_folder(files: Iterable[str]) -> bool:
    return any(name.lower() == TABLE for name in files)


def read(files: Mapping[str, bytes], reader: Reader) -> dict[str, PlainDataset]:
    """The datasets of a folder by name; what cannot be read is told and left out."""
    table = next(name for name in files if name.lower() == TABLE)
    rows = _table_rows(table, text_of(table, files[table]), reader)
    own = {TABLE, NAMES, COMPANION, "readme.txt"}
    found: dict[str, PlainDataset] = {}
    seen: set[str] = set()
    for file, content in files.items():
        match = _FILE.fullmatch(file)
        if match and match["study"] in rows:
            name = match["study"]
            if name in seen:
                reader.error(f"{name} has two files; {file} is not read.", "Keep one of them.")
                continue
            seen.add(name)
            found[name] = _dataset(rows[name], file, content, match, reader)
        elif file.lower() not in own:
            mend = f"Name it STUDY.KIND.txt, the study as in {TABLE}, KIND such as spm_mni, other_tal or no_peaks."
            reader.warn(f"{file} belongs to no study of {table} and is not read.", mend)
    for name, row in rows.items():
        if name not in seen:
            reader.warn(f"{name} has no file of peaks.", f"Add {name}.other_mni.txt or {name}.no_peaks.txt.")
            found[name] = row
    return {name: found[name] for name in rows if name in found}


def _table_rows(file: str, text: str, reader: Reader) -> dict[str, PlainDataset]:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        reader.error(f"{file} is empty.", "Its first line names the columns: study, n1, n2, t_thr.")
        return {}
    split = _splitter(lines[0][1])
    header = [cell.strip().lower() for cell in split(lines[0][1])]
    if "study" not in header or "n1" not in header:
        reader.error(f"{file} has no column study or n1.", "Its first line names the columns: study, n1, n2, t_thr.", 1)
        return {}
    rows: dict[str, PlainDataset] = {}
    for number, line in lines[1:]:
        cells = dict(zip(header, (cell.strip() for cell in split(line)), strict=False))
        name = cells.get("study", "")
        if not name or name in rows:
            reader.error(
                f"{file}: the study {name or 'without a name'} is not read.", "Give each row its own name.", number
            )
            continue
        n1, n2 = (_people(cells.get(column, ""), file, number, reader) for column in ("n1", "n2"))
        kind = cells.get("threshold", "").lower()
        rows[name] = PlainDataset(
            name, n1, n2 or None, _number(cells.get("t_thr", ""), file, number, reader),
            kind if kind in ("corrected", "uncorrected") else "unknown",
        )  # fmt: skip
    return rows


def _splitter(header: str) -> Callable[[str], list[str]]:
    for delimiter in ("\t", ";", ","):
        if delimiter in header:
            return lambda line: line.split(delimiter)
    return str.split


def _people(text: str, file: str, row: int, reader: Reader) -> int | None:
    value = _number(text, file, row, reader)
    if value is not None and (value != int(value) or value < 0):
        reader.error(f"{file}: “{text}” is no number of people.", "Write a whole number, or NA.", row)
        return None
    return None if value is None else int(value)


def _number(text: str, file: str, row: int, reader: Reader) -> float | None:
    if text.lower() in _NOTHING:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e9:
        reader.error(f"{file}: “{text}” is not a number.", "Write a number with a point, or NA.", row)
        return None
    return value


def _dataset(row: PlainDataset, file: str, content: bytes, match: re.Match[str], reader: Reader) -> PlainDataset:
    if not match["software"]:
        return PlainDataset(row.name, row.n1, row.n2, row.t_threshold, row.threshold_kind, silent=True)
    text = text_of(file, content) if content.strip() else ""
    peaks = tuple(peak_lines(file, text, reader))
    return PlainDataset(
        row.name, row.n1, row.n2, row.t_threshold, row.threshold_kind, match["software"].lower(),
        _SPACES[match["space"].lower()], peaks=peaks,
    )  # fmt: skip


def peak_lines(file: str, text: str, reader: Reader) -> Iterable[PlainPeak]:
    """Rows x, y, z, t, with p or n in place of a t of which only the sign is known."""
    for number, line in enumerate(text.splitlines(), start=1):
        cells = re.split(r"[,;\s]+", line.strip().strip(",;"))
        if not line.strip() or [cell.lower()[:1] for cell in cells[:3]] == ["x", "y", "z"]:
            continue
        peak = _peak(cells)
        if peak is None:
            mend = "Write x, y, z in mm and t (or p, n for a sign alone), with points as decimal signs."
            reader.error(f"{file}: “{line.strip()[:60]}” is not read.", mend, number)
        else:
            yield peak


def _peak(cells: list[str]) -> PlainPeak | None:
    if len(cells) != 4:
        return None
    sign = {"p": 1, "n": -1}.get(cells[3].lower(), 0)
    try:
        x, y, z = (float(cell) for cell in cells[:3])
        t = None if sign else float(cells[3])
    except ValueError:
        return None
    if not all(abs(value) < 1e4 for value in (x, y, z, t or 0.0)) or t == 0:
        return None
    return PlainPeak((x, y, z), t, sign or (1 if t and t > 0 else -1))
