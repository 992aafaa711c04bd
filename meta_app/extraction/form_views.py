"""The page of a project's extraction form: what is asked, a field more, and changes of a field with their preview."""

from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.extraction import form_services
from meta_app.extraction.form_domain import FormField, at_level
from meta_app.extraction.form_selectors import form_version, project_fields, touched_values
from meta_app.extraction.forms import FieldChangeForm, FieldForm
from meta_app.extraction.services import studies_read
from meta_app.projects.permissions import MANAGE, READ, Place, enter_project

LEVELS = ("study", "cohort", "group", "dataset")
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
def form(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, MANAGE if request.method == "POST" else READ)
    version = form_version(place.project)
    asked = FieldForm(request.POST or None, initial={"version": version})
    status = 200
    if request.method == "POST":
        status = 422
        if asked.is_valid():
            try:
                form_services.field_add(
                    project=place.project, actor=request.user, field=asked.field(), **_version_and_reason(asked)
                )
            except UserError as error:
                status = _show(asked, error)
            else:
                messages.success(request, f"The form asks {asked.cleaned_data['label']} now; open drafts moved to it.")
                return redirect("extraction:form", project_id)
    fields = project_fields(place.project)
    context = {
        "place": place,
        "version": version,
        "form": asked,
        "levels": [(level, at_level(fields, level)) for level in LEVELS],
        "may_change": place.may(MANAGE),
    }
    return render(request, "extraction/editor/form.html", context, status=status)


@get_or_post
def field_change(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, MANAGE)
    old = _asked_field(place, request.GET.get("level", ""), request.GET.get("key", ""))
    version = form_version(place.project)
    form = FieldChangeForm(request.POST or None, initial={"version": version, **_initial(old)})
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            new = None if "drop" in request.POST else _changed(form, old)
            try:
                form_services.field_change(
                    project=place.project, actor=request.user, old=old, new=new, **_version_and_reason(form)
                )
            except UserError as error:
                status = _show(form, error)
            else:
                messages.success(request, "The form has a new version; open drafts moved to it. No value was deleted.")
                return redirect("extraction:form", project_id)
    touched = touched_values(place, old)
    studies_read(place=place, studies=touched.read)
    context = {"place": place, "form": form, "field": old, "touched": touched}
    return render(request, "extraction/editor/field_change.html", context, status=status)


def _asked_field(place: Place, level: str, key: str) -> FormField:
    fields = (field for field in project_fields(place.project) if not field.column)
    found = next((field for field in fields if (field.level, field.key) == (level, key)), None)
    if found is None:
        raise Http404
    return found


def _initial(field: FormField) -> dict[str, Any]:
    return {
        "label": field.label,
        "section": field.section,
        "kind": field.kind,
        "units": ", ".join(field.units),
        "choices": [label for _key, label in field.choices],
        "help": field.help,
    }


def _changed(form: FieldChangeForm, old: FormField) -> FormField:
    """Choices whose words are the same keep their keys."""
    new, keys = form.field(old.level), {label: key for key, label in old.choices}
    choices = tuple((keys.get(label, key), label) for key, label in new.choices)
    return replace(new, key=old.key, choices=choices, required=old.required, lowest=old.lowest)


def _version_and_reason(form: FieldForm) -> dict[str, Any]:
    return {"version": form.cleaned_data["version"], "reason": form.cleaned_data["reason"]}


def _show(form: FieldForm, error: UserError) -> int:
    """The refusal in its place; a stale form is sent again on the version that is there now."""
    form.add_error(
        next((name for name in error.details if name in form.fields and name != "version"), None), error.message
    )
    if isinstance(error, StaleEdit) and "version" in error.details:
        form.data = form.data.copy()
        form.data["version"] = str(error.details["version"])
    return error.status
