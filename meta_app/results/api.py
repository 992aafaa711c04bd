"""JSON: the files of a finished run, its clusters, and the files themselves."""

from django.http import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.analyses.models import Artefact
from meta_app.projects.permissions import enter_project
from meta_app.results.domain import CORRECTIONS_BY_KEY
from meta_app.results.selectors import (
    find_artefact,
    find_run,
    provenance_keys,
    read_result,
)
from meta_app.results.serializers import ArtefactSerializer, ClustersSerializer
from meta_app.results.views import send_artefact


class ArtefactList(APIView):
    @extend_schema(operation_id="artefacts_list", responses=ArtefactSerializer(many=True))
    def get(self, request: Request, project_id: int, run_id: int) -> Response:
        """The files of a finished run with their sizes, hashes and addresses."""
        run = find_run(enter_project(request.user, project_id), run_id)
        base = reverse("api_results:artefact", args=[project_id, run_id, "-"]).removesuffix("-")
        artefacts = ArtefactSerializer(Artefact.objects.filter(run=run), many=True, context={"base": base})
        return Response(artefacts.data)


class ArtefactFile(APIView):
    @extend_schema(
        operation_id="artefacts_download",
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY, 410: OpenApiResponse(description="Lost.")},
    )
    def get(self, request: Request, project_id: int, run_id: int, name: str) -> HttpResponseBase:
        """A file of a finished run; its ETag is its SHA-256."""
        run = find_run(enter_project(request.user, project_id), run_id)
        return send_artefact(request._request, find_artefact(run, name))


class Clusters(APIView):
    @extend_schema(
        operation_id="clusters_retrieve",
        responses=ClustersSerializer,
        parameters=[
            OpenApiParameter(
                "correction",
                enum=list(CORRECTIONS_BY_KEY),
                description="Of which table; without it, the one that the question asks to report.",
            )
        ],
    )
    def get(self, request: Request, project_id: int, run_id: int) -> Response:
        """The reported clusters with local peaks and regions, the thresholds in words, and the provenance."""
        run = find_run(enter_project(request.user, project_id), run_id)
        told, wanted = read_result(run), request.query_params.get("correction", "")
        if wanted and wanted not in told.found:
            raise ValidationError({"correction": [f"This run has no such table; it has {', '.join(told.found)}."]})
        table = told.table(wanted)
        content = {
            "run": run.pk,
            "correction": table.correction.key,
            "corrections": list(told.found),
            "thresholds": table.thresholds,
            "provenance": provenance_keys(run),
            "clusters": [cluster.as_json() for cluster in table.clusters],
        }
        return Response(ClustersSerializer(content).data)
