"""Reads of forms: which fields an extraction asks for, with the choices that the tables know."""

from dataclasses import replace
from typing import Final

from django.db import models

from meta_app.extraction.form_domain import (
    EVERY_FORM,
    FormField,
    Level,
    at_level,
    fields_from_json,
)
from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionForm, Group
from meta_app.projects.models import Project

MODELS: Final[dict[Level, type[models.Model]]] = {
    "study": Extraction,
    "cohort": Cohort,
    "group": Group,
    "dataset": Dataset,
}


def form_fields(form: ExtractionForm) -> tuple[FormField, ...]:
    """What a form asks for, and what every extraction has; columns with the choices of their table."""
    return tuple(_with_choices(field) for field in (*fields_from_json(form.fields), *EVERY_FORM))


def level_fields(form: ExtractionForm, level: Level) -> tuple[FormField, ...]:
    """The fields of one level; the groups of a contrast stand right after its comparison."""
    fields = at_level(form_fields(form), level)
    groups = [field for field in fields if field.kind == "group"]
    others = [field for field in fields if field.kind != "group"]
    place = next((number for number, field in enumerate(others, start=1) if field.key == "comparison"), 0)
    return (*others[:place], *groups, *others[place:])


def _with_choices(field: FormField) -> FormField:
    if not field.column or field.kind != "choice" or field.choices:
        return field
    choices = MODELS[field.level]._meta.get_field(field.key).choices or ()
    return replace(field, choices=tuple((str(key), str(label)) for key, label in choices))


def project_form(project: Project) -> ExtractionForm | None:
    """The newest form of a project's own; None where it uses the built-in one."""
    return ExtractionForm.objects.filter(project=project).order_by("-version").first()
