"""Agreed datasets in the JSON API."""

import json
from typing import Any

from rest_framework import serializers

from meta_app.datasets.models import AgreedDataset


class CountsSerializer(serializers.Serializer):
    reports = serializers.IntegerField()
    studies = serializers.IntegerField()
    cohorts = serializers.IntegerField()
    contrasts = serializers.IntegerField(default=None, help_text="null in versions that did not count them.")
    datasets = serializers.IntegerField()
    maps = serializers.IntegerField(default=0, help_text="Datasets given as a whole map instead of peaks.")
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
        fields = ("version", "sha256", "agreement_sha256", "counts", "left_out", "note", "frozen_by", "frozen_at")


class AgreedDatasetDetailSerializer(AgreedDatasetSerializer):
    content = serializers.SerializerMethodField()
    agreement = serializers.SerializerMethodField()

    class Meta(AgreedDatasetSerializer.Meta):
        fields = (*AgreedDatasetSerializer.Meta.fields, "content", "agreement")

    def get_content(self, agreed: AgreedDataset) -> dict[str, Any]:
        return json.loads(agreed.content)

    def get_agreement(self, agreed: AgreedDataset) -> dict[str, Any]:
        """Revisions, quality totals, and where each value of a consensus came from; the hash does not cover it."""
        return json.loads(agreed.agreement or "{}")
