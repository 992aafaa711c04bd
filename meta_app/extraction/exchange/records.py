"""The neutral record of a study: the shape that is frozen, with every field there and of its type.

A study is a mapping: label, year, reports (their keys), note, values, sources, cohorts (with their groups), datasets
(with their peaks). Cohorts, groups and datasets have a key that the others name them by.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Item = dict[str, Any]
Kind = Literal["text", "integer", "number", "flag"]

REPORT_FIELDS: Final = ("authors", "year", "title", "source", "kind", "language", "doi", "reference")
COHORT_FIELDS: Final = ("label", "identity", "note")
GROUP_FIELDS: Final = (
    "kind", "label", "n", "n_female", "age_mean", "age_sd", "education_mean", "education_sd", "duration_mean",
    "duration_sd", "duration_unit",
)  # fmt: skip
DATASET_FIELDS: Final = (
    "label", "comparison", "modality", "metric", "design", "software", "software_reported", "fwhm_mm", "space",
    "transform", "threshold_kind", "threshold_reported", "t_threshold", "peaks_state", "note",
)  # fmt: skip
PEAK_FIELDS: Final = (
    "x_reported", "y_reported", "z_reported", "x", "y", "z", "statistic_kind", "statistic", "statistic_reported",
    "sign", "turned", "p_kind", "cluster_size", "cluster_unit", "label", "hemisphere", "brodmann", "sub_peak",
    "page", "note", "confirmed",
)  # fmt: skip
STUDY_FIELDS: Final = ("label", "year", "note")
_NUMBERS: Final = frozenset(
    {
        "age_mean", "age_sd", "education_mean", "education_sd", "duration_mean", "duration_sd", "fwhm_mm",
        "t_threshold", "x", "y", "z", "x_reported", "y_reported", "z_reported", "statistic",
        "statistic_reported", "cluster_size",
    }
)  # fmt: skip
_INTEGERS: Final = frozenset({"year", "n", "n_female", "sign"})
_FLAGS: Final = frozenset({"sub_peak", "confirmed", "turned"})
_DEFAULTS: Final = {
    "software": "other", "space": "unknown", "threshold_kind": "unknown", "statistic_kind": "none",
    "report.kind": "article", "group.kind": "patients",
}  # fmt: skip
LONGEST_LABEL: Final = 120
MOST_PROBLEMS: Final = 1000
YEARS: Final = range(1500, 2101)


@dataclass(frozen=True)
class FileProblem:
    """What could not be taken: in which file and row, why, and what to do. An error lost something."""

    level: Literal["error", "warning"]
    file: str
    message: str
    mend: str
    row: int | None = None

    @property
    def place(self) -> str:
        return self.file if self.row is None else f"{self.file}, row {self.row}"


@dataclass(frozen=True)
class Reading:
    """What was understood of some files, and what was not."""

    format: str
    studies: tuple[Item, ...] = ()
    reports: Mapping[str, Item] = field(default_factory=dict)
    problems: tuple[FileProblem, ...] = ()

    @property
    def errors(self) -> tuple[FileProblem, ...]:
        return tuple(problem for problem in self.problems if problem.level == "error")


class UnreadableError(ValueError):
    """Nothing of a file can be used; `problem` says why and what to do."""

    def __init__(self, file: str, message: str, mend: str, row: int | None = None) -> None:
        super().__init__(f"{file}: {message}")
        self.problem = FileProblem("error", file, message, mend, row)


def kind_of(name: str) -> Kind:
    if name in _NUMBERS:
        return "number"
    if name in _INTEGERS:
        return "integer"
    return "flag" if name in _FLAGS else "text"


def read_json(text: str) -> Any:
    """What a JSON text says, if every database can hold it: no NaN, no infinity, no NUL, no half of a character.

    Raises
    ------
    ValueError
        With the sentence why not; JSONDecodeError names the line.
    """
    try:
        parsed = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        if _ODD_CHARACTER.search(text):
            _refuse_odd(parsed)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except (json.JSONDecodeError, OddJsonError):
        raise
    except ValueError as error:
        raise ValueError("holds a number of thousands of digits") from error
    return parsed


class OddJsonError(ValueError):
    """JSON that some database cannot hold."""


def _refuse_constant(word: str) -> float:
    raise OddJsonError(f"holds {word}, which is no number")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse_constant(text[:40])


def _refuse_odd(parsed: Any) -> None:
    try:
        plain = json.dumps(parsed, ensure_ascii=False).encode().decode()
    except UnicodeEncodeError:
        raise OddJsonError("holds half of a character") from None
    if _NUL.search(plain):
        raise OddJsonError("holds a character of code zero")


_ODD_CHARACTER: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def typed(name: str, raw: Any) -> Any:
    """The value of a field; ValueError with the sentence why not."""
    if raw is None or raw == "":
        return {"text": "", "flag": False}.get(kind_of(name))
    value = _READERS[kind_of(name)](raw)
    if name == "year" and value not in YEARS:
        raise ValueError(f"“{raw}” is not a year")
    return value


def _text(raw: Any) -> str:
    if isinstance(raw, bool | list | dict):
        raise ValueError("is not a text")
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    return str(raw)


def _number(raw: Any) -> float | int:
    if isinstance(raw, bool | list | dict):
        raise ValueError("is not a number")
    try:
        value = float(raw)
    except ValueError:
        raise ValueError(f"“{raw}” is not a number") from None
    if not math.isfinite(value) or abs(value) > 1e12:
        raise ValueError(f"“{raw}” is no number that can be meant")
    return int(value) if value.is_integer() else value


def _integer(raw: Any) -> int:
    value = _number(raw)
    if not isinstance(value, int):
        raise ValueError(f"“{raw}” is not a whole number")
    return value


def _flag(raw: Any) -> bool:
    words = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if isinstance(raw, bool):
        return raw
    if str(raw).strip().lower() in words:
        return words[str(raw).strip().lower()]
    raise ValueError(f"“{raw}” is neither yes nor no")


_READERS: Final = {"text": _text, "number": _number, "integer": _integer, "flag": _flag}


@dataclass
class Reader:
    """Brings raw records of one file into shape, and collects what does not fit."""

    file: str
    problems: list[FileProblem] = field(default_factory=list)

    def error(self, message: str, mend: str, row: int | None = None) -> None:
        self._tell(FileProblem("error", self.file, message, mend, row))

    def warn(self, message: str, mend: str, row: int | None = None) -> None:
        self._tell(FileProblem("warning", self.file, message, mend, row))

    def _tell(self, problem: FileProblem) -> None:
        """A file of another kind has as many problems as lines; nobody reads them all."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        elif len(self.problems) == MOST_PROBLEMS:
            message = f"There are more than {MOST_PROBLEMS:,} such places; no further one is listed."
            self.problems.append(FileProblem("error", self.file, message, "Is this the right file?"))

    def columns(self, level: str, names: Iterable[str], raw: Mapping[str, Any], where: str) -> Item:
        """The named fields; one that cannot be read is told, and stays as if it were not reported."""
        found: Item = {}
        for name in names:
            default = _DEFAULTS.get(f"{level}.{name}", _DEFAULTS.get(name, ""))
            try:
                found[name] = typed(name, raw.get(name))
            except ValueError as error:
                found[name] = typed(name, None)
                mend = f"Correct it in the file, or complete {name.replace('_', ' ')} after the import."
                self.error(f"{where}: {name.replace('_', ' ')} {error}.", mend)
            if found[name] == "":
                found[name] = default
        return found

    def extracted(self, raw: Mapping[str, Any]) -> Item:
        values, sources = raw.get("values"), raw.get("sources")
        return {
            "values": dict(values) if isinstance(values, Mapping) else {},
            "sources": {
                str(key): dict(source)
                for key, source in (sources.items() if isinstance(sources, Mapping) else ())
                if isinstance(source, Mapping)
            },
        }

    def report(self, raw: Any) -> Item | None:
        if not isinstance(raw, Mapping):
            self.error("A report is not an object.", "Leave it out, or write it as the export does.")
            return None
        key = str(raw.get("key") or "")
        return {"key": key, **self.columns("report", REPORT_FIELDS, raw, f"report {key}")}

    def study(self, raw: Any) -> Item | None:
        label = str(raw.get("label") or "").strip() if isinstance(raw, Mapping) else ""
        if not label or len(label) > LONGEST_LABEL:
            mend = f"Give each study a label of 1 to {LONGEST_LABEL} characters, such as Cao 2017."
            self.error("A study has no label." if not label else f"{label[:40]} … is too long a label.", mend)
            return None
        cohorts = [found for item in _rows(raw, "cohorts") if (found := self._cohort(item, label))]
        groups = {group["key"]: cohort["key"] for cohort in cohorts for group in cohort["groups"]}
        datasets = [kept for item in _rows(raw, "datasets") if (kept := self._dataset(item, label, groups))]
        reports = raw.get("reports")
        return {
            **self.columns("study", STUDY_FIELDS, {**raw, "label": label}, label),
            "reports": [str(key) for key in reports] if isinstance(reports, Sequence) else [],
            **self.extracted(raw),
            "cohorts": cohorts,
            "datasets": datasets,
        }

    def _cohort(self, raw: Mapping[str, Any], study: str) -> Item:
        columns = self.columns("cohort", COHORT_FIELDS, raw, f"{study}, cohort {raw.get('label')}")
        key = str(raw.get("key") or columns["label"])
        groups = [
            {
                "key": str(group.get("key") or f"{key} / {group.get('label') or group.get('kind')}"),
                **self.columns("group", GROUP_FIELDS, group, f"{study}, group {group.get('label')}"),
                **self.extracted(group),
            }
            for group in _rows(raw, "groups")
        ]
        return {"key": key, **columns, **self.extracted(raw), "groups": groups}

    def _dataset(self, raw: Mapping[str, Any], study: str, groups: Mapping[str, str]) -> Item | None:
        where = f"{study}, {raw.get('label') or 'a dataset without a label'}"
        columns = self.columns("dataset", DATASET_FIELDS, raw, where)
        group_a, group_b = (str(raw.get(name) or "") or None for name in ("group_a", "group_b"))
        if not columns["label"] or group_a not in groups or (group_b and group_b not in groups):
            message = f"{where}: its label or one of its groups is missing, so it is left out."
            self.error(message, "Name its group A (and B) by the key that the group has.")
            return None
        peaks = [self._peak(peak, where, number) for number, peak in enumerate(_rows(raw, "peaks"), start=1)]
        return {
            "key": str(raw.get("key") or f"{study} / {columns['label']}"),
            **columns,
            "cohort": groups[str(group_a)],
            "group_a": group_a,
            "group_b": group_b,
            **self.extracted(raw),
            "peaks": peaks,
        }

    def _peak(self, raw: Mapping[str, Any], dataset: str, number: int) -> Item:
        where = f"{dataset}, peak {number}"
        return {"space": str(raw.get("space") or ""), **self.columns("peak", PEAK_FIELDS, raw, where)}


def _rows(raw: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = raw.get(name)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, Sequence) else []


def shaped(file: str, kind: str, reports: Iterable[Any], studies: Iterable[Any]) -> Reading:
    """Raw records of a file in shape; of two studies with one label the first is kept."""
    reader = Reader(file)
    kept = {report["key"]: report for item in reports if (report := reader.report(item))}
    found: dict[str, Item] = {}
    for item in studies:
        study = reader.study(item)
        if study is not None and study["label"] in found:
            reader.error(f"{study['label']} is in the file twice; the first one is read.", "Give the second a letter.")
        elif study is not None:
            found[study["label"]] = study
    return Reading(kind, tuple(found.values()), kept, tuple(reader.problems))


def peak_cells(peak: Mapping[str, Any]) -> dict[str, str]:
    """The cells of the grid that a frozen peak is typed as: as reported, before a turn of its direction."""
    turned = bool(peak.get("turned"))
    sign = (-1 if turned else 1) * (peak["sign"] or 0)
    cells = {
        **{axis: _cell(peak.get(f"{axis}_reported")) or _cell(peak.get(axis)) for axis in "xyz"},
        "space": str(peak.get("space") or ""),
        "statistic": _cell(_as_reported(peak, turned)),
        "kind": str(peak["statistic_kind"]),
        "sign": {1: "+", -1: "-"}.get(sign, ""),
        "direction": "turned" if turned else "",
        "p_kind": str(peak.get("p_kind") or "").replace("_", "-"),
        "cluster_size": _cell(peak["cluster_size"]),
        **{name: str(peak.get(name) or "") for name in ("cluster_unit", "label", "hemisphere", "brodmann")},
        **{name: "yes" if peak.get(name) else "" for name in ("sub_peak", "confirmed")},
        **{name: str(peak.get(name) or "") for name in ("page", "note")},
    }
    return {name: text for name, text in cells.items() if text}


def _as_reported(peak: Mapping[str, Any], turned: bool) -> float | int | None:
    """What the paper prints, or what it must have printed to count as it does."""
    reported, counted = peak.get("statistic_reported"), peak["statistic"]
    if reported is not None or counted is None:
        return reported
    if peak["statistic_kind"] == "p":
        return float(counted) * (2 if peak.get("p_kind") == "two_tailed" else 1)
    return float(-counted if turned and peak["statistic_kind"] in ("t", "z", "r") else counted)


def _cell(value: float | int | None) -> str:
    if value is None:
        return ""
    return repr(int(value)) if float(value).is_integer() else repr(float(value))
