"""Imports of files of other programs: chosen, looked at, and only then stored."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from meta_app.common.exceptions import UserError
from meta_app.common.words import counted
from meta_app.extraction import import_services as services
from meta_app.extraction.checks import check_rows
from meta_app.extraction.exchange.opening import unpacked
from meta_app.extraction.exchange.peak_files import PeakReading, PeakSet, read_peaks
from meta_app.extraction.exchange.reading import read_studies
from meta_app.extraction.exchange.records import Reading, UnreadableError
from meta_app.extraction.import_forms import ImportForm, PeaksImportForm, PeaksUploadForm, UploadForm
from meta_app.extraction.models import Dataset
from meta_app.extraction.peak_selectors import get_visible_dataset, why_read_only
from meta_app.projects.permissions import EXTRACT, Place, enter_project

ROWS_SHOWN = 200
FORMATS = {
    "json": "the frozen JSON of an export",
    "tables": "the tables of an export",
    "sdm": "a folder of SDM-PSI",
    "sleuth": "a Sleuth text",
    "nimads": "a NiMADS studyset",
}


@require_http_methods(["GET", "POST"])
def studies_import(request: HttpRequest, project_id: int) -> HttpResponse:
    """Choose files; they are kept a day and shown as what they would become."""
    place = enter_project(request.user, project_id, EXTRACT)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _choose(request, place, form, 400 if request.method == "POST" else 200)
    try:
        files = services.contents_of(form.cleaned_data["files"])
        reading = read_studies(files, services.tools(form.chosen()))
        token = services.upload_keep(place=place, files=files)
    except (UnreadableError, UserError) as error:
        return _choose(request, place, form, 400, _refusal(error))
    first = {**form.cleaned_data, "token": token, "source": _source(form.cleaned_data["files"]), "mode": "skip"}
    return _preview(request, place, reading, ImportForm(initial=first), "skip")


@require_POST
def studies_confirm(request: HttpRequest, project_id: int) -> HttpResponse:
    """Store what the preview showed, or show the preview for another choice."""
    place = enter_project(request.user, project_id, EXTRACT)
    form = ImportForm(request.POST)
    if not form.is_valid():
        return _choose(request, place, UploadForm(), 400, "Choose the file again: what came back cannot be read.")
    data = form.cleaned_data
    mode = data["mode"] or "skip"
    try:
        reading = read_studies(_kept(place, data["token"]), services.tools(form.chosen()))
    except (UnreadableError, UserError) as error:
        return _choose(request, place, UploadForm(), 400, _refusal(error))
    if "look" in request.POST:
        return _preview(request, place, reading, ImportForm(initial=data), mode)
    outcomes = services.studies_import(
        place=place, reading=reading, mode=mode, versions=form.versions(), source=data["source"]
    )
    taken = [outcome for outcome in outcomes if outcome.taken]
    if not taken:
        return _preview(request, place, reading, ImportForm(initial=data), mode, "Nothing was imported.", 400)
    datasets, peaks = (sum(getattr(outcome, unit) for outcome in taken) for unit in ("datasets", "peaks"))
    said = f"{counted(len(taken), 'study', 'studies')}, {counted(datasets, 'dataset')}, {counted(peaks, 'peak')}"
    messages.success(request, f"Imported as your drafts: {said}. Look at each and complete it.")
    for outcome in outcomes:
        if not outcome.taken:
            messages.warning(request, f"{outcome.label} was left out. {outcome.reason}")
    return redirect("extraction:studies", project_id)


def _choose(request: HttpRequest, place: Place, form: UploadForm, status: int, refusal: str = "") -> HttpResponse:
    context = {"place": place, "form": form, "refusal": refusal}
    return render(request, "extraction/import.html", context, status=status)


def _preview(
    request: HttpRequest,
    place: Place,
    reading: Reading,
    form: ImportForm,
    mode: str,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    outcomes = services.studies_import(place=place, reading=reading, mode=mode, rehearse=True)
    context = {
        "place": place,
        "reading": reading,
        "format": FORMATS[reading.format],
        "outcomes": outcomes,
        "taken": [outcome for outcome in outcomes if outcome.taken],
        "mine": any(outcome.version for outcome in outcomes if outcome.state in ("skipped", "replaced", "added")),
        "form": form,
        "refusal": refusal,
    }
    return render(request, "extraction/import_preview.html", context, status=status)


def _source(files: Sequence[UploadedFile]) -> str:
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0].name}{more}"[:200]


def _kept(place: Place, token: str) -> dict[str, bytes]:
    return unpacked("the upload", services.upload_path(place=place, token=token).read_bytes())


def _refusal(error: UnreadableError | UserError) -> str:
    if isinstance(error, UserError):
        return error.message
    problem = error.problem
    return f"{problem.place} {problem.message} {problem.mend} Nothing was imported."


# Peaks of one dataset


@require_http_methods(["GET", "POST"])
def peaks_import(request: HttpRequest, project_id: int, dataset_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    dataset = get_visible_dataset(place, dataset_id)
    refusal = why_read_only(place, dataset.extraction)
    form = PeaksUploadForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or refusal or not form.is_valid():
        status = 403 if refusal else 400 if request.method == "POST" else 200
        return _choose_peaks(request, place, dataset, form, status, refusal)
    try:
        files = services.contents_of(form.cleaned_data["files"])
        reading = read_peaks(files, services.tools())
        token = services.upload_keep(place=place, files=files)
    except (UnreadableError, UserError) as error:
        return _choose_peaks(request, place, dataset, form, 400, _refusal(error))
    first = {"token": token, "source": _source(form.cleaned_data["files"]), "version": dataset.version, "part": 0}
    return _preview_peaks(request, place, dataset, reading, {**first, "mode": "append"})


@require_POST
def peaks_confirm(request: HttpRequest, project_id: int, dataset_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id, EXTRACT)
    dataset = get_visible_dataset(place, dataset_id)
    refusal = why_read_only(place, dataset.extraction)
    form = PeaksImportForm(request.POST)
    if refusal or not form.is_valid():
        return _choose_peaks(request, place, dataset, PeaksUploadForm(), 403 if refusal else 400, refusal)
    data = form.cleaned_data
    try:
        reading = read_peaks(_kept(place, data["token"]), services.tools())
        part = _part(reading, data["part"])
        if "look" in request.POST:
            return _preview_peaks(request, place, dataset, reading, data)
        services.peaks_import(
            dataset=dataset, version=data["version"], rows=part.rows, mode=data["mode"], source=data["source"],
            silent=part.is_silent,
        )  # fmt: skip
    except UnreadableError as error:
        return _choose_peaks(request, place, dataset, PeaksUploadForm(), 400, _refusal(error))
    except UserError as error:
        return _choose_peaks(request, place, dataset, PeaksUploadForm(), error.status, error.message)
    messages.success(
        request, f"{counted(len(part.rows), 'row')} imported. What is asked about them stands beside them."
    )
    return redirect("extraction:dataset", project_id, dataset.pk)


def _part(reading: PeakReading, number: int | None) -> PeakSet:
    return reading.sets[number if number is not None and number < len(reading.sets) else 0]


def _choose_peaks(
    request: HttpRequest, place: Place, dataset: Dataset, form: PeaksUploadForm, status: int, refusal: str = ""
) -> HttpResponse:
    context = {"place": place, "dataset": dataset, "form": form, "refusal": refusal}
    return render(request, "extraction/import_peaks.html", context, status=status)


def _preview_peaks(
    request: HttpRequest, place: Place, dataset: Dataset, reading: PeakReading, data: Mapping[str, Any]
) -> HttpResponse:
    part = _part(reading, data.get("part"))
    state = Dataset.PeaksState.NO_PEAKS if part.is_silent else Dataset.PeaksState.PEAKS
    found = check_rows(dataset, state, [dict(row) for row in part.rows])
    context = {
        "place": place,
        "dataset": dataset,
        "reading": reading,
        "part": part,
        "rows": list(enumerate(part.rows[:ROWS_SHOWN], start=1)),
        "there": dataset.peaks.count(),
        "questions": [problem for problem in found.problems if problem.row is not None][:ROWS_SHOWN],
        "form": PeaksImportForm(initial={**data, "version": dataset.version}),
    }
    return render(request, "extraction/import_peaks_preview.html", context)
