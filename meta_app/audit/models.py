"""Who did what, when, before and after: append-only, one hash chain for each project."""

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models

from meta_app.audit.domain import Link, entry_hash


class AuditChain(models.Model):
    """The end of a project's chain; its row is locked while an entry is appended."""

    project_id = models.BigIntegerField(primary_key=True)
    length = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"project {self.project_id}: {self.length} entries"


class AuditEntry(models.Model):
    """One thing done. Entries of work that is still blind name its study and stage: only their actor reads them."""

    class Stage(models.TextChoices):
        EXTRACTION = "extraction", "Extraction"
        QUALITY = "quality", "Quality"

    project_id = models.BigIntegerField()
    number = models.PositiveIntegerField(help_text="1, 2, 3, ... within the project.")
    at = models.DateTimeField()
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    action = models.CharField(max_length=60, help_text="For example extraction.completed.")
    subject = models.CharField(max_length=200, help_text="In words, for example: Cao 2017, reviewer A.")
    before = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    after = models.JSONField(null=True, encoder=DjangoJSONEncoder)
    reason = models.TextField(blank=True)
    blind_study_id = models.BigIntegerField(null=True)
    blind_stage = models.CharField(max_length=10, choices=Stage, blank=True)
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["project_id", "number"]
        verbose_name_plural = "audit entries"
        constraints = [models.UniqueConstraint(fields=["project_id", "number"], name="audit_entries_are_numbered")]
        indexes = [models.Index(fields=["blind_study_id", "action"], name="audit_by_blind_study")]

    def __str__(self) -> str:
        return f"{self.number} {self.action}: {self.subject}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise PermissionDenied("An audit entry never changes.")
        super().save(*args, **kwargs)

    def delete(self, using: Any = None, keep_parents: bool = False) -> tuple[int, dict[str, int]]:  # noqa: ARG002
        raise PermissionDenied("An audit entry is never deleted.")

    @property
    def words(self) -> dict[str, Any]:
        """What the hash covers."""
        return {
            "project": self.project_id,
            "number": self.number,
            "at": self.at.isoformat(),
            "actor": self.actor_id,
            "action": self.action,
            "subject": self.subject,
            "before": self.before,
            "after": self.after,
            "reason": self.reason,
            "blind": [self.blind_study_id, self.blind_stage],
        }

    @property
    def link(self) -> Link:
        return Link(self.words, self.previous_hash, self.hash)

    def expected_hash(self) -> str:
        return entry_hash(self.words, self.previous_hash)
