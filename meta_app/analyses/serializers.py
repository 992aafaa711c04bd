"""What the JSON API takes and gives."""

import json
from typing import Any

from rest_framework import serializers

from meta_app.analyses.domain import CORRECTIONS, LONGEST_TEST, OTHER_GROUPS, STANDARD_PERMUTATIONS, Filters, Model
from meta_app.analyses.forms import ESTIMATORS, LARGEST_SEED, NEIGHBOURS
from meta_app.analyses.models import Artefact, Run
from meta_app.analyses.selectors import blocks_done
from meta_app.extraction.models import Dataset


class LaunchSerializer(serializers.Serializer):
    """A question; only the version of the agreed dataset and the comparison are required."""

    dataset = serializers.IntegerField(min_value=1, help_text="Version of the agreed dataset.")
    name = serializers.CharField(max_length=120, required=False, default="", allow_blank=True)
    comparison = serializers.ChoiceField(choices=Dataset.Comparison.choices)
    modalities = serializers.ListField(
        child=serializers.ChoiceField(choices=Dataset.Modality.choices), default=list, help_text="Empty: all."
    )
    metrics = serializers.ListField(
        child=serializers.CharField(max_length=40), default=list, help_text="For example ALFF; empty: all."
    )
    languages = serializers.ListField(
        child=serializers.CharField(max_length=20, allow_blank=True), default=list, help_text="Of reports; empty: all."
    )
    other_groups = serializers.ListField(
        child=serializers.ChoiceField(choices=list(OTHER_GROUPS.items())), default=list, help_text="Empty: all."
    )
    studies = serializers.ListField(
        child=serializers.CharField(max_length=120), default=list, help_text="Labels; empty: all."
    )
    quality_min = serializers.FloatField(
        min_value=0, default=None, allow_null=True, help_text="Studies with an agreed total at or above; null: all."
    )
    imputations = serializers.IntegerField(min_value=5, max_value=500, default=50)
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, default=1)
    estimator = serializers.ChoiceField(choices=ESTIMATORS, default="DL")
    sign_peaks = serializers.ChoiceField(choices=["pool", "threshold"], default="pool")
    permutations = serializers.IntegerField(
        min_value=0,
        max_value=LONGEST_TEST,
        default=STANDARD_PERMUTATIONS,
        help_text="Of subject images, the data as they are included; 0: none, p values are not corrected.",
    )
    correction = serializers.ChoiceField(
        choices=list(CORRECTIONS.items()), default=Model.correction, help_text="What the result opens with."
    )
    fwe_p = serializers.FloatField(min_value=1e-6, max_value=0.5, default=Model.fwe_p, help_text="Family-wise.")
    tfce_neighbours = serializers.ChoiceField(choices=NEIGHBOURS, default=Model.tfce_neighbours)
    voxel_p = serializers.FloatField(min_value=1e-6, max_value=0.1, default=0.005)
    min_peak_z = serializers.FloatField(min_value=0, max_value=10, default=1.0)
    min_extent = serializers.IntegerField(min_value=1, max_value=10000, default=10, help_text="Voxels.")

    def to_filters(self) -> Filters:
        data = self.validated_data
        lists = ("modalities", "metrics", "languages", "other_groups", "studies")
        return Filters(
            data["comparison"], quality_min=data["quality_min"], **{name: tuple(data[name]) for name in lists}
        )

    def to_model(self) -> Model:
        return Model(**{name: self.validated_data[name] for name in Model.__dataclass_fields__})


class RunFileSerializer(serializers.ModelSerializer):
    """A file that a run made; its address is told by the results."""

    class Meta:
        model = Artefact
        fields = ["name", "kind", "media_type", "size_bytes", "sha256"]


class RunSerializer(serializers.ModelSerializer):
    """A run with the four things that name its answer."""

    agreed_dataset = serializers.SerializerMethodField()
    specification_sha256 = serializers.CharField(source="specification.sha256", read_only=True)
    launched_by = serializers.CharField(read_only=True)

    class Meta:
        model = Run
        fields = [
            "id",
            "name",
            "status",
            "stage",
            "fraction",
            "cancel_requested",
            "attempts",
            "error",
            "error_details",
            "agreed_dataset",
            "specification_sha256",
            "core_version",
            "seed",
            "permutations",
            "blocks_total",
            "preview_at",
            "extends",
            "launched_by",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields

    def get_agreed_dataset(self, run: Run) -> dict[str, Any]:
        return {"version": run.agreed_dataset.version, "sha256": run.agreed_dataset.sha256}


class ExtendSerializer(serializers.Serializer):
    """How many permutations there are to be in all."""

    permutations = serializers.IntegerField(min_value=1, max_value=LONGEST_TEST)


class RunDetailSerializer(RunSerializer):
    """A run with its question and its files."""

    specification = serializers.SerializerMethodField()
    artefacts = RunFileSerializer(many=True, read_only=True)
    log = serializers.SlugRelatedField(source="events", slug_field="text", many=True, read_only=True)
    blocks_done = serializers.SerializerMethodField()

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "blocks_done", "specification", "artefacts", "log"]
        read_only_fields = fields

    def get_specification(self, run: Run) -> dict[str, Any]:
        return json.loads(run.specification.content)

    def get_blocks_done(self, run: Run) -> int:
        """Blocks of 32 permutations whose maxima are stored."""
        return blocks_done(run)


class LaunchedSerializer(serializers.Serializer):
    """`is_new` is false if the same question had been asked before; then `run` is that run."""

    is_new = serializers.BooleanField()
    run = RunSerializer()
