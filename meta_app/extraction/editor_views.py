"""Parts of the page of a study that change while it is edited: its answers, its problems, rows that come and go."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from meta_app.common.exceptions import UserError
from meta_app.common.forms import read_number
from meta_app.extraction import editor_services
from meta_app.extraction.editor_selectors import shown_extraction
from meta_app.extraction.models import Extraction
from meta_app.extraction.rule_checks import project_rules, verdict_counts, verdicts
from meta_app.extraction.selectors import get_own_extraction, study_reports, whole_extractions
from meta_app.extraction.study_checks import extraction_problems, grouped, warning_ticks
from meta_app.projects.permissions import EXTRACT, enter_project

LEVELS = ("cohort", "group", "dataset")


@require_GET
def answers(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    return _answers(request, get_own_extraction(place, study_id))


@require_GET
def problems(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    extraction = get_own_extraction(place, study_id)
    context = {"project": place.project, "study": extraction.study, "extraction": extraction, "editable": True}
    whole = whole_extractions(Extraction.objects.filter(pk=extraction.pk)).get()
    context["verdicts"] = found = verdicts(whole, project_rules(place.project.pk))
    context["criteria"] = verdict_counts(found)
    return render(request, "extraction/editor/_problems.html", context | problem_context(extraction))


@require_POST
def row_add(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    extraction = get_own_extraction(place, study_id)
    level, cohort_id = request.POST.get("level", ""), read_number(request.POST.get("cohort", ""))
    if level not in LEVELS:
        return _refused(UserError("Nothing was added: reload the page and try again."))
    try:
        row = editor_services.row_add(extraction=extraction, level=level, cohort_id=cohort_id)
    except UserError as error:
        return _refused(error)
    answer = _answers(request, extraction)
    answer["X-Row"] = f"{level}-{row.pk}"
    return answer


@require_POST
def row_delete(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    extraction = get_own_extraction(place, study_id)
    try:
        editor_services.row_delete(extraction=extraction, name=request.POST.get("row", ""))
    except UserError as error:
        return _refused(error)
    return _answers(request, extraction)


def _answers(request: HttpRequest, extraction: Extraction) -> HttpResponse:
    whole = whole_extractions(Extraction.objects.filter(pk=extraction.pk)).get()
    context = {
        "project": extraction.study.project,
        "study": extraction.study,
        "extraction": whole,
        "reports": study_reports(extraction.study),
        "shown": shown_extraction(whole),
        "editable": whole.state == Extraction.State.DRAFT,
    }
    return render(request, "extraction/editor/_answers.html", context)


def _refused(error: UserError) -> HttpResponse:
    """A sentence that the editor shows where the row was to come or go."""
    return HttpResponse(error.message, status=error.status, content_type="text/plain; charset=utf-8")


def ways_json() -> str:
    """The ways of reporting otherwise, as the dialog of the page asks for them."""
    return json.dumps(
        [
            {"way": way, "title": conversion.title, "target": conversion.target, "inputs": conversion.inputs}
            for way, conversion in editor_services.WAYS.items()
        ]
    )


def problem_context(extraction: Extraction) -> dict[str, object]:
    found = extraction_problems(extraction)
    errors = [item for item in found if item.blocks]
    return {
        "errors": errors,
        "errors_alike": grouped(errors),
        "warnings": len(found) - len(errors),
        "ticks": warning_ticks(found),
    }
