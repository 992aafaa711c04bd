"""What the page of a score and scripts send and get."""

from rest_framework import serializers


class ItemValuesSerializer(serializers.Serializer):
    points = serializers.FloatField(allow_null=True, min_value=0, max_value=100)
    quote = serializers.CharField(allow_blank=True, max_length=5000, trim_whitespace=False)
    page = serializers.CharField(allow_blank=True, max_length=20)
    note = serializers.CharField(allow_blank=True, max_length=5000, trim_whitespace=False)


class ItemEditSerializer(ItemValuesSerializer):
    version = serializers.IntegerField(min_value=1, help_text="The version that was read; a stale one answers 409.")


class ItemSavedSerializer(serializers.Serializer):
    version = serializers.IntegerField()
    saved_at = serializers.DateTimeField()
    total = serializers.FloatField(help_text="Points of this score so far.")
    open_items = serializers.IntegerField(help_text="Items without points.")
