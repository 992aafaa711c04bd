"""The list of studies to settle, the compare page of one study, and how far reviewers agree in the project."""

import csv
from typing import Any

from django.core.paginator import Paginator
from django.db.models import prefetch_related_objects
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from meta_app.agreement.models import Comparison, Difference
from meta_app.agreement.presentation import agreed_sections, card, equal_lines, fields_by_place, missed_row
from meta_app.agreement.selectors import (
    brains,
    compared_studies,
    get_comparison,
    project_agreement,
    sections,
    study_lines,
    to_settle,
    why_not_settle,
    with_letters,
)
from meta_app.common.exceptions import UserError
from meta_app.common.forms import read_search
from meta_app.common.spreadsheets import formula_safe
from meta_app.extraction.models import Extraction
from meta_app.extraction.selectors import study_reports, visible_extractions, whole_extractions
from meta_app.extraction.services import studies_read
from meta_app.extraction.study_checks import extraction_problems
from meta_app.library.selectors import report_files
from meta_app.projects.permissions import ADJUDICATE, Place, enter_project

STUDIES_ON_A_PAGE = 50
CARDS_ON_A_PAGE = 60
LINES_ON_A_PAGE = 200


@require_GET
def studies(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    words = read_search(request.GET)
    page = Paginator(compared_studies(place, words), STUDIES_ON_A_PAGE).get_page(request.GET.get("page"))
    lines = study_lines(place, page.object_list)
    context = {"page": page, "words": words, "lines": lines, "may_settle": place.may(ADJUDICATE)}
    return render(request, "agreement/studies.html", context)


@require_GET
def comparison(request: HttpRequest, project_id: int, study_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    found = get_comparison(place, study_id)
    studies_read(place=place, studies=[found.study_id])
    return comparison_page(request, place, found)


def comparison_page(
    request: HttpRequest, place: Place, comparison: Comparison, refusal: UserError | None = None,
    names: dict[str, str] | None = None,
) -> HttpResponse:  # fmt: skip
    """The differences; or, of an agreed study, the consensus with where each value came from."""
    agreed = comparison.state == Comparison.State.AGREED
    prefetch_related_objects([comparison], "differences")
    show = request.GET.get("show", "agreed" if agreed else "open")
    context = frame(place, comparison) | {
        "place": place,
        "show": show if show in SHOWN else "open",
        "refusal": refusal,
        "names": names,
        "letters": ("B", "A") if comparison.b_is_left else ("A", "B"),
        "report_files": report_files(place, study_reports(comparison.study)),
    }
    if agreed and show == "agreed":
        template, more = "agreement/agreed.html", _agreed(place, comparison)
    elif show == "equal":
        template, more = "agreement/equal.html", _equal(request, comparison)
    else:
        template, more = "agreement/comparison.html", _cards(request, comparison, context)
    context |= more
    if context["may_settle"]:
        context["missed"] = missed_row(comparison, request.POST)
    return render(request, template, context, status=refusal.status if refusal else 200)


SHOWN = {"open": "To settle", "asked": "Authors asked", "settled": "Settled", "all": "All", "equal": "Equal"}


def frame(place: Place, comparison: Comparison) -> dict[str, Any]:
    """What the head of the page and each answer to a decision need."""
    why_not = why_not_settle(place, comparison.study)
    return {
        "study": comparison.study,
        "comparison": comparison,
        "total": comparison.total,
        "left": comparison.left,
        "settled": comparison.total - comparison.left,
        "why_not": why_not,
        "may_settle": not why_not and comparison.state == Comparison.State.OPEN,
        "may_reopen": not why_not and comparison.state == Comparison.State.AGREED,
    }


def _cards(request: HttpRequest, comparison: Comparison, context: dict[str, Any]) -> dict[str, Any]:
    show, section = context["show"], request.GET.get("section", "")
    wanted = with_letters(comparison.differences.all())
    if show != "all":
        wanted = wanted.filter(
            state={"open": Difference.State.OPEN, "asked": Difference.State.ASKED}.get(show, "settled")
        )
    if section:
        wanted = wanted.filter(section=section)
    page = Paginator(wanted, CARDS_ON_A_PAGE).get_page(request.GET.get("page"))
    fields = fields_by_place(comparison)
    found = sections(comparison)
    cards = [card(difference, fields, comparison) for difference in page]
    return {
        "shown": SHOWN,
        "section": section,
        "sections": found,
        "page": page,
        "shown_sections": [
            (item, of_section)
            for item in found
            if (of_section := [shown for shown in cards if shown.difference.section == item.name])
        ],
        "brains": brains(comparison),
    }


def _equal(request: HttpRequest, comparison: Comparison) -> dict[str, Any]:
    section = request.GET.get("section", "")
    lines = Paginator(equal_lines(comparison, section), LINES_ON_A_PAGE).get_page(request.GET.get("page"))
    return {"shown": SHOWN, "section": section, "page": lines}


def _agreed(place: Place, comparison: Comparison) -> dict[str, Any]:
    visible = visible_extractions(place).filter(study=comparison.study, position=Extraction.Position.CONSENSUS)
    consensus = whole_extractions(visible).select_related("form", "author", "study").get()
    return {
        "next_comparison": to_settle(place.membership).select_related("study").order_by("study__label", "pk").first(),
        "consensus": consensus,
        "agreed_sections": agreed_sections(consensus),
        "problems": [found.problem for found in extraction_problems(consensus)],
    }


@require_GET
def summary(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    return render(request, "agreement/summary.html", {"agreement": project_agreement(place)})


@require_GET
def summary_csv(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="agreement-{place.project.pk}.csv"'
    response.write("\ufeff")
    rows = csv.writer(response)
    for line in project_agreement(place).as_rows():
        rows.writerow([formula_safe(cell) for cell in line])
    return response
