"""Reads. Blinding is enforced here: everything that shows quality scores starts from `visible_scores`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Prefetch,
    Q,
    QuerySet,
    prefetch_related_objects,
)
from django.http import Http404

from meta_app.audit.models import AuditEntry
from meta_app.audit.selectors import readings
from meta_app.common.words import counted
from meta_app.extraction.models import Assignment, Dataset, Study
from meta_app.extraction.selectors import free_position, studies_named, visible_extractions
from meta_app.projects.models import Membership, Project, Role
from meta_app.projects.permissions import ADJUDICATE, EXTRACT, Place
from meta_app.projects.selectors import current_protocol
from meta_app.projects.stages import Waiting
from meta_app.quality import instruments
from meta_app.quality.domain import Item, exclusion_reason, parse_items
from meta_app.quality.figures import StudyRow
from meta_app.quality.models import Instrument, QualityScore
from meta_app.screening.domain import LaterExclusion

SCORERS = 2
"""A study is scored by two people, whoever extracts it: one person's score never decides."""
OF_REVIEWERS = ~Q(quality_scores__position=QualityScore.Position.CONSENSUS)
LOCKED = Q(quality_scores__state=QualityScore.State.COMPLETE)
CONSENSUS, COMPLETE = QualityScore.Position.CONSENSUS, QualityScore.State.COMPLETE


# What may be seen


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
        return opened.filter(position=CONSENSUS, state=COMPLETE)
    own = Q(study__project=place.project, author=place.membership.user) & ~Q(position=CONSENSUS)
    return QualityScore.objects.filter(own | Q(pk__in=opened.values("pk")))


# Instruments


def project_instrument(project: Project) -> Instrument:
    """The newest checklist of a project, else the built-in one, which may not be stored yet."""
    own = Instrument.objects.filter(project=project).order_by("-created_at", "-pk").first()
    return own or built_in_instrument()


def built_in_instrument() -> Instrument:
    stored = Instrument.objects.filter(project=None, name=instruments.NAME).order_by("-version").first()
    return stored or Instrument(
        name=instruments.NAME,
        version=1,
        source=instruments.SOURCE,
        cutoff=instruments.CUTOFF,
        items=[item.to_json() for item in instruments.ITEMS],
    )


def instrument_history(project: Project) -> list[Instrument]:
    """Newest first; the built-in one is the beginning."""
    return [*Instrument.objects.filter(project=project).order_by("-created_at", "-pk"), built_in_instrument()]


def items_of(instrument: Instrument) -> tuple[Item, ...]:
    return parse_items(instrument.items)


def used_items(project: Project) -> set[str]:
    """Keys of the items that scores of this project have."""
    scores = QualityScore.objects.filter(study__project=project)
    return set(scores.values_list("item_scores__item", flat=True)) - {None}


@dataclass(frozen=True)
class Cutoff:
    points: float
    source: str

    def __str__(self) -> str:
        return counted(self.points, "point")


def project_cutoff(project: Project) -> Cutoff:
    """The protocol's cut-off; where it names none, that of the checklist."""
    protocol = current_protocol(project)
    if protocol and protocol.quality_cutoff is not None:
        return Cutoff(float(protocol.quality_cutoff), f"protocol version {protocol.version}")
    instrument = project_instrument(project)
    return Cutoff(float(instrument.cutoff), str(instrument))


# Studies and their scores


@dataclass(frozen=True)
class ScoreLine:
    """A study in the list: one's own score, the other's only as a state, the agreed total once there is one."""

    study: Study
    mine: QualityScore | None
    others: list[QualityScore]
    may_start: bool
    given: bool
    """A place that nobody scores at yet was given to this person."""
    why_not: str
    """Why a place that is free is not this person's to take."""
    opened: bool
    open_items: int | None
    total: float | None
    excluded: str


def followed_studies(place: Place, words: str = "") -> QuerySet[Study]:
    """The studies of a project whose scores this person may follow; a viewer follows what is agreed.

    Adds `read`: this person has read what the scorers of a study gave.
    """
    read = Exists(_readings_by(place.membership))
    studies = with_scores(Study.objects.filter(project=place.project)).annotate(read=read)
    if words:
        studies = studies_named(studies, words)
    if place.membership.role == Role.VIEWER:
        studies = studies.filter(pk__in=visible_scores(place).order_by().values("study"))
    return studies


def _readings_by(membership: Membership) -> QuerySet[AuditEntry]:
    """The notes that this person has read what the scorers of a study gave."""
    return readings(AuditEntry.Stage.QUALITY).filter(blind_study_id=OuterRef("pk"), actor=membership.user_id)


def score_lines(place: Place, studies: Sequence[Study] | QuerySet[Study]) -> list[ScoreLine]:
    """Those of `followed_studies` as this person may see them, in a fixed number of queries."""
    by_author = QualityScore.objects.select_related("author").prefetch_related("item_scores").order_by("position")
    found = list(studies)
    prefetch_related_objects(
        found,
        Prefetch("quality_scores", by_author),
        Prefetch("assignments", standing_assignments(place.project.pk)),
    )
    cutoff = project_cutoff(place.project)
    return [_score_line(place, study, cutoff) for study in found]


def why_not_score(label: str) -> str:
    """Said to who has read both scores of a study of which a place became free."""
    return f"You have read both scores of {label}, so you are not blind to it: the free place is somebody else's."


def _score_line(place: Place, study: Study, cutoff: Cutoff) -> ScoreLine:
    scores = list(study.quality_scores.all())
    reviewers = [score for score in scores if score.position != CONSENSUS]
    mine = next((score for score in reviewers if score.author_id == place.membership.user_id), None)
    consensus = next((score for score in scores if score.position == CONSENSUS), None) if study.scores_opened else None
    total = score_total(consensus) if consensus and consensus.state == COMPLETE else None
    taken = {score.position for score in reviewers}
    places = {item.position for item in study.assignments.all() if item.reviewer_id == place.membership.user_id}
    startable = mine is None and free_place(place, reviewers, study.assignments.all()) is not None
    return ScoreLine(
        study=study,
        mine=mine,
        others=[score for score in reviewers if score is not mine],
        may_start=startable and not study.read,
        given=bool(places - taken),
        why_not=why_not_score(study.label) if startable and study.read else "",
        opened=study.scores_opened,
        open_items=len(open_items(consensus)) if consensus else None,
        total=total,
        excluded=exclusion_reason(total, cutoff.points) if total is not None else "",
    )


def standing_assignments(project_id: int) -> QuerySet[Assignment]:
    """The assignments of those who review here still: a place of someone who has left is free to be scored."""
    members = Membership.objects.filter(project=project_id, role__in=EXTRACT)
    return Assignment.objects.filter(study__project=project_id, reviewer__in=members.values("user"))


def free_place(place: Place, reviewers: list[QualityScore], assignments: Iterable[Assignment]) -> str | None:
    """A or B, if this person may score the study."""
    return free_position(SCORERS, place.membership.user_id, reviewers, assignments) if place.may(EXTRACT) else None


def get_scored_study(place: Place, study_id: int) -> Study:
    """A study of this project; a viewer finds those whose score is agreed."""
    study = followed_studies(place).filter(pk=study_id).select_related("project").first()
    if study is None:
        raise Http404
    return study


def get_own_score(place: Place, study_id: int) -> QualityScore:
    """This person's own score of a study; another's answers like none at all."""
    own = QualityScore.objects.filter(
        study_id=study_id, study__project=place.project, author=place.membership.user
    ).exclude(position=CONSENSUS)
    score = own.select_related("study__project", "author", "instrument").first()
    if score is None:
        raise Http404
    return score


def get_consensus(place: Place, study_id: int) -> QualityScore:
    found = visible_scores(place).filter(study_id=study_id, position=CONSENSUS)
    score = found.select_related("study__project", "instrument").first()
    if score is None:
        raise Http404
    return score


def study_scores(place: Place, study: Study) -> dict[str, QualityScore]:
    """The visible scores of a study by position, with their items."""
    found = visible_scores(place).filter(study=study).select_related("author", "instrument", "study")
    return {score.position: score for score in found.prefetch_related("item_scores")}


def points_of(score: QualityScore) -> dict[str, float | None]:
    return {row.item: None if row.points is None else float(row.points) for row in score.item_scores.all()}


def score_total(score: QualityScore) -> float:
    return sum(points or 0.0 for points in points_of(score).values())


def open_items(score: QualityScore) -> list[str]:
    return [item for item, points in points_of(score).items() if points is None]


def known_modalities(place: Place, study: Study) -> set[str]:
    """Modalities of the study's datasets, of the extractions that this person may see."""
    datasets = Dataset.objects.filter(extraction__in=visible_extractions(place).filter(study=study))
    return set(datasets.order_by().values_list("modality", flat=True).distinct())


# What the cut-off excludes


@dataclass(frozen=True)
class Exclusion:
    total: float
    reason: str


def agreed_scores(project: Project) -> QuerySet[QualityScore]:
    """Complete consensus scores whose two reviewers' scores are still locked."""
    opened = with_scores(Study.objects.filter(project=project)).filter(scores_opened=True)
    agreed = QualityScore.objects.filter(study__in=opened.values("pk"), position=CONSENSUS, state=COMPLETE)
    return agreed.select_related("study").prefetch_related("item_scores").order_by("study__label")


def agreed_totals(project: Project) -> dict[int, float]:
    """Points of each study whose score is agreed, by primary key."""
    return {score.study_id: score_total(score) for score in agreed_scores(project)}


def quality_exclusions(project: Project, totals: Mapping[int, float] | None = None) -> dict[int, Exclusion]:
    """Studies whose agreed total is below the cut-off, by primary key. Nobody's own score and no mean excludes.

    `totals` are the agreed totals, where the caller has read them.
    """
    totals = agreed_totals(project) if totals is None else totals
    if not totals:
        return {}
    cutoff = project_cutoff(project).points
    reasons = {study: Exclusion(total, exclusion_reason(total, cutoff)) for study, total in totals.items()}
    return {study: exclusion for study, exclusion in reasons.items() if exclusion.reason}


def excluded_in_flow(project: Project) -> LaterExclusion | None:
    """What the flow diagram says of the studies that their quality score excludes."""
    excluded = quality_exclusions(project)
    if not excluded:
        return None
    reports = Study.objects.filter(pk__in=excluded).aggregate(found=Count("reports", distinct=True))["found"]
    reason = f"Quality score below {project_cutoff(project)}"
    return LaterExclusion(reason, studies=len(excluded), reports=max(reports, len(excluded)))


def waiting_scores(membership: Membership) -> Waiting:
    """Studies that this person is to score, and those with items that they may settle."""
    by_study = QualityScore.objects.filter(study=OuterRef("pk"))
    own = _own_scores(membership)
    to_do = Q(Exists(own.exclude(state=COMPLETE)))
    if membership.role in EXTRACT:
        to_do |= Exists(_places_to_take(membership)) & ~Exists(own)
    studies = Study.objects.filter(project=membership.project_id)
    opened = with_scores(studies).filter(scores_opened=True).order_by().values("pk")
    unsettled = Exists(by_study.filter(position=CONSENSUS).exclude(state=COMPLETE)) & Q(pk__in=opened)
    to_do |= unsettled if membership.role in ADJUDICATE else unsettled & Exists(own)
    count = studies.filter(to_do).count()
    return Waiting(count, "study" if count == 1 else "studies", "to score or settle")


def free_scores(membership: Membership) -> int:
    """How many studies this person may begin to score although nobody has given them to them."""
    if membership.role not in EXTRACT:
        return 0
    unheld = _unheld(membership.project_id, "A") | _unheld(membership.project_id, "B")
    theirs = Exists(_places_to_take(membership)) | Exists(_own_scores(membership)) | Exists(_readings_by(membership))
    return Study.objects.filter(unheld & ~theirs, project=membership.project_id).count()


def _own_scores(membership: Membership) -> QuerySet[QualityScore]:
    return QualityScore.objects.filter(study=OuterRef("pk"), author=membership.user).exclude(position=CONSENSUS)


def _places_to_take(membership: Membership) -> QuerySet[Assignment]:
    """Places that were given to this person and at which nobody scores yet."""
    taken = QualityScore.objects.filter(study=OuterRef("study"), position=OuterRef("position"))
    return Assignment.objects.filter(~Exists(taken), study=OuterRef("pk"), reviewer=membership.user)


def _unheld(project_id: int, position: str) -> Q:
    """What `free_place` asks of a position, as a condition on many studies."""
    scored = QualityScore.objects.filter(study=OuterRef("pk"), position=position)
    held = standing_assignments(project_id).filter(study=OuterRef("pk"), position=position)
    return ~Exists(scored) & ~Exists(held)


# The whole set


@dataclass(frozen=True)
class Pair:
    """The points of the two reviewers of a study, once both are locked."""

    study_id: int
    a: dict[str, float]
    b: dict[str, float]

    @property
    def totals(self) -> tuple[float, float]:
        return sum(self.a.values()), sum(self.b.values())


def whole_scores(place: Place) -> QuerySet[QualityScore]:
    """Visible scores with their items, for tables."""
    scores = visible_scores(place).select_related("study", "instrument", "author")
    return scores.prefetch_related("item_scores").order_by("study__label", "position")


def locked_pairs(place: Place) -> list[Pair]:
    """Both reviewers' points of each study whose two scores are locked, as far as this person sees them."""
    opened = scored_studies(place).values("pk")
    by_study: dict[int, dict[str, dict[str, float]]] = {}
    for score in whole_scores(place).filter(study__in=opened).exclude(position=CONSENSUS):
        points = {item: value or 0.0 for item, value in points_of(score).items()}
        by_study.setdefault(score.study_id, {})[score.position] = points
    return [
        Pair(study, both["A"], both["B"]) for study, both in by_study.items() if both.keys() >= {"A", "B"}
    ]  # fmt: skip


def agreed_rows(project: Project) -> list[StudyRow]:
    """Each study with an agreed score, in the order of the labels."""
    cutoff = project_cutoff(project).points
    rows = []
    for score in agreed_scores(project):
        total = score_total(score)
        rows.append(
            StudyRow(score.study.label, points_of(score), total, exclusion_reason(total, cutoff), score.study_id)
        )
    return rows
