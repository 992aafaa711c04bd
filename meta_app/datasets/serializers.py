"""Agreed datasets in the JSON API."""

import json
from typing import Any

from rest_framework import serializers

from meta_app.datasets.models import AgreedDataset


class CountsSerializer(serializers.Serializer):
    reports = serializers.IntegerField()
    studies = serializers.IntegerField()
    cohorts = serializers.IntegerField()
    datasets = serializers.IntegerField()
    peaks = serializers.IntegerField()


class LeftOutSerializer(serializers.Serializer):
    study = serializers.CharField()
    dataset = serializers.CharField(allow_null=True)
    reason = serializers.CharField()


class AgreedDatasetSerializer(serializers.ModelSerializer):
    counts = CountsSerializer()
    left_out = LeftOutSerializer(many=True)
    frozen_by = serializers.CharField(source="frozen_by.username")
    frozen_at = serializers.DateTimeField(source="created_at")

    class Meta:
        model = AgreedDataset
        fields = ("version", "sha256", "counts", "left_out", "note", "frozen_by", "frozen_at")


class AgreedDatasetDetailSerializer(AgreedDatasetSerializer):
    content = serializers.SerializerMethodField()

    class Meta(AgreedDatasetSerializer.Meta):
        fields = (*AgreedDatasetSerializer.Meta.fields, "content")

    def get_content(self, agreed: AgreedDataset) -> dict[str, Any]:
        return json.loads(agreed.content)
