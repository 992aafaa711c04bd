"""What was done in a project: the page of the audit trail, and its export with the hashes."""

import csv
import json
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from meta_app.common.forms import read_number
from meta_app.common.spreadsheets import formula_safe
from meta_app.common.texts import plain_line
from meta_app.projects.permissions import enter_project
from meta_app.quality.activity_selectors import (
    Filters,
    actions,
    actors,
    exported_chain,
    filtered_entries,
    works_of_others,
)
from meta_app.quality.services import works_read

ENTRIES_ON_A_PAGE = 50
LONGEST_LABEL = 200
COLUMNS = (
    "number", "at", "who", "actor", "action", "subject", "before", "after", "reason", "project", "blind",
    "previous_hash", "hash",
)  # fmt: skip
AS_JSON = ("before", "after", "blind")


@require_safe
def activity(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    filters = _filters(request)
    page = Paginator(filtered_entries(place, filters), ENTRIES_ON_A_PAGE).get_page(request.GET.get("page"))
    works_read(place=place, works=works_of_others(place, [entry.pk for entry in page]))
    context = {
        "page": page,
        "filters": filters,
        "filtered": filters != Filters(),
        "people": actors(place),
        "actions": actions(place),
    }
    return render(request, "quality/activity.html", context)


def _filters(request: HttpRequest) -> Filters:
    asked = request.GET
    study = plain_line(asked.get("study", ""))[:LONGEST_LABEL]
    return Filters(read_number(asked.get("person", "")), study, asked.get("action", ""))


@require_safe
def activity_export(request: HttpRequest, project_id: int, kind: str) -> HttpResponse:
    place = enter_project(request.user, project_id)
    chain = exported_chain(place)
    works_read(place=place, works=works_of_others(place))
    if kind == "json":
        response: HttpResponse = JsonResponse(chain, json_dumps_params={"indent": 1, "ensure_ascii": False})
    elif kind == "csv":
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        _write_csv(response, [{"who": chain["people"][one["actor"]], **one} for one in chain["entries"]])
    else:
        raise Http404
    response["Content-Disposition"] = f'attachment; filename="activity-{project_id}.{kind}"'
    return response


def _write_csv(response: HttpResponse, entries: list[dict[str, Any]]) -> None:
    response.write("\ufeff")
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for entry in entries:
        cells = {
            name: json.dumps(entry[name], ensure_ascii=False) if name in AS_JSON else entry[name] for name in entry
        }
        writer.writerow([formula_safe("" if cells[name] is None else cells[name]) for name in COLUMNS])
