"""A review project, its protocol and the people in it."""

from django.conf import settings
from django.db import models

from meta_app.common.models import TimestampedModel, VersionedModel


class Project(VersionedModel):
    name = models.CharField(max_length=200)
    question = models.TextField(blank=True)
    is_demo = models.BooleanField(default=False)
    demo_key = models.SlugField(blank=True, help_text="Which demo this is, so that it is loaded once only.")
    extractors_needed = models.PositiveSmallIntegerField(
        default=1, choices=[(1, "One reviewer"), (2, "Two reviewers, blind to each other")]
    )
    source_note = models.TextField(blank=True, help_text="Where the data comes from, printed with every export.")

    class Meta:
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["demo_key"], condition=~models.Q(demo_key=""), name="one_project_per_demo")
        ]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner", "Owner"
    REVIEWER = "reviewer", "Reviewer"
    ADJUDICATOR = "adjudicator", "Adjudicator"
    VIEWER = "viewer", "Viewer"


class Membership(TimestampedModel):
    """One person's place in a project: an owner also reviews; a viewer only reads what is agreed."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role)

    class Meta:
        ordering = ["project", "role", "user"]
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="one_membership_per_person")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Protocol(TimestampedModel):
    """What the review promised. An edit makes a new version; old ones stay as they were."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="protocols")
    version = models.PositiveIntegerField()
    question = models.TextField(blank=True)
    registration = models.CharField(max_length=120, blank=True, help_text="For example PROSPERO CRD420250000000.")
    population = models.TextField(blank=True)
    comparisons = models.JSONField(default=list, blank=True)
    modalities = models.JSONField(default=list, blank=True)
    eligibility = models.JSONField(default=list, blank=True)
    languages = models.JSONField(default=list, blank=True)
    quality_instrument = models.CharField(max_length=120, blank=True)
    quality_cutoff = models.DecimalField(max_digits=4, decimal_places=1, null=True, blank=True)
    thresholds = models.TextField(blank=True)
    change_reason = models.TextField(blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["project", "-version"]
        constraints = [models.UniqueConstraint(fields=["project", "version"], name="protocol_versions_are_unique")]

    def __str__(self) -> str:
        return f"{self.project}, protocol version {self.version}"
