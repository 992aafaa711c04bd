"""How good a study is: weighted items of a versioned instrument, scored by two reviewers blind to each other.

Instrument > QualityScore (reviewer A, reviewer B or the consensus of a study) > ItemScore
"""

from django.conf import settings
from django.db import models

from meta_app.common.models import TimestampedModel, VersionedModel
from meta_app.extraction.models import Study
from meta_app.projects.models import Project


class Instrument(TimestampedModel):
    """A version of a checklist; built-in ones belong to no project. `items` has the shape of `quality.domain.Item`."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="instruments")
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField()
    source = models.TextField(blank=True, help_text="Where the items come from.")
    items = models.JSONField(default=list)
    cutoff = models.DecimalField(max_digits=5, decimal_places=1, help_text="Studies below this total are excluded.")
    change_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["name", "version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name", "version"], name="instrument_versions_are_unique"),
            models.UniqueConstraint(
                fields=["name", "version"], condition=models.Q(project=None), name="built_in_instruments_are_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"


class QualityScore(VersionedModel):
    """The scores of one study by one reviewer, or the consensus of both."""

    class Position(models.TextChoices):
        A = "A", "Reviewer A"
        B = "B", "Reviewer B"
        CONSENSUS = "consensus", "Consensus"

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        COMPLETE = "complete", "Complete"

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="quality_scores")
    instrument = models.ForeignKey(Instrument, on_delete=models.PROTECT, related_name="scores")
    position = models.CharField(max_length=10, choices=Position)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="quality_scores")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    revision = models.PositiveIntegerField(default=1, help_text="Grows each time a locked score is reopened.")
    completed_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        ordering = ["study", "position"]
        constraints = [
            models.UniqueConstraint(fields=["study", "position"], name="one_quality_score_per_position"),
            models.UniqueConstraint(
                fields=["study", "author"],
                condition=~models.Q(position="consensus"),
                name="one_quality_score_per_reviewer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study}, quality, {self.get_position_display()}"


class ItemScore(VersionedModel):
    """The points of one item, with the words of the paper that show them."""

    score = models.ForeignKey(QualityScore, on_delete=models.CASCADE, related_name="item_scores")
    item = models.SlugField(help_text="Key of the item in the instrument.")
    points = models.DecimalField(max_digits=5, decimal_places=1, null=True, blank=True)
    quote = models.TextField(blank=True)
    page = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)
    origin = models.JSONField(default=dict, blank=True, help_text="In a consensus: from whom, by whom, why.")

    class Meta:
        ordering = ["score", "pk"]
        constraints = [models.UniqueConstraint(fields=["score", "item"], name="an_item_is_scored_once")]

    def __str__(self) -> str:
        return f"{self.item}: {self.points}"
