"""Shapes of the JSON."""

from rest_framework import serializers

from meta_app.analyses.models import Artefact
from meta_app.results.domain import CORRECTIONS_BY_KEY


class ArtefactSerializer(serializers.ModelSerializer):
    """A file of a run; `download` is its address."""

    download = serializers.SerializerMethodField()

    class Meta:
        model = Artefact
        fields = ["name", "kind", "media_type", "size_bytes", "sha256", "download"]

    def get_download(self, artefact: Artefact) -> str:
        return f"{self.context['base']}{artefact.name}"


class RegionShareSerializer(serializers.Serializer):
    region = serializers.CharField()
    voxels = serializers.IntegerField()
    share = serializers.FloatField(help_text="Of the cluster, 0 to 1.")


class PeakSerializer(serializers.Serializer):
    cluster = serializers.IntegerField()
    x = serializers.IntegerField(help_text="MNI mm.")
    y = serializers.IntegerField(help_text="MNI mm.")
    z = serializers.IntegerField(help_text="MNI mm.")
    sdm_z = serializers.FloatField()
    p = serializers.FloatField(help_text="One-sided in the direction of the cluster; corrected as the table is.")
    label = serializers.CharField()


class ClusterSerializer(serializers.Serializer):
    number = serializers.IntegerField()
    direction = serializers.ChoiceField(["positive", "negative"])
    x = serializers.IntegerField(help_text="MNI mm of the peak.")
    y = serializers.IntegerField(help_text="MNI mm of the peak.")
    z = serializers.IntegerField(help_text="MNI mm of the peak.")
    label = serializers.CharField()
    sdm_z = serializers.FloatField()
    p = serializers.FloatField()
    voxels = serializers.IntegerField()
    volume_mm3 = serializers.FloatField()
    peaks = PeakSerializer(many=True)
    regions = RegionShareSerializer(many=True)


class ProvenanceSerializer(serializers.Serializer):
    """The keys without which no map is given away."""

    agreed_dataset_version = serializers.IntegerField()
    agreed_dataset_sha256 = serializers.CharField()
    analysis_specification_sha256 = serializers.CharField()
    core_version = serializers.CharField()
    seed = serializers.IntegerField()


class ClustersSerializer(serializers.Serializer):
    run = serializers.IntegerField()
    correction = serializers.ChoiceField(list(CORRECTIONS_BY_KEY))
    corrections = serializers.ListField(child=serializers.CharField(), help_text="Whose tables this run has.")
    thresholds = serializers.CharField(help_text="What a voxel and a cluster had to pass, and the correction.")
    provenance = ProvenanceSerializer()
    clusters = ClusterSerializer(many=True)
