"""The agreed dataset: frozen, versioned, content-hashed. Analyses read nothing else."""

from django.conf import settings
from django.db import models

from meta_app.common.models import TimestampedModel
from meta_app.projects.models import Project


class AgreedDataset(TimestampedModel):
    """A snapshot of the agreed extractions of a project. `content` is canonical JSON text and never changes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="agreed_datasets")
    version = models.PositiveIntegerField()
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    counts = models.JSONField(help_text="By unit: reports, studies, cohorts, datasets, peaks.")
    left_out = models.JSONField(default=list, help_text="What was not frozen, each with its reason.")
    note = models.CharField(max_length=300, blank=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["project", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="agreed_dataset_versions_are_unique"),
            models.UniqueConstraint(fields=["project", "sha256"], name="equal_agreed_datasets_are_one"),
        ]

    def __str__(self) -> str:
        return f"{self.project}, agreed dataset version {self.version}"
