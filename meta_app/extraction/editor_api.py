"""JSON API of the editor: one's own extraction, value by value."""

from dataclasses import asdict

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.extraction.editor_selectors import answers_by_row, get_own, shown_extraction
from meta_app.extraction.editor_serializers import (
    AnswersSavedSerializer,
    ChangesSerializer,
    ConversionSerializer,
    ConvertedSerializer,
    ExtractionSerializer,
)
from meta_app.extraction.editor_services import Saved, answers_save, convert
from meta_app.extraction.models import Extraction
from meta_app.extraction.selectors import whole_extractions
from meta_app.projects.permissions import EXTRACT, enter_project

SOME_NOT = OpenApiResponse(
    AnswersSavedSerializer, description="Some were not stored: details holds the outcome of each change."
)
SENTENCES = {
    400: "Some values cannot be read; the others are saved.",
    409: "Some values were saved differently in another tab or window; nothing of either version is lost.",
}


class ExtractionView(APIView):
    @extend_schema(operation_id="extraction_read", responses=ExtractionSerializer, tags=["extraction"])
    def get(self, request: Request, project_id: int, extraction_id: int) -> Response:
        """One's own extraction: every answer with its source."""
        place = enter_project(request.user, project_id, EXTRACT)
        own = get_own(place, extraction_id)
        whole = whole_extractions(Extraction.objects.filter(pk=own.pk)).get()
        rows = answers_by_row(shown_extraction(whole))
        return Response({"version": whole.version, "state": whole.state, "form": str(own.form), "rows": rows})

    @extend_schema(
        operation_id="extraction_save",
        request=ChangesSerializer,
        responses={200: AnswersSavedSerializer, 400: SOME_NOT, 409: SOME_NOT},
        tags=["extraction"],
    )
    def patch(self, request: Request, project_id: int, extraction_id: int) -> Response:
        """Store changes of one's own draft; each names the value it replaces, and none overwrites another's."""
        place = enter_project(request.user, project_id, EXTRACT)
        extraction = get_own(place, extraction_id)
        sent = ChangesSerializer(data=request.data)
        sent.is_valid(raise_exception=True)
        saved = answers_save(extraction=extraction, changes=sent.validated_data["changes"])
        return Response(_body(saved), status=saved.status)


class ConversionView(APIView):
    @extend_schema(
        operation_id="extraction_convert",
        request=ConversionSerializer,
        responses={200: ConvertedSerializer},
        tags=["extraction"],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """What a paper reports otherwise (SE, quartiles, per cent, ...) as the values asked. Stores nothing."""
        enter_project(request.user, project_id, EXTRACT)
        asked = ConversionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(asdict(convert(way=asked.validated_data["way"], texts=asked.validated_data["numbers"])))


def _body(saved: Saved) -> dict[str, object]:
    body = {
        "outcomes": [asdict(outcome) for outcome in saved.outcomes],
        "version": saved.extraction.version,
        "saved_at": saved.extraction.updated_at,
    }
    if saved.status == 200:
        return body
    code = "stale" if saved.status == 409 else "invalid"
    return {"error": SENTENCES[saved.status], "code": code, "details": body}
