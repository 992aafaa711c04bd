"""Pages: the PRISMA flow, entered by hand; screening in the browser comes later and its page says so."""

import base64
import csv
from collections.abc import Mapping
from typing import Any, Literal

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from meta_app.common.exceptions import StaleEdit
from meta_app.common.forms import read_number
from meta_app.common.spreadsheets import formula_safe
from meta_app.projects.permissions import LAUNCH, Place, enter_project
from meta_app.screening import diagram, selectors, services
from meta_app.screening.domain import FlowCounts, FlowError, flow_rows, parse_flow, sums
from meta_app.screening.forms import flow_sections, read_flow

MEDIA_TYPES = {"svg": "image/svg+xml", "png": "image/png", "csv": "text/csv; charset=utf-8"}


@require_safe
def screening(request: HttpRequest, project_id: int) -> HttpResponse:
    enter_project(request.user, project_id)
    return render(request, "screening/screening.html")


@require_http_methods(["GET", "POST"])
def prisma(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    if request.method == "POST":
        return prisma_save(request, enter_project(request.user, project_id, LAUNCH))
    flow = selectors.entered_flow(place.project)
    counts = selectors.flow_counts(flow)
    context = {"flow": flow, "version": flow.version if flow else 0} | shown_flow(place, counts)
    return prisma_page(request, place, counts.to_json(), context)


def prisma_save(request: HttpRequest, place: Place) -> HttpResponse:
    raw = read_flow(request.POST)
    version = read_number(request.POST.get("version", "")) or 0
    try:
        counts = parse_flow(raw)
        services.flow_save(project=place.project, editor=request.user, version=version, counts=counts)
    except FlowError as error:
        return prisma_page(request, place, raw, {"version": version, "problems": error.problems}, status=400)
    except StaleEdit as stale:
        return prisma_conflict(request, place, counts, stale)
    messages.success(request, "The counts are saved.")
    return redirect("screening:prisma", place.project.pk)


def prisma_conflict(request: HttpRequest, place: Place, yours: FlowCounts, stale: StaleEdit) -> HttpResponse:
    context = {
        "stale": stale,
        "version": stale.details["version"],
        "differences": flow_differences(yours, parse_flow(stale.details["theirs"])),
    }
    return prisma_page(request, place, yours.to_json(), context | shown_flow(place, yours), status=stale.status)


def flow_differences(yours: FlowCounts, theirs: FlowCounts) -> list[dict[str, str]]:
    labels = {entry.key: f"{part.title}: {entry.label}" for part in flow_sections({}, {}) for entry in part.entries}
    mine, other = ({(box, name): n for box, name, n, _ in flow_rows(counts)} for counts in (yours, theirs))
    return [
        {"label": f"{labels[box]} {name}".strip(), "yours": cell(mine, (box, name)), "theirs": cell(other, (box, name))}
        for box, name in dict.fromkeys([*mine, *other])
        if mine.get((box, name)) != other.get((box, name))
    ]


def cell(counts: Mapping[tuple[str, str], int | None], key: tuple[str, str]) -> str:
    n = counts.get(key)
    return "" if n is None else str(n)


def prisma_page(
    request: HttpRequest, place: Place, raw: Mapping[str, Any], context: dict[str, Any], status: int = 200
) -> HttpResponse:
    sections = flow_sections(raw, context.get("problems", {}))
    context |= {"sections": sections, "may_edit": place.may(LAUNCH)}
    return render(request, "screening/prisma.html", context, status=status)


@require_POST
def prisma_preview(request: HttpRequest, project_id: int) -> HttpResponse:
    """The diagram and the sums of what is typed, before it is saved."""
    place = enter_project(request.user, project_id, LAUNCH)
    try:
        context = shown_flow(place, parse_flow(read_flow(request.POST)))
    except FlowError as error:
        context = {"problems": error.problems}
    return render(request, "screening/_flow.html", context | {"unsaved": True})


def shown_flow(place: Place, typed: FlowCounts) -> dict[str, Any]:
    """What the page shows of counts: the sums in words and the picture as a data address, drawn once."""
    counts = selectors.drawn_counts(place.project, typed)
    picture = base64.b64encode(drawn(counts, "svg")).decode()
    checked = sums(counts)
    return {
        "counts": counts,
        "sums": checked,
        "failing": sum(one.holds is False for one in checked),
        "unchecked": sum(one.holds is None for one in checked),
        "excluded_later": selectors.later_exclusions(place.project),
        "picture": f"data:image/svg+xml;base64,{picture}",
    }


def drawn(counts: FlowCounts, kind: Literal["svg", "png"]) -> bytes:
    return diagram.render(diagram.flow_diagram(counts), kind)


@require_safe
def prisma_download(request: HttpRequest, project_id: int, kind: str) -> HttpResponse:
    place = enter_project(request.user, project_id)
    if kind not in MEDIA_TYPES:
        raise Http404
    counts = selectors.drawn_counts(place.project, selectors.flow_counts(selectors.entered_flow(place.project)))
    response = HttpResponse(content_type=MEDIA_TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="prisma-flow-{project_id}.{kind}"'
    if kind == "csv":
        write_csv(response, counts)
    else:
        response.write(drawn(counts, "svg" if kind == "svg" else "png"))
    return response


def write_csv(response: HttpResponse, counts: FlowCounts) -> None:
    """With a byte order mark, or Excel shows Chinese names as noise; a name that starts like a formula is quoted."""
    response.write("\ufeff")
    writer = csv.writer(response)
    writer.writerow(["box", "source_or_reason", "count", "unit"])
    for box, name, n, unit in flow_rows(counts):
        writer.writerow([box, formula_safe(name), "" if n is None else n, unit])
