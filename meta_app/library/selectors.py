"""Reads: reports, and their files. Every member of a project may read the files of its reports, viewers too."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.http import Http404

from meta_app.library.models import Report, ReportFile
from meta_app.projects.permissions import ADJUDICATE, EXTRACT, Place

MANAGE_FILES = EXTRACT | ADJUDICATE
"""Who uploads and withdraws files."""


@dataclass(frozen=True)
class PaneFiles:
    """What the PDF pane of a page shows: files that were not withdrawn, and the reports that take more of them."""

    reports: list[Report]
    files: list[ReportFile]
    may_upload: bool
    limit_mb: int


def report_files(place: Place, reports: Iterable[Report]) -> PaneFiles:
    """The context `report_files` of the template library/_pdf_pane.html, in one query."""
    reports = list(reports)
    files = ReportFile.objects.filter(report__in=reports, withdrawn_at=None).select_related("report")
    return PaneFiles(reports, list(files), place.may(MANAGE_FILES), settings.FILE_LIMIT_MB)


def get_report(place: Place, report_id: int) -> Report:
    report = Report.objects.filter(project=place.project, pk=report_id).first()
    if report is None:
        raise Http404
    return report


def get_file(place: Place, file_id: int) -> ReportFile:
    """A file of a report of this project; a withdrawn one too, because quotes may point to it."""
    file = ReportFile.objects.filter(report__project=place.project, pk=file_id).select_related("report").first()
    if file is None:
        raise Http404
    return file


def file_path(file: ReportFile) -> Path:
    return stored_path(file.sha256)


def stored_path(sha256: str) -> Path:
    return Path(settings.FILES_DIR) / sha256[:2] / sha256
