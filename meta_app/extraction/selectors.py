"""Reads. Blinding is enforced here: everything that shows extractions starts from `visible_extractions`."""

from django.db.models import Count, F, Q, QuerySet

from meta_app.extraction.models import Extraction, Study
from meta_app.projects.permissions import Place

INDEPENDENT = ~Q(extractions__position=Extraction.Position.CONSENSUS)
LOCKED = Q(extractions__state=Extraction.State.COMPLETE)


def opened_studies(place: Place) -> QuerySet[Study]:
    """Studies whose reviewers have all locked: as many as needed are complete and none is still a draft."""
    independent = Count("extractions", filter=INDEPENDENT, distinct=True)
    locked = Count("extractions", filter=INDEPENDENT & LOCKED, distinct=True)
    return (
        Study.objects.filter(project=place.project)
        .annotate(independent=independent, locked=locked)
        .filter(locked=F("independent"), locked__gte=F("extractors_needed"))
    )


def visible_extractions(place: Place) -> QuerySet[Extraction]:
    """One's own extractions, and everybody's of studies whose reviewers have all locked."""
    opened = opened_studies(place).values("pk")
    return Extraction.objects.filter(study__project=place.project).filter(
        Q(author=place.membership.user) | Q(study__in=opened)
    )
