"""JSON API of the files of reports. An upload is the bytes themselves, so that they stream to the disk once."""

from io import BytesIO
from typing import IO, Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.library.file_services import file_add, file_withdraw
from meta_app.library.models import ReportFile
from meta_app.library.selectors import MANAGE_FILES, get_file, get_report
from meta_app.library.serializers import ReportFileSerializer, WithdrawalSerializer
from meta_app.projects.permissions import enter_project

THERE = "The report has this very file already; nothing was added."


class BytesParser(BaseParser):
    """Hands the request's stream on, unread."""

    media_type = "application/octet-stream"

    def parse(self, stream: IO[bytes], *_: Any, **__: Any) -> IO[bytes]:
        return stream


class ReportFilesView(APIView):
    parser_classes = (BytesParser, JSONParser)

    @extend_schema(operation_id="report_files", responses=ReportFileSerializer(many=True), tags=["library"])
    def get(self, request: Request, project_id: int, report_id: int) -> Response:
        """The files of a report; withdrawn ones with their reason."""
        report = get_report(enter_project(request.user, project_id), report_id)
        files = ReportFile.objects.filter(report=report).select_related("report")
        return Response(ReportFileSerializer(files, many=True).data)

    @extend_schema(
        operation_id="report_file_upload",
        parameters=[OpenApiParameter("name", str, description="The file's name.")],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={201: ReportFileSerializer, 200: OpenApiResponse(ReportFileSerializer, description=THERE)},
        tags=["library"],
    )
    def post(self, request: Request, project_id: int, report_id: int) -> Response:
        """Upload a PDF: its bytes are the body. What is no PDF is refused, whatever its name says."""
        place = enter_project(request.user, project_id, MANAGE_FILES)
        report = get_report(place, report_id)
        file, new = file_add(
            place=place,
            report=report,
            name=request.query_params.get("name", ""),
            stream=request.stream or BytesIO(),
            announced=int(request.headers.get("Content-Length") or 0),
        )
        stored = status.HTTP_201_CREATED if new else status.HTTP_200_OK
        return Response(ReportFileSerializer(file).data, status=stored)


class FileWithdrawalView(APIView):
    @extend_schema(
        operation_id="report_file_withdraw", request=WithdrawalSerializer, responses=ReportFileSerializer,
        tags=["library"],
    )  # fmt: skip
    def post(self, request: Request, project_id: int, file_id: int) -> Response:
        """Withdraw a file, with a reason. It leaves the lists; quotes from it stay readable."""
        place = enter_project(request.user, project_id, MANAGE_FILES)
        file = get_file(place, file_id)
        withdrawal = WithdrawalSerializer(data=request.data)
        withdrawal.is_valid(raise_exception=True)
        file_withdraw(place=place, file=file, reason=withdrawal.validated_data["reason"])
        file.refresh_from_db()
        return Response(ReportFileSerializer(file).data)
