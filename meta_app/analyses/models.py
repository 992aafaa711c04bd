"""The frozen question, one execution of it, and the files it made.

A run is (agreed dataset hash, specification hash, core version, seed). Its states and who may change them:
queued -> running -> done | failed | cancelled. Every change is a conditional UPDATE whose row count is looked at.
A running row has an owner and a lease; a row whose lease has run out may be claimed again.
"""

from django.conf import settings
from django.db import models

from meta_app.common.models import TimestampedModel
from meta_app.datasets.models import AgreedDataset
from meta_app.projects.models import Project


class AnalysisSpecification(TimestampedModel):
    """A frozen question: filters, model, imputations, thresholds. `content` is canonical JSON text."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="specifications")
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["project", "pk"]
        constraints = [models.UniqueConstraint(fields=["project", "sha256"], name="equal_specifications_are_one")]

    def __str__(self) -> str:
        return f"{self.project}, specification {self.sha256[:8]}"


class Run(TimestampedModel):
    class Status(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="runs")
    agreed_dataset = models.ForeignKey(AgreedDataset, on_delete=models.PROTECT, related_name="runs")
    specification = models.ForeignKey(AnalysisSpecification, on_delete=models.PROTECT, related_name="runs")
    core_version = models.CharField(max_length=40)
    seed = models.PositiveBigIntegerField()
    name = models.CharField(max_length=120)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    stage = models.CharField(max_length=120, blank=True)
    fraction = models.FloatField(default=0.0)
    cancel_requested = models.BooleanField(default=False)
    owner = models.CharField(max_length=120, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    error_details = models.JSONField(default=list)
    launched_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="launched_runs")
    followers = models.ManyToManyField(settings.AUTH_USER_MODEL, related_name="followed_runs", blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["project", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["agreed_dataset", "specification", "core_version", "seed"],
                condition=models.Q(status__in=["queued", "running", "done"]),
                name="the_same_question_runs_once",
            )
        ]
        indexes = [models.Index(fields=["status", "lease_until"], name="run_sweep")]

    def __str__(self) -> str:
        return self.name


class Artefact(TimestampedModel):
    class Kind(models.TextChoices):
        MAP = "map", "Map"
        TABLE = "table", "Table"
        PROVENANCE = "provenance", "Provenance"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="artefacts")
    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=80, help_text="Path below the run's folder, for example maps/z.nii.gz.")
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=80)

    class Meta:
        ordering = ["run", "name"]
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="artefact_names_are_unique")]

    def __str__(self) -> str:
        return f"{self.run}: {self.name}"
