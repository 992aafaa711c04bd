"""The one way in: uploaded files of any known format -> studies in shape, and what was not understood."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from meta_app.common.words import counted
from meta_app.extraction.exchange import nimads, sdm, sleuth, tables
from meta_app.extraction.exchange.opening import kind_of_file, problems_of, text_of, unpacked
from meta_app.extraction.exchange.plain import COMPANION, Chosen, PlainDataset, merged, plain_studies
from meta_app.extraction.exchange.records import Item, Reader, Reading, UnreadableError, read_json, shaped

Sheets = Mapping[str, Sequence[Sequence[Any]]]
SheetsOf = Callable[[str, bytes], Sheets]
"""The sheets of a workbook by name; given by the caller, as reading XLSX is not plain Python."""
FORMATS: Final = "the JSON, CSV or XLSX of an export, an SDM-PSI folder as ZIP, a Sleuth text, or NiMADS JSON"


@dataclass(frozen=True)
class Tools:
    """What the formats need of the other layers."""

    sheets_of: SheetsOf
    t_of: sdm.TOf
    chosen: Chosen = field(default_factory=Chosen)


MOST_DATASETS: Final = 1000
MOST_PEAKS: Final = 50_000


def read_studies(files: Mapping[str, bytes], tools: Tools) -> Reading:
    """All studies of the files, which belong to one format; a ZIP is opened.

    Raises
    ------
    UnreadableError
        Nothing can be used, or more than is imported at a time.
    """
    reading = _told_twice(files, lambda: _read(files, tools))
    datasets = _datasets(reading)
    peaks = sum(len(dataset["peaks"]) for dataset in datasets)
    if max(len(datasets), len(reading.studies)) > MOST_DATASETS or peaks > MOST_PEAKS:
        message = f"holds {len(reading.studies):,} studies, {len(datasets):,} datasets and {peaks:,} peaks."
        mend = f"Import at most {MOST_DATASETS:,} datasets and {MOST_PEAKS:,} peaks at a time."
        raise UnreadableError(next(iter(files)) if len(files) == 1 else "the upload", message, mend)
    return reading


def _told_twice(files: Mapping[str, bytes], read: Callable[[], Reading]) -> Reading:
    """Names of several files are told first, and are the cause where nothing else can be read."""
    twice = problems_of(files)
    try:
        reading = read()
    except UnreadableError as error:
        if twice:
            raise UnreadableError(twice[0].file, twice[0].message, twice[0].mend) from error
        raise
    return replace(reading, problems=(*twice, *reading.problems))


def _read(files: Mapping[str, bytes], tools: Tools) -> Reading:
    if not files:
        raise UnreadableError("the upload", "holds no file.", "Choose a file.")
    if len(files) == 1:
        ((name, content),) = files.items()
        kind = kind_of_file(name, content)
        if kind == "zip":
            inside = unpacked(name, content)
            return _told_twice(inside, lambda: _read_many(name, inside, tools))
        if kind == "xlsx":
            return _read_tables(name, tools.sheets_of(name, content))
        if kind == "json":
            return _read_json(name, content, tools)
        return _read_text(name, text_of(name, content), tools)
    return _read_many("the files", files, tools)


def _read_many(name: str, files: Mapping[str, bytes], tools: Tools) -> Reading:
    stems = {file.rpartition(".")[0].lower(): file for file in files if file.lower().endswith(".csv")}
    if sdm.is_folder(files):
        return _read_sdm(name, files, tools)
    if sleuth.ALL in files:
        return _read_sleuth(name, files, tools)
    if tables.is_own(stems):
        return _read_tables(
            name,
            {stem: tables.rows_of_csv(file, text_of(file, files[file])) for stem, file in stems.items() if files[file]},
        )
    for file in (nimads.STUDYSET, COMPANION):
        if file in files:
            return _read_json(file, files[file], tools)
    if len(files) == 1:
        return _read(files, tools)
    raise UnreadableError(name, "is of no known format.", f"Known are {FORMATS}.")


def _read_tables(name: str, sheets: Sheets) -> Reading:
    if not tables.is_own(sheets):
        missing = ", ".join(sorted(set(tables.NEEDED) - set(sheets)))
        mend = "Start from an export, or import peaks alone on the page of their dataset."
        raise UnreadableError(name, f"has no table of {missing}.", mend)
    reader = Reader(name)
    reports, studies = tables.read(sheets, reader)
    return _with(shaped(name, "tables", reports, studies), reader)


def _with(reading: Reading, reader: Reader) -> Reading:
    return replace(reading, problems=(*reader.problems, *reading.problems))


def _parsed(name: str, content: bytes) -> Any:
    text = text_of(name, content).lstrip("\ufeff")
    try:
        return read_json(text)
    except json.JSONDecodeError as error:
        mend = "The file may have been cut off: download or save it again."
        raise UnreadableError(name, f"is no whole JSON at line {error.lineno}.", mend) from error
    except ValueError as error:
        raise UnreadableError(name, f"{error}.", "Save it again from the program that made it.") from error


def _read_json(name: str, content: bytes, tools: Tools) -> Reading:
    parsed = _parsed(name, content)
    if isinstance(parsed, Mapping) and str(parsed.get("format", "")).startswith("concord-agreed-dataset/"):
        return shaped(name, "json", _list(parsed, "reports"), _list(parsed, "studies"))
    if nimads.is_studyset(parsed):
        return _read_nimads(name, parsed, tools)
    raise UnreadableError(name, "is JSON of no known format.", f"Known are {FORMATS}.")


def _list(parsed: Mapping[str, Any], name: str) -> list[Any]:
    found = parsed.get(name)
    return found if isinstance(found, list) else []


def _read_nimads(name: str, parsed: Mapping[str, Any], tools: Tools) -> Reading:
    reader = Reader(name)
    reports, studies = nimads.own_records(parsed)
    own = shaped(name, "nimads", reports, studies)
    content = {"reports": list(own.reports.values()), "studies": list(own.studies)}
    written, _annotation = nimads.write("", "", content) if own.studies else ({"studies": []}, {})
    untouched = nimads.read(written, Reader(name))
    found = nimads.read(parsed, reader)
    return _merged(own, {key: key for key in untouched}, untouched, found, reader, tools)


def _merged(
    own: Reading,
    names: Mapping[str, str],
    untouched: Mapping[str, PlainDataset],
    found: Mapping[str, PlainDataset],
    reader: Reader,
    tools: Tools,
) -> Reading:
    studies, new = merged(own, names, untouched, found, reader)
    if new:
        without = f"{len(new)} of {counted(len(found), 'dataset')} without comparison, modality, metric"
        reader.warn(f"{without}: those chosen are taken.", "Complete them after the import.")
    more = shaped(reader.file, own.format, (), plain_studies(new, tools.chosen))
    problems = (*own.problems, *reader.problems, *more.problems)
    return Reading(own.format, (*studies, *more.studies), own.reports, problems)


def _companion(files: Mapping[str, bytes], kind: str) -> Reading:
    """What our own export carries along; nothing where the files came from elsewhere."""
    if COMPANION not in files:
        return Reading(kind)
    parsed = _parsed(COMPANION, files[COMPANION])
    if not isinstance(parsed, Mapping):
        raise UnreadableError(COMPANION, "is not what was exported.", "Leave it out to import the other files alone.")
    return shaped(COMPANION, kind, _list(parsed, "reports"), _list(parsed, "studies"))


def _read_sdm(name: str, files: Mapping[str, bytes], tools: Tools) -> Reading:
    reader = Reader(name)
    own = _companion(files, "sdm")
    names = {file: key for key, file in sdm.ascii_names(_datasets(own)).items()}
    untouched = sdm.read(sdm.write(own.studies, tools.t_of), Reader(name)) if own.studies else {}
    return _merged(own, names, untouched, sdm.read(files, reader), reader, tools)


def _datasets(reading: Reading) -> list[Item]:
    return [dataset for study in reading.studies for dataset in study["datasets"]]


def _read_sleuth(name: str, files: Mapping[str, bytes], tools: Tools) -> Reading:
    reader = Reader(name)
    own = _companion(files, "sleuth")
    names = sleuth.names(own.studies)
    written = sleuth.write(own.studies)[sleuth.ALL].decode() if names else ""
    untouched = sleuth.read(written, Reader(name)) if names else {}
    found = sleuth.read(text_of(sleuth.ALL, files[sleuth.ALL]), reader)
    _say_directions(found, names, reader)
    return _merged(own, names, untouched, found, reader, tools)


def _say_directions(found: Mapping[str, PlainDataset], names: Mapping[str, str], reader: Reader) -> None:
    if set(found) - set(names):
        message = "The format has no directions and no statistics: every peak is taken as positive, sign only."
        reader.warn(message, "Correct the sign of peaks where the first group is lower.")


def _read_text(name: str, text: str, tools: Tools) -> Reading:
    if sleuth.is_sleuth(text):
        reader = Reader(name)
        found = sleuth.read(text, reader)
        _say_directions(found, {}, reader)
        return _merged(Reading("sleuth"), {}, {}, found, reader, tools)
    message = "is a text of no known format."
    mend = f"Known are {FORMATS}. A table of peaks is imported on the page of its dataset."
    raise UnreadableError(name, message, mend)
