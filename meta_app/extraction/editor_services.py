"""Writes of the editor: single values of one's own draft as they are typed, and its rows.

A change names the value that the page last knew (`before`). It is stored where that is still the value, or where the
new value is stored already (a queue that is sent again changes nothing); otherwise both versions are answered and
nothing is overwritten. What cannot be read is refused at its field; the other changes are kept.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.db.models import F, ProtectedError
from django.utils import timezone

from meta_app.audit.services import record
from meta_app.common.exceptions import UserError
from meta_app.common.forms import read_number
from meta_app.extraction.conversions import CONVERSIONS, Conversion, Converted, Numbers, read_numbers
from meta_app.extraction.form_domain import FormField, Level, stored_value
from meta_app.extraction.form_parsers import read_answer
from meta_app.extraction.form_selectors import form_fields
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.peak_services import peaks_recompute
from meta_app.extraction.study_checks import t_threshold

Change = Mapping[str, Any]
Row = Extraction | Cohort | Group | Dataset

SOURCE_PARTS: Final = ("quote", "page", "file", "reported", "formula")
LONGEST_SOURCE: Final = 2000
PLACING: Final = frozenset({"space", "software", "transform"})
"""What the computed places of the peaks depend on."""
NOT_HERE: Final = {"peaks_state": "Say it where the peaks are entered."}
OF_CONVERSION: Final = ("reported", "formula")


def _t_from_p(given: Numbers) -> Converted:
    t = t_threshold(given["p"], given["df"])
    return Converted({"t": round(t, 4)}, f"p = {given['p']:g} one-tailed, df = {given['df']:g}", "t quantile of 1 − p")


_P: Final = Conversion(
    "p and degrees of freedom", "t_threshold", (("p", "p, one-tailed"), ("df", "Degrees of freedom")), _t_from_p
)
WAYS: Final = {**CONVERSIONS, "p": _P}
"""All ways of reporting otherwise, by key."""


def convert(*, way: str, texts: Mapping[str, Any]) -> Converted:
    """What was reported otherwise, as the values that are asked; nothing is stored."""
    if way not in WAYS:
        raise UserError("Nothing was converted: choose how it is reported.")
    try:
        return WAYS[way].convert(read_numbers(WAYS[way], texts))
    except (ValueError, OverflowError) as error:
        raise UserError(str(error)) from error


class LockedError(UserError):
    status = 409
    code = "locked"


@dataclass(frozen=True)
class Outcome:
    """What became of a change, with the value and source that are stored now."""

    row: str
    key: str
    state: Literal["saved", "conflict", "refused", "gone"]
    value: Any = None
    source: Any = None
    message: str = ""


@dataclass(frozen=True)
class Saved:
    outcomes: list[Outcome]
    extraction: Extraction

    @property
    def status(self) -> int:
        states = {outcome.state for outcome in self.outcomes}
        return 409 if "conflict" in states else 400 if states & {"refused", "gone"} else 200


@transaction.atomic
def answers_save(*, extraction: Extraction, changes: Sequence[Change]) -> Saved:
    """Store what can be stored of a batch of changes, in one transaction."""
    draft = draft_lock(extraction=extraction)
    fields = {(field.level, field.key): field for field in form_fields(draft.form)}
    rows = _rows_of(draft, {change["row"] for change in changes})
    written: defaultdict[str, dict[str, tuple[Any, Any]]] = defaultdict(dict)
    outcomes = [_weigh(change, rows.get(change["row"]), fields, written[change["row"]]) for change in changes]
    written = {name: touched for name, touched in written.items() if touched}
    for name, touched in written.items():
        _store(rows[name], touched)
    if written:
        _tell(draft, "extraction.saved", _audited(written, 0), _audited(written, 1))
    return Saved(outcomes, draft)


def draft_lock(*, extraction: Extraction) -> Extraction:
    """The draft, held until the transaction ends; `LockedError` where it is none any more."""
    stored = Extraction.objects.select_for_update(of=("self",)).select_related("form", "study", "author")
    draft = stored.filter(pk=extraction.pk).first()
    if draft is None or draft.state != Extraction.State.DRAFT:
        raise LockedError("Nothing was saved: this extraction has been locked or deleted meanwhile. Reload the page.")
    return draft


def _tell(draft: Extraction, action: str, before: Any, after: Any) -> None:
    """Count the version up and write the audit entry of a change that was made."""
    Extraction.objects.filter(pk=draft.pk).update(version=F("version") + 1, updated_at=timezone.now())
    draft.refresh_from_db(fields=["version", "updated_at"])
    record(
        project_id=draft.study.project_id,
        actor=draft.author,
        action=action,
        subject=str(draft),
        before=before,
        after=after,
        blind_study=draft.study_id,
        blind_stage="extraction",
    )


def _audited(written: Mapping[str, Mapping[str, tuple[Any, Any]]], side: int) -> dict[str, Any]:
    return {f"{row} {key}": pair[side] for row, touched in written.items() for key, pair in touched.items()}


# Rows by name: "study", "cohort:3", "group:12", "dataset:5"


def level_of(name: str) -> str:
    return name.partition(":")[0]


def _rows_of(draft: Extraction, names: set[str]) -> dict[str, Row]:
    rows: dict[str, Row] = {"study": draft}
    ids: defaultdict[str, list[int]] = defaultdict(list)
    for name in names:
        level, _colon, text = name.partition(":")
        number = read_number(text)
        if number is not None:
            ids[level].append(number)
    for level, found in _OWN_ROWS.items():
        if ids[level]:
            rows |= {f"{level}:{row.pk}": row for row in found(draft).filter(pk__in=ids[level])}
    return rows


_OWN_ROWS: Final = {
    "cohort": lambda draft: Cohort.objects.filter(extraction=draft),
    "group": lambda draft: Group.objects.filter(cohort__extraction=draft),
    "dataset": lambda draft: Dataset.objects.filter(extraction=draft),
}


# One change


def _weigh(
    change: Change, row: Row | None, fields: Mapping[tuple[str, str], FormField], touched: dict[str, tuple[Any, Any]]
) -> Outcome:
    """Decide on a change; where it is stored, the row in memory has it and `touched` says before and after."""
    name, key = change["row"], change["key"]
    field = fields.get((level_of(name), key))
    if row is None or field is None:
        gone = "This row has been deleted in another tab or window." if row is None else "The form does not ask this."
        return Outcome(name, key, "gone", message=gone)
    stored, source = plain_value(stored_value(row, field)), row.sources.get(key)
    wanted = read_answer(field, change["value"]) if "value" in change else None
    problem = (wanted.problem or _misfit(row, field, wanted.value)) if wanted else ""
    if problem:
        return Outcome(name, key, "refused", stored, source, problem)
    value = wanted.value if wanted else stored
    new_source = _read_source(change["source"]) if "source" in change else _after_typing(source, value != stored)
    stale = "value" in change and stored not in (value, plain_value(change.get("before")))
    stale |= "source" in change and source not in (new_source, change.get("source_before") or None)
    if stale:
        return Outcome(name, key, "conflict", stored, source, "Saved differently in another tab or window.")
    if value != stored:
        _set_value(row, field, value)
        touched[key] = (stored, value)
    if new_source != source:
        _set_source(row, key, new_source)
        touched[f"{key} source"] = (source, new_source)
    return Outcome(name, key, "saved", value, new_source)


def plain_value(value: Any) -> Any:
    """Empty text and nothing are the same: not reported."""
    return None if value in ("", [], {}) else value


def _misfit(row: Row, field: FormField, value: Any) -> str:
    """The sentence why a readable value does not fit this row; empty if it fits."""
    if field.key in NOT_HERE:
        return NOT_HERE[field.key]
    if field.kind == "group":
        own = Group.objects.filter(pk=value, cohort__extraction_id=row.extraction_id)
        return "" if value is None or own.exists() else "Choose a group of this study."
    if not field.column:
        return ""
    column = row._meta.get_field(field.key)
    if value is None:
        return "" if column.null or column.blank else f"{field.label} is needed. The value before is kept."
    try:
        column.clean(value, row)
    except ValidationError as error:
        return " ".join(error.messages)
    if isinstance(row, Dataset) and field.key == "label":
        taken = Dataset.objects.filter(extraction_id=row.extraction_id, label=value).exclude(pk=row.pk)
        return f"This study already has a dataset called {value}. Give this one another name." if taken.exists() else ""
    return ""


def _set_value(row: Row, field: FormField, value: Any) -> None:
    if field.kind == "group":
        setattr(row, f"{field.key}_id", value)
        if field.key == "group_a":
            row.cohort_id = Group.objects.values_list("cohort_id", flat=True).get(pk=value)
    elif field.column:
        column = row._meta.get_field(field.key)
        setattr(row, field.key, "" if value is None and not column.null else value)
    else:
        row.values = {**{key: kept for key, kept in row.values.items() if key != field.key}} | (
            {} if value is None else {field.key: value}
        )


def _set_source(row: Row, key: str, source: Any) -> None:
    others = {name: kept for name, kept in row.sources.items() if name != key}
    row.sources = others | ({key: source} if source else {})


def _read_source(raw: Any) -> dict[str, Any] | None:
    """The parts of a source that say something; None where none does."""
    parts = {part: raw.get(part) for part in SOURCE_PARTS} if isinstance(raw, Mapping) else {}
    kept = {
        part: value.replace("\0", "").strip()[:LONGEST_SOURCE] if isinstance(value, str) else value
        for part, value in parts.items()
        if isinstance(value, str | int) and value not in ("", 0)
    }
    return kept or None


def _after_typing(source: Any, changed: bool) -> Any:
    """A value that is typed over is no longer the result of the conversion before; quote and page stay."""
    if not changed or not source:
        return source
    return {part: value for part, value in source.items() if part not in OF_CONVERSION} or None


def _store(row: Row, touched: Mapping[str, Any]) -> None:
    if isinstance(row, Dataset):
        row.version += 1
    row.save()
    if isinstance(row, Dataset) and PLACING & touched.keys():
        peaks_recompute(dataset=row)


# Rows that come and go


@transaction.atomic
def row_add(*, extraction: Extraction, level: Level, cohort_id: int | None = None) -> Row:
    """A new cohort (with patients and controls), a group of a cohort, or a dataset like the last one."""
    draft = draft_lock(extraction=extraction)
    row = _ADDED[level](draft, cohort_id)
    _tell(draft, "extraction.row_added", None, f"{level}:{row.pk} {row}")
    return row


def _new_cohort(draft: Extraction, _cohort_id: int | None) -> Cohort:
    cohort = Cohort.objects.create(extraction=draft, label=_free("Cohort", draft.cohorts))
    for kind in (Group.Kind.PATIENTS, Group.Kind.CONTROLS):
        Group.objects.create(cohort=cohort, kind=kind)
    return cohort


def _new_group(draft: Extraction, cohort_id: int | None) -> Group:
    cohort = draft.cohorts.filter(pk=cohort_id).first()
    if cohort is None:
        raise UserError("Nothing was added: the cohort of the new group has been deleted. Reload the page.")
    there = set(cohort.groups.values_list("kind", flat=True))
    free = [kind for kind in Group.Kind.values if kind not in there]
    return Group.objects.create(cohort=cohort, kind=(free or [Group.Kind.OTHER_PATIENTS])[0])


def _new_dataset(draft: Extraction, _cohort_id: int | None) -> Dataset:
    last = draft.datasets.order_by("pk").last()
    label = _free("Dataset", draft.datasets)
    if last is not None:
        alike = {name: getattr(last, name) for name in _CONTRAST}
        return Dataset.objects.create(extraction=draft, label=label, metric="", **alike)
    groups = list(Group.objects.filter(cohort__extraction=draft).order_by("pk"))
    if not groups:
        raise UserError("Nothing was added: first add the people who were scanned, as a cohort with its groups.")
    first = next((group for group in groups if group.kind == Group.Kind.PATIENTS), groups[0])
    second = next((group for group in groups if group.cohort_id == first.cohort_id and group.pk != first.pk), None)
    return Dataset.objects.create(
        extraction=draft, label=label, metric="", cohort_id=first.cohort_id, group_a=first, group_b=second,
        comparison=Dataset.Comparison.PATIENTS_CONTROLS if second else Dataset.Comparison.TASK,
        design=Dataset.Design.TWO_SAMPLE if second else Dataset.Design.ONE_SAMPLE,
    )  # fmt: skip


_CONTRAST: Final = ("comparison", "modality", "design", "cohort", "group_a", "group_b")
_ADDED: Final = {"cohort": _new_cohort, "group": _new_group, "dataset": _new_dataset}


def _free(word: str, rows: models.Manager[Any]) -> str:
    """The first of "word 1", "word 2", ... that no row is called."""
    taken, number = set(rows.values_list("label", flat=True)), 1
    while f"{word} {number}" in taken:
        number += 1
    return f"{word} {number}"


@transaction.atomic
def row_delete(*, extraction: Extraction, name: str) -> None:
    """Delete a cohort with its groups, a group, or a dataset with its peaks; what is in use stays."""
    draft = draft_lock(extraction=extraction)
    row = _rows_of(draft, {name}).get(name) if name != "study" else None
    if row is None:
        raise UserError("Nothing was deleted: this row is not there any more. Reload the page.")
    before = _content(draft, row, level_of(name))
    try:
        row.delete()
    except ProtectedError as error:
        users = ", ".join(sorted({str(item) for item in error.protected_objects}))
        raise UserError(
            f"{row} was not deleted: it is used by {users}. Delete that first, or give it another group."
        ) from error
    _tell(draft, "extraction.row_deleted", {name: before}, None)


def _content(draft: Extraction, row: Row, level: str) -> dict[str, Any]:
    fields = [field for field in form_fields(draft.form) if field.level == level]
    answers = {field.key: plain_value(stored_value(row, field)) for field in fields}
    return {key: value for key, value in answers.items() if value is not None}
