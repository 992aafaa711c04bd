"""The frozen versions, one version, freezing and downloads. Their lists come in pages."""

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from meta_app.common.exceptions import UserError
from meta_app.datasets.domain import DatasetRow, datasets_of, load_snapshot, peak_row, shared_in
from meta_app.datasets.exports import DOWNLOADS
from meta_app.datasets.selectors import (
    agreed_datasets,
    agreement_of,
    assemble,
    changes_from,
    get_agreed_dataset,
    open_overlaps,
    version_before,
)
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Dataset, Group, SampleOverlap
from meta_app.extraction.services import studies_read
from meta_app.projects.permissions import FREEZE, LAUNCH, Place, enter_project

LINES_ON_A_PAGE = 50
PEAKS_ON_A_PAGE = 100


@require_GET
def versions(request: HttpRequest, project_id: int) -> HttpResponse:
    return _versions_page(request, enter_project(request.user, project_id))


def _versions_page(request: HttpRequest, place: Place, refusal: UserError | None = None) -> HttpResponse:
    frozen = list(agreed_datasets(place.project))
    now = assemble(place.project)
    equal = next((agreed for agreed in frozen if (agreed.sha256, agreed.agreement_sha256) == now.hashes), None)
    latest = frozen[0] if frozen else None
    overlaps = open_overlaps(place.project)
    changed = changes_from(latest, now.content, now.agreement) if latest and not equal else []
    studies_read(place=place, studies={key for item in overlaps for key in (item.first_id, item.second_id)})
    context = {
        "place": place,
        "address": reverse("datasets:versions", args=[place.project.pk]),  # a refused freeze is shown at another
        "versions": frozen,
        "now": now,
        "equal": equal,
        "latest": latest,
        "changes": _lines(request, "changes", changed),
        "left_out": _lines(request, "left", now.left_out),
        "overlaps": _lines(request, "pairs", overlaps),
        "undecided": now.between_its_studies(overlaps),
        "refusal": refusal,
        "may_freeze": place.may(FREEZE),
        "may_launch": place.may(LAUNCH),
    }
    return render(request, "datasets/versions.html", context, status=refusal.status if refusal else 200)


def _lines(request: HttpRequest, name: str, lines: Sequence[Any], on_a_page: int = LINES_ON_A_PAGE) -> Page[Any]:
    """The page of a list that the address asks for by the name of the list."""
    return Paginator(lines, on_a_page).get_page(request.GET.get(name))


@require_POST
def freeze(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, FREEZE)
    try:
        agreed, new = agreed_dataset_freeze(place=place, note=request.POST.get("note", ""))
    except UserError as error:
        return _versions_page(request, place, error)
    if new:
        messages.success(request, f"Version {agreed.version} is frozen. It never changes; analyses can start from it.")
    else:
        messages.info(request, f"Nothing has changed: this is version {agreed.version}. No new version was made.")
    return redirect("datasets:version", project_id, agreed.version)


@require_GET
def version(request: HttpRequest, project_id: int, version: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    agreed = get_agreed_dataset(place.project, version)
    content, agreement = json.loads(agreed.content), agreement_of(agreed)
    before = version_before(agreed)
    datasets = datasets_of(content)
    page = _lines(request, "page", datasets)
    snapshot = load_snapshot(content, agreement, {dataset["key"] for dataset in page})
    found = [(dataset["key"], peak) for dataset in datasets for peak in dataset["peaks"]]
    peaks = _lines(request, "peaks", found, PEAKS_ON_A_PAGE)
    shared = shared_in(content)
    context = {
        "place": place,
        "agreed": agreed,
        "snapshot": snapshot,
        "page": page,
        "lines": [_line(row) for row in snapshot.datasets],
        "peaks": peaks,
        "peak_lines": [(key, peak_row(peak)) for key, peak in peaks],
        "shared": shared,
        "shared_lines": _lines(request, "shared", list(shared.items())),
        "overlaps": _lines(request, "pairs", [_overlap_line(item) for item in agreement.get("overlaps", ())]),
        "before": before,
        "changes": _lines(request, "changes", changes_from(before, content, agreement) if before else []),
        "left_out": _lines(request, "left", agreed.left_out),
        "may_launch": place.may(LAUNCH),
        "downloads": list(DOWNLOADS.values()),
    }
    return render(request, "datasets/version.html", context)


def _line(row: DatasetRow) -> dict[str, object]:
    """A frozen row with its choices in words."""
    return {
        "row": row,
        "comparison": Dataset.Comparison(row.comparison).label,
        "modality": Dataset.Modality(row.modality).label,
        "design": Dataset.Design(row.design).label,
        "software": Dataset.Software(row.software).label,
        "space": Dataset.Space(row.space).label,
        "threshold": Dataset.ThresholdKind(row.threshold_kind).label,
        "group_a": row.group_a.label or Group.Kind(row.group_a.kind).label,
        "group_b": (row.group_b.label or Group.Kind(row.group_b.kind).label) if row.group_b else "",
    }


def _overlap_line(told: dict[str, Any]) -> dict[str, str]:
    """A decision about two studies in words."""
    first, second = told["studies"]
    kept = {"keep_first": f"{first} is kept", "keep_second": f"{second} is kept", "keep_all": "both are kept"}
    people = SampleOverlap.Decision(told["decision"]).label.lower()
    return {"pair": f"{first} and {second}", "decision": people, "kept": kept.get(told["handling"], ""),
            "reason": told["reason"]}  # fmt: skip


@require_GET
def download(request: HttpRequest, project_id: int, version: int, name: str) -> HttpResponse:
    """The frozen bytes, or a file made of them."""
    place = enter_project(request.user, project_id)
    agreed = get_agreed_dataset(place.project, version)
    offered = DOWNLOADS.get(name)
    if offered is None:
        raise Http404
    stem, _, suffix = name.rpartition(".")
    answer = HttpResponse(offered.made(agreed), content_type=offered.media_type)
    answer["Content-Disposition"] = f'attachment; filename="{stem}-v{agreed.version}.{suffix}"'
    return answer


@require_GET
def changes(request: HttpRequest, project_id: int, version: int, before: int) -> HttpResponse:
    """Two versions side by side in words."""
    place = enter_project(request.user, project_id)
    old, new = (get_agreed_dataset(place.project, number) for number in (before, version))
    context = {
        "place": place,
        "old": old,
        "new": new,
        "changes": _lines(request, "changes", changes_from(old, json.loads(new.content), agreement_of(new))),
        "versions": list(agreed_datasets(place.project)),
    }
    return render(request, "datasets/changes.html", context)
