"""JSON API of imports."""

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meta_app.common.exceptions import UserError
from meta_app.extraction import import_services as services
from meta_app.extraction.exchange.plain import Chosen
from meta_app.extraction.exchange.reading import read_studies
from meta_app.extraction.exchange.records import UnreadableError
from meta_app.extraction.import_forms import MODES
from meta_app.extraction.models import Dataset
from meta_app.projects.permissions import EXTRACT, enter_project


class StudiesImportSerializer(serializers.Serializer):
    file = serializers.FileField(
        help_text="JSON, XLSX or ZIP of an export, SDM-PSI folder as ZIP, Sleuth text, NiMADS."
    )
    mode = serializers.ChoiceField(choices=MODES, default="skip", help_text="For studies that you extract already.")
    store = serializers.BooleanField(default=False, help_text="False: only say what would become of it.")
    comparison = serializers.ChoiceField(choices=Dataset.Comparison.choices, default=Chosen.comparison)
    modality = serializers.ChoiceField(choices=Dataset.Modality.choices, default=Chosen.modality)
    metric = serializers.CharField(max_length=40, default=Chosen.metric)


class ImportedStudySerializer(serializers.Serializer):
    label = serializers.CharField()
    state = serializers.ChoiceField(choices=["new", "begun", "replaced", "added", "skipped", "refused"])
    datasets = serializers.IntegerField()
    peaks = serializers.IntegerField()
    reason = serializers.CharField()
    version = serializers.IntegerField(allow_null=True)
    problems = serializers.ListField(child=serializers.CharField())


class FileProblemSerializer(serializers.Serializer):
    level = serializers.ChoiceField(choices=["error", "warning"])
    file = serializers.CharField()
    row = serializers.IntegerField(allow_null=True)
    message = serializers.CharField()
    mend = serializers.CharField()


class ImportedSerializer(serializers.Serializer):
    format = serializers.CharField()
    stored = serializers.BooleanField()
    studies = ImportedStudySerializer(many=True)
    problems = FileProblemSerializer(many=True)


class StudiesImportView(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="studies_import",
        request=StudiesImportSerializer,
        responses=ImportedSerializer,
        tags=["extraction"],
    )
    def post(self, request: Request, project_id: int) -> Response:
        """Take the studies of a file as own drafts, or rehearse it."""
        place = enter_project(request.user, project_id, EXTRACT)
        wanted = StudiesImportSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        data = wanted.validated_data
        file = data["file"]
        chosen = Chosen(data["comparison"], data["modality"], data["metric"])
        try:
            reading = read_studies(services.contents_of([file]), services.tools(chosen))
        except UnreadableError as error:
            problem = error.problem
            sentence = f"{problem.place} {problem.message} {problem.mend} Nothing was imported."
            raise UserError(sentence, {"problems": [asdict(problem)]}) from error
        outcomes = services.studies_import(
            place=place, reading=reading, mode=data["mode"], source=str(file.name), rehearse=not data["store"]
        )
        told = {
            "format": reading.format,
            "stored": data["store"],
            "studies": outcomes,
            "problems": reading.problems,
        }
        return Response(ImportedSerializer(told).data)
