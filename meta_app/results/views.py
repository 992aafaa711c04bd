"""Pages and files of finished runs and of previews. Members of the project read them; nobody writes."""

import hashlib
from collections.abc import Callable
from functools import wraps
from pathlib import PurePosixPath
from typing import Any

from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_cache_control
from django.utils.http import quote_etag
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from meta_app.analyses.domain import LONGEST_TEST, PUBLICATION_PERMUTATIONS
from meta_app.analyses.models import Artefact, Run
from meta_app.analyses.selectors import may_extend, permutations_done, runs_outdated, time_left
from meta_app.common.exceptions import UserError
from meta_app.common.views import error_page
from meta_app.projects.permissions import LAUNCH, enter_project
from meta_app.results import presentation as words
from meta_app.results.bundle import write_bundle
from meta_app.results.domain import MAPS_BY_KEY, start_state
from meta_app.results.forms import SliceForm
from meta_app.results.methods import methods_file, methods_text
from meta_app.results.pictures import extremes_of, picture_of
from meta_app.results.selectors import (
    ClusterTable,
    Result,
    checked_path,
    cluster_count,
    find_artefact,
    find_run,
    provenance_keys,
    read_result,
    viewable_runs,
)
from meta_app.results.slices import draw
from meta_app.results.workbook import result_workbook

RESULTS_ON_A_PAGE = 50
STOP_POLLING = 286
"""The status at which htmx swaps the answer in and asks no more."""
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
View = Callable[..., HttpResponseBase]


def tells_user_errors(view: View) -> View:
    """A UserError of a page becomes a page that says it."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except UserError as error:
            return error_page(request, error.status, "This result cannot be shown whole", error.message)

    return told


@require_safe
def results(request: HttpRequest, project_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    page = Paginator(viewable_runs(place), RESULTS_ON_A_PAGE).get_page(request.GET.get("page"))
    rows = [(run, cluster_count(run)) for run in page]
    return render(request, "results/results.html", {"page": page, "rows": rows})


@require_safe
@tells_user_errors
def result(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    run = find_run(place, run_id)
    told = read_result(run)
    form = SliceForm(request.GET)
    table = told.table(request.GET.get("correction", ""))
    context = {
        "result": told,
        "run": run,
        "outdated": runs_outdated(place.project, [run]).get(run.pk),
        "shown": table,
        "config": viewer_config(told),
        "slice_query": request.GET.urlencode() if form.is_valid() else "",
        "question": words.question_facts(told),
        "provenance": words.provenance_facts(told),
        "map_downloads": words.map_downloads(told),
        "methods": methods_text(told),
        "extremes": () if all(told.found.values()) else extremes_of(run),
        "table_downloads": words.table_downloads(told),
        "may_launch": place.may(LAUNCH),
        "extend_to": extension_offered(run) if may_extend(run) and run.permutations < LONGEST_TEST else 0,
        "longest_test": LONGEST_TEST,
        **(preview_context(run) if told.is_preview else {}),
    }
    return render(request, "results/result.html", context)


def extension_offered(run: Run) -> int:
    """As many permutations as a paper takes, or twice as many as there are."""
    return min(LONGEST_TEST, max(PUBLICATION_PERMUTATIONS, 2 * run.permutations))


def preview_context(run: Run) -> dict[str, Any]:
    done = permutations_done(run)
    return {
        "run": run,
        "done": done,
        "percent": 100 * done // run.permutations if run.permutations else 0,
        "time_left": time_left(run),
    }


@require_safe
@never_cache
def preview(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    """How far the permutations are, asked for again and again beside the viewer until the run is over."""
    place = enter_project(request.user, project_id)
    run = get_object_or_404(viewable_runs(place), pk=run_id)
    context = {"project": place.project, **preview_context(run)}
    return render(request, "results/_preview.html", context, status=200 if run.is_live else STOP_POLLING)


def viewer_config(told: Result) -> dict[str, Any]:
    """What `<brain-viewer>` needs: the maps with their addresses, the clusters, the atlas, where to start."""
    place = [told.run.project_id, told.run.pk]
    maps = [
        {
            "key": kind.key,
            "title": kind.title,
            "symbol": kind.symbol,
            "unit": kind.unit,
            "scale": kind.scale,
            "about": kind.about,
            "threshold": told.thresholds.start_of(kind),
            "files": [reverse("results:artefact", args=[*place, name]) for name in kind.files],
        }
        for kind in told.maps
    ]
    return {
        "maps": maps,
        "corrections": [_correction_config(told, table) for table in told.tables],
        "background": static("brain/t1.nii.gz"),
        "labels": {
            "regions": static("brain/regions.nii.gz"),
            "brodmann": static("brain/brodmann.nii.gz"),
            "names": static("brain/labels.json"),
        },
        "slices": reverse("results:slices", args=place),
        "captions": [". ".join(f"{name} {text}" for name, text in words.provenance_facts(told)[:4]) + "."],
        "fileName": words.file_stem(told),
        "start": start_state(told.table().clusters, told.opens_with),
    }


def _correction_config(told: Result, table: ClusterTable) -> dict[str, Any]:
    """How the viewer finds the voxels of a correction's clusters, and where it begins to colour SDM-Z."""
    correction, thresholds = table.correction, told.thresholds
    return {
        "key": correction.key,
        "pMap": correction.p_key,
        "p": thresholds.p_of(correction),
        "zThreshold": thresholds.start_of(MAPS_BY_KEY["z"], correction),
        "clusters": [{"number": row.number, "sign": row.sign, "mm": [row.x, row.y, row.z]} for row in table.clusters],
        "caption": f"{told.run.name}: {table.thresholds}.",
    }


@require_safe
@tells_user_errors
def artefact(request: HttpRequest, project_id: int, run_id: int, name: str) -> HttpResponseBase:
    run = find_run(enter_project(request.user, project_id), run_id)
    return send_artefact(request, find_artefact(run, name))


def send_artefact(request: HttpRequest, artefact: Artefact) -> HttpResponseBase:
    """The file of an artefact, or 304 to who has it already.

    Raises
    ------
    UserError
        If the run's provenance is not known, or the file is missing or damaged.
    """
    provenance_keys(artefact.run)
    path = checked_path(artefact)
    etag = quote_etag(artefact.sha256)
    known = get_conditional_response(request, etag=etag)
    if known is not None:
        return known
    file_name = f"{words.file_stem(artefact.run)}-{PurePosixPath(artefact.name).name}"
    response = FileResponse(path.open("rb"), as_attachment=True, filename=file_name, content_type=artefact.media_type)
    return _kept_privately(response, etag)


def _kept_privately(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    """Browsers may keep the file but ask each time, so that who has left the project gets nothing."""
    response["ETag"] = etag
    response["X-Content-Type-Options"] = "nosniff"
    patch_cache_control(response, private=True, no_cache=True)
    return response


@require_safe
@tells_user_errors
def workbook(request: HttpRequest, project_id: int, run_id: int) -> HttpResponse:
    told = read_result(find_run(enter_project(request.user, project_id), run_id))
    response = HttpResponse(_workbook(told), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{words.file_stem(told)}-tables.xlsx"'
    return response


def _workbook(told: Result) -> bytes:
    facts = [*words.question_facts(told), *words.provenance_facts(told)]
    tables = [(table.correction.title, table.clusters, table.thresholds) for table in told.tables]
    return result_workbook(tables, facts)


@require_safe
@tells_user_errors
def bundle(request: HttpRequest, project_id: int, run_id: int) -> HttpResponseBase:
    run = find_run(enter_project(request.user, project_id), run_id)
    told = read_result(run)
    stem = words.file_stem(told)
    provenance = {"run": run.name, **provenance_keys(run)}
    extra = {"tables/tables.xlsx": _workbook(told), "methods.txt": methods_file(told).encode()}
    archive = write_bundle(stem, told.artefacts, provenance, extra)
    return FileResponse(archive, as_attachment=True, filename=f"{stem}.zip", content_type="application/zip")


@require_safe
@tells_user_errors
def slices(request: HttpRequest, project_id: int, run_id: int) -> HttpResponseBase:
    run = find_run(enter_project(request.user, project_id), run_id)
    form = SliceForm(request.GET)
    if not form.is_valid():
        wrong = "; ".join(f"{name}: {' '.join(errors)}" for name, errors in form.errors.items())
        return HttpResponse(
            f"This picture cannot be drawn. {wrong}", status=400, content_type="text/plain; charset=utf-8"
        )
    etag = _slices_etag(run, form.cleaned_data)
    known = get_conditional_response(request, etag=etag)
    if known is not None:
        return known
    return _kept_privately(HttpResponse(draw(picture_of(run, form.cleaned_data)), content_type="image/png"), etag)


def _slices_etag(run: Run, asked: dict[str, Any]) -> str:
    hashes = Artefact.objects.filter(run=run).order_by("name").values_list("sha256", flat=True)
    text = f"{sorted(asked.items())} {list(hashes)}"
    return quote_etag(hashlib.sha256(text.encode()).hexdigest())
