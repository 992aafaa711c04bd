"""The text of Sleuth and GingerALE: experiments with a reference space, a number of subjects, and coordinates.

It knows no statistic, no sign and no dataset without coordinates. Of two groups the smaller number is written, as the
kernel of such an analysis is to be no narrower than the smaller group allows.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from meta_app.extraction.exchange.plain import PlainDataset, PlainPeak
from meta_app.extraction.exchange.records import Item, Reader

ALL, HIGHER, LOWER = "sleuth.txt", "higher.txt", "lower.txt"
LONGEST_NUMBER: Final = 6
_SPACES: Final = {"mni": "mni", "talairach": "talairach", "tal": "talairach"}
_REFERENCE: Final = re.compile(r"reference\s*=\s*(\w+)", re.I)
_SUBJECTS: Final = re.compile(r"subjects\s*=\s*(\S+)", re.I)


def name_of(study: Item, dataset: Item) -> str:
    """What an experiment is called: on one line, as the format wants it."""
    return " ".join(f"{study['label']}: {dataset['label']}".split())


def write(studies: Iterable[Item]) -> dict[str, bytes]:
    """All experiments, and those of each direction alone."""
    rows = [(study, dataset) for study in studies for dataset in study["datasets"]]
    wanted: dict[str, Callable[[Item], bool]] = {
        ALL: lambda _peak: True,
        HIGHER: lambda peak: bool(peak["sign"] > 0),
        LOWER: lambda peak: bool(peak["sign"] < 0),
    }
    return {file: _text(rows, takes).encode() for file, takes in wanted.items()}


def names(studies: Iterable[Item]) -> dict[str, str]:
    """Key of each dataset that has an experiment, by the experiment's name."""
    return {name_of(study, item): item["key"] for study in studies for item in study["datasets"] if item["peaks"]}


def _text(rows: Iterable[tuple[Item, Item]], takes: Callable[[Item], bool]) -> str:
    parts = ["// Reference=MNI\n"]
    for study, dataset in rows:
        peaks = [peak for peak in dataset["peaks"] if takes(peak)]
        if peaks:
            lines = ("\t".join(_cell(peak[axis]) for axis in "xyz") for peak in peaks)
            subjects = f"// Subjects={_subjects(study, dataset)}\n"
            parts.append(f"// {name_of(study, dataset)}\n{subjects}" + "\n".join(lines) + "\n\n")
    return "".join(parts)


def _subjects(study: Item, dataset: Item) -> str:
    sizes = {group["key"]: group["n"] for cohort in study["cohorts"] for group in cohort["groups"]}
    wanted = [sizes[key] for key in (dataset["group_a"], dataset["group_b"]) if key and sizes[key] is not None]
    return str(min(wanted)) if wanted else "NA"


def _cell(value: float | int) -> str:
    return repr(int(value)) if float(value).is_integer() else repr(float(value))


# Reading


@dataclass
class _Experiment:
    names: list[str] = field(default_factory=list)
    n: int | None = None
    space: str = "unknown"
    peaks: list[PlainPeak] = field(default_factory=list)


def is_sleuth(text: str) -> bool:
    return bool(re.search(r"^\s*//\s*(reference|subjects)\s*=", text, re.I | re.M))


def read(text: str, reader: Reader) -> dict[str, PlainDataset]:
    """The experiments by name; a second one of a name gets a number."""
    found: dict[str, PlainDataset] = {}
    times: Counter[str] = Counter()
    for experiment in _experiments(text, reader):
        name = base = " ".join(experiment.names) or "Experiment"
        while name in found:
            times[base] += 1
            name = f"{base} ({times[base] + 1})"
        if experiment.n is None:
            reader.warn(f"{name}: the number of subjects is missing.", "Complete it after the import.")
        if experiment.space == "unknown":
            reader.warn(f"{name}: the reference space is missing.", "Choose MNI or Talairach after the import.")
        found[name] = PlainDataset(name, n1=experiment.n, space=experiment.space, peaks=tuple(experiment.peaks))
    if not found:
        reader.error("There is no experiment with coordinates.", "Each begins with // its name, // Subjects=12.")
    return found


def _experiments(text: str, reader: Reader) -> Iterator[_Experiment]:
    space = "unknown"
    current = _Experiment()
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if words.startswith("//"):
            if current.peaks:
                yield current
                current = _Experiment()
            space = _header(words.lstrip("/ ").strip(), current, space, number, reader)
        elif words:
            peak = _peak(words)
            current.space = space
            if peak is None:
                mend = "Write three numbers in mm, parted by tabs or blanks, with points as decimal signs."
                reader.error(f"“{words[:60]}” is no coordinate and is not read.", mend, number)
            else:
                current.peaks.append(peak)
    if current.peaks:
        yield current


def _header(words: str, current: _Experiment, space: str, number: int, reader: Reader) -> str:
    if match := _REFERENCE.match(words):
        if match[1].lower() not in _SPACES:
            reader.warn(f"The reference “{match[1]}” is not known.", "Write MNI or Talairach.", number)
        return _SPACES.get(match[1].lower(), "unknown")
    if match := _SUBJECTS.match(words):
        if match[1].isdecimal() and len(match[1]) <= LONGEST_NUMBER:
            current.n = int(match[1])
        elif match[1].upper() != "NA":
            reader.error(f"“{match[1]}” is no number of subjects.", "Write a whole number.", number)
    elif words:
        current.names.append(words)
    return space


def _peak(words: str) -> PlainPeak | None:
    cells = [cell for cell in re.split(r"[,;\s]+", words) if cell]
    try:
        x, y, z = (float(cell) for cell in cells)
    except ValueError:
        return None
    return PlainPeak((x, y, z), None, 1) if all(abs(value) < 1e4 for value in (x, y, z)) else None
