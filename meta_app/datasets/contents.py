"""An extraction as frozen content and as the agreement beside it.

Nothing here is a number of the database or the name of a person: the same data entered elsewhere gives the same text.
Keys of cohorts, groups and datasets are made of their labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meta_app.common.domain import canonical_json, digest
from meta_app.datasets.domain import said, tidy
from meta_app.extraction.exchange.records import (
    COHORT_FIELDS,
    DATASET_FIELDS,
    GROUP_FIELDS,
    PEAK_FIELDS,
    REPORT_FIELDS,
)
from meta_app.extraction.models import Cohort, Dataset, Extracted, Extraction, Group, Peak, Study
from meta_app.extraction.parsers import read_direction, read_number, read_space
from meta_app.library.models import Report

NOT_OF_THE_PAPER = ("file",)
"""What a source names that only this server knows."""
Content = dict[str, Any]
Keys = Mapping[Cohort | Group, str]


@dataclass(frozen=True)
class Frozen:
    """One study: its content, its agreement, the datasets left out, each with the reason."""

    content: Content
    agreement: Content
    left_out: list[tuple[Dataset, str]]


def study_content(study: Study, extraction: Extraction) -> Frozen:
    """What goes into a version of a study; `extraction` is the one that speaks for it, with all its rows."""
    reasons = [(dataset, why_left_out(dataset)) for dataset in extraction.datasets.all()]
    datasets = [dataset for dataset, reason in reasons if not reason]
    cohorts, keys = _cohort_contents(extraction, {dataset.cohort_id for dataset in datasets})
    contents = sorted((_dataset_content(study, dataset, keys) for dataset in datasets), key=lambda item: item["key"])
    content = {
        "label": tidy(study.label),
        "year": study.year,
        "reports": sorted({report_content(report)["key"] for report in study.reports.all()}),
        "note": tidy(extraction.note),
        **_extracted(extraction),
        "cohorts": sorted(cohorts, key=lambda item: item["key"]),
        "datasets": contents,
    }
    return Frozen(
        content, _agreement(study, extraction, datasets, keys), [item for item in reasons if item[1]]
    )  # fmt: skip


def why_left_out(dataset: Dataset) -> str:
    if dataset.peaks_state == Dataset.PeaksState.NOT_EXTRACTED:
        return "Its peaks are not extracted yet."
    empty = [peak.position for peak in dataset.peaks.all() if None in (peak.x, peak.y, peak.z, peak.sign)]
    return f"Row {empty[0]} of its peaks has no place or no sign." if empty else ""


def report_content(report: Report) -> Content:
    """A report under a key made of its own words."""
    values = tidy({name: getattr(report, name) for name in REPORT_FIELDS})
    words = (values["authors"] or values["title"] or values["reference"] or "Report").replace(",", " ").split()
    return {"key": f"{words[0] if words else 'Report'} {report.year or ''} {_short_hash(values)}", **values}


def _short_hash(values: Content) -> str:
    return digest(canonical_json(values))[:8]


def _extracted(row: Extracted) -> Content:
    """The answers to the form, and where each stands in the paper."""
    sources = {
        name: found
        for name, source in row.sources.items()
        if (found := said({key: str(item) for key, item in source.items() if key not in NOT_OF_THE_PAPER}))
    }
    return {"values": said(row.values), "sources": sources}


def _named(row: Any, names: tuple[str, ...]) -> Content:
    return tidy({name: getattr(row, name) for name in names})


def _cohort_contents(extraction: Extraction, used: set[int]) -> tuple[list[Content], Keys]:
    """The cohorts behind the frozen datasets, and the key of each cohort and group."""
    contents: list[Content] = []
    keys: dict[Cohort | Group, str] = {}
    taken: set[str] = set()
    for cohort in extraction.cohorts.all():
        if cohort.pk not in used:
            continue
        keys[cohort] = _free_key(tidy(cohort.label), taken)
        groups = []
        for group in cohort.groups.all():
            keys[group] = _free_key(f"{keys[cohort]} / {tidy(group.label) or group.kind}", taken)
            groups.append({"key": keys[group], **_named(group, GROUP_FIELDS), **_extracted(group)})
        groups.sort(key=lambda item: item["key"])
        contents.append(
            {"key": keys[cohort], **_named(cohort, COHORT_FIELDS), **_extracted(cohort), "groups": groups}
        )  # fmt: skip
    return contents, keys


def _free_key(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number where it is taken."""
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted} ({number})", number + 1
    taken.add(key)
    return key


def _dataset_content(study: Study, dataset: Dataset, keys: Keys) -> Content:
    return {
        "key": _dataset_key(study, dataset),
        **_named(dataset, DATASET_FIELDS),
        "cohort": keys[dataset.cohort],
        "group_a": keys[dataset.group_a],
        "group_b": keys[dataset.group_b] if dataset.group_b else None,
        **_extracted(dataset),
        "peaks": [_peak_content(peak) for peak in dataset.peaks.all()],
    }


def _dataset_key(study: Study, dataset: Dataset) -> str:
    return f"{tidy(study.label)} / {tidy(dataset.label)}"


def _peak_content(peak: Peak) -> Content:
    """What counts, and what was reported: the number as printed, a turned direction, a space of the row's own."""
    cells = {name: str(peak.cells.get(name, "")) for name in ("space", "statistic", "direction")}
    reported = {
        "space": read_space(cells["space"]).value or "",
        "statistic_reported": read_number(cells["statistic"], "statistic").value,
        "turned": read_direction(cells["direction"]).value == "turned",
    }
    stored = tuple(name for name in PEAK_FIELDS if name not in reported)
    return {**_named(peak, stored), **tidy(reported)}


# The agreement


def _agreement(study: Study, extraction: Extraction, datasets: list[Dataset], keys: Keys) -> Content:
    """Where each value of a consensus came from, by the key of its row; empty for a single reviewer's extraction."""
    rows: list[tuple[str, Extracted]] = [("study", extraction)]
    rows += [(key, row) for row, key in keys.items()]
    rows += [(_dataset_key(study, dataset), dataset) for dataset in datasets]
    peaks = {
        _dataset_key(study, dataset): [_plain_origin(peak.origin) for peak in dataset.peaks.all()]
        for dataset in datasets
        if any(peak.origin for peak in dataset.peaks.all())
    }
    return {
        "label": tidy(study.label),
        "position": extraction.position,
        "revision": extraction.revision,
        "origins": {key: origins for key, row in rows if (origins := _origins(row))},
        "peaks": peaks,
    }


def _origins(row: Extracted) -> Content:
    return {name: _plain_origin(origin) for name, origin in row.origins.items()}


def _plain_origin(origin: Any) -> Any:
    """From whom and why; who settled it and when is in the audit trail."""
    if isinstance(origin, Mapping):
        return said({name: item for name, item in origin.items() if name not in ("by", "at")})
    return tidy(origin)
