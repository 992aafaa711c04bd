"""The page of a dataset's peaks."""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from meta_app.extraction.checks import transform_of
from meta_app.extraction.models import Dataset
from meta_app.extraction.peak_selectors import get_visible_dataset, why_read_only
from meta_app.extraction.services import extractions_read
from meta_app.library.selectors import report_files
from meta_app.projects.permissions import enter_project

# Without the script the page shows only so many rows: thousands would keep everybody else waiting for it.
ROWS_WITHOUT_SCRIPT = 100
CONVENTIONS = {
    Dataset.Comparison.PATIENTS_CONTROLS: ("patients > controls", "patients < controls"),
    Dataset.Comparison.PATIENTS_OTHER_PATIENTS: ("patients > other patients", "patients < other patients"),
    Dataset.Comparison.AFTER_BEFORE: ("after > before treatment", "after < before treatment"),
    Dataset.Comparison.TASK: ("activation", "deactivation"),
    Dataset.Comparison.CORRELATION: ("rises with the measure", "falls with the measure"),
}


def transform_words(dataset: Dataset) -> str:
    """How Talairach coordinates of the dataset become MNI, with the software that chose it."""
    chosen = Dataset.Transform(transform_of(dataset))
    return f"Talairach → MNI by {chosen.label.replace(', ', ' (')}{')' if ', ' in chosen.label else ''}"


def dataset(request: HttpRequest, project_id: int, dataset_id: int) -> HttpResponse:
    place = enter_project(request.user, project_id)
    shown = get_visible_dataset(place, dataset_id)
    extractions_read(place=place, extractions=[shown.extraction])
    peaks = list(shown.peaks.all()[: ROWS_WITHOUT_SCRIPT + 1])
    positive, negative = CONVENTIONS[shown.comparison]
    return render(
        request,
        "extraction/dataset.html",
        {
            "dataset": shown,
            "study": shown.extraction.study,
            "positive": positive,
            "negative": negative,
            "transform": transform_words(shown),
            "report_files": report_files(place, shown.extraction.study.reports.all()),
            "read_only_because": why_read_only(place, shown.extraction),
            "states_json": json.dumps(Dataset.PeaksState.choices),
            "peaks": peaks[:ROWS_WITHOUT_SCRIPT],
            "has_more_peaks": len(peaks) > ROWS_WITHOUT_SCRIPT,
        },
    )
