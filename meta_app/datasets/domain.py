"""The agreed dataset in plain Python: its canonical text, its rows, what they count, and how two versions differ.

`load_snapshot` turns the frozen text into flat rows, one per dataset (a contrast in one metric), each carrying its
study, its cohort's identity and its groups. `select` filters them, `count_units` counts them with units.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

FORMAT = "concord-agreed-dataset/1"
UNITS = ("reports", "studies", "cohorts", "datasets", "peaks")


def canonical_json(content: Mapping[str, Any]) -> str:
    """The one text of a content: sorted keys, no blanks, UTF-8 as it is, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(text: str) -> str:
    """SHA-256 of the UTF-8 bytes, as 64 hex digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


@dataclass(frozen=True)
class GroupRow:
    """Part of a cohort at one time; n is the number of people analysed, ages and education in years."""

    key: str
    kind: str
    label: str = ""
    n: int | None = None
    n_female: int | None = None
    age_mean: float | None = None
    age_sd: float | None = None
    education_mean: float | None = None
    education_sd: float | None = None
    duration_mean: float | None = None
    duration_sd: float | None = None
    duration_unit: str = ""


@dataclass(frozen=True)
class PeakRow:
    """A peak: MNI mm in x, y, z; statistic is None where only the sign (+1 or -1) was reported."""

    x: float
    y: float
    z: float
    sign: int
    statistic_kind: str = "none"
    statistic: float | None = None
    x_reported: float | None = None
    y_reported: float | None = None
    z_reported: float | None = None
    cluster_size: float | None = None
    cluster_unit: str = ""
    label: str = ""
    page: str = ""


@dataclass(frozen=True)
class DatasetRow:
    """A contrast in one metric, with its study, cohort and groups beside it.

    `cohort` is the identity of the people scanned: equal in two rows means the same people.
    """

    key: str
    study: str
    year: int | None
    reports: tuple[str, ...]
    label: str
    comparison: str
    modality: str
    metric: str
    design: str
    cohort: str
    cohort_label: str
    group_a: GroupRow
    group_b: GroupRow | None
    software: str = "other"
    software_reported: str = ""
    fwhm_mm: float | None = None
    space: str = "unknown"
    threshold_kind: str = "unknown"
    threshold_reported: str = ""
    t_threshold: float | None = None
    peaks_state: str = "peaks"
    peaks: tuple[PeakRow, ...] = ()

    @property
    def n1(self) -> int | None:
        """People in group A."""
        return self.group_a.n

    @property
    def n2(self) -> int | None:
        """People in group B; 0 when there is none."""
        return self.group_b.n if self.group_b else 0


@dataclass(frozen=True)
class Snapshot:
    """An agreed dataset as rows, in the order of their keys."""

    project: str
    source_note: str
    datasets: tuple[DatasetRow, ...]
    content: Mapping[str, Any] = field(repr=False)


def load_snapshot(content: str | Mapping[str, Any]) -> Snapshot:
    """Read a frozen content.

    Parameters
    ----------
    content : str or mapping
        `AgreedDataset.content`, or that text already parsed.

    Raises
    ------
    ValueError
        If the format is not the one this version writes.
    """
    parsed = json.loads(content) if isinstance(content, str) else content
    if parsed.get("format") != FORMAT:
        raise ValueError(f"This is not an agreed dataset of the format {FORMAT}.")
    rows = [row for study in parsed["studies"] for row in _dataset_rows(study)]
    return Snapshot(
        project=parsed["project"]["name"],
        source_note=parsed["project"]["source_note"],
        datasets=tuple(sorted(rows, key=lambda row: row.key)),
        content=parsed,
    )


def _dataset_rows(study: Mapping[str, Any]) -> list[DatasetRow]:
    cohorts = {cohort["key"]: cohort for cohort in study["cohorts"]}
    groups = {group["key"]: GroupRow(**group) for cohort in study["cohorts"] for group in cohort["groups"]}
    return [_dataset_row(study, dataset, cohorts[dataset["cohort"]], groups) for dataset in study["datasets"]]


def _dataset_row(
    study: Mapping[str, Any], dataset: Mapping[str, Any], cohort: Mapping[str, Any], groups: Mapping[str, GroupRow]
) -> DatasetRow:
    named = {item.name: dataset[item.name] for item in fields(DatasetRow) if item.name in dataset}
    named |= {
        "study": study["label"],
        "year": study["year"],
        "reports": tuple(study["reports"]),
        "cohort": cohort_identity(study, cohort),
        "cohort_label": cohort["label"],
        "group_a": groups[dataset["group_a"]],
        "group_b": groups[dataset["group_b"]] if dataset["group_b"] else None,
        "peaks": tuple(PeakRow(**peak) for peak in dataset["peaks"]),
    }
    return DatasetRow(**named)


def cohort_identity(study: Mapping[str, Any], cohort: Mapping[str, Any]) -> str:
    """The name shared by cohorts of the same people; a cohort without one is its own."""
    return str(cohort["identity"] or f"{study['label']} / {cohort['key']}")


def select(
    snapshot: Snapshot,
    comparison: str = "",
    modalities: Collection[str] = (),
    metrics: Collection[str] = (),
) -> tuple[DatasetRow, ...]:
    """The rows of one comparison, some modalities and some metrics; an empty filter lets everything through."""
    return tuple(
        row
        for row in snapshot.datasets
        if (not comparison or row.comparison == comparison)
        and (not modalities or row.modality in modalities)
        and (not metrics or row.metric in metrics)
    )


def count_units(rows: Iterable[DatasetRow]) -> dict[str, int]:
    """How many reports, studies, cohorts, datasets and peaks stand behind `rows`."""
    rows = list(rows)
    return {
        "reports": len({report for row in rows for report in row.reports}),
        "studies": len({row.study for row in rows}),
        "cohorts": len({row.cohort for row in rows}),
        "datasets": len(rows),
        "peaks": sum(len(row.peaks) for row in rows),
    }


def shared_cohorts(rows: Iterable[DatasetRow]) -> dict[str, tuple[str, ...]]:
    """Cohorts behind more than one of `rows`: identity -> keys of the datasets that rest on the same people."""
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        keys[row.cohort].append(row.key)
    return {cohort: tuple(found) for cohort, found in keys.items() if len(found) > 1}


def compare_contents(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What changed from one content to another, in sentences: project, reports, studies, datasets, peaks."""
    sentences = []
    if before["project"] != after["project"]:
        sentences.append("The project's name or source note changed.")
    sentences += _compare_keyed(
        "Report", _keyed(before["reports"], "key"), _keyed(after["reports"], "key"), _report_name
    )
    old, new = _keyed(before["studies"], "label"), _keyed(after["studies"], "label")
    for label in sorted(old.keys() | new.keys()):
        sentences += _compare_study(label, old.get(label), new.get(label))
    return sentences


def _keyed(items: Iterable[Mapping[str, Any]], name: str) -> dict[str, Mapping[str, Any]]:
    return {item[name]: item for item in items}


def _report_name(report: Mapping[str, Any]) -> str:
    return str(report["reference"] or report["title"] or report["authors"] or report["doi"])[:120]


def _compare_keyed(
    noun: str,
    old: Mapping[str, Mapping[str, Any]],
    new: Mapping[str, Mapping[str, Any]],
    name: Callable[[Mapping[str, Any]], str] = lambda item: str(item["key"]),
) -> list[str]:
    gone = [f"{noun} removed: {name(old[key])}." for key in sorted(old.keys() - new.keys())]
    come = [f"{noun} added: {name(new[key])}." for key in sorted(new.keys() - old.keys())]
    return gone + come


def _compare_study(label: str, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> list[str]:
    if old is None or new is None:
        present = new or old or {}
        peaks = sum(len(dataset["peaks"]) for dataset in present["datasets"])
        verb = "removed" if new is None else "added"
        return [f"Study {verb}: {label} ({_of(len(present['datasets']), 'dataset')}, {_of(peaks, 'peak')})."]
    sentences = []
    changed = [word for word in ("year", "reports", "cohorts") if old[word] != new[word]]
    if changed:
        sentences.append(f"{label}: {' and '.join(changed)} changed.")
    before, after = _keyed(old["datasets"], "key"), _keyed(new["datasets"], "key")
    sentences += _compare_keyed("Dataset", before, after)
    for key in sorted(before.keys() & after.keys()):
        sentences += _compare_dataset(key, before[key], after[key])
    if not sentences and old["revision"] != new["revision"]:
        sentences.append(f"{label}: revision {new['revision']} confirms the values of revision {old['revision']}.")
    return sentences


def _compare_dataset(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    changed = [
        f"{name.replace('_', ' ')} {_shown(old[name])} became {_shown(new[name])}"
        for name in sorted(old)
        if name != "peaks" and old[name] != new[name]
    ]
    moved = _peak_change(old["peaks"], new["peaks"])
    return [f"{key}: {'; '.join(changed + moved)}."] if changed or moved else []


def _shown(value: object) -> str:
    return "(empty)" if value in (None, "") else str(value)


def _peak_change(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[str]:
    """Peaks are told apart by their place: the same place with other values counts as changed."""
    gone = Counter(canonical_json(peak) for peak in old)
    come = Counter(canonical_json(peak) for peak in new)
    lost, found = list((gone - come).elements()), list((come - gone).elements())
    if not lost and not found:
        return ["peaks in another order"] if old != new else []
    changed = sum((Counter(map(_place, lost)) & Counter(map(_place, found))).values())
    counted = {"added": len(found) - changed, "removed": len(lost) - changed, "changed": changed}
    return [f"{_of(number, 'peak')} {verb}" for verb, number in counted.items() if number]


def _place(peak: str) -> tuple[float, float, float]:
    parsed = json.loads(peak)
    return parsed["x"], parsed["y"], parsed["z"]


def _of(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
