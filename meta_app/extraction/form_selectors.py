"""Reads of forms: which fields an extraction asks for, with the choices that the tables know."""

from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import models
from django.db.models import QuerySet

from meta_app.extraction.form_domain import (
    BUILT_IN_FIELDS,
    BUILT_IN_VERSION,
    EVERY_FORM,
    FormField,
    Level,
    at_level,
    fields_from_json,
)
from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionForm, Group
from meta_app.extraction.selectors import POSITIONS, visible_extractions
from meta_app.projects.models import Project
from meta_app.projects.permissions import Place

MODELS: Final[dict[Level, type[models.Model]]] = {
    "study": Extraction,
    "cohort": Cohort,
    "group": Group,
    "dataset": Dataset,
}

PATH_TO_EXTRACTION: Final[dict[Level, str]] = {
    "study": "pk__",
    "cohort": "extraction__",
    "group": "cohort__extraction__",
    "dataset": "extraction__",
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


def project_fields(project: Project) -> tuple[FormField, ...]:
    form = project_form(project)
    return fields_from_json(form.fields) if form else BUILT_IN_FIELDS


def form_version(project: Project) -> int:
    form = project_form(project)
    return form.version if form else BUILT_IN_VERSION


VALUES_SHOWN: Final = 20


@dataclass(frozen=True)
class Touched:
    """What a change of a field would touch, as far as this person may see it."""

    values: list[tuple[str, str]]
    read: set[int]
    """The studies of which others entered the values that are shown."""
    hidden_drafts: int


def touched_values(place: Place, field: FormField) -> Touched:
    """Study with value, of one's own extractions and opened studies; of others' drafts only how many there are."""
    visible = visible_extractions(place)
    rows: QuerySet[Any] = MODELS[field.level]._default_manager.filter(
        **{f"{PATH_TO_EXTRACTION[field.level]}in": visible}
    )
    path = PATH_TO_EXTRACTION[field.level].removesuffix("pk__")
    told = rows.values_list(f"{path}study__label", "values", f"{path}study", f"{path}author", f"{path}position")
    found = sorted(
        (label, str(values[field.key]), study, author != place.membership.user_id and position in POSITIONS)
        for label, values, study, author, position in told
        if field.key in values
    )
    drafts = Extraction.objects.filter(study__project=place.project, state=Extraction.State.DRAFT)
    return Touched(
        [(label, value) for label, value, _study, _others in found],
        {study for _label, _value, study, others in found[:VALUES_SHOWN] if others},
        drafts.exclude(pk__in=visible).count(),
    )
