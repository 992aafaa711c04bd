"""Forms of what both reviewers share: the study's label and year, its reports; and deleting a study.

All follow one pattern (`_edit`): a stale version is answered with 409 and both versions on the same form, which then
carries the new version, so that nothing typed is lost.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.extraction import services
from meta_app.extraction.forms import NewStudyForm, ReportForm, StudyForm, VersionForm
from meta_app.extraction.models import Extraction
from meta_app.extraction.selectors import get_own_extraction, label_is_taken
from meta_app.library.models import Report
from meta_app.projects.permissions import EXTRACT, enter_project

Save = Callable[[int], None]
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@get_or_post
def study_new(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    form = NewStudyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.study_create(
                place=place,
                label=form.cleaned_data["label"],
                year=form.cleaned_data["year"],
                report=form.report_values(),
            )
        except UserError as error:
            _show_errors(form, error)
        else:
            messages.success(request, f"{made.study.label} is there. Next: who was scanned.")
            return redirect("extraction:study", project_id, made.study_id)
    return render(request, "extraction/study_new.html", {"place": place, "form": form}, status=_status(form))


@get_or_post
def study_edit(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place, extraction = _enter_draft(request, project_id, study_id)
    form = StudyForm(request.POST or None, instance=extraction.study, initial={"version": extraction.version})
    if form.is_bound and form.is_valid() and label_is_taken(place, form.cleaned_data["label"], extraction.study):
        form.add_error("label", "This project already has a study of that name. Add a letter.")

    def save(version: int) -> None:
        values = {name: form.cleaned_data[name] for name in ("label", "year")}
        services.study_update(extraction=_fresh(extraction), version=version, **values)

    return _edit(request, extraction, form, save, "Study label and year")


@get_or_post
def report(request: HttpRequest, project_id: int, study_id: int, report_id: int | None = None) -> HttpResponse:
    _place, extraction = _enter_draft(request, project_id, study_id)
    row = get_object_or_404(Report, pk=report_id, studies=extraction.study) if report_id else None
    form = ReportForm(request.POST or None, instance=row, initial={"version": extraction.version})

    def save(version: int) -> None:
        values = {name: form.cleaned_data[name] for name in form._meta.fields}
        services.report_save(extraction=extraction, version=version, report=row, values=values)

    return _edit(request, extraction, form, save, "Report" if row else "New report")


@get_or_post
def study_delete(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    _place, extraction = _enter_draft(request, project_id, study_id)
    if extraction.state != Extraction.State.DRAFT:
        return _locked(request, extraction)
    form = VersionForm(request.POST or None, initial={"version": extraction.version})
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            services.study_delete(extraction=extraction, version=form.cleaned_data["version"])
        except UserError as error:
            refusal = error
        else:
            messages.success(request, f"Deleted the study {extraction.study.label}.")
            return redirect("extraction:studies", project_id)
    version = refusal.details.get("version", extraction.version) if refusal else extraction.version
    context = {"study": extraction.study, "form": VersionForm(initial={"version": version}), "refusal": refusal}
    return render(request, "extraction/confirm_delete.html", context, status=refusal.status if refusal else 200)


def _enter_draft(request: HttpRequest, project_id: int, study_id: int) -> tuple[Any, Extraction]:
    place = enter_project(request.user, project_id, EXTRACT)
    return place, get_own_extraction(place, study_id)


def _fresh(extraction: Extraction) -> Extraction:
    """With its study as stored: validating a ModelForm has already changed the one in memory."""
    return Extraction.objects.select_related("study").get(pk=extraction.pk)


def _edit(request: HttpRequest, extraction: Extraction, form: BaseForm, save: Save, title: str) -> HttpResponse:
    if extraction.state != Extraction.State.DRAFT:
        return _locked(request, extraction)
    stale = None
    if request.method == "POST" and form.is_valid():
        try:
            save(form.cleaned_data["version"])
        except StaleEdit as error:
            stale, form.data = error, form.data.copy()
            form.data["version"] = str(error.details["version"])
        except UserError as error:
            _show_errors(form, error)
        else:
            messages.success(request, f"{title} is saved.")
            return redirect("extraction:study", extraction.study.project_id, extraction.study_id)
    context = {
        "study": extraction.study,
        "form": form,
        "title": title,
        "stale": stale,
        "differences": _differences(form, stale) if stale else [],
    }
    return render(request, "extraction/form.html", context, status=409 if stale else _status(form))


def _differences(form: BaseForm, stale: StaleEdit) -> list[tuple[str, str, str]]:
    """Field, yours, theirs: in the words of the page."""
    theirs = stale.details["theirs"]
    return [
        (str(form.fields[name].label or name), _in_words(value), _in_words(theirs[name]))
        for name, value in stale.details["yours"].items()
        if name in form.fields
    ]


def _in_words(value: object) -> str:
    return "(empty)" if value in (None, "") else str(value)


def _status(form: BaseForm) -> int:
    return 422 if form.is_bound and form.errors else 200


def _show_errors(form: BaseForm, error: UserError) -> None:
    field = next((name for name in error.details if name in form.fields), None)
    form.add_error(field, error.message)


def _locked(request: HttpRequest, extraction: Extraction) -> HttpResponse:
    messages.warning(request, f"{extraction.study.label} is locked. Reopen it, with a reason, before you change it.")
    return redirect("extraction:study", extraction.study.project_id, extraction.study_id)
