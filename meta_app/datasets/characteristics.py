"""The table of characteristics that a paper prints first: who was compared, how it was measured. Plain Python.

Grouped by comparison and modality; one line for a contrast, its metrics together where they were measured alike. Means
are given ± SD; what was not reported is a dash; references are numbered in the order of the table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from meta_app.common.words import counted
from meta_app.datasets.domain import DatasetRow, GroupRow, Snapshot, shared_cohorts

NOT_REPORTED = "–"
COLUMNS = (
    "Study", "Group A, n (women)", "Age A, years", "Education A, years", "Duration A", "Scales A",
    "Group B, n (women)", "Age B, years", "Education B, years", "Duration B", "Treatment", "Scanner", "Scan time, s",
    "Slice, mm", "Software", "FWHM, mm", "Metrics", "Threshold",
)  # fmt: skip
NO_UNIT = "†"
SHARED = "‡"
FOOTNOTES = {
    NO_UNIT: "The report states no unit.",
    SHARED: "Rests on the same people as another line of this table.",
}


@dataclass(frozen=True)
class Block:
    title: str
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Characteristics:
    blocks: tuple[Block, ...]
    notes: tuple[str, ...]
    references: tuple[str, ...] = field(default=())


def characteristics(snapshot: Snapshot, words: Mapping[str, str]) -> Characteristics:
    """The table of a version; `words` names comparisons, modalities, kinds of groups and software by their keys."""
    numbers: dict[str, int] = {}
    reports = {report["key"]: report for report in snapshot.content["reports"]}
    shared = {key for keys in shared_cohorts(_one_of_each(snapshot.datasets)).values() for key in keys}
    blocks = []
    order = sorted({(row.comparison, row.modality) for row in snapshot.datasets})
    for comparison, modality in order:
        rows = [row for row in snapshot.datasets if (row.comparison, row.modality) == (comparison, modality)]
        lines = [
            _line(alike, [numbers.setdefault(key, len(numbers) + 1) for key in alike[0].reports], words, shared)
            for alike in _alike(rows)
        ]
        title = f"{words.get(comparison, comparison)}: {words.get(modality, modality)}"
        blocks.append(Block(f"{title} ({counted(len(lines), 'line')}, {counted(len(rows), 'dataset')})", tuple(lines)))
    used = "".join(cell for block in blocks for row in block.rows for cell in row)
    notes = ["Values are mean ± SD; n is the number of people analysed; – is not reported."]
    notes += [f"{mark} {text}" for mark, text in FOOTNOTES.items() if mark in used]
    references = tuple(f"{number}. {_reference(reports.get(key, {}))}" for key, number in numbers.items())
    return Characteristics(tuple(blocks), tuple(notes), references)


def _one_of_each(rows: Iterable[DatasetRow]) -> list[DatasetRow]:
    """One dataset of each contrast, so that several metrics are no shared cohort."""
    return list({row.contrast: row for row in rows}.values())


def _alike(rows: Iterable[DatasetRow]) -> list[list[DatasetRow]]:
    """Datasets of one contrast that differ in their metric only."""
    groups: dict[tuple[object, ...], list[DatasetRow]] = {}
    for row in rows:
        methods = (
            row.software_reported,
            row.software,
            row.fwhm_mm,
            row.threshold_reported,
            repr(sorted(row.values.items())),
        )
        groups.setdefault((*row.contrast, *methods), []).append(row)
    return list(groups.values())


def _line(alike: list[DatasetRow], numbers: list[int], words: Mapping[str, str], shared: set[str]) -> tuple[str, ...]:
    row = alike[0]
    mark = SHARED if any(item.key in shared for item in alike) else ""
    first, second = row.group_a, row.group_b
    return (
        f"{row.study}{mark}" + (f" [{', '.join(map(str, numbers))}]" if numbers else ""),
        *_people(first, words), _scales(first),
        *(_people(second, words) if second else ("",) * 4),
        _treatment(row.cohort_values), _scanner(row.values),
        _number(row.values.get("scan_time")), _number(row.values.get("slice_thickness")),
        row.software_reported or words.get(row.software, row.software), _number(row.fwhm_mm),
        ", ".join(item.metric for item in alike), row.threshold_reported or NOT_REPORTED,
    )  # fmt: skip


def _people(group: GroupRow, words: Mapping[str, str]) -> tuple[str, str, str, str]:
    women = "" if group.n_female is None else f" ({group.n_female})"
    name = group.label or words.get(group.kind, group.kind)
    duration = _mean(group.duration_mean, group.duration_sd)
    if duration != NOT_REPORTED:
        duration += NO_UNIT if group.duration_unit in ("", "unstated") else f" {group.duration_unit}"
    age, education = _mean(group.age_mean, group.age_sd), _mean(group.education_mean, group.education_sd)
    return f"{name}, {_number(group.n)}{women}", age, education, duration


def _mean(mean: float | None, sd: float | None) -> str:
    if mean is None:
        return NOT_REPORTED if sd is None else f"SD {sd:g}"
    return f"{mean:g}" if sd is None else f"{mean:g} ± {sd:g}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else NOT_REPORTED


def _treatment(values: Mapping[str, Any]) -> str:
    """What was done, and the time between before and after."""
    time = values.get("treatment_duration")
    between = ""
    if isinstance(time, Mapping) and time.get("value") is not None:
        unit = time.get("unit")
        between = f"{_number(time['value'])}{NO_UNIT if unit in (None, 'unstated') else f' {unit}'}"
    return ", ".join(part for part in (str(values.get("treatment") or ""), between) if part) or NOT_REPORTED


def _scanner(values: Mapping[str, Any]) -> str:
    strength = values.get("field_strength")
    parts = [str(values.get("scanner") or ""), f"{strength:g} T" if isinstance(strength, int | float) else ""]
    return ", ".join(part for part in parts if part) or NOT_REPORTED


def _scales(group: GroupRow) -> str:
    scales = group.values.get("scales")
    told = [
        " ".join(
            str(part)
            for part in (scale.get("name"), scale.get("when"), _mean(scale.get("mean"), scale.get("sd")))
            if part
        )
        for scale in (scales if isinstance(scales, list) else [])
        if isinstance(scale, Mapping)
    ]
    return "; ".join(told) or NOT_REPORTED


def _reference(report: Mapping[str, Any]) -> str:
    if report.get("reference"):
        return str(report["reference"])
    parts = [report.get("authors"), report.get("title"), report.get("source"), report.get("year")]
    doi = f" doi:{report['doi']}" if report.get("doi") else ""
    return ". ".join(str(part).rstrip(".") for part in parts if part) + "." + doi
