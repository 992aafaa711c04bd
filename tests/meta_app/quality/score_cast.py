"""Scores of a study as the tests need them: by the services, so that they are as in use."""

from meta_app.extraction.models import Study
from meta_app.projects.models import Membership
from meta_app.projects.permissions import Place
from meta_app.quality import services
from meta_app.quality.instruments import ITEMS
from meta_app.quality.models import ItemScore, QualityScore

FULL = {item.key: item.points for item in ITEMS}


def place_of(user):
    membership = Membership.objects.select_related("project").get(user=user)
    return Place(membership.project, membership)


def make_study(project, label="Cao 2017"):
    return Study.objects.create(project=project, label=label, extractors_needed=2)


def fill(user, study, points=None, **words):
    """Start a score and give each item its points (all of them, unless said otherwise)."""
    place = place_of(user)
    score = services.score_start(place=place, study=study)
    for key, value in (FULL | (points or {})).items():
        values = {"points": value, "quote": "", "page": "", "note": "", **words}
        services.item_save(place=place, score=score, item=key, version=1, values=values)
    return score


def lock(user, study, points=None, **words):
    score = fill(user, study, points, **words)
    return services.score_complete(place=place_of(user), score=score, version=score.version)


def consensus_of(study):
    return QualityScore.objects.filter(study=study, position="consensus").first()


def settle(user, study, item, choice, points=None, reason=""):
    consensus = consensus_of(study)
    version = ItemScore.objects.get(score=consensus, item=item).version
    return services.consensus_settle(
        place=place_of(user), consensus=consensus, item=item, version=version, choice=choice, points=points,
        reason=reason,
    )  # fmt: skip


def settle_as_team(first, second, study, item, choice, points=None, reason=""):
    """One of the two scorers proposes, the other agrees."""
    settle(first, study, item, choice, points, reason)
    return settle(second, study, item, choice, points, reason)
