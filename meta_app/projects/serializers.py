"""What the API tells of a project."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from meta_app.projects.models import Membership, Role
from meta_app.projects.stages import review_stages


class StageSerializer(serializers.Serializer):
    key = serializers.CharField(help_text="Short name of the stage, for example extraction.")
    title = serializers.CharField()
    later = serializers.BooleanField(help_text="True where this version of Concord does not have the stage yet.")
    count = serializers.IntegerField(allow_null=True, help_text="How much waits for you there; null for nothing.")
    unit = serializers.CharField(allow_null=True, help_text="What the count counts.")
    free = serializers.IntegerField(help_text="Studies with a place there that nobody holds and you may take.")


class ProjectSerializer(serializers.ModelSerializer[Membership]):
    """A project as one of its members sees it."""

    id = serializers.IntegerField(source="project.pk")
    name = serializers.CharField(source="project.name")
    role = serializers.ChoiceField(choices=Role.choices, help_text="Your role in the project.")

    class Meta:
        model = Membership
        fields = ["id", "name", "role"]


class ProjectDetailSerializer(ProjectSerializer):
    question = serializers.CharField(source="project.question")
    extractors_needed = serializers.IntegerField(
        source="project.extractors_needed", help_text="Independent reviewers of each study added from now on."
    )
    stages = serializers.SerializerMethodField()

    class Meta(ProjectSerializer.Meta):
        fields = [*ProjectSerializer.Meta.fields, "question", "extractors_needed", "stages"]

    @extend_schema_field(StageSerializer(many=True))
    def get_stages(self, membership: Membership) -> list[dict[str, object]]:
        return [
            {
                "key": stage.key,
                "title": stage.title,
                "later": stage.later,
                "count": waiting.count if waiting is not None else None,
                "unit": waiting.unit if waiting is not None else None,
                "free": waiting.free if waiting is not None else 0,
            }
            for stage, waiting in review_stages(membership, with_free=True)
        ]
