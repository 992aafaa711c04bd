"""Reports: the papers and theses a study is told in."""

from django.conf import settings
from django.db import models

from meta_app.common.models import TimestampedModel
from meta_app.projects.models import Project


class Report(TimestampedModel):
    class Kind(models.TextChoices):
        ARTICLE = "article", "Journal article"
        THESIS = "thesis", "Thesis"
        PREPRINT = "preprint", "Preprint"
        OTHER = "other", "Other"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="reports")
    title = models.TextField(blank=True)
    authors = models.TextField(blank=True)
    year = models.PositiveSmallIntegerField(null=True, blank=True)
    source = models.CharField(max_length=300, blank=True, help_text="Journal, school or publisher.")
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.ARTICLE)
    language = models.CharField(max_length=20, blank=True)
    doi = models.CharField(max_length=200, blank=True)
    reference = models.TextField(blank=True, help_text="The full reference as printed.")

    class Meta:
        ordering = ["authors", "year", "pk"]

    def __str__(self) -> str:
        return self.reference or f"{self.authors} {self.year or ''}".strip()


class ReportFile(TimestampedModel):
    """A PDF of a report. Its bytes lie outside the web root, under their SHA-256; withdrawn files stay on disk."""

    report = models.ForeignKey(Report, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=200, help_text="As it was called on the computer it came from.")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField(help_text="Bytes.")
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    notice = models.TextField(
        blank=True, help_text="What a reader should know: protected, a scan, also with another report."
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["report", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["report", "sha256"], condition=models.Q(withdrawn_at=None), name="a_report_has_a_file_once"
            )
        ]

    def __str__(self) -> str:
        return self.name
