"""What the coordinate grid and scripts send and get."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from meta_app.extraction.domain import FIELDS
from meta_app.extraction.models import Dataset

LONGEST_CELL = 2000
MOST_ROWS = 5000

CELLS_SCHEMA = {
    "type": "object",
    "description": "Cells as text, as reported; absent ones are empty. Bad cells are kept and told by the check.",
    "properties": {field: {"type": "string", "maxLength": LONGEST_CELL} for field in FIELDS},
    "additionalProperties": False,
    "example": {"label": "Left insula", "x": "-38", "y": "12", "z": "-4", "statistic": "4.52", "kind": "t"},
}


@extend_schema_field(CELLS_SCHEMA)
class CellsField(serializers.Field):
    """One row as {field: text}; a plain loop, because a table has thousands of cells."""

    def to_internal_value(self, data: Any) -> dict[str, str]:
        if not isinstance(data, dict):
            raise serializers.ValidationError('A row is an object of cells, such as {"x": "-38"}.')
        unknown = data.keys() - set(FIELDS)
        if unknown:
            raise serializers.ValidationError(f"There is no column {min(unknown)}. Columns: {', '.join(FIELDS)}.")
        for field, text in data.items():
            if not isinstance(text, str) or len(text) > LONGEST_CELL or "\x00" in text:
                raise serializers.ValidationError(f"{field} must be text of at most {LONGEST_CELL} characters.")
        return data

    def to_representation(self, value: dict[str, str]) -> dict[str, str]:
        return value


class PeakTableSerializer(serializers.Serializer):
    peaks_state = serializers.ChoiceField(choices=Dataset.PeaksState.choices)
    rows = serializers.ListField(child=CellsField(), max_length=MOST_ROWS)


class PeakTableEditSerializer(PeakTableSerializer):
    version = serializers.IntegerField(min_value=1, help_text="The version that was read; a stale one answers 409.")


class StoredPeakTableSerializer(PeakTableEditSerializer):
    dataset = serializers.IntegerField()
    space = serializers.ChoiceField(choices=Dataset.Space.choices, help_text="Of rows that name none.")
    read_only_because = serializers.CharField(help_text="Empty if you may write.")


class SavedSerializer(serializers.Serializer):
    version = serializers.IntegerField()
    saved_at = serializers.DateTimeField()
    rows = serializers.IntegerField(help_text="How many rows are stored.")


class ProblemSerializer(serializers.Serializer):
    level = serializers.ChoiceField(choices=["error", "confirm", "warning"])
    place = serializers.CharField()
    message = serializers.CharField()
    mend = serializers.CharField()
    row = serializers.IntegerField(allow_null=True, help_text="Counted from 1; null: the whole dataset.")
    field = serializers.CharField(allow_null=True)


class PlacedRowSerializer(serializers.Serializer):
    mni = serializers.ListField(child=serializers.FloatField(), allow_null=True, help_text="x, y, z in mm")
    distance_mm = serializers.FloatField(allow_null=True, help_text="To the gray-matter mask; 0 inside.")
    region = serializers.CharField()


class CheckedSerializer(serializers.Serializer):
    rows = PlacedRowSerializer(many=True)
    problems = ProblemSerializer(many=True)
