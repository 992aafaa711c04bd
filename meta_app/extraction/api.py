"""JSON API of the coordinate grid."""

from dataclasses import asdict

from django.core.exceptions import PermissionDenied
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.extraction.checks import Checked, check_rows
from meta_app.extraction.models import Dataset
from meta_app.extraction.peak_selectors import get_visible_dataset, peak_cells, why_read_only
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.serializers import (
    CheckedSerializer,
    PeakTableEditSerializer,
    PeakTableSerializer,
    SavedSerializer,
    StoredPeakTableSerializer,
)
from meta_app.extraction.services import extractions_read
from meta_app.projects.permissions import Place, enter_project

STALE = OpenApiResponse(description="Another save came first: details.yours, details.theirs and details.version.")


class PeaksView(APIView):
    @extend_schema(operation_id="peaks_read", responses=StoredPeakTableSerializer, tags=["extraction"])
    def get(self, request: Request, project_id: int, dataset_id: int) -> Response:
        """The table of peaks of a dataset, as reported."""
        place = enter_project(request.user, project_id)
        dataset = get_visible_dataset(place, dataset_id)
        extractions_read(place=place, extractions=[dataset.extraction])
        return Response(peak_table(place, dataset))

    @extend_schema(
        operation_id="peaks_save",
        request=PeakTableEditSerializer,
        responses={200: SavedSerializer, 409: STALE},
        tags=["extraction"],
    )
    def put(self, request: Request, project_id: int, dataset_id: int) -> Response:
        """Replace the table of one's own draft; rows with bad cells are kept as text."""
        place = enter_project(request.user, project_id)
        dataset = get_visible_dataset(place, dataset_id)
        if reason := why_read_only(place, dataset.extraction):
            raise PermissionDenied(reason)
        table = PeakTableEditSerializer(data=request.data)
        table.is_valid(raise_exception=True)
        saved = peaks_save(dataset=dataset, **table.validated_data)
        return Response({"version": saved.version, "saved_at": saved.updated_at, "rows": saved.peaks.count()})


class PeaksCheckView(APIView):
    @extend_schema(
        operation_id="peaks_check", request=PeakTableSerializer, responses=CheckedSerializer, tags=["extraction"]
    )
    def post(self, request: Request, project_id: int, dataset_id: int) -> Response:
        """What may be wrong with a table, and where its rows are in MNI space. Saves nothing."""
        place = enter_project(request.user, project_id)
        dataset = get_visible_dataset(place, dataset_id)
        extractions_read(place=place, extractions=[dataset.extraction])
        table = PeakTableSerializer(data=request.data)
        table.is_valid(raise_exception=True)
        return Response(_checked(check_rows(dataset, **_as_check(table.validated_data))))


def peak_table(place: Place, dataset: Dataset) -> dict[str, object]:
    return {
        "dataset": dataset.pk,
        "version": dataset.version,
        "peaks_state": dataset.peaks_state,
        "space": dataset.space,
        "read_only_because": why_read_only(place, dataset.extraction),
        "rows": peak_cells(dataset),
    }


def _as_check(table: dict) -> dict:
    return {"peaks_state": table["peaks_state"], "cells": table["rows"]}


def _checked(checked: Checked) -> dict[str, object]:
    rows = [{"mni": row.mni, "distance_mm": row.distance_mm, "region": row.region} for row in checked.rows]
    return {"rows": rows, "problems": [asdict(problem) for problem in checked.problems]}
