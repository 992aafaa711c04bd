"""Writes of studies and of a reviewer's own extraction.

Each write names the version of the extraction that it edits; a stale one is refused with both versions
(`StaleEdit`). Only drafts change: a locked extraction is reopened first, as a new revision with a reason.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils import timezone

from meta_app.audit.models import AuditEntry
from meta_app.audit.selectors import readers
from meta_app.audit.services import reading_record, record
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.common.words import counted
from meta_app.extraction.form_domain import fields_from_json
from meta_app.extraction.form_services import form_for_new
from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionEvent, Group, Study
from meta_app.extraction.overlap_services import overlaps_refresh
from meta_app.extraction.selectors import POSITIONS, free_position, opened_studies, why_not_start, with_locks
from meta_app.extraction.study_checks import Alike, extraction_problems, warning_ticks
from meta_app.library.models import Report
from meta_app.projects.models import Project
from meta_app.projects.permissions import Place

Values = Mapping[str, Any]
Callback = Callable[[Study, Any], None]
_when_opened: list[Callback] = []
_when_reopened: list[Callback] = []


def register_when_opened(callback: Callback) -> None:
    """Called from `AppConfig.ready`: `callback(study, actor)` runs in the transaction of the last lock."""
    _when_opened.append(callback)


def register_when_reopened(callback: Callback) -> None:
    """The same for the transaction in which a locked extraction becomes a draft again."""
    _when_reopened.append(callback)


@transaction.atomic
def study_create(*, place: Place, label: str, year: int | None, report: Values) -> Extraction:
    """A study with its first report and the extraction of the person who adds it."""
    project_hold(project_id=place.project.pk)
    try:
        with transaction.atomic():
            study = Study.objects.create(
                project=place.project, label=label, year=year, extractors_needed=place.project.extractors_needed
            )
    except IntegrityError as error:
        raise _label_taken(label) from error
    if any(report.values()):
        study.reports.add(Report.objects.create(project=place.project, **report))
    after = {"label": label, "year": year, "report": dict(report)}
    _audit_shared(study, place.membership.user, "study.created", after=after)
    return extraction_start(place=place, study=study)


@transaction.atomic
def study_update(*, extraction: Extraction, version: int, label: str, year: int | None) -> None:
    study = study_hold(study_id=extraction.study_id)
    _hold_extractions([study])
    _claim(extraction, version, {"label": label, "year": year}, study)
    before = {"label": study.label, "year": study.year}
    study.label, study.year = label, year
    try:
        with transaction.atomic():
            study.save(update_fields=["label", "year", "updated_at"])
    except IntegrityError as error:
        raise _label_taken(label) from error
    _move_other_drafts(extraction, [study])
    _audit_shared(study, extraction.author, "study.changed", before=before, after={"label": label, "year": year})


@transaction.atomic
def study_delete(*, extraction: Extraction, version: int) -> None:
    """Remove a study that exists only as one's own first draft; afterwards it can only be left out with a reason."""
    study = study_hold(study_id=extraction.study_id)
    _claim(extraction, version)
    by_others = AuditEntry.objects.filter(blind_study_id=study.pk).exclude(actor=extraction.author).exists()
    if by_others or study.extractions.exclude(pk=extraction.pk).exists() or extraction.revision > 1:
        raise UserError(
            f"{study.label} was not deleted: it has been locked once or another reviewer works on it. Nothing changed."
        )
    _audit_shared(study, extraction.author, "study.deleted", before={"label": study.label, "year": study.year})
    Dataset.objects.filter(extraction=extraction).delete()
    reports = list(study.reports.all())
    study.delete()
    for report in reports:
        if not report.studies.exists():
            report.delete()


@transaction.atomic
def report_save(*, extraction: Extraction, version: int, report: Report | None, values: Values) -> Report:
    _hold_extractions(report.studies.all() if report else [extraction.study])
    _claim(extraction, version, values, report)
    before = {name: getattr(report, name) for name in values} if report else None
    if report is None:
        report = Report.objects.create(project=extraction.study.project, **values)
        extraction.study.reports.add(report)
    else:
        for name, value in values.items():
            setattr(report, name, value)
        report.save(update_fields=[*values, "updated_at"])
    _move_other_drafts(extraction, report.studies.all())
    _audit_shared(extraction.study, extraction.author, "report.saved", before=before, after=dict(values))
    return report


@transaction.atomic
def extraction_start(*, place: Place, study: Study) -> Extraction:
    """Begin one's own extraction: as reviewer A, or as B where two are needed and another is A."""
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    independent = study.extractions.exclude(position=Extraction.Position.CONSENSUS)
    if independent.filter(author=place.membership.user).exists():
        raise UserError(f"You have already started {study.label}. Nothing changed.")
    position = free_position(study.extractors_needed, place.membership.user_id, independent, study.assignments.all())
    if position is None:
        needed = counted(study.extractors_needed, "extraction")
        raise UserError(
            f"{study.label} has no free place: all the work it needs ({needed}) is begun or assigned to others. "
            "Nothing was started."
        )
    if readers("extraction", [study.pk]) & {(study.pk, place.membership.user_id)}:
        raise UserError(f"{why_not_start(study.label)} Nothing was started.")
    extraction = Extraction.objects.create(
        study=study, position=position, author=place.membership.user, form=form_for_new(project=study.project)
    )
    _log(extraction, ExtractionEvent.Kind.STARTED)
    _audit(extraction, "extraction.started", after={"form": str(extraction.form)})
    return extraction


def studies_read(*, place: Place, studies: Collection[int]) -> None:
    """Who reads what the two reviewers of a study entered does not become one of them afterwards.

    Called by whatever shows values of others, with the keys of their studies; of these the opened ones are noted.
    """
    opened = opened_studies(place).filter(pk__in=studies, extractors_needed__gt=1) if studies else Study.objects.none()
    reading_record(
        project_id=place.project.pk, actor=place.membership.user, studies={study.pk: str(study) for study in opened},
        stage=AuditEntry.Stage.EXTRACTION,
    )  # fmt: skip


def extractions_read(*, place: Place, extractions: Iterable[Extraction]) -> None:
    """The same for those who are shown extractions; one's own, and what was agreed, are not the work of others."""
    others = {
        extraction.study_id
        for extraction in extractions
        if extraction.author_id != place.membership.user_id and extraction.position in POSITIONS
    }
    studies_read(place=place, studies=others)


@transaction.atomic
def cohort_create(*, extraction: Extraction, version: int, values: Values, groups: Iterable[Values]) -> Cohort:
    """A cohort with its groups, as a demo has them at hand."""
    groups = list(groups)
    _claim(extraction, version, values)
    cohort = Cohort.objects.create(extraction=extraction, **values)
    for group in groups:
        Group.objects.create(cohort=cohort, **group)
    _audit(extraction, "extraction.cohort_saved", after={**values, "groups": [dict(group) for group in groups]})
    return cohort


@transaction.atomic
def dataset_create(*, extraction: Extraction, version: int, values: Values) -> Dataset:
    """A dataset in the same way; its cohort is the one its first group belongs to."""
    values = {**values, "cohort": values["group_a"].cohort}
    _claim(extraction, version, values)
    try:
        with transaction.atomic():
            dataset = Dataset.objects.create(extraction=extraction, **values)
    except IntegrityError as error:
        message = f"This study already has a dataset called {values['label']}. Give this one another name."
        raise UserError(message, {"label": message}) from error
    told = {name: str(value) if isinstance(value, models.Model) else value for name, value in values.items()}
    _audit(extraction, "extraction.dataset_saved", after=told)
    return dataset


@transaction.atomic
def extraction_complete(
    *, extraction: Extraction, version: int, accepted: Collection[str] = (), reason: str = ""
) -> Extraction:
    """Lock an extraction.

    Parameters
    ----------
    accepted : collection of str
        The digest of each warning that the reviewer ticked (`warning_ticks`), so that nobody accepts what has changed
        since it was read.
    reason : str
        Why the warnings are accepted; needed where there are any, and kept with the event.

    Raises
    ------
    UserError
        Errors are left, or warnings were not accepted one by one, or without a reason.
    """
    study_hold(study_id=extraction.study_id)
    _claim(extraction, version, state=Extraction.State.COMPLETE, completed_at=timezone.now())
    found = extraction_problems(extraction)
    errors = [item.problem for item in found if item.blocks]
    if errors:
        raise UserError(
            f"{extraction.study.label} is still a draft: {counted(len(errors), 'error')} must be mended first. "
            "All is kept.",
            {"problems": [f"{problem.place}: {problem.message} {problem.mend}" for problem in errors]},
        )
    ticks = warning_ticks(found)
    _refuse_unaccepted(extraction, ticks, accepted, reason.strip())
    extraction.refresh_from_db()
    told = _accepted(len(found), reason.strip())
    _log(extraction, ExtractionEvent.Kind.COMPLETED, told)
    warnings = [f"{item.problem.place}: {item.problem.message}" for item in found]
    _audit(extraction, "extraction.completed", after={"revision": extraction.revision, "warnings": warnings}, why=told)
    _tell_if_opened(extraction)
    if with_locks(Study.objects.filter(pk=extraction.study_id)).get().opened:
        overlaps_refresh(project=extraction.study.project)
    return extraction


def study_hold(*, study_id: int) -> Study:
    """The study, held until the transaction ends: of two who lock, reopen or settle at once, the later sees both.

    Its project is held too, so that a freeze and the questions about overlapping samples see studies as a whole. Two
    can never wait for one another where all take what they hold in this order: study, project, extractions by number,
    other rows, the audit chain.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=study_id)
    project_hold(project_id=study.project_id)
    return study


def project_hold(*, project_id: int) -> None:
    """Held by whoever adds studies before their first row: two who add one label wait here, not for one another."""
    Project.objects.select_for_update(no_key=True).get(pk=project_id)


def _hold_extractions(studies: Iterable[Study]) -> None:
    """All extractions of the studies, in the order of their numbers, for what their reviewers share."""
    list(Extraction.objects.select_for_update(no_key=True).filter(study__in=studies).order_by("pk"))


def _tell_if_opened(extraction: Extraction) -> None:
    if with_locks(Study.objects.filter(pk=extraction.study_id)).filter(opened=True).exists():
        for callback in _when_opened:
            callback(extraction.study, extraction.author)


def _refuse_unaccepted(
    extraction: Extraction, ticks: Mapping[str, Alike], accepted: Collection[str], reason: str
) -> None:
    left = [alike.problem for digest, alike in ticks.items() if digest not in accepted]
    if left:
        raise UserError(
            f"{extraction.study.label} is still a draft: read the warnings as they are now and tick each. All is kept.",
            {"problems": [f"{problem.place}: {problem.message}" for problem in left]},
        )
    if ticks and not reason:
        raise UserError(
            f"{extraction.study.label} is still a draft: say in one sentence why its warnings are accepted."
        )


def _accepted(warnings: int, reason: str) -> str:
    return f"{warnings} warning{'s' if warnings > 1 else ''} accepted: {reason}" if warnings else ""


@transaction.atomic
def extraction_reopen(*, extraction: Extraction, version: int, reason: str) -> Extraction:
    """Make a locked extraction a draft again, as a new revision; frozen datasets keep the revision before."""
    if not reason.strip():
        raise UserError("Nothing was reopened: say why, the reason is kept with the study.")
    study_hold(study_id=extraction.study_id)
    form, before = form_for_new(project=extraction.study.project), extraction.form
    changed = Extraction.objects.filter(
        pk=extraction.pk, version=version, state=Extraction.State.COMPLETE
    ).update(
        form=form,
        version=F("version") + 1,
        revision=F("revision") + 1,
        state=Extraction.State.DRAFT,
        completed_at=None,
        updated_at=timezone.now(),
    )  # fmt: skip
    if not changed:
        raise _stale(extraction, {}, None)
    extraction.refresh_from_db()
    _log(extraction, ExtractionEvent.Kind.REOPENED, reason.strip())
    if fields_from_json(form.fields) != fields_from_json(before.fields):
        _log(extraction, ExtractionEvent.Kind.FORM, f"version {form.version} is asked now")
    _audit(extraction, "extraction.reopened", after={"revision": extraction.revision}, why=reason.strip())
    for callback in _when_reopened:
        callback(extraction.study, extraction.author)
    return extraction


def _claim(
    extraction: Extraction, version: int, values: Values | None = None, row: models.Model | None = None, **changes: Any
) -> None:
    """Take the next version of a draft, or refuse: locked, or somebody saved first."""
    changed = Extraction.objects.filter(pk=extraction.pk, version=version, state=Extraction.State.DRAFT).update(
        version=F("version") + 1, updated_at=timezone.now(), **changes
    )
    if not changed:
        raise _stale(extraction, values or {}, row)


def _move_other_drafts(extraction: Extraction, studies: Iterable[Study]) -> None:
    """Label, year and reports are shared by both reviewers: whoever saves them makes the other's open form stale."""
    others = Extraction.objects.filter(study__in=studies, state=Extraction.State.DRAFT).exclude(pk=extraction.pk)
    others.update(version=F("version") + 1)


def _stale(extraction: Extraction, values: Values, row: models.Model | None) -> UserError:
    """The refusal with both versions, or the sentence that the extraction is in another state now."""
    now = Extraction.objects.filter(pk=extraction.pk).first()
    if now is None or now.state != extraction.state:
        return UserError(
            "Nothing was saved: this extraction has been locked, reopened or deleted meanwhile. Reload it."
        )
    fresh = type(row).objects.filter(pk=row.pk).first() if row is not None else None
    theirs = {name: getattr(fresh, name, None) for name in values} if fresh else {}
    yours = {name: value for name, value in values.items() if fresh is None or theirs[name] != value}
    return StaleEdit(
        "Someone saved first: this extraction changed in another tab or window. Nothing of either version is lost.",
        {"yours": yours, "theirs": {name: theirs.get(name) for name in yours}, "version": now.version},
    )


def _log(extraction: Extraction, kind: str, reason: str = "") -> None:
    ExtractionEvent.objects.create(
        extraction=extraction, actor=extraction.author, kind=kind, revision=extraction.revision, reason=reason
    )


def _audit(extraction: Extraction, action: str, *, before: Any = None, after: Any = None, why: str = "") -> None:
    record(
        project_id=extraction.study.project_id, actor=extraction.author, action=action, subject=str(extraction),
        before=before, after=after, reason=why, blind_study=extraction.study_id, blind_stage="extraction",
    )  # fmt: skip


def _audit_shared(study: Study, actor: Any, action: str, *, before: Any = None, after: Any = None) -> None:
    """What both reviewers share is blind to nobody."""
    record(project_id=study.project_id, actor=actor, action=action, subject=study.label, before=before, after=after)


def _label_taken(label: str) -> UserError:
    message = f"This project already has a study called {label}. Add a letter, for example {label}b."
    return UserError(message, {"label": message})
