"""Reads. Blinding is enforced here: everything that shows quality scores starts from `visible_scores`."""

from django.db.models import BooleanField, Count, ExpressionWrapper, Q, QuerySet

from meta_app.extraction.models import Study
from meta_app.projects.models import Role
from meta_app.projects.permissions import Place
from meta_app.quality.models import QualityScore

SCORERS = 2
"""A study is scored by two people, whoever extracts it: one person's score never decides."""
OF_REVIEWERS = ~Q(quality_scores__position=QualityScore.Position.CONSENSUS)
LOCKED = Q(quality_scores__state=QualityScore.State.COMPLETE)


def with_scores(studies: QuerySet[Study]) -> QuerySet[Study]:
    """Adds `scorers` and `scores_locked`, and `scores_opened`, the rule of blinding: both scores are locked."""
    return studies.order_by("label", "pk").annotate(
        scorers=Count("quality_scores", filter=OF_REVIEWERS, distinct=True),
        scores_locked=Count("quality_scores", filter=OF_REVIEWERS & LOCKED, distinct=True),
        scores_opened=ExpressionWrapper(Q(scores_locked=SCORERS), BooleanField()),
    )


def scored_studies(place: Place) -> QuerySet[Study]:
    """Studies whose two scores are locked."""
    return with_scores(Study.objects.filter(project=place.project)).filter(scores_opened=True)


def visible_scores(place: Place) -> QuerySet[QualityScore]:
    """One's own scores, and all of a study whose two are locked; a viewer sees what is agreed."""
    opened = QualityScore.objects.filter(study__in=scored_studies(place).values("pk"))
    if place.membership.role == Role.VIEWER:
        return opened.filter(position=QualityScore.Position.CONSENSUS, state=QualityScore.State.COMPLETE)
    own = Q(study__project=place.project, author=place.membership.user) & ~Q(position=QualityScore.Position.CONSENSUS)
    return QualityScore.objects.filter(own | Q(pk__in=opened.values("pk")))
