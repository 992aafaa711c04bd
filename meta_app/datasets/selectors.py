"""Reads: the frozen versions of a project."""

from django.db.models import QuerySet

from meta_app.datasets.models import AgreedDataset
from meta_app.projects.models import Project


def agreed_datasets(project: Project) -> QuerySet[AgreedDataset]:
    """The frozen versions, newest first, without their (large) content."""
    return AgreedDataset.objects.filter(project=project).defer("content").select_related("frozen_by")
