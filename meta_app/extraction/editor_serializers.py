"""What the editor and scripts send and get."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

MOST_CHANGES = 500


@extend_schema_field(OpenApiTypes.ANY)
class AnyField(serializers.JSONField):
    """Text as it was typed, or JSON; null is not reported."""


class ChangeSerializer(serializers.Serializer):
    row = serializers.CharField(max_length=40, help_text="study, cohort:3, group:12 or dataset:5.")
    key = serializers.CharField(max_length=80, help_text="The key of a field of the form.")
    before = AnyField(required=False, allow_null=True, help_text="The value that the page last knew.")
    value = AnyField(required=False, allow_null=True, help_text="Left out: only the source changes.")
    source_before = AnyField(required=False, allow_null=True)
    source = AnyField(required=False, allow_null=True, help_text="quote, page, file, reported, formula.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "value" not in attrs and "source" not in attrs:
            raise serializers.ValidationError("A change has a value, a source, or both.")
        return attrs


class ChangesSerializer(serializers.Serializer):
    changes = ChangeSerializer(many=True, allow_empty=False, max_length=MOST_CHANGES)


class OutcomeSerializer(serializers.Serializer):
    row = serializers.CharField()
    key = serializers.CharField()
    state = serializers.ChoiceField(choices=["saved", "conflict", "refused", "gone"])
    value = AnyField(help_text="As stored now.")
    source = AnyField(help_text="As stored now.")
    message = serializers.CharField()


class AnswersSavedSerializer(serializers.Serializer):
    outcomes = OutcomeSerializer(many=True)
    version = serializers.IntegerField()
    saved_at = serializers.DateTimeField()


class ExtractionSerializer(serializers.Serializer):
    version = serializers.IntegerField()
    state = serializers.CharField()
    form = serializers.CharField()
    rows = AnyField(help_text='{row: {key: {"value", "source"}}}')


class ConversionSerializer(serializers.Serializer):
    way = serializers.CharField(max_length=20, help_text="se, ci, quartiles, range, months, percent, ratio, p, ...")
    numbers = serializers.DictField(child=serializers.CharField(max_length=40, allow_blank=True))


class ConvertedSerializer(serializers.Serializer):
    values = serializers.DictField(child=serializers.FloatField(), help_text="mean, sd, women or t.")
    reported = serializers.CharField()
    formula = serializers.CharField()
