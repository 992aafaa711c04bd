"""The list of studies: who is where; importing more; dealing them out to reviewers."""

import csv
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from meta_app.common.exceptions import UserError
from meta_app.common.forms import read_number, read_search
from meta_app.common.spreadsheets import formula_safe
from meta_app.extraction.list_forms import AssignForm, CheckedListForm, DealForm, ListForm, rows_as_text
from meta_app.extraction.list_parsers import (
    FIELDS,
    MOST_BYTES,
    TOO_LARGE,
    StudyList,
    UnreadableListError,
    read_entries,
    read_list,
)
from meta_app.extraction.list_parsers import read_text as read_typed
from meta_app.extraction.list_selectors import ListLine, extractors, list_lines, workloads
from meta_app.extraction.list_services import (
    Dealt,
    assignments_deal,
    assignments_set,
    criterion_override,
    studies_import,
)
from meta_app.extraction.models import Study
from meta_app.extraction.overlap_selectors import speaking_extractions
from meta_app.extraction.rule_checks import project_rules, verdict_counts, verdicts
from meta_app.extraction.selectors import (
    SHOWN,
    StudyLine,
    get_own_extraction,
    may_be_counted,
    state_counts,
    studies_shown,
    study_lines,
)
from meta_app.projects.domain import Rule
from meta_app.projects.permissions import EXTRACT, MANAGE, Place, enter_project

STUDIES_ON_A_PAGE = 50
KEPT_SHOWN = 5
LINES_SHOWN = 300
LARGEST_PAGE = 2_200_000
"""Bytes of rows that a page can carry back (`DATA_UPLOAD_MAX_MEMORY_SIZE` holds them and the typed labels)."""
SEND_AGAIN = "Send the list again: what came back cannot be read. Nothing was imported."
get_or_post = require_http_methods(["GET", "HEAD", "POST"])


@require_GET
def studies(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    show, words = _filter_of(request.GET)
    shown = studies_shown(place, show, words)
    counts = state_counts(shown)
    rules = project_rules(project_id)
    page = Paginator(shown, STUDIES_ON_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "place": place,
        "page": page,
        "lines": _lines(place, list(page.object_list), rules),
        "rules": rules,
        "total": counts["total"],
        "counts": counts,
        "show": show,
        "shown": SHOWN,
        "words": words,
        "two": place.project.extractors_needed > 1,
        "may_extract": place.may(EXTRACT),
        "may_assign": place.may(MANAGE),
        "people": extractors(place.project) if place.may(MANAGE) else [],
        "filtered": bool(words) or show != "all",
    }
    return render(request, "extraction/studies.html", context)


def _lines(place: Place, studies: list[Study], rules: list[Rule]) -> list[StudyLine]:
    lines = study_lines(place, studies)
    criteria = _criteria(place, [line.study for line in lines], rules) if rules else {}
    return [replace(line, criteria=criteria.get(line.study.pk)) for line in lines]


def _criteria(place: Place, studies: Sequence[Study], rules: list[Rule]) -> dict[int, dict[str, int]]:
    """How many rules of the protocol each study meets, as far as a list may tell it to this person."""
    of_key = {study.pk: study for study in studies}
    return {
        extraction.study_id: verdict_counts(verdicts(extraction, rules))
        for extraction in speaking_extractions(place, studies)
        if may_be_counted(place, of_key[extraction.study_id], extraction)
    }


@require_POST
def criterion(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    """The reason why one's own study is taken although it does not meet a rule."""
    place = enter_project(request.user, project_id, EXTRACT)
    extraction = get_own_extraction(place, study_id)
    rule = next((rule for rule in project_rules(project_id) if rule.key == request.POST.get("rule")), None)
    if rule is None:
        raise Http404
    reason = request.POST.get("reason", "")[:500]
    try:
        criterion_override(extraction=extraction, rule=rule, before=request.POST.get("before", ""), reason=reason)
    except UserError as error:
        messages.error(request, f"{error.message} You typed: “{reason}”.")
    else:
        messages.success(request, "The reason is kept with the study." if reason.strip() else "The reason is gone.")
    return redirect(f"{reverse('extraction:study', args=[project_id, study_id])}#criteria")


def _filter_of(data: QueryDict) -> tuple[str, str]:
    show = data.get("show", "all")
    return show if show in SHOWN else "all", read_search(data)


# Who is to extract what


@require_GET
def assignments(request: HttpRequest, project_id: int) -> HttpResponse:
    """How much everyone has, and dealing out what is free."""
    place = enter_project(request.user, project_id, MANAGE)
    free = studies_shown(place, "unassigned")
    context = {
        "place": place,
        "loads": workloads(place.project),
        "free": free.count(),
        "total": studies_shown(place).count(),
        "needed": place.project.extractors_needed,
    }
    return render(request, "extraction/assignments.html", context)


@require_POST
def assign(request: HttpRequest, project_id: int) -> HttpResponse:
    """Give the places of the ticked studies, or of all that the filter shows, to the chosen people."""
    place = enter_project(request.user, project_id, MANAGE)
    form = AssignForm(request.POST, people=extractors(place.project))
    back = _list_address(request, project_id)
    if not form.is_valid():
        messages.error(request, "Nothing was assigned: choose people of this project.")
        return redirect(back)
    chosen = _chosen_studies(request, place)
    if not chosen or not form.reviewers():
        messages.error(request, "Nothing was assigned: tick studies, and choose who gets them.")
        return redirect(back)
    try:
        dealt = assignments_set(place=place, study_ids=chosen, reviewers=form.reviewers())
    except UserError as error:
        messages.error(request, error.message)
        return redirect(back)
    _tell(request, dealt)
    return redirect(back)


@require_POST
def deal(request: HttpRequest, project_id: int) -> HttpResponse:
    """Deal every free place of the project out evenly."""
    place = enter_project(request.user, project_id, MANAGE)
    form = DealForm(request.POST, people=extractors(place.project))
    if not form.is_valid():
        messages.error(request, "Nothing was assigned: choose people of this project, and a whole number as seed.")
        return redirect("extraction:assignments", project_id)
    free = list(studies_shown(place, "unassigned").values_list("pk", flat=True))
    try:
        dealt = assignments_deal(place=place, study_ids=free, **form.choices())
    except UserError as error:
        messages.error(request, error.message)
    else:
        _tell(request, dealt)
    return redirect("extraction:assignments", project_id)


def _chosen_studies(request: HttpRequest, place: Place) -> list[int]:
    if request.POST.get("scope") == "filter":
        show, words = _filter_of(request.POST)
        return list(studies_shown(place, show, words).values_list("pk", flat=True))
    return [number for text in request.POST.getlist("study") if (number := read_number(text)) is not None]


def _list_address(request: HttpRequest, project_id: int) -> str:
    show, words = _filter_of(request.POST)
    query = urlencode({"show": show, "q": words, "page": request.POST.get("page", "1")[:6]})
    return f"{reverse('extraction:studies', args=[project_id])}?{query}"


def _tell(request: HttpRequest, dealt: Dealt) -> None:
    if dealt.places:
        messages.success(request, f"{dealt.places} place{'' if dealt.places == 1 else 's'} assigned.")
    elif not dealt.kept:
        messages.info(request, "Nothing had to change.")
    if dealt.kept:
        more = f" And {len(dealt.kept) - KEPT_SHOWN} more." if len(dealt.kept) > KEPT_SHOWN else ""
        messages.warning(request, f"Left as it was. {' '.join(dealt.kept[:KEPT_SHOWN])}{more}")


# A list


@get_or_post
def list_import(request: HttpRequest, project_id: int) -> HttpResponse:
    """Choose or paste a list; then look at it before anything is stored."""
    place = enter_project(request.user, project_id, EXTRACT)
    if request.method != "POST":
        return _choose(request, place)
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        return _choose(request, place, "The list cannot be read. Choose a file or paste at most 2 MB of text.")
    try:
        found = _sent_list(form)
    except UnreadableListError as error:
        return _choose(request, place, str(error), form.cleaned_data["text"])
    size = len(rows_as_text(found.rows).encode())
    if size > LARGEST_PAGE:
        told = f"{len(found.rows)} rows of {size / 1e6:.1f} MB, and {LARGEST_PAGE / 1e6:.1f} MB fit"
        return _choose(request, place, f"The list is too long for one page: {told}. Split it into two files.")
    return _preview(request, place, found)


def _sent_list(form: ListForm) -> StudyList:
    file = form.cleaned_data["file"]
    if file and file.size > MOST_BYTES:
        raise UnreadableListError(TOO_LARGE)
    return read_list(file.read(), file.name) if file else read_typed(form.cleaned_data["text"])


def _choose(request: HttpRequest, place: Place, refusal: str = "", text: str = "") -> HttpResponse:
    context = {"place": place, "refusal": refusal, "text": text}
    return render(request, "extraction/list_import.html", context, status=400 if refusal else 200)


def _preview(
    request: HttpRequest, place: Place, found: StudyList, refusal: str = "", status: int = 200
) -> HttpResponse:
    lines = _lines_of(place, found, CheckedListForm(request.POST))
    asked = [line for line in lines if line.question or (line.problems and not line.entry.blocked)]
    context = {
        "place": place,
        "found": found,
        "rows": rows_as_text(found.rows),
        "refusal": refusal,
        "asked": asked[:LINES_SHOWN],
        "repeated": [line for line in lines if line.repeats and not line.blocked][:LINES_SHOWN],
        "left_out": [line for line in lines if line.entry.blocked][:LINES_SHOWN],
        "fresh": [line for line in lines if line.fresh and not line.question][:LINES_SHOWN],
        "counts": _counts(lines),
        "most": LINES_SHOWN,
    }
    return render(request, "extraction/list_preview.html", context, status=status)


def _lines_of(place: Place, found: StudyList, form: CheckedListForm, keep: Collection[int] = ()) -> list[ListLine]:
    return list_lines(place.project, read_entries(found.rows), form.labels(), keep, found.unit)


def _counts(lines: Iterable[ListLine]) -> dict[str, int]:
    lines = list(lines)
    return {
        "rows": len(lines),
        "new": sum(line.fresh for line in lines),
        "repeated": sum(bool(line.repeats) and not line.blocked for line in lines),
        "blocked": sum(line.blocked for line in lines),
        "asked": sum(bool(line.question) and line.fresh for line in lines),
    }


@require_POST
def list_confirm(request: HttpRequest, project_id: int) -> HttpResponse:
    """Import the good rows of a list that was looked at."""
    place = enter_project(request.user, project_id, EXTRACT)
    form = CheckedListForm(request.POST)
    if not form.is_valid():
        return _choose(request, place, SEND_AGAIN)
    found = form.found()
    lines = _lines_of(place, found, form, form.wanted_repeats())
    chosen = [line for line in lines if line.fresh]
    if not chosen:
        return _preview(request, place, found, "Nothing was imported: no row is ready.", 400)
    try:
        made = studies_import(place=place, lines=chosen)
    except UserError as error:
        return _preview(request, place, found, error.message, error.status)
    left = len(lines) - len(made)
    kept = f" {left} row{'s' if left > 1 else ''} of the list {'were' if left > 1 else 'was'} left out." if left else ""
    messages.success(request, f"{len(made)} stud{'ies are' if len(made) > 1 else 'y is'} added.{kept}")
    return redirect("extraction:studies", project_id)


@require_POST
def list_left_out(request: HttpRequest, project_id: int) -> HttpResponse:
    """The rows that would not be imported, with what to mend, as CSV."""
    place = enter_project(request.user, project_id, EXTRACT)
    form = CheckedListForm(request.POST)
    if not form.is_valid():
        return _choose(request, place, SEND_AGAIN)
    found = form.found()
    response = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="left-out.csv"'
    table = csv.writer(response)
    table.writerow([found.unit, "problem", *FIELDS])
    for row, line in zip(found.rows, _lines_of(place, found, form), strict=True):
        if not line.fresh:
            values = [row.values.get(key, "") for key in FIELDS]
            table.writerow([row.number, formula_safe(_reason(line)), *map(formula_safe, values)])
    return response


def _reason(line: ListLine) -> str:
    told = [f"{problem.field}: {problem.message} {problem.mend}" for problem in line.problems]
    return " ".join(told) or f"The same report as {line.repeats}."
