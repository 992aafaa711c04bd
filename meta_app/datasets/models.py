"""The agreed dataset: frozen, versioned, content-hashed. Analyses read nothing else."""

from typing import Any, NoReturn

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import models

from meta_app.common.models import TimestampedModel
from meta_app.datasets.domain import Snapshot, load_snapshot
from meta_app.projects.models import Project

NEVER = "A frozen version never changes and is never deleted; freeze a new one."


class Frozen(models.QuerySet["AgreedDataset"]):
    """Refuses to change or delete rows; a project that is deleted takes its versions along."""

    def update(self, **values: Any) -> NoReturn:  # noqa: ARG002
        raise PermissionDenied(NEVER)

    def delete(self) -> NoReturn:
        raise PermissionDenied(NEVER)


class AgreedDataset(TimestampedModel):
    """A snapshot of the agreed extractions of a project. `content` and `agreement` are canonical JSON texts.

    `sha256` is that of the content alone, so that equal data has one name whoever agreed on it.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="agreed_datasets")
    version = models.PositiveIntegerField()
    content = models.TextField()
    sha256 = models.CharField(max_length=64)
    agreement = models.TextField(blank=True, help_text="How the team came to the content; see `datasets.domain`.")
    agreement_sha256 = models.CharField(max_length=64, blank=True)
    counts = models.JSONField(help_text="By unit: reports, studies, cohorts, contrasts, datasets, maps, peaks.")
    left_out = models.JSONField(default=list, help_text="What was not frozen, each with its reason.")
    note = models.CharField(max_length=300, blank=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    objects = Frozen.as_manager()

    class Meta:
        ordering = ["project", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["project", "version"], name="agreed_dataset_versions_are_unique"),
            models.UniqueConstraint(
                fields=["project", "sha256", "agreement_sha256"], name="equal_agreed_datasets_are_one"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project}, agreed dataset version {self.version}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise PermissionDenied(NEVER)
        super().save(*args, **kwargs)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:  # noqa: ARG002
        raise PermissionDenied(NEVER)

    @property
    def snapshot(self) -> Snapshot:
        return load_snapshot(self.content, self.agreement)
