"""The page of one study, and what changes an extraction's state."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from meta_app.common.exceptions import UserError
from meta_app.extraction import services
from meta_app.extraction.editor_selectors import shown_extraction
from meta_app.extraction.editor_views import problem_context, ways_json
from meta_app.extraction.forms import CompleteForm, ReopenForm
from meta_app.extraction.models import Extraction, ExtractionEvent, Study
from meta_app.extraction.rule_checks import project_rules, verdict_counts, verdicts
from meta_app.extraction.selectors import (
    get_own_extraction,
    get_study,
    study_lines,
    study_reports,
    visible_extractions,
    whole_extractions,
)
from meta_app.library.selectors import report_files
from meta_app.projects.permissions import EXTRACT, Place, enter_project


@require_GET
def study(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    found = get_study(place, study_id)
    services.studies_read(place=place, studies=[found.pk])
    return study_page(request, place, found)


def study_page(
    request: HttpRequest, place: Place, study: Study, refusal: UserError | None = None, reason: str = ""
) -> HttpResponse:
    """One extraction of a study as this person may see it; with the refusal of what was just tried."""
    visible = list(whole_extractions(visible_extractions(place).filter(study=study)).order_by("position"))
    extraction = _chosen(visible, place, request.GET.get("position"))
    own = extraction is not None and _is_own(extraction, place)
    (line,) = study_lines(place, [study])
    context: dict[str, Any] = {
        "place": place,
        "study": study,
        "line": line,
        "reports": study_reports(study),
        "report_files": (files := report_files(place, study_reports(study))),
        "has_paper": bool(extraction and (files.files or (own and files.may_upload and files.reports))),
        "extraction": extraction,
        "visible": visible,
        "editable": own and place.may(EXTRACT) and extraction.state == Extraction.State.DRAFT,
        "reopenable": own and place.may(EXTRACT) and extraction.state == Extraction.State.COMPLETE,
        "refusal": refusal,
        "reason": reason,
    }
    if extraction is not None:
        context["shown"] = shown_extraction(extraction)
        context["verdicts"] = found = verdicts(extraction, project_rules(place.project.pk))
        context["criteria"] = verdict_counts(found)
    if context["editable"]:
        context |= problem_context(extraction) | {"ways": ways_json(), "form_news": _form_news(extraction)}
    return render(request, "extraction/study.html", context, status=refusal.status if refusal else 200)


def _form_news(extraction: Extraction) -> list[ExtractionEvent]:
    """Changes of the form since this draft was begun or reopened: its reviewer is told."""
    events = list(extraction.events.all())
    began = max((place for place, event in enumerate(events) if event.kind != ExtractionEvent.Kind.FORM), default=-1)
    return events[began + 1 :]


def _chosen(visible: list[Extraction], place: Place, position: str | None) -> Extraction | None:
    wanted = [item for item in visible if item.position == position]
    own = [item for item in visible if _is_own(item, place)]
    return next(iter([*wanted, *own, *visible]), None)


def _is_own(extraction: Extraction, place: Place) -> bool:
    return (
        extraction.author_id == place.membership.user_id and extraction.position != Extraction.Position.CONSENSUS
    )  # fmt: skip


@require_POST
def start(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    found = get_study(place, study_id)
    try:
        services.extraction_start(place=place, study=found)
    except UserError as error:
        return study_page(request, place, found, error)
    messages.success(request, f"You are extracting {found.label}. Only you see what you enter until all have locked.")
    return redirect("extraction:study", project_id, study_id)


@require_http_methods(["GET", "HEAD", "POST"])
def complete(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    """A GET comes from the sign-in page, after a session that expired: it leads back to the study."""
    place = enter_project(request.user, project_id, EXTRACT)
    extraction = get_own_extraction(place, study_id)
    locked = extraction.state == Extraction.State.COMPLETE
    if locked or request.method != "POST":
        state = "is complete and locked already" if locked else "was not completed yet: you were signed out meanwhile"
        messages.info(request, f"{extraction.study.label} {state}.")
        return redirect("extraction:study", project_id, study_id)
    form = CompleteForm(request.POST)
    if not form.is_valid():
        return study_page(request, place, extraction.study, UserError("Reload the page and send again."))
    try:
        services.extraction_complete(
            extraction=extraction, accepted=request.POST.getlist("accepted"), **form.cleaned_data
        )
    except UserError as error:
        return study_page(request, place, extraction.study, error)
    messages.success(request, f"{extraction.study.label} is complete and locked.")
    return redirect("extraction:study", project_id, study_id)


@require_POST
def reopen(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    extraction = get_own_extraction(place, study_id)
    form = ReopenForm(request.POST)
    if not form.is_valid():
        sentence = "Nothing was reopened: say why, in up to 500 characters. The reason is kept with the study."
        return study_page(request, place, extraction.study, UserError(sentence), request.POST.get("reason", ""))
    try:
        services.extraction_reopen(extraction=extraction, **form.cleaned_data)
    except UserError as error:
        return study_page(request, place, extraction.study, error, form.cleaned_data["reason"])
    messages.success(request, f"{extraction.study.label} is a draft again, revision {extraction.revision}.")
    return redirect("extraction:study", project_id, study_id)
