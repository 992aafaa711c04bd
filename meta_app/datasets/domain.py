"""The agreed dataset in plain Python: its rows, and what they count.

What is frozen has two parts. The content is what the papers say: its hash is the version's name, and a copy that went
through another program and back has the same one. The agreement beside it says how the team came to it: revisions,
where each value of a consensus came from, quality totals, the project's name.

`load_snapshot` turns both into flat rows, one per dataset (a contrast in one metric), each carrying its study, its
cohort's identity and its groups. `select` filters them, `count_units` counts them with units.
"""

import json
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, fields
from operator import itemgetter
from typing import Any, TypeVar

FORMAT = "concord-agreed-dataset/2"
FIRST_FORMAT = "concord-agreed-dataset/1"
"""Held project, revisions and data in one text; its versions are still read."""
AGREEMENT_FORMAT = "concord-agreement/1"
UNITS = ("reports", "studies", "cohorts", "contrasts", "datasets", "maps", "peaks")
WHOLE_MAP = "map"
"""The state of a dataset whose result is a map instead of peaks."""
WITHOUT_HEIGHT = frozenset({"sign_only", "threshold_only"})
"""States of datasets whose peaks count by their sign, whatever else a row holds."""
NO_OTHER_GROUP = "none"
"""The kind of the other group where a dataset has one group only."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
Row = TypeVar("Row")


def tidy(value: Any) -> Any:
    """The one form of values that say the same: 60.0 is 60, texts without blanks around them or control characters."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, str):
        return _CONTROL.sub("", value.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if isinstance(value, Mapping):
        return {str(name): tidy(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    return value


def said(values: Mapping[str, Any]) -> dict[str, Any]:
    """Tidied, and without what was not reported."""
    return {name: item for name, item in tidy(values).items() if item not in (None, "", [], {})}


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
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class PeakRow:
    """A peak: MNI mm in x, y, z; statistic is None where only the sign (+1 or -1) was reported.

    `space` is that of the reported place where it is not the dataset's.
    """

    x: float
    y: float
    z: float
    sign: int
    statistic_kind: str = "none"
    statistic: float | None = None
    x_reported: float | None = None
    y_reported: float | None = None
    z_reported: float | None = None
    space: str = ""
    cluster_size: float | None = None
    cluster_unit: str = ""
    label: str = ""
    hemisphere: str = ""
    brodmann: str = ""
    sub_peak: bool = False
    p_kind: str = ""
    page: str = ""
    note: str = ""


@dataclass(frozen=True)
class DatasetRow:
    """A contrast in one metric, with its study, cohort and groups beside it.

    `cohort` is the identity of the people scanned: equal in two rows means the same people. `quality` is the total of
    the study's agreed score, None where there is none.
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
    transform: str = ""
    threshold_kind: str = "unknown"
    threshold_reported: str = ""
    t_threshold: float | None = None
    peaks_state: str = "peaks"
    peaks: tuple[PeakRow, ...] = ()
    languages: tuple[str, ...] = ()
    quality: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    cohort_values: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def n1(self) -> int | None:
        """People in group A."""
        return self.group_a.n

    @property
    def n2(self) -> int | None:
        """People in group B; 0 when there is none."""
        return self.group_b.n if self.group_b else 0

    @property
    def other_group(self) -> str:
        """The kind of group B."""
        return self.group_b.kind if self.group_b else NO_OTHER_GROUP

    @property
    def talairach_peaks(self) -> int:
        """How many of its peaks were reported in Talairach space."""
        return sum((peak.space or self.space) == "talairach" for peak in self.peaks)

    @property
    def talairach_transform(self) -> str:
        """What brought them into MNI space."""
        return self.transform or self.software

    @property
    def contrast(self) -> tuple[str, ...]:
        """Who is compared with whom, whatever was measured."""
        return self.study, self.comparison, self.group_a.key, self.group_b.key if self.group_b else ""


@dataclass(frozen=True)
class Snapshot:
    """An agreed dataset as rows, in the order of their keys."""

    project: str
    source_note: str
    datasets: tuple[DatasetRow, ...]
    content: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Selection:
    """Which datasets of a version are meant; an empty choice lets everything through.

    `quality_min` keeps studies whose agreed total is at or above it.
    """

    comparison: str = ""
    modalities: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    other_groups: tuple[str, ...] = ()
    studies: tuple[str, ...] = ()
    quality_min: float | None = None

    def takes(self, row: DatasetRow) -> bool:
        return (
            self.comparison in ("", row.comparison)
            and _among(row.modality, self.modalities)
            and _among(row.metric, self.metrics)
            and _among(row.other_group, self.other_groups)
            and _among(row.study, self.studies)
            and (not self.languages or not {*self.languages}.isdisjoint(row.languages))
            and (self.quality_min is None or (row.quality is not None and row.quality >= self.quality_min))
        )


def _among(value: str, wanted: Collection[str]) -> bool:
    return not wanted or value in wanted


def datasets_of(content: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The datasets of a content as they were frozen, in the order of their keys."""
    return sorted((dataset for study in content["studies"] for dataset in study["datasets"]), key=itemgetter("key"))


def load_snapshot(
    content: str | Mapping[str, Any], agreement: str | Mapping[str, Any] = "", only: Collection[str] | None = None
) -> Snapshot:
    """Read what was frozen.

    Parameters
    ----------
    content, agreement : str or mapping
        Those of an `AgreedDataset`, or the same already parsed; the first format has no agreement of its own.
    only : collection of str, optional
        The keys of the datasets that are read; all of them otherwise.

    Raises
    ------
    ValueError
        If the format is none that was ever written.
    """
    parsed = json.loads(content) if isinstance(content, str) else content
    if parsed.get("format") not in (FORMAT, FIRST_FORMAT):
        raise ValueError(f"This is not an agreed dataset of the format {FORMAT}.")
    beside = (json.loads(agreement) if agreement else {}) if isinstance(agreement, str) else agreement
    project = beside.get("project") or parsed.get("project") or {"name": "", "source_note": ""}
    quality = {study["label"]: study.get("quality") for study in beside.get("studies", ())}
    languages = {report["key"]: report.get("language", "") for report in parsed["reports"]}
    rows = [
        row
        for study in parsed["studies"]
        if only is None or any(dataset["key"] in only for dataset in study["datasets"])
        for row in _dataset_rows(study, languages, quality.get(study["label"]), only)
    ]
    return Snapshot(
        project=project["name"],
        source_note=project["source_note"],
        datasets=tuple(sorted(rows, key=lambda row: row.key)),
        content=parsed,
    )


def _dataset_rows(
    study: Mapping[str, Any], languages: Mapping[str, str], quality: float | None, only: Collection[str] | None
) -> list[DatasetRow]:
    cohorts = {cohort["key"]: cohort for cohort in study["cohorts"]}
    groups = {group["key"]: _row(GroupRow, group) for cohort in study["cohorts"] for group in cohort["groups"]}
    beside = {
        "study": study["label"],
        "year": study["year"],
        "reports": tuple(study["reports"]),
        "languages": tuple(sorted({languages.get(key, "") for key in study["reports"]})),
        "quality": quality,
    }
    return [
        _dataset_row(beside, study, dataset, cohorts[dataset["cohort"]], groups)
        for dataset in study["datasets"]
        if only is None or dataset["key"] in only
    ]


def _dataset_row(
    beside: Mapping[str, Any],
    study: Mapping[str, Any],
    dataset: Mapping[str, Any],
    cohort: Mapping[str, Any],
    groups: Mapping[str, GroupRow],
) -> DatasetRow:
    more = {
        **beside,
        "cohort": cohort_identity(study, cohort),
        "cohort_label": cohort["label"],
        "cohort_values": cohort.get("values", {}),
        "group_a": groups[dataset["group_a"]],
        "group_b": groups[dataset["group_b"]] if dataset["group_b"] else None,
        "peaks": tuple(map(peak_row, dataset["peaks"])),
    }
    return _row(DatasetRow, {**dataset, **more})


def peak_row(peak: Mapping[str, Any]) -> PeakRow:
    return _row(PeakRow, peak)


def _row(kind: type[Row], named: Mapping[str, Any]) -> Row:
    """A row of what it has a name for."""
    return kind(**{item.name: named[item.name] for item in fields(kind) if item.name in named})  # type: ignore[arg-type]


def cohort_identity(study: Mapping[str, Any], cohort: Mapping[str, Any]) -> str:
    """The name shared by cohorts of the same people; a cohort without one is its own."""
    return str(cohort["identity"] or f"{study['label']} / {cohort['key']}")


def select(snapshot: Snapshot, wanted: Selection) -> tuple[DatasetRow, ...]:
    return tuple(row for row in snapshot.datasets if wanted.takes(row))


def count_units(rows: Iterable[DatasetRow]) -> dict[str, int]:
    """How much of each unit stands behind `rows`.

    A contrast says who is compared with whom, a dataset is a contrast in one metric; it comes as peaks, as the
    statement that there are none, or as a whole map.
    """
    rows = list(rows)
    return {
        "reports": len({report for row in rows for report in row.reports}),
        "studies": len({row.study for row in rows}),
        "cohorts": len({row.cohort for row in rows}),
        "contrasts": len({row.contrast for row in rows}),
        "datasets": len(rows),
        "maps": sum(row.peaks_state == WHOLE_MAP for row in rows),
        "peaks": sum(len(row.peaks) for row in rows),
    }


def shared_cohorts(rows: Iterable[DatasetRow]) -> dict[str, tuple[str, ...]]:
    """Cohorts behind more than one of `rows`: identity -> keys of the datasets that rest on the same people."""
    return _shared((row.cohort, row.key) for row in rows)


def shared_in(content: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The same of all datasets of a content."""
    found = []
    for study in content["studies"]:
        identities = {cohort["key"]: cohort_identity(study, cohort) for cohort in study["cohorts"]}
        found += [(dataset["key"], identities[dataset["cohort"]]) for dataset in study["datasets"]]
    return _shared((cohort, key) for key, cohort in sorted(found))


def _shared(datasets: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    keys: defaultdict[str, list[str]] = defaultdict(list)
    for cohort, key in datasets:
        keys[cohort].append(key)
    return {cohort: tuple(found) for cohort, found in keys.items() if len(found) > 1}


def answered_from(row: DatasetRow) -> tuple[object, ...]:
    """What an analysis reads of a row: equal in two versions means that its part of the answer is the same."""
    by_sign = row.peaks_state in WITHOUT_HEIGHT
    heights = [("none", None) if by_sign else (peak.statistic_kind, peak.statistic) for peak in row.peaks]
    peaks = tuple((peak.x, peak.y, peak.z, peak.sign, *height) for peak, height in zip(row.peaks, heights, strict=True))
    sizes = (row.n1, row.n2, row.design, row.t_threshold, row.threshold_kind)
    return (row.cohort, *sizes, row.peaks_state == "no_peaks", peaks)


@dataclass(frozen=True)
class Ageing:
    """How a selection of one version differs from the same selection of a newer one, in datasets."""

    datasets: int
    changed: int
    added: int
    removed: int

    @property
    def is_stale(self) -> bool:
        return bool(self.changed or self.added or self.removed)


def ageing(before: Iterable[DatasetRow], after: Iterable[DatasetRow]) -> Ageing:
    """Compares what an analysis reads, dataset by dataset; the numbers of the versions do not matter."""
    old, new = ({row.key: answered_from(row) for row in rows} for rows in (before, after))
    return Ageing(
        datasets=len(old),
        changed=sum(old[key] != new[key] for key in old.keys() & new.keys()),
        added=len(new.keys() - old.keys()),
        removed=len(old.keys() - new.keys()),
    )
