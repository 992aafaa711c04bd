"""Writes of forms."""

from meta_app.extraction.form_domain import BUILT_IN_FIELDS, BUILT_IN_NAME, BUILT_IN_VERSION, fields_as_json
from meta_app.extraction.form_selectors import project_form
from meta_app.extraction.models import ExtractionForm
from meta_app.projects.models import Project


def form_for_new(*, project: Project) -> ExtractionForm:
    """The form that new extractions of a project begin with: its own newest, or the built-in one."""
    return project_form(project) or _built_in_form()


def _built_in_form() -> ExtractionForm:
    wanted = {"project": None, "name": BUILT_IN_NAME, "version": BUILT_IN_VERSION}
    stored = ExtractionForm.objects.filter(**wanted).first()
    return stored or ExtractionForm.objects.create(**wanted, fields=fields_as_json(BUILT_IN_FIELDS))
