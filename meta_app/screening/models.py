"""The flow of a review whose screening was done elsewhere: the counts of the PRISMA 2020 boxes."""

from django.conf import settings
from django.db import models

from meta_app.common.models import VersionedModel
from meta_app.projects.models import Project


class EnteredFlow(VersionedModel):
    """Counts typed in by the team. `counts` has the shape of `screening.domain.FlowCounts`."""

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="entered_flow")
    counts = models.JSONField(default=dict)
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"{self.project}: entered PRISMA counts"
