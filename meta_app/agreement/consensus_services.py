"""Builds the consensus of a study: an extraction like the others, made from A, B and the decisions.

Each value, row and peak says where it came from: {"from": "equal", "A", "B" or "other", and, where a person decided,
"by", "at", "reason"}. One that is equal only within rounding says what "A" and "B" have, one that replaces what both
had says that as "both", and a peak that both overlooked says "missed". A and B are only read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.agreement.domain import in_words, is_reported
from meta_app.agreement.models import Comparison, Difference
from meta_app.agreement.selectors import reviewers_of
from meta_app.agreement.trees import (
    GROUP_OF_DATASET,
    NAMES_ONLY,
    agreed_rows,
    agreed_value,
    cells_of,
    choices_of,
    fields_of,
    for_column,
    key_path,
    missed_below,
    places_in_table,
    seen,
    values_at,
)
from meta_app.common.exceptions import UserError
from meta_app.common.words import counted
from meta_app.extraction.form_domain import FormField, Level, stored_value
from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionEvent, Group, Peak
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.study_checks import extraction_problems

Choice = Difference.Choice
Json = dict[str, Any]


@transaction.atomic
def consensus_build(*, comparison: Comparison, author: User) -> Extraction:
    """Make, or make again, the consensus of a study whose differences are all settled.

    Raises
    ------
    UserError
        What was decided does not fit together, or has errors that block a completion.
    """
    a, b = reviewers_of(comparison)
    consensus = _emptied(comparison, author, max(a.form, b.form, key=lambda form: form.version))
    decisions = {
        difference.path: difference for difference in comparison.differences.select_related("decided_by").all()
    }
    tree = _Tree(consensus, a, b, decisions, fields_of(a, b))
    tree.study()
    for pair in comparison.pairs["cohort"]:
        tree.cohort(*pair)
    for pair in comparison.pairs["group"]:
        tree.group(*pair)
    for pair in comparison.pairs["dataset"]:
        tree.dataset(comparison.pairs["peak"], *pair)
    return _locked(consensus, author)


@transaction.atomic
def consensus_reopen(*, comparison: Comparison, actor: User, reason: str) -> None:
    """Make a complete consensus a draft of the next revision; nothing happens where there is none."""
    consensus = Extraction.objects.filter(
        study=comparison.study_id, position=Extraction.Position.CONSENSUS, state=Extraction.State.COMPLETE
    ).first()
    if consensus is None:
        return
    Extraction.objects.filter(pk=consensus.pk).update(
        state=Extraction.State.DRAFT, completed_at=None, version=F("version") + 1, revision=F("revision") + 1
    )
    consensus.refresh_from_db()
    _log(consensus, actor, ExtractionEvent.Kind.REOPENED, reason)


def _emptied(comparison: Comparison, author: User, form: Any) -> Extraction:
    """The consensus as a draft without rows: only a draft's rows are deleted, frozen versions keep their own."""
    consensus, new = Extraction.objects.get_or_create(
        study=comparison.study, position=Extraction.Position.CONSENSUS, defaults={"author": author, "form": form}
    )
    if new:
        _log(consensus, author, ExtractionEvent.Kind.STARTED, "")
    Dataset.objects.filter(extraction=consensus).delete()
    Cohort.objects.filter(extraction=consensus).delete()
    consensus.author, consensus.form = author, form
    consensus.save(update_fields=["author", "form", "updated_at"])
    return consensus


def _locked(consensus: Extraction, author: User) -> Extraction:
    errors = [found.problem for found in extraction_problems(consensus) if found.problem.level == "error"]
    if errors:
        raise UserError(
            f"Not agreed yet: what was decided has {counted(len(errors), 'error')} together. Undo what caused them.",
            {"problems": [f"{problem.place}: {problem.message} {problem.mend}" for problem in errors]},
        )
    Extraction.objects.filter(pk=consensus.pk).update(
        state=Extraction.State.COMPLETE, completed_at=timezone.now(), version=F("version") + 1
    )
    consensus.refresh_from_db()
    _log(consensus, author, ExtractionEvent.Kind.COMPLETED, "")
    return consensus


def _log(consensus: Extraction, actor: User, kind: str, reason: str) -> None:
    ExtractionEvent.objects.create(
        extraction=consensus, actor=actor, kind=kind, revision=consensus.revision, reason=reason
    )


@dataclass
class _Tree:
    """Writes the rows of a consensus one after the other."""

    consensus: Extraction
    a: Extraction
    b: Extraction
    decisions: Mapping[str, Difference]
    fields: tuple[FormField, ...]
    groups: dict[int, Group] = field(default_factory=dict)
    """The group of the consensus by the key of the group of A or of B."""
    cohorts: dict[int, Cohort] = field(default_factory=dict)
    labels: set[str] = field(default_factory=set)

    def study(self) -> None:
        self._fill(self.consensus, "study", "study", self.a, self.b)
        self.consensus.save(update_fields=["values", "sources", "origins", "updated_at"])

    def cohort(self, key_a: int | None, key_b: int | None) -> None:
        a, b = _by_key(self.a.cohorts.all(), key_a), _by_key(self.b.cohorts.all(), key_b)
        path = key_path("cohort", (key_a, key_b))
        if not self._stays(path, a, b):
            return
        row = Cohort(extraction=self.consensus, note=_notes(a, b))
        self._fill(row, "cohort", path, a, b)
        row.save()
        self.cohorts |= {key: row for key in (key_a, key_b) if key is not None}
        if a is None or b is None:
            for group in (a or b).groups.all():
                self._add_group(row, path, group if a else None, group if b else None)

    def group(self, key_a: int | None, key_b: int | None) -> None:
        a, b = _by_key(_groups(self.a), key_a), _by_key(_groups(self.b), key_b)
        path = key_path("group", (key_a, key_b))
        if self._stays(path, a, b):
            self._add_group(self.cohorts[(a or b).cohort_id], path, a, b)

    def _add_group(self, cohort: Cohort, path: str, a: Group | None, b: Group | None) -> None:
        row = Group(cohort=cohort)
        self._fill(row, "group", path, a, b)
        row.save()
        self.groups |= {source.pk: row for source in (a, b) if source is not None}

    def dataset(self, peaks: Mapping[str, Any], key_a: int | None, key_b: int | None) -> None:
        a, b = _by_key(self.a.datasets.all(), key_a), _by_key(self.b.datasets.all(), key_b)
        path = key_path("dataset", (key_a, key_b))
        if not self._stays(path, a, b):
            self._refuse_lost(path, a or b)
            return
        row = Dataset(extraction=self.consensus, note=_notes(a, b))
        self._fill(row, "dataset", path, a, b)
        row.label = self._free_label(row.label)
        for key in GROUP_OF_DATASET:
            self._choose_group(row, path, key, a, b)
        row.cohort = row.group_a.cohort
        state, row.peaks_state = row.peaks_state, Dataset.PeaksState.NOT_EXTRACTED
        row.save()
        if a is not None and b is not None:
            here, there = ({peak.position: peak for peak in dataset.peaks.all()} for dataset in (a, b))
            rows = [
                made
                for row_a, row_b in places_in_table(peaks[path])
                for made in self._peak(f"{path}/peak:{row_a or '-'}:{row_b or '-'}", here.get(row_a), there.get(row_b))
            ]
        else:
            rows = [(cells_of(peak), self._origin(path)) for peak in (a or b).peaks.all()]
        _save_peaks(row, state, rows + self._missed(path))

    def _stays(self, path: str, a: Any, b: Any) -> bool:
        """Rows that both have stay; of the others those that were taken from whoever has them."""
        return (a is not None and b is not None) or self.decisions[path].choice == ("A" if b is None else "B")

    def _fill(self, row: Any, level: Level, path: str, a: Any, b: Any) -> None:
        """Set the values of a row of the consensus, with their sources and origins."""
        for asked in values_at(self.fields, level):
            value, source, origin = self._value(asked, path, a, b)
            if asked.column:
                setattr(row, asked.key, for_column(row, asked.key, value))
            elif value is not None:
                row.values[asked.key] = value
            if source:
                row.sources[asked.key] = source
            if origin["from"] == Choice.OTHER or is_reported(value):
                row.origins[asked.key] = origin

    def _value(self, asked: FormField, path: str, a: Any, b: Any) -> tuple[Any, Any, Json]:
        if a is None or b is None:
            return stored_value(a or b, asked), _source(a or b, asked.key), self._origin(path)
        decision = self.decisions.get(f"{path}/{asked.key}")
        value = agreed_value(asked, decision, a, b)
        if decision is None or decision.choice == Choice.EQUAL:
            source = _source(a, asked.key) or _source(b, asked.key)
            named_by_a = (asked.level, asked.key) in NAMES_ONLY and stored_value(a, asked) != stored_value(b, asked)
            by_itself = {"from": "A"} if named_by_a else {"from": "equal", **_said_by_both(asked, a, b)}
            return value, source, origin_of(decision) if decision else by_itself
        source = {Choice.A: a, Choice.B: b}.get(decision.choice)
        return value, _source(source, asked.key) if source else {}, origin_of(decision)

    def _origin(self, path: str) -> Json:
        """Of a row that one has: as it was decided; its groups come with their cohort."""
        return origin_of(self.decisions[path])

    def _choose_group(self, row: Dataset, path: str, key: str, a: Dataset | None, b: Dataset | None) -> None:
        decision = self.decisions.get(f"{path}/{key}")
        chosen = b if a is None or (decision and decision.choice == Choice.B) else a
        group = getattr(chosen, key)
        if group is not None and group.pk not in self.groups:
            raise UserError(
                f"Not agreed yet: the dataset {chosen} compares the group “{group}”, which was left out. Undo one."
            )
        setattr(row, key, group and self.groups[group.pk])
        if a is None or b is None:
            row.origins[key] = self._origin(path)
        elif decision is not None:
            row.origins[key] = origin_of(decision)
        elif group is not None:
            row.origins[key] = {"from": "equal"}

    def _free_label(self, label: str) -> str:
        free, number = label, 2
        while free in self.labels:
            free, number = f"{label} ({number})", number + 1
        self.labels.add(free)
        return free

    def _peak(self, path: str, a: Peak | None, b: Peak | None) -> list[tuple[dict[str, str], Json]]:
        """The rows of the consensus, none to two, that a pair of rows becomes."""
        decision = self.decisions.get(path)
        origin = origin_of(decision) if decision else {"from": "equal"}
        return [(cells, origin) for cells in agreed_rows(decision, a, b)]

    def _refuse_lost(self, path: str, dataset: Any) -> None:
        if self._missed(path):
            raise UserError(
                f"Not agreed yet: a peak that both missed was added to the dataset {dataset}, which was left out. "
                "Undo one."
            )

    def _missed(self, path: str) -> list[tuple[dict[str, str], Json]]:
        """The rows of a dataset that both overlooked, below those of its table."""
        return [(seen(item.value), origin_of(item)) for item in missed_below(self.decisions, path)]


def origin_of(decision: Difference) -> Json:
    origin: Json = {"from": decision.choice, "by": str(decision.decided_by), "at": decision.decided_at.isoformat()}
    if decision.missed:
        origin["missed"] = True
    elif decision.of_equal and decision.choice == Choice.OTHER:
        origin["both"] = decision.a.get("words", decision.label)
    return origin | ({"reason": decision.reason} if decision.reason else {})


def _said_by_both(asked: FormField, a: Any, b: Any) -> Json:
    """Both in words where a value is equal only within rounding; nothing where it is simply equal."""
    if asked.kind not in ("integer", "number", "quantity", "scales"):
        return {}
    said = {name: in_words(asked, stored_value(row, asked), choices_of(asked)) for name, row in (("A", a), ("B", b))}
    return said if said["A"] != said["B"] else {}


def _by_key(rows: Any, key: int | None) -> Any:
    return next((row for row in rows if row.pk == key), None)


def _groups(extraction: Extraction) -> list[Group]:
    return [group for cohort in extraction.cohorts.all() for group in cohort.groups.all()]


def _source(row: Any, key: str) -> Any:
    return row.sources.get(key) or {}


def _notes(a: Any, b: Any) -> str:
    return "\n".join(f"{name}: {row.note}" for name, row in (("A", a), ("B", b)) if row is not None and row.note)


# Peaks


def _save_peaks(dataset: Dataset, state: str, rows: list[tuple[dict[str, str], Json]]) -> None:
    try:
        peaks_save(dataset=dataset, version=dataset.version, peaks_state=state, rows=[cells for cells, _ in rows])
    except UserError as error:
        raise UserError(f"Not agreed yet. {dataset}: {error.message}") from error
    peaks = list(dataset.peaks.order_by("position"))
    for peak, (_cells_of_peak, origin) in zip(peaks, rows, strict=True):
        peak.origin = origin
    Peak.objects.bulk_update(peaks, ["origin"], batch_size=500)
