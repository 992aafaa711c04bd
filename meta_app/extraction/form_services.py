"""Writes of forms: a field more, or an explicit change of one that is asked already.

Each change makes a new version of the project's form; open drafts move to it with an event that their reviewers see.
Values are never deleted: what is no longer asked stays under its key, and a field of another kind or unit gets a new
key, so that no value changes its meaning.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from meta_app.audit.services import record
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.extraction.form_domain import (
    BUILT_IN_FIELDS,
    BUILT_IN_NAME,
    BUILT_IN_VERSION,
    EVERY_FORM,
    FormField,
    fields_as_json,
    fields_from_json,
)
from meta_app.extraction.form_selectors import form_version, project_fields, project_form
from meta_app.extraction.models import Extraction, ExtractionEvent, ExtractionForm
from meta_app.projects.models import Project

LONGEST_KEY = 50


def form_for_new(*, project: Project) -> ExtractionForm:
    """The form that new extractions of a project begin with: its own newest, or the built-in one."""
    return project_form(project) or _built_in_form()


def _built_in_form() -> ExtractionForm:
    """Stored by whoever comes first; of two at once the second takes what the first stored."""
    form, _new = ExtractionForm.objects.get_or_create(
        project=None, name=BUILT_IN_NAME, version=BUILT_IN_VERSION, defaults={"fields": fields_as_json(BUILT_IN_FIELDS)}
    )
    return form


@transaction.atomic
def field_add(*, project: Project, actor: Any, version: int, field: FormField, reason: str) -> ExtractionForm:
    """Ask one thing more; the key of `field` is made here from its label."""
    fields = project_fields(project)
    _refuse_same_label(fields, field)
    field = replace(field, key=_free_key(project, field))
    told = f"asks {field.label} too"
    return _new_version(project, actor, version, (*fields, field), told, reason)


@transaction.atomic
def field_change(
    *, project: Project, actor: Any, version: int, old: FormField, new: FormField | None, reason: str
) -> ExtractionForm:
    """Rename a field, ask it in another kind or unit, or (`new` is None) ask it no longer."""
    if not reason.strip():
        raise UserError("Nothing was changed: say why, both reviewers read it.")
    fields = project_fields(project)
    if old not in fields or old.column:
        raise UserError(f"Nothing was changed: {old.label} is not a field of the form that can change.")
    if new is None:
        told, kept = f"no longer asks {old.label}", tuple(field for field in fields if field != old)
        return _new_version(project, actor, version, kept, told, reason)
    if new.label != old.label:
        _refuse_same_label(fields, new)
    if (new.kind, new.units, new.choices) != (old.kind, old.units, old.choices):
        new = replace(new, key=_free_key(project, new))
        told = f"asks {new.label} anew, in another way"
    else:
        new = replace(new, key=old.key)
        told = f"calls {old.label} now {new.label}"
    changed = tuple(new if field == old else field for field in fields)
    return _new_version(project, actor, version, changed, told, reason)


def _new_version(
    project: Project, actor: Any, version: int, fields: Sequence[FormField], told: str, reason: str
) -> ExtractionForm:
    now = form_version(project)
    if now != version:
        sentence = "Someone changed the form first. Nothing of yours was stored; read it as it is now."
        raise StaleEdit(sentence, {"yours": told, "theirs": f"version {now}", "version": now})
    try:
        with transaction.atomic():
            form = ExtractionForm.objects.create(
                project=project, name=BUILT_IN_NAME, version=now + 1, fields=fields_as_json(fields),
                change_reason=reason.strip(),
            )  # fmt: skip
    except IntegrityError as error:
        raise StaleEdit("Someone changed the form at the same moment. Reload the page.", {}) from error
    sentence = f"version {form.version} {told}{f': {reason.strip()}' if reason.strip() else ''}"
    _move_drafts(form, actor, sentence)
    record(
        project_id=project.pk, actor=actor, action="form.changed", subject=str(form), before={"version": now},
        after={"version": form.version, "change": told}, reason=reason.strip(),
    )  # fmt: skip
    return form


def _move_drafts(form: ExtractionForm, actor: Any, sentence: str) -> None:
    drafts = Extraction.objects.filter(study__project=form.project, state=Extraction.State.DRAFT)
    found = list(drafts.select_for_update(of=("self",), no_key=True).order_by("pk"))
    drafts.update(form=form, version=F("version") + 1, updated_at=timezone.now())
    ExtractionEvent.objects.bulk_create(
        ExtractionEvent(
            extraction=draft, actor=actor, kind=ExtractionEvent.Kind.FORM, revision=draft.revision, reason=sentence
        )
        for draft in found
    )


def _refuse_same_label(fields: Sequence[FormField], field: FormField) -> None:
    taken = {(other.level, other.label.lower()) for other in fields}
    if (field.level, field.label.lower()) in taken:
        message = f"The form already asks {field.label} of a {field.level}. Give it another name."
        raise UserError(message, {"label": message})


def _free_key(project: Project, field: FormField) -> str:
    """A key that no version of the form has used, so that old values never come back as answers to a new question."""
    forms = ExtractionForm.objects.filter(project=project)
    ever = [*BUILT_IN_FIELDS, *EVERY_FORM, *(old for form in forms for old in fields_from_json(form.fields))]
    taken = {old.key for old in ever}
    stem = slugify(field.label).replace("-", "_")[:LONGEST_KEY] or "field"
    key, number = stem, 2
    while key in taken:
        key, number = f"{stem}_{number}", number + 1
    return key
