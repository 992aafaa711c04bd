"""Writes of imports: studies as one's own drafts, and the peaks of one dataset.

Nothing is overwritten unless it was chosen: a study that one extracts already is skipped, replaced or added to. A study
that cannot be taken is left out whole with its reason; the others go in, in one transaction. A rehearsal does all of it
and takes it back, so that what a preview promises is what an import does.
"""

import hashlib
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Lower
from django.utils import timezone

from meta_app.audit.services import record
from meta_app.common.exceptions import UserError
from meta_app.extraction.checks import t_of_statistic
from meta_app.extraction.domain import FIELDS
from meta_app.extraction.exchange.opening import LARGEST_FILE, Files, packed, problems_of
from meta_app.extraction.exchange.plain import Chosen
from meta_app.extraction.exchange.reading import Tools
from meta_app.extraction.exchange.records import (
    COHORT_FIELDS,
    DATASET_FIELDS,
    GROUP_FIELDS,
    REPORT_FIELDS,
    Item,
    Reading,
    peak_cells,
)
from meta_app.extraction.form_domain import FormField
from meta_app.extraction.form_parsers import read_answer
from meta_app.extraction.form_selectors import form_fields
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group, Peak, Study
from meta_app.extraction.parsers import read_row
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.selectors import own_extractions
from meta_app.extraction.services import extraction_start, project_hold, study_create
from meta_app.extraction.workbooks import WorkbookError, sheets_of
from meta_app.library.models import Report
from meta_app.projects.permissions import Place

Mode = Literal["skip", "replace", "append"]
KEPT_SECONDS = 24 * 3600
LOST_DF = {"one_sample": 1, "two_sample": 2, "correlation": 2}
BESIDE_CELLS = ("hemisphere", "brodmann", "sub_peak", "p_kind")


@dataclass(frozen=True)
class Outcome:
    """What becomes, or became, of one study of an import."""

    label: str
    state: Literal["new", "begun", "replaced", "added", "skipped", "refused"]
    datasets: int
    peaks: int
    reason: str = ""
    version: int | None = None
    problems: tuple[str, ...] = ()

    @property
    def taken(self) -> bool:
        return self.state not in ("skipped", "refused")


@dataclass
class _Into:
    """A draft that is being filled, and what of the record did not fit."""

    extraction: Extraction
    fields: dict[tuple[str, str], FormField]
    problems: list[str] = field(default_factory=list)


# Uploads wait here between the preview and the import


def upload_keep(*, place: Place, files: Files) -> str:
    """Keep files for a day under a name that only this person can use; answers with it.

    Those of one name lie in folders of their own, to be told of again.
    """
    twice = [(name, number, content) for name, all_of in files.twice.items() for number, content in enumerate(all_of)]
    content = packed(files | {f"{number}/{name}": content for name, number, content in twice})
    token = hashlib.sha256(content).hexdigest()
    path = _upload(place, token)
    path.parent.mkdir(parents=True, exist_ok=True)
    _forget_old(path.parent)
    path.write_bytes(content)
    return token


def upload_path(*, place: Place, token: str) -> Path:
    path = _upload(place, token)
    if not re.fullmatch(r"[0-9a-f]{64}", token) or not path.is_file():
        raise UserError("The upload is no longer here: choose the file again. Nothing was imported.")
    return path


def _upload(place: Place, token: str) -> Path:
    return Path(settings.DATA_DIR) / "imports" / f"{place.membership.user_id}-{place.project.pk}-{token}.zip"


def _forget_old(folder: Path) -> None:
    for path in folder.glob("*.zip"):
        if path.stat().st_mtime < time.time() - KEPT_SECONDS:
            path.unlink(missing_ok=True)


def contents_of(files: Iterable[UploadedFile]) -> Files:
    """The bytes of files by name; none is read into memory that is more than an import takes."""
    files = list(files)
    size = sum(file.size or 0 for file in files)
    if size > LARGEST_FILE:
        most = LARGEST_FILE // 1_000_000
        raise UserError(f"Nothing was read: this is {size / 1e6:,.0f} MB; send at most {most} MB at a time.")
    found = Files((str(file.name), file.read()) for file in files)
    if found.twice and not found:
        problem = problems_of(found)[0]
        raise UserError(f"Nothing was read: {problem.file} {problem.message} {problem.mend}")
    return found


def _sheets_of(_name: str, content: bytes) -> dict[str, list[list[Any]]]:
    try:
        return sheets_of(content)
    except WorkbookError as error:
        raise UserError(str(error)) from error


def t_of_peak(peak: Item, design: str, n1: int | None, n2: int | None) -> float | None:
    """The t of a peak in its design; None where only its sign can be told."""
    two = design == Dataset.Design.TWO_SAMPLE
    known = n1 is not None and (n2 is not None or not two)
    df = (n1 or 0) + (n2 or 0 if two else 0) - LOST_DF.get(design, 2) if known else None
    return t_of_statistic(peak["statistic_kind"], peak["statistic"], peak["sign"] or 1, df)


def tools(chosen: Chosen | None = None) -> Tools:
    return Tools(_sheets_of, t_of_peak, chosen or Chosen())


# Whole studies


@transaction.atomic
def studies_import(
    *,
    place: Place,
    reading: Reading,
    mode: Mode = "skip",
    versions: Mapping[str, int] | None = None,
    source: str = "",
    rehearse: bool = False,
) -> list[Outcome]:
    """Take the studies of a file as own drafts.

    Parameters
    ----------
    mode : str
        What becomes of a study that this person extracts already.
    versions : mapping, optional
        By label, the version of one's own draft that the preview showed; another one is refused.
    source : str
        Name of the file, for the audit trail.
    rehearse : bool
        Take everything back at the end.
    """
    _hold(place, [item["label"] for item in reading.studies])
    outcomes = [_import_study(place, item, reading.reports, mode, versions or {}, source) for item in reading.studies]
    if rehearse:
        transaction.set_rollback(True)
    return outcomes


def _hold(place: Place, labels: Iterable[str]) -> None:
    """What the import will touch, in the order of `services.study_hold`: its first study writes to the audit chain."""
    named = Study.objects.filter(project=place.project).annotate(lower=Lower("label"))
    named = named.filter(lower__in={label.lower() for label in labels}).order_by("label", "pk")
    studies = list(named.select_for_update(no_key=True))
    project_hold(project_id=place.project.pk)
    list(own_extractions(place).filter(study__in=studies).select_for_update(of=("self",)).order_by("pk"))


def _import_study(
    place: Place, item: Item, reports: Mapping[str, Item], mode: Mode, versions: Mapping[str, int], source: str
) -> Outcome:
    sizes = {"datasets": len(item["datasets"]), "peaks": sum(len(dataset["peaks"]) for dataset in item["datasets"])}
    try:
        with transaction.atomic():
            extraction, state = _draft_for(place, item, mode, versions)
            if state == "skipped":
                reason = "You extract it already; choose “replace” or “add to it” to take it."
                return Outcome(item["label"], "skipped", **sizes, reason=reason, version=extraction.version)
            version = extraction.version
            into = _Into(extraction, {(one.level, one.key): one for one in form_fields(extraction.form)})
            _fill(into, item, reports, keep=state == "added")
            _tell(extraction, state, source, sizes)
            return Outcome(item["label"], state, **sizes, version=version, problems=tuple(into.problems))
    except (UserError, ValidationError) as error:
        return Outcome(item["label"], "refused", **sizes, reason=_sentence(error))


def _sentence(error: UserError | ValidationError) -> str:
    if isinstance(error, UserError):
        return error.message
    if not hasattr(error, "error_dict"):
        return " ".join(error.messages)
    return " ".join(f"{name.replace('_', ' ')}: {' '.join(texts)}" for name, texts in error.message_dict.items())


def _draft_for(place: Place, item: Item, mode: Mode, versions: Mapping[str, int]) -> tuple[Extraction, Any]:
    """One's own draft of the study, made where there is none, and what is done with it."""
    study = Study.objects.filter(project=place.project, label__iexact=item["label"]).first()
    if study is None:
        return study_create(place=place, label=item["label"], year=item["year"], report={}), "new"
    own = own_extractions(place).filter(study=study).select_for_update(of=("self",))
    extraction = own.select_related("form", "study", "author").first()
    if extraction is None:
        return extraction_start(place=place, study=study), "begun"
    if extraction.state != Extraction.State.DRAFT:
        raise UserError("You have completed and locked it; reopen it first.")
    if extraction.version != versions.get(item["label"], extraction.version):
        raise UserError("Your draft has changed since the preview; look at the preview again.")
    return extraction, {"skip": "skipped", "replace": "replaced", "append": "added"}[mode]


def _fill(into: _Into, item: Item, reports: Mapping[str, Item], keep: bool) -> None:
    """Write a record into a draft; what is there goes first unless it is kept."""
    extraction = into.extraction
    if not keep:
        extraction.datasets.all().delete()
        extraction.cohorts.all().delete()
    values, sources = _extracted(into, "study", item, item["label"])
    before = (extraction.values, extraction.sources) if keep else ({}, {})
    extraction.values, extraction.sources = {**values, **before[0]}, {**sources, **before[1]}
    extraction.note = extraction.note if keep and extraction.note else item["note"]
    extraction.save(update_fields=["values", "sources", "note", "updated_at"])
    _add_reports(extraction.study, [reports[key] for key in item["reports"] if key in reports])
    groups = {key: group for cohort in item["cohorts"] for key, group in _add_cohort(into, cohort).items()}
    for dataset in item["datasets"]:
        _add_dataset(into, dataset, groups)


def _add_reports(study: Study, reports: Sequence[Item]) -> None:
    """Only where the study has none: reports are shared with the other reviewer."""
    if study.reports.exists():
        return
    for item in reports:
        values = {name: item[name] for name in REPORT_FIELDS}
        report = Report.objects.filter(project=study.project, **values).first()
        if report is None:
            report = Report(project=study.project, **values)
            report.full_clean()
            report.save()
        study.reports.add(report)


def _add_cohort(into: _Into, item: Item) -> dict[str, Group]:
    values, sources = _extracted(into, "cohort", item, item["label"])
    columns = {name: item[name] for name in COHORT_FIELDS}
    cohort = _checked(Cohort(extraction=into.extraction, values=values, sources=sources, **columns))
    groups = {}
    for group in item["groups"]:
        values, sources = _extracted(into, "group", group, group["key"])
        columns = {name: group[name] for name in GROUP_FIELDS}
        groups[group["key"]] = _checked(Group(cohort=cohort, values=values, sources=sources, **columns))
    return groups


def _add_dataset(into: _Into, item: Item, groups: Mapping[str, Group]) -> None:
    if Dataset.objects.filter(extraction=into.extraction, label=item["label"]).exists():
        raise UserError(f"There is a dataset called {item['label']} already: rename one of the two, or replace yours.")
    values, sources = _extracted(into, "dataset", item, item["label"])
    columns = {name: item[name] for name in DATASET_FIELDS if name != "peaks_state"}
    first, second = groups[item["group_a"]], groups[item["group_b"]] if item["group_b"] else None
    dataset = _checked(
        Dataset(
            extraction=into.extraction, cohort=first.cohort, group_a=first, group_b=second, values=values,
            sources=sources, **columns,
        )
    )  # fmt: skip
    rows = [peak_cells(peak) for peak in item["peaks"]]
    saved = peaks_save(dataset=dataset, version=dataset.version, peaks_state=item["peaks_state"], rows=rows)
    _complete_peaks(into, saved, item["peaks"])


def _checked(row: Any) -> Any:
    """Stored if its columns hold what their kinds allow; ValidationError names those that do not."""
    names = {one.name for one in row._meta.fields}
    row.full_clean(exclude={"extraction", "cohort", "group_a", "group_b", "values", "sources", "origins"} & names)
    row.save()
    return row


def _complete_peaks(into: _Into, dataset: Dataset, items: Sequence[Item]) -> None:
    """What the grid has no cell for, what of its cells is refused, and whether the places computed are the file's."""
    changed = []
    for peak, item in zip(dataset.peaks.order_by("position"), items, strict=False):
        into.problems += [
            f"{dataset.label}, row {peak.position}: {problem.message} {problem.mend}"
            for problem in read_row(peak.cells, dataset.space).problems
            if problem.level == "error"
        ]
        wanted = {name: item[name] for name in BESIDE_CELLS if name not in FIELDS and getattr(peak, name) != item[name]}
        for name, value in wanted.items():
            setattr(peak, name, value)
        changed += [peak] if wanted else []
        far = [axis for axis in "xyz" if (at := getattr(peak, axis)) is not None and abs(at - (item[axis] or 0)) > 0.01]
        if far and item["x"] is not None:
            into.problems.append(
                f"{dataset.label}, row {peak.position}: MNI is computed as {peak.x:g}, {peak.y:g}, {peak.z:g}; "
                f"the file says {item['x']:g}, {item['y']:g}, {item['z']:g}."
            )
    Peak.objects.bulk_update(changed, BESIDE_CELLS)


def _extracted(into: _Into, level: Any, item: Item, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Values that fit their field of the form (those of no field as they are), and sources as texts."""
    values = {}
    for key, raw in item["values"].items():
        known = into.fields.get((level, key))
        answer = read_answer(known, raw) if known and not known.column else None
        if answer and answer.problem:
            into.problems.append(f"{where}, {known.label if known else key}: {answer.problem}")
        elif answer is None or answer.value is not None:
            values[key] = answer.value if answer else raw
    sources = {
        key: {
            part: str(text)[:2000] for part, text in source.items() if part in ("quote", "page", "reported", "formula")
        }
        for key, source in item["sources"].items()
    }
    return values, {key: source for key, source in sources.items() if source}


def _tell(extraction: Extraction, state: str, source: str, sizes: Mapping[str, int]) -> None:
    Extraction.objects.filter(pk=extraction.pk).update(version=F("version") + 1, updated_at=timezone.now())
    record(
        project_id=extraction.study.project_id,
        actor=extraction.author,
        action="extraction.imported",
        subject=str(extraction),
        after={"file": source, "what": state, **sizes},
        blind_study=extraction.study_id,
        blind_stage="extraction",
    )


# Peaks of one dataset


@transaction.atomic
def peaks_import(
    *, dataset: Dataset, version: int, rows: Sequence[Mapping[str, str]], mode: Mode, source: str, silent: bool = False
) -> Dataset:
    """Put rows into the grid of one's own draft, in place of those there or below them.

    Raises
    ------
    StaleEdit, UserError
        As a save of the grid.
    """
    there = [] if mode == "replace" else list(dataset.peaks.order_by("position").values_list("cells", flat=True))
    state = Dataset.PeaksState.NO_PEAKS if silent and not there and not rows else Dataset.PeaksState.PEAKS
    saved = peaks_save(dataset=dataset, version=version, peaks_state=state, rows=[*there, *rows])
    extraction = dataset.extraction
    record(
        project_id=extraction.study.project_id,
        actor=extraction.author,
        action="peaks.imported",
        subject=f"{extraction}, {dataset.label}",
        after={"file": source, "rows": len(rows), "what": mode},
        blind_study=extraction.study_id,
        blind_stage="extraction",
    )
    return saved
