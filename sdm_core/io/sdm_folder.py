"""A folder of SDM-PSI inputs.

``sdm_table.txt`` has one row per study.  Beside it lies one file per study:

- ``STUDY.SOFTWARE_SPACE.txt``, SOFTWARE one of spm, fsl, other, SPACE one of mni, tal: one peak per line, x, y, z in
  mm and the t value, or ``p`` / ``n`` where only the sign is known;
- ``STUDY.no_peaks.txt``: the study found nothing in the whole brain;
- ``STUDY.nii.gz``, ``STUDY.STATISTIC.nii.gz`` or ``STUDY.STATISTIC_SPACE.nii.gz``: the study's map, as
  `sdm_core.io.images` has it.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from sdm_core.errors import InputError, Problem, raise_errors
from sdm_core.io import text
from sdm_core.io.images import ImageName, effect_problems, image_name, read_image
from sdm_core.io.nifti import write_map
from sdm_core.studies import PeakTable, StudyImage, StudyTable, parse_peaks, parse_studies
from sdm_core.studies.table import COLUMNS

TABLE_NAME: Final = "sdm_table.txt"
NO_PEAKS: Final = "no_peaks"

_STUDY_FILE: Final = re.compile(
    r"(?P<study>.+)\.(?:(?P<software>spm|fsl|other)_(?P<space>mni|tal)|no_peaks)\.txt", re.IGNORECASE
)
_KINDS: Final = "spm_mni, fsl_mni, other_mni, spm_tal, fsl_tal, other_tal or no_peaks"
_MAP_KINDS: Final = "STUDY.nii.gz, STUDY.t_mni.nii.gz, STUDY.t_spm_tal.nii.gz; z or g for t"
_PEAK_COLUMNS: Final = 4

Row = dict[str, str]


@dataclass(frozen=True)
class _StudyFile:
    path: Path
    study: str
    software: str
    space: str
    image: ImageName | None = None

    @property
    def is_silent(self) -> bool:
        return not self.space and self.image is None


@dataclass(frozen=True)
class _Folder:
    """What a folder holds, as far as it could be read."""

    studies: StudyTable | None
    peaks: PeakTable | None
    problems: list[Problem]
    inputs: dict[str, str]


def read_sdm_folder(path: str | Path) -> tuple[StudyTable, PeakTable, list[Problem], dict[str, str]]:
    """Read a folder.

    Returns
    -------
    studies : StudyTable
    peaks : PeakTable
    warnings : list of Problem
    inputs : dict
        sha256 of every file that was read, by its name.

    Raises
    ------
    InputError
        With every problem of every file.
    """
    folder = _read(Path(path))
    raise_errors(folder.problems)
    if folder.studies is None or folder.peaks is None:
        raise InputError(folder.problems)
    return folder.studies, folder.peaks, folder.problems, folder.inputs


def check_sdm_folder(path: str | Path) -> list[Problem]:
    """Every problem of a folder, errors and warnings; empty if there is none."""
    return _read(Path(path)).problems


def inspect_sdm_folder(path: str | Path) -> tuple[StudyTable | None, PeakTable | None, list[Problem]]:
    """The tables of a folder as far as they could be read, and every problem of it."""
    folder = _read(Path(path))
    return folder.studies, folder.peaks, folder.problems


def _read(folder: Path) -> _Folder:
    table_path = _find_table(folder)
    if table_path is None:
        mend = f"Give a folder with {TABLE_NAME} and one file per study."
        message = "is not a folder" if not folder.is_dir() else f"has no {TABLE_NAME}"
        return _Folder(None, None, [Problem(str(folder), message, mend)], {})
    rows, problems = _read_table(table_path)
    names = [row["study"] for row in rows]
    files, more = _study_files(folder, names)
    problems += [*more, *_check_files(names, files)]
    images, more = _read_images(files)
    problems += more
    silent = {study for study, found in files.items() if any(file.is_silent for file in found)}
    studies, more = parse_studies((row | {NO_PEAKS: str(int(row["study"] in silent))} for row in rows), images)
    problems += more
    peaks, more = _read_peaks(files, studies)
    problems += [*more, *(effect_problems(studies) if studies else [])]
    used = [table_path, *(file.path for found in files.values() for file in found)]
    return _Folder(studies, peaks, problems, {file.name: _sha256(file) for file in used})


def _read_images(files: Mapping[str, list[_StudyFile]]) -> tuple[dict[str, StudyImage], list[Problem]]:
    """Maps of the studies that have one alone; two files of a study are a problem of their own."""
    images: dict[str, StudyImage] = {}
    problems: list[Problem] = []
    for study, found in files.items():
        if len(found) == 1 and found[0].image is not None:
            image, more = read_image(found[0].path, found[0].image)
            problems += more
            if image is not None:
                images[study] = image
    return images, problems


def _find_table(folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    return next((path for path in sorted(folder.iterdir()) if path.name.lower() == TABLE_NAME), None)


def _read_table(path: Path) -> tuple[list[Row], list[Problem]]:
    """Rows of the table by column; known columns are found whatever their case."""
    lines = text.numbered_lines(path)
    if not lines:
        return [], [Problem(path.name, "is empty", "Give a header line and one line per study.")]
    delimiter = text.delimiter_of(lines[0][1])
    header = [_column_name(cell) for cell in text.split_table_line(lines[0][1], delimiter)]
    missing = [column for column in ("study", "n1") if column not in header]
    if missing:
        mend = "The first line must name the columns: study, n1, then n2, t_thr, threshold and covariates."
        return [], [Problem(path.name, f"has no column {' and no column '.join(missing)}", mend)]
    rows, problems = [], _repeated_columns(path, header)
    for number, line in lines[1:]:
        cells = text.split_table_line(line, delimiter)
        surplus = [cell for cell in cells[len(header) :] if cell]
        if surplus or len(cells) < len(header):
            message = f"has {len(cells)} cells, the header has {len(header)}"
            mend = "Give one cell per column; write NA where a value is missing."
            problems.append(Problem(f"{path.name}, line {number}", message, mend, row=number))
        else:
            rows.append(dict(zip(header, cells, strict=False)))
    return rows, problems


def _column_name(cell: str) -> str:
    return cell.lower() if cell.lower() in COLUMNS else cell


def _repeated_columns(path: Path, header: list[str]) -> list[Problem]:
    repeated = sorted({column for column in header if header.count(column) > 1})
    return [
        Problem(path.name, f"has the column {column} twice", "Rename or delete one.", field=column)
        for column in repeated
    ]


def _study_files(folder: Path, names: list[str]) -> tuple[dict[str, list[_StudyFile]], list[Problem]]:
    """Files by study, and what is strange about the others."""
    files: dict[str, list[_StudyFile]] = defaultdict(list)
    problems: list[Problem] = []
    for path in sorted(folder.iterdir()):
        match, image = _STUDY_FILE.fullmatch(path.name), image_name(path.name, names)
        if image is not None:
            files[image.study].append(_StudyFile(path, image.study, "", "", image))
        elif match is None:
            problems += _strange_file(path, names)
        elif match["study"] not in names:
            problems.append(_file_without_study(path, match["study"], names))
        else:
            software, space = (match[part] or "" for part in ("software", "space"))
            files[match["study"]].append(_StudyFile(path, match["study"], software.lower(), space.lower()))
    return files, problems


def _strange_file(path: Path, names: list[str]) -> Iterator[Problem]:
    study = next((name for name in names if path.name.startswith(f"{name}.")), None)
    is_map = path.name.lower().endswith((".nii", ".nii.gz"))
    other_case = next((name for name in names if path.name.lower().startswith(f"{name.lower()}.")), None)
    if is_map and other_case and study is None:
        yield _file_without_study(path, path.name[: len(other_case)], names)
    if study is None:
        return
    if is_map:
        message, mend = "is a map with an unknown name and is not read", f"Name it as one of {_MAP_KINDS}."
        yield Problem(f"file {path.name}", message, mend, "warning", study)
    else:
        mend = f"Name it {study}.KIND.txt with KIND one of {_KINDS}."
        yield Problem(f"file {path.name}", "is of an unknown kind and is not read", mend, "warning", study)


def _file_without_study(path: Path, study: str, names: list[str]) -> Problem:
    similar = next((name for name in names if name.lower() == study.lower()), None)
    mend = f"Is it {similar}? Upper and lower case count." if similar else "Add the study to the table or leave it out."
    return Problem(f"file {path.name}", f"belongs to no study of {TABLE_NAME} and is not read", mend, "warning", study)


def _check_files(names: list[str], files: Mapping[str, list[_StudyFile]]) -> Iterator[Problem]:
    for name in names:
        found = files.get(name, [])
        if not found:
            mend = f"Add {name}.KIND.txt with KIND one of {_KINDS}, or its map {name}.nii.gz."
            yield Problem(f"study {name}", "has no file", mend, study=name)
        elif len(found) > 1:
            listed = ", ".join(file.path.name for file in found)
            yield Problem(f"study {name}", f"has several files: {listed}", "Keep one of them.", study=name)


def _read_peaks(
    files: Mapping[str, list[_StudyFile]], studies: StudyTable | None
) -> tuple[PeakTable | None, list[Problem]]:
    """Peaks of the studies that could be read; what is wrong with lines and with values."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for file in (file for found in files.values() for file in found if file.image is None):
        found, more = _peak_rows(file)
        rows += found
        problems += more
    if studies is None:
        return None, problems
    broken = {problem.study for problem in problems if problem.level == "error"}
    absent = {name for name in studies.names if all(file.image for file in files.get(name, []))}
    peaks, more = parse_peaks([row for row in rows if row["study"] in studies.names], studies)
    unexplained = [problem for problem in more if not (_says_no_peak(problem) and problem.study in broken | absent)]
    return peaks, problems + unexplained


def _says_no_peak(problem: Problem) -> bool:
    return problem.row is None and problem.field is None


def _peak_rows(file: _StudyFile) -> tuple[list[Row], list[Problem]]:
    lines = text.numbered_lines(file.path)
    if file.is_silent:
        return [], _check_silent(file, lines)
    if lines and _is_header(lines[0][1]):
        lines = lines[1:]
    rows, problems = [], []
    for number, line in lines:
        place = f"{file.path.name}, line {number}"
        cells = text.cells_of_line(line)
        if len(cells) == _PEAK_COLUMNS:
            named = dict(zip(("x", "y", "z", "statistic"), cells, strict=True))
            rows.append(named | {"study": file.study, "space": file.space, "software": file.software, "place": place})
        else:
            problems.append(_bad_line(place, line, cells, file.study, number))
    return rows, problems


def _is_header(line: str) -> bool:
    """Whether a line names the columns x, y, z, perhaps with their unit."""
    letters = [cell.lower()[:1] for cell in text.cells_of_line(line) if cell.strip("()[]").lower() != "mm"]
    return letters[:3] == ["x", "y", "z"]


def _bad_line(place: str, line: str, cells: list[str], study: str, number: int) -> Problem:
    message = f"has {len(cells)} values instead of x, y, z, t"
    mend = "Write four values per line, with commas, tabs or blanks between them."
    if text.has_decimal_commas(line, _PEAK_COLUMNS):
        message, mend = "has decimal commas", "Write numbers with a point, such as 3.17."
    elif len(cells) == _PEAK_COLUMNS - 1:
        mend = "Add the t value, or p (n) for a peak known only as positive (negative)."
    return Problem(place, message, mend, study=study, row=number)


def _check_silent(file: _StudyFile, lines: list[tuple[int, str]]) -> list[Problem]:
    if not lines:
        return []
    mend = "Empty it, or give it the name of a peak file."
    return [Problem(f"file {file.path.name}", "should be empty; its lines are not read", mend, "warning", file.study)]


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_sdm_folder(path: str | Path, studies: StudyTable, peaks: PeakTable) -> None:
    """Write a folder that `read_sdm_folder` reads back to the same tables.

    Coordinates are written as ``other_mni``, in full precision; maps on the grid of the analyses.
    """
    folder = Path(path)
    folder.mkdir(parents=True, exist_ok=True)
    table = "\n".join("\t".join(cells) for cells in _table_lines(studies))
    (folder / TABLE_NAME).write_text(table + "\n", "utf-8")
    for index, name in enumerate(studies.names):
        image = studies.images[index]
        if image is not None:
            intent = ("t test", (image.df,)) if image.df is not None else ("none", ())
            write_map(folder / f"{name}.{image.statistic}.nii.gz", image.values, f"{image.statistic} of {name}", intent)
        elif studies.no_peaks[index]:
            (folder / f"{name}.{NO_PEAKS}.txt").write_text("", "utf-8")
        else:
            lines = (_peak_line(peaks, place) for place in peaks.of_study(index))
            (folder / f"{name}.other_mni.txt").write_text("".join(lines), "utf-8")


def _table_lines(studies: StudyTable) -> Iterator[list[str]]:
    fixed = ["study", "n1", "n2", "t_thr", "threshold", "design", *(["nuisance"] if any(studies.images) else [])]
    yield [*fixed, *studies.covariates, *studies.labels]
    for index, name in enumerate(studies.names):
        covariates = (_cell(values[index]) for values in studies.covariates.values())
        labels = (values[index] or "NA" for values in studies.labels.values())
        sizes = (str(studies.n1[index]), str(studies.n2[index]))
        kind = studies.threshold_kind[index] or "NA"
        own = [name, *sizes, _cell(studies.t_threshold[index]), kind, studies.design[index]]
        if any(studies.images):
            own.append(_nuisance(studies, index))
        yield [*own, *covariates, *labels]


def _nuisance(studies: StudyTable, index: int) -> str:
    """Covariates of the study's own model, which its map has told by its degrees of freedom."""
    image = studies.images[index]
    return "NA" if image is None or image.df is None else str(round(float(studies.df[index]) - image.df))


def _peak_line(peaks: PeakTable, place: np.intp) -> str:
    t = peaks.t[place]
    sign_only = "p" if peaks.sign[place] > 0 else "n"
    return ",".join([*map(_cell, peaks.mm[place]), sign_only if np.isnan(t) else _cell(t)]) + "\n"


def _cell(value: float) -> str:
    return "NA" if np.isnan(value) else repr(float(value))
