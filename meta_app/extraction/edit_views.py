"""Forms of one's own draft: study, reports, cohorts with their groups, datasets; and deleting with confirmation.

All follow one pattern (`_edit`): a stale version is answered with 409 and both versions on the same form, which then
carries the new version, so that nothing typed is lost.
"""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import BaseForm, BaseFormSet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.common.forms import read_number
from meta_app.extraction import services
from meta_app.extraction.forms import (
    CohortForm,
    DatasetForm,
    GroupFormSet,
    NewStudyForm,
    ReportForm,
    StudyForm,
    VersionForm,
)
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.selectors import get_own_extraction, label_is_taken
from meta_app.library.models import Report
from meta_app.projects.permissions import EXTRACT, enter_project

Save = Callable[[int], HttpResponse | None]
get_or_post = require_http_methods(["GET", "HEAD", "POST"])
METHODS = ("software", "software_reported", "fwhm_mm", "space", "threshold_kind", "threshold_reported", "t_threshold")


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
def cohort(request: HttpRequest, project_id: int, study_id: int, cohort_id: int | None = None) -> HttpResponse:
    _place, extraction = _enter_draft(request, project_id, study_id)
    row = get_object_or_404(Cohort, pk=cohort_id, extraction=extraction) if cohort_id else None
    form = CohortForm(request.POST or None, instance=row, initial={"version": extraction.version})
    groups = GroupFormSet(
        request.POST or None, instance=row, queryset=Group.objects.filter(cohort=row), prefix="groups"
    )

    def save(version: int) -> None:
        values = {name: form.cleaned_data[name] for name in form._meta.fields}
        services.cohort_save(
            extraction=extraction, version=version, cohort=row, values=values, groups=groups.edits()
        )  # fmt: skip

    delete_name = "extraction:cohort_delete" if row else ""
    title = f"Cohort {row.label}" if row else "New cohort"
    return _edit(
        request, extraction, form, save, title, template="extraction/cohort.html", table=groups, row=row,
        delete_name=delete_name,
    )  # fmt: skip


@get_or_post
def dataset_edit(request: HttpRequest, project_id: int, study_id: int, dataset_id: int | None = None) -> HttpResponse:
    _place, extraction = _enter_draft(request, project_id, study_id)
    row = get_object_or_404(Dataset, pk=dataset_id, extraction=extraction) if dataset_id else None
    if row is None and not Group.objects.filter(cohort__extraction=extraction).exists():
        messages.info(request, "First say who was scanned: a dataset compares groups of a cohort.")
        return redirect("extraction:cohort_new", project_id, study_id)
    initial = {"version": extraction.version, **_methods_like(request, extraction)}
    form = DatasetForm(request.POST or None, instance=row, initial=initial, extraction=extraction)
    if "compute" in request.POST:
        return _with_threshold(request, extraction, form, row)

    def save(version: int) -> HttpResponse | None:
        saved = services.dataset_save(extraction=extraction, version=version, dataset=row, values=form.values())
        # The next step of a new dataset is its peaks.
        return None if row else redirect("extraction:dataset", project_id, saved.pk)

    title = f"Dataset {row.label}" if row else "New dataset"
    return _edit(
        request, extraction, form, save, title, template="extraction/dataset_edit.html", row=row,
        delete_name="extraction:dataset_delete" if row else "",
    )  # fmt: skip


def _methods_like(request: HttpRequest, extraction: Extraction) -> dict[str, Any]:
    """Groups and methods of the dataset that "add another like this" names."""
    model = extraction.datasets.filter(pk=read_number(request.GET.get("like", ""))).first()
    if model is None:
        return {}
    copied = {name: getattr(model, name) for name in (*METHODS, "comparison", "modality", "design")}
    return copied | {"group_a": model.group_a_id, "group_b": model.group_b_id}


def _with_threshold(
    request: HttpRequest, extraction: Extraction, form: DatasetForm, row: Dataset | None
) -> HttpResponse:
    """The same form with t filled in from p and df; nothing is saved."""
    data, problem = request.POST.copy(), ""
    try:
        data["t_threshold"] = f"{form.computed_threshold():.4f}"
    except ValidationError as error:
        problem = error.message
    again = DatasetForm(instance=row, initial={**data.dict()}, extraction=extraction)
    return _form_page(
        request, extraction, again, "Dataset", template="extraction/dataset_edit.html", row=row,
        threshold_problem=problem, computed=not problem,
    )  # fmt: skip


@get_or_post
def cohort_delete(request: HttpRequest, project_id: int, study_id: int, cohort_id: int) -> HttpResponse:
    _place, extraction = _enter_draft(request, project_id, study_id)
    row = get_object_or_404(Cohort, pk=cohort_id, extraction=extraction)

    def delete(version: int) -> None:
        services.cohort_delete(extraction=extraction, version=version, cohort=row)

    return _delete(request, extraction, delete, f"the cohort {row.label}", "with its groups")


@get_or_post
def dataset_delete(request: HttpRequest, project_id: int, study_id: int, dataset_id: int) -> HttpResponse:
    _place, extraction = _enter_draft(request, project_id, study_id)
    row = get_object_or_404(Dataset, pk=dataset_id, extraction=extraction)

    def delete(version: int) -> None:
        services.dataset_delete(extraction=extraction, version=version, dataset=row)

    return _delete(request, extraction, delete, f"the dataset {row.label}", f"with its {row.peaks.count()} peaks")


@get_or_post
def study_delete(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    _place, extraction = _enter_draft(request, project_id, study_id)

    def delete(version: int) -> None:
        services.study_delete(extraction=extraction, version=version)

    what = f"the study {extraction.study.label}"
    return _delete(request, extraction, delete, what, "with all that you entered for it", back="extraction:studies")


def _enter_draft(request: HttpRequest, project_id: int, study_id: int) -> tuple[Any, Extraction]:
    place = enter_project(request.user, project_id, EXTRACT)
    return place, get_own_extraction(place, study_id)


def _fresh(extraction: Extraction) -> Extraction:
    """With its study as stored: validating a ModelForm has already changed the one in memory."""
    return Extraction.objects.select_related("study").get(pk=extraction.pk)


def _edit(
    request: HttpRequest, extraction: Extraction, form: BaseForm, save: Save, title: str, **more: Any
) -> HttpResponse:
    """`save` takes the version and answers where to go next, None for the page of the study."""
    if extraction.state != Extraction.State.DRAFT:
        return _locked(request, extraction)
    table = more.get("table")
    stale = None
    if request.method == "POST" and form.is_valid() & (table is None or table.is_valid()):
        try:
            then = save(form.cleaned_data["version"])
        except StaleEdit as error:
            stale, form.data = error, form.data.copy()
            form.data["version"] = str(error.details["version"])
        except UserError as error:
            _show_errors(form, error)
        else:
            messages.success(request, f"{title} is saved.")
            return then or redirect("extraction:study", extraction.study.project_id, extraction.study_id)
    return _form_page(request, extraction, form, title, stale, **more)


def _form_page(
    request: HttpRequest, extraction: Extraction, form: BaseForm, title: str, stale: StaleEdit | None = None,
    template: str = "extraction/form.html", **more: Any,
) -> HttpResponse:  # fmt: skip
    context = {
        # A fragment asked for by htmx goes without the sidebar, and so without its project.
        "project": extraction.study.project,
        "study": extraction.study,
        "extraction": extraction,
        "form": form,
        "title": title,
        "stale": stale,
        "differences": _differences(form, stale) if stale else [],
        **more,
    }
    return render(request, template, context, status=409 if stale else _status(form, more.get("table")))


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


def _status(form: BaseForm, table: BaseFormSet | None = None) -> int:
    wrong = form.errors or (table is not None and table.total_error_count())
    return 422 if form.is_bound and wrong else 200


def _show_errors(form: BaseForm, error: UserError) -> None:
    field = next((name for name in error.details if name in form.fields), None)
    form.add_error(field, error.message)


def _delete(
    request: HttpRequest, extraction: Extraction, delete: Callable[[int], None], what: str, also: str,
    back: str = "extraction:study",
) -> HttpResponse:  # fmt: skip
    if extraction.state != Extraction.State.DRAFT:
        return _locked(request, extraction)
    form = VersionForm(request.POST or None, initial={"version": extraction.version})
    refusal = None
    if request.method == "POST" and form.is_valid():
        try:
            delete(form.cleaned_data["version"])
        except UserError as error:
            refusal = error
        else:
            messages.success(request, f"Deleted {what}.")
            return _back(extraction, back)
    again = VersionForm(
        initial={"version": refusal.details.get("version", extraction.version)} if refusal else form.initial
    )
    context = {
        "study": extraction.study, "form": again, "what": what, "also": also, "refusal": refusal,
    }  # fmt: skip
    status = refusal.status if refusal else 200
    return render(request, "extraction/confirm_delete.html", context, status=status)


def _back(extraction: Extraction, name: str) -> HttpResponse:
    project_id = extraction.study.project_id
    return (
        redirect(name, project_id) if name == "extraction:studies" else redirect(name, project_id, extraction.study_id)
    )


def _locked(request: HttpRequest, extraction: Extraction) -> HttpResponse:
    messages.warning(request, f"{extraction.study.label} is locked. Reopen it, with a reason, before you change it.")
    return redirect("extraction:study", extraction.study.project_id, extraction.study_id)
