"""What the PDF pane and scripts send and get."""

from django.urls import reverse
from rest_framework import serializers

from meta_app.library.models import ReportFile


class ReportFileSerializer(serializers.ModelSerializer):
    url = serializers.SerializerMethodField()

    class Meta:
        model = ReportFile
        fields = ("id", "report", "name", "size", "sha256", "notice", "url", "withdrawn_at", "withdrawn_reason")

    def get_url(self, file: ReportFile) -> str:
        return reverse("library:file", args=[file.report.project_id, file.pk])


class WithdrawalSerializer(serializers.Serializer):
    reason = serializers.CharField(max_length=500, help_text="Kept with the file.")
