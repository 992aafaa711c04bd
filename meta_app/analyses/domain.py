"""An analysis in plain Python: its question, what the pre-flight says about it, and how long it will take."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil
from typing import Any, Literal

from meta_app.common.words import counted
from meta_app.datasets.domain import (
    NO_OTHER_GROUP,
    WITHOUT_HEIGHT,
    DatasetRow,
    Selection,
    count_units,
    shared_cohorts,
)

FORMAT = "concord-specification/1"
FIRST_FILTERS = ("comparison", "modalities", "metrics")
OTHER_GROUPS = {
    "controls": "Controls",
    "other_patients": "Other patients",
    "patients": "Patients, before",
    "after": "The same people after treatment",
    "sample": "Single sample",
    NO_OTHER_GROUP: "No other group",
}
"""Kinds of group B."""
FEW_DATASETS = 10
"""Below this number tests of bias and regression are not advised and one study can carry the result."""
BLOCK = 32
"""Permutations that are computed together, as the numeric core does."""

STANDARD_PERMUTATIONS, PUBLICATION_PERMUTATIONS = 1000, 5000
"""What forms and the API ask for unless told otherwise, and what is offered for a paper; 0 is no permutation test."""
LONGEST_TEST = 100_000
CORRECTIONS = {
    "tfce": "threshold-free cluster enhancement (TFCE)",
    "voxel": "voxel-wise",
    "cluster": "cluster extent",
}
"""Family-wise corrections that the permutation test gives, by the names of the core."""

WORDS = {
    "spm": "SPM",
    "fsl": "FSL",
    "other": "other software",
    "mni": "MNI",
    "talairach": "Talairach",
    "unknown": "space not stated",
}

DESIGNS = {"one_sample": "one sample", "two_sample": "two samples", "correlation": "correlation"}

_IF_HIGHER = "or the t threshold of their study where that is higher"
HEIGHTS = {
    ("pool", "pool"): f"take the pooled height of the peaks with a statistic, {_IF_HIGHER}",
    ("pool", "default"): f"take a default effect of g = 1.2566, as there is no statistic to pool, {_IF_HIGHER}",
    ("pool", "threshold"): "take the t threshold of their study, as there is no statistic to pool",
    ("threshold", "threshold"): "take the t threshold of their study",
}
"""What was asked for, and what the core did: the height of peaks known only by their sign."""

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Filters(Selection):
    """Which datasets of a version are asked about."""

    def resolved(self, rows: Iterable[DatasetRow]) -> "Filters":
        """The same filter with what it lets through by name, so that equal questions are equal.

        Of a filter by quality the studies are named: totals are no part of the content that the run names by its hash.
        """
        rows = list(rows)
        named = self.studies or self.quality_min is not None
        return replace(
            self,
            modalities=tuple(sorted({row.modality for row in rows})),
            metrics=tuple(sorted({row.metric for row in rows})),
            languages=tuple(sorted(self.languages)),
            other_groups=tuple(sorted(self.other_groups)),
            studies=tuple(sorted({row.study for row in rows})) if named else (),
        )

    @property
    def words(self) -> list[tuple[str, str]]:
        """What the filters beyond comparison, modality and metric say, by name."""
        said = [
            ("Language of the reports", ", ".join(language or "not stated" for language in self.languages)),
            ("Other group", ", ".join(OTHER_GROUPS.get(kind, kind) for kind in self.other_groups)),
            ("Quality at or above", "" if self.quality_min is None else counted(self.quality_min, "point")),
            ("Studies", ", ".join(self.studies)),
        ]
        return [(name, text) for name, text in said if text]


@dataclass(frozen=True)
class Model:
    """How the answer is computed; the meaning of each is that of the numeric core's own specification.

    `correction` alone is not the core's: it is what the result opens with, chosen before anything is seen.
    """

    imputations: int = 50
    estimator: str = "DL"
    sign_peaks: str = "pool"
    voxel_p: float = 0.005
    min_peak_z: float = 1.0
    min_extent: int = 10
    permutations: int = 0
    tfce_neighbours: int = 26
    fwe_p: float = 0.05
    correction: str = "tfce"

    @property
    def test_in_words(self) -> str:
        if not self.permutations:
            return "none: p values are not corrected"
        return f"{self.permutations:,} of subject images, the data as they are included"


def specification_content(filters: Filters, core: Mapping[str, Any], correction: str = "") -> dict[str, Any]:
    """The frozen question as it is written down; the seed belongs to the run, the correction to a permutation test."""
    reported = {"report": {"correction": correction}} if correction else {}
    return {
        **reported,
        "format": FORMAT,
        "filters": _filters_content(filters),
        "core": {name: value for name, value in core.items() if name != "seed"},
    }


def _filters_content(filters: Filters) -> dict[str, Any]:
    """Filters that came later are named where they are used, so that older questions keep their hash."""
    content = {name: list(item) if isinstance(item, tuple) else item for name, item in asdict(filters).items()}
    return {name: item for name, item in content.items() if name in FIRST_FILTERS or item not in ([], None)}


def filters_of(content: Mapping[str, Any]) -> Filters:
    """The filters of a frozen question."""
    named: dict[str, Any] = {
        name: tuple(item) if isinstance(item, list) else item for name, item in content["filters"].items()
    }
    return Filters(**named)


@dataclass(frozen=True)
class Notice:
    """One thing a person should know: where, what, and what to do."""

    level: Level
    place: str
    text: str
    mend: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class Included:
    """A dataset as the core will see it.

    `threshold_source` says where its t threshold comes from; `heights` counts its sign-only peaks by the core's rule
    that gives them their height: "pool", "default" or "threshold".
    """

    row: DatasetRow
    t_threshold: float | None
    threshold_source: Literal["reported", "smallest", "p05", ""]
    sign_only: int
    heights: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """What a run will need on a computer like the one it was measured on."""

    seconds: float
    megabytes: float
    disk_megabytes: float = 0.0
    preview_seconds: float = 0.0

    @property
    def time(self) -> str:
        return duration_in_words(self.seconds)

    @property
    def preview_time(self) -> str:
        """Until the pooled maps can be looked at."""
        return duration_in_words(self.preview_seconds)

    @property
    def memory(self) -> str:
        return _gigabytes(self.megabytes)

    @property
    def disk(self) -> str:
        """Of the worker's cache."""
        return _gigabytes(self.disk_megabytes)


def _gigabytes(megabytes: float) -> str:
    return f"{max(0.1, megabytes / 1024):.1f} GB"


@dataclass(frozen=True)
class Preflight:
    """What will be analysed, by unit, and what is doubtful about it."""

    counts: Mapping[str, int]
    included: tuple[Included, ...]
    notices: tuple[Notice, ...]
    estimate: Estimate

    @property
    def notice_kinds(self) -> list[list[Notice]]:
        """The notices that differ only in their place and numbers together."""
        kinds: defaultdict[tuple[Level, str, str], list[Notice]] = defaultdict(list)
        for notice in self.notices:
            kinds[notice.level, without_numbers(notice.text), notice.mend].append(notice)
        return list(kinds.values())

    @property
    def refused(self) -> bool:
        return any(notice.level == "error" for notice in self.notices)

    @property
    def errors(self) -> tuple[Notice, ...]:
        return tuple(notice for notice in self.notices if notice.level == "error")


def review(included: Sequence[Included], model: Model) -> list[Notice]:
    """Doubts about a set of datasets that no single row shows.

    Returns
    -------
    list of Notice
        One error if there is nothing to analyse, else warnings only.
    """
    rows = [item.row for item in included]
    if not rows:
        mend = "Choose another comparison, modality or metric, or freeze a version that holds such datasets."
        return [Notice("error", "Selection", "No dataset matches: there is nothing to analyse.", mend)]
    found = [
        _few(rows),
        *_dependent(rows),
        _scales(rows),
        *_thresholds(included),
        _signs(included, model),
        *_mixtures(rows),
        _uncorrected(model),
    ]
    return [notice for notice in found if notice]


def _uncorrected(model: Model) -> Notice | None:
    """No test at all, or one whose smallest p cannot pass."""
    if not model.permutations:
        text = "None: p values are not corrected for multiple comparisons, and are not to be reported as if they were."
        return Notice("note", "Permutations", text)
    if model.permutations * model.fwe_p >= 1:
        return None
    text = f"The smallest p of {model.permutations:,} is {1 / model.permutations:.2g}: none can reach {model.fwe_p:g}."
    return Notice("error", "Permutations", text, f"Take {ceil(1 / model.fwe_p):,} or more.")


def _few(rows: Sequence[DatasetRow]) -> Notice | None:
    if len(rows) >= FEW_DATASETS:
        return None
    mend = "Read the maps as exploratory; one study can carry the result, and tests of bias are not advised."
    return Notice("warning", "Selection", f"Only {counted(len(rows), 'dataset')}, fewer than {FEW_DATASETS}.", mend)


def _dependent(rows: Sequence[DatasetRow]) -> list[Notice]:
    """Datasets of the same people: the model takes them as independent."""
    by_key = {row.key: row for row in rows}
    notices = []
    for keys in shared_cohorts(rows).values():
        same = [by_key[key] for key in keys]
        people = f"{_joined({row.study for row in same})}: the same people ({same[0].cohort_label})"
        metrics = {row.metric for row in same}
        if len({row.study for row in same}) > 1:
            text = f"{people} are in {counted(len(same), 'dataset')} of several studies."
            mend = "Keep one of these studies, or say in the paper that they are taken as independent."
        elif len(metrics) > 1:
            text = f"{people} give {counted(len(same), 'dataset')} in several metrics ({_joined(metrics)})."
            mend = "Choose one metric: datasets of one cohort depend on each other and count double here."
        else:
            text = f"{people} give {counted(len(same), 'dataset')}."
            mend = "Datasets of one cohort depend on each other and count double here."
        notices.append(Notice("warning", "Shared cohort", text, mend))
    return notices


THRESHOLDS = {
    "smallest": "the smallest |t| it reports is used",
    "p05": "the t of a two-tailed p of 0.05 is used",
}
"""What the core does about a dataset without a t threshold, by where it then comes from."""


def sign_only(row: DatasetRow) -> int:
    """How many of its peaks have a sign and no statistic."""
    without = row.peaks_state in WITHOUT_HEIGHT
    return sum(without or peak.statistic is None or peak.statistic_kind == "none" for peak in row.peaks)


def threshold_source(row: DatasetRow) -> Literal["reported", "smallest", "p05"]:
    """Where the core takes the t threshold of a dataset from."""
    if row.t_threshold is not None:
        return "reported"
    return "p05" if sign_only(row) == len(row.peaks) else "smallest"


def _thresholds(included: Sequence[Included]) -> list[Notice]:
    notices = []
    for source, text in THRESHOLDS.items():
        names = [item.row.key for item in included if item.threshold_source == source]
        if names:
            said = f"{counted(len(names), 'dataset')} without a t threshold: {text} for each."
            notices.append(Notice("warning", "Threshold", said, "Enter the thresholds that the papers state."))
    return notices


def _signs(included: Sequence[Included], model: Model) -> Notice | None:
    signs, peaks = sum(item.sign_only for item in included), sum(len(item.row.peaks) for item in included)
    if not signs:
        return None
    rules: Counter[str] = Counter()
    for item in included:
        rules.update(item.heights)
    taken = "; ".join(f"{number} {HEIGHTS[model.sign_peaks, rule]}" for rule, number in sorted(rules.items()))
    text = f"{counted(signs, 'peak')} of {peaks} with a sign only{': ' if taken else ''}{taken}."
    return Notice("warning", "Sign-only peaks", text, "Enter the statistics if the papers give them.")


def _scales(rows: Sequence[DatasetRow]) -> Notice | None:
    """One-sample effects, group differences and correlations are different quantities; the model averages them."""
    count = Counter(DESIGNS[row.design] for row in rows)
    if len(count) < 2:
        return None
    parts = ", ".join(f"{name} {counted(number, 'dataset')}" for name, number in count.most_common())
    text = f"Different designs are averaged as if they measured the same: {parts}."
    mend = "Analyse each design on its own; a correlation enters as Fisher's z, the others as Hedges' g."
    return Notice("warning", "Design", text, mend)


def _mixtures(rows: Sequence[DatasetRow]) -> list[Notice]:
    notices = []
    for name, place in (("software", "Software"), ("space", "Space")):
        count = Counter(str(getattr(row, name)) for row in rows)
        if len(count) > 1:
            parts = ", ".join(f"{WORDS[value]} {counted(number, 'dataset')}" for value, number in count.most_common())
            notices.append(Notice("note", place, f"Mixed: {parts}.", "Check a surprising result against each of them."))
    unstated = sum(row.space == "unknown" for row in rows)
    if unstated:
        text = f"{counted(unstated, 'dataset')} of unstated space: the coordinates are taken as MNI."
        notices.append(Notice("warning", "Space", text, "Enter the space that the paper or its software implies."))
    return notices


def without_numbers(text: str) -> str:
    """A text whose numbers are left out, with one word for one peak and for several: to see what is alike."""
    return re.sub(r"-?\d[\d.]*(?:, -?\d[\d.]*)*", "#", text).replace("Peaks #", "Peak #").replace("peaks #", "peak #")


def _joined(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def gathered(notices: Iterable[Notice], most: int = 3) -> list[Notice]:
    """Equal doubts about many places as one notice that names the first few of them."""
    places: defaultdict[tuple[Level, str, str], list[str]] = defaultdict(list)
    for notice in notices:
        places[notice.level, notice.text, notice.mend].append(notice.place)
    return [Notice(level, _first_few(found, most), text, mend) for (level, text, mend), found in places.items()]


def _first_few(places: Sequence[str], most: int) -> str:
    rest = f" and {len(places) - most} more" if len(places) > most else ""
    return "; ".join(places[:most]) + rest


# Measured on two cores of a small server: a tenth of a processor second for each imputed dataset, for example.
SECONDS_AT_START, SECONDS_PER_DATASET, SECONDS_PER_IMPUTED_DATASET = 5.0, 0.4, 0.05
# Processor seconds of one permutation at one voxel, of which two cores do 1.9 at a time.
PER_SUBJECT, PER_IMPUTED_DATASET, PER_DATASET, PER_VOXEL = 33e-12, 1.02e-9, 1.9e-9, 0.33e-6
CORES = 1.9


def estimate_preview(datasets: int, imputations: int) -> float:
    """Seconds until the pooled maps can be looked at, linear in what is computed."""
    per_dataset = SECONDS_PER_DATASET + SECONDS_PER_IMPUTED_DATASET * imputations
    return SECONDS_AT_START + per_dataset * datasets


def estimate_permutations(datasets: int, subjects: int, imputations: int, permutations: int, voxels: int) -> float:
    """Seconds of a permutation test."""
    datasets_cost = datasets * (imputations * PER_IMPUTED_DATASET + PER_DATASET)
    return permutations * voxels * (subjects * PER_SUBJECT + datasets_cost + PER_VOXEL) / CORES


def seconds_left(elapsed: float, fraction: float) -> float | None:
    """Seconds still needed if work goes on at its pace; None while too little is known."""
    if elapsed < 2 or fraction < 0.02:
        return None
    return elapsed * (1 - fraction) / fraction


def duration_in_words(seconds: float) -> str:
    """A duration for people: rounded up, never more exact than it is."""
    if seconds < 60:
        return f"{max(5, 5 * -(-int(seconds) // 5))} s"
    if seconds < 5400:
        return f"{-(-int(seconds) // 60)} min"
    return f"{seconds / 3600:.1f} h"


def backoff_seconds(messages_sent: int, first: float, longest: float = 3600.0) -> float:
    """How long to wait before a message is sent again: doubled each time."""
    return min(longest, first * 2.0 ** min(max(messages_sent - 1, 0), 20))


def units_of(included: Iterable[Included]) -> dict[str, int]:
    return count_units(item.row for item in included)
