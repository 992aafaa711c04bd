"""Writes of quality scores, of their consensus, and of checklists.

A reviewer's item is saved by compare-and-swap on its version. When both scores of a study are locked, the consensus
takes over the items that are equal; the rest is settled item by item, never on the total, by both scorers or by an
adjudicator who is neither.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from django.core import serializers
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.audit.models import AuditEntry
from meta_app.audit.selectors import readers
from meta_app.audit.services import reading_record, record
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.common.words import counted
from meta_app.extraction.models import Study
from meta_app.extraction.services import studies_read
from meta_app.projects.models import Membership
from meta_app.projects.permissions import ADJUDICATE, Place
from meta_app.quality import instruments
from meta_app.quality.domain import Item, instrument_changes, instrument_problems, moved_points, shown, unscored
from meta_app.quality.models import Instrument, ItemScore, QualityScore
from meta_app.quality.selectors import (
    COMPLETE,
    CONSENSUS,
    SCORERS,
    free_place,
    items_of,
    open_items,
    points_of,
    project_instrument,
    score_total,
    scored_studies,
    standing_assignments,
    used_items,
    why_not_score,
)

DRAFT = QualityScore.State.DRAFT
VALUES = ("points", "quote", "page", "note")
Values = Mapping[str, Any]


# A reviewer's own score


@transaction.atomic
def score_start(*, place: Place, study: Study) -> QualityScore:
    """Begin one's own score: as assigned, or as A, or as B where another is A."""
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    reviewers = list(study.quality_scores.exclude(position=CONSENSUS))
    if any(score.author_id == place.membership.user_id for score in reviewers):
        raise UserError(f"You have already started to score {study.label}. Nothing changed.")
    position = free_place(place, reviewers, standing_assignments(study.project_id).filter(study=study))
    if position is None:
        raise UserError(f"{study.label} is scored by {SCORERS} others. Nothing was started.")
    if readers(AuditEntry.Stage.QUALITY, [study.pk]) & {(study.pk, place.membership.user_id)}:
        raise UserError(f"{why_not_score(study.label)} Nothing was started.")
    instrument = reviewers[0].instrument if reviewers else _stored_instrument(study)
    score = QualityScore.objects.create(
        study=study, instrument=instrument, position=position, author=place.membership.user
    )
    ItemScore.objects.bulk_create(ItemScore(score=score, item=item.key) for item in items_of(instrument))
    _record(score, "quality.started", place, after={"instrument": str(instrument)})
    return score


def works_read(*, place: Place, works: Iterable[tuple[str, int]]) -> None:
    """Note what the audit trail told of the work of others, by stage and key of the study, like their pages."""
    told: dict[str, set[int]] = {stage: set() for stage in AuditEntry.Stage.values}
    for stage, study in works:
        told[stage].add(study)
    studies_read(place=place, studies=told[AuditEntry.Stage.EXTRACTION])
    scores_read(place=place, studies=told[AuditEntry.Stage.QUALITY])


def scores_read(*, place: Place, studies: Collection[int]) -> None:
    """Who reads both scores of a study does not become one of its scorers afterwards.

    Called by whatever shows points that others gave, with the keys of their studies; of these those whose two scores
    are locked are noted.
    """
    scored = scored_studies(place).filter(pk__in=studies) if studies else Study.objects.none()
    reading_record(
        project_id=place.project.pk, actor=place.membership.user, studies={study.pk: study.label for study in scored},
        stage=AuditEntry.Stage.QUALITY,
    )  # fmt: skip


def _stored_instrument(study: Study) -> Instrument:
    """The built-in one is stored by whoever comes first; of two at once the second takes what the first stored."""
    instrument = project_instrument(study.project)
    if instrument.pk is None:
        told = {name: getattr(instrument, name) for name in ("source", "cutoff", "items")}
        instrument, _new = Instrument.objects.get_or_create(
            project=None, name=instrument.name, version=instrument.version, defaults=told
        )
    return instrument


@transaction.atomic
def item_save(*, place: Place, score: QualityScore, item: str, version: int, values: Values) -> ItemScore:
    """Store the points, quote, page and note of one item of one's own draft.

    Raises
    ------
    StaleEdit
        Another tab saved first; `details` holds both versions.
    UserError
        The points are none that the item gives, or there is no such item.
    PermissionDenied
        The score is locked.
    """
    score = _hold(score)
    if score.state == COMPLETE:
        raise PermissionDenied("This score is locked. Reopen it with a reason to change it. Nothing was saved.")
    _refuse_points(score.instrument, item, values["points"])
    before = ItemScore.objects.get(score=score, item=item)
    saved = _swap(before, version, values)
    change = {name: getattr(before, name) for name in VALUES if getattr(before, name) != getattr(saved, name)}
    if change:
        after = {name: getattr(saved, name) for name in change}
        _record(score, "quality.scored", place, item, before=change, after=after)
    return saved


def _hold(score: QualityScore) -> QualityScore:
    """Only the score: its study and its checklist are shared with the other reviewer, who saves at the same time."""
    scores = QualityScore.objects.select_for_update(of=("self",), no_key=True)
    return scores.select_related("instrument", "study").get(pk=score.pk)


def _refuse_points(instrument: Instrument, key: str, points: float | None) -> None:
    item = _item(instrument, key)
    if points is not None and points not in item.steps:
        raise UserError(
            f"“{item.wording.title}” gives 0 to {counted(item.points, 'point')} in steps of 0.5. Nothing was saved.",
            {"points": [f"{shown(points)} is not among them."]},
        )


def _item(instrument: Instrument, key: str) -> Item:
    found = next((item for item in items_of(instrument) if item.key == key), None)
    if found is None:
        raise UserError(f"{instrument} has no item called {key[:50]}. Reload the page. Nothing was saved.")
    return found


def _swap(row: ItemScore, version: int, values: Values, yours: Values | None = None) -> ItemScore:
    """Store `values` over the version that was read; `yours` is what a refusal shows where that is something else."""
    changed = ItemScore.objects.filter(pk=row.pk, version=version).update(
        **values, version=F("version") + 1, updated_at=timezone.now()
    )
    fresh = ItemScore.objects.get(pk=row.pk)
    if not changed:
        raise StaleEdit(
            "Someone saved this item first, perhaps you in another tab. Both versions are kept; choose which stays.",
            {"yours": _plain(yours or values), "theirs": item_values(fresh), "version": fresh.version},
        )
    return fresh


def item_values(row: ItemScore) -> dict[str, Any]:
    return _plain({name: getattr(row, name) for name in VALUES})


def _plain(values: Values) -> dict[str, Any]:
    points = values.get("points")
    return {**values, "points": None if points is None else float(points)}


@transaction.atomic
def score_complete(*, place: Place, score: QualityScore, version: int) -> QualityScore:
    """Lock one's own score; the second lock opens both and begins the consensus.

    Raises
    ------
    UserError
        An item has no points yet; `details["items"]` names each.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=score.study_id)
    _hold(score)  # no item loses its points between here and the lock
    missing = unscored(items_of(score.instrument), points_of(score))
    if missing:
        raise UserError(
            f"{study.label} is still a draft: {len(missing)} item{'s have' if len(missing) > 1 else ' has'} no points "
            "yet. All is kept.",
            {"items": [item.wording.title for item in missing]},
        )
    _move(score, version, DRAFT, state=COMPLETE, completed_at=timezone.now())
    _record(score, "quality.completed", place, after={"revision": score.revision, "total": score_total(score)})
    consensus_refresh(study=study)
    return score


@transaction.atomic
def score_reopen(*, place: Place, score: QualityScore, version: int, reason: str) -> QualityScore:
    """Make one's own locked score a draft again, as a new revision; what was agreed waits until both are locked."""
    study = Study.objects.select_for_update(no_key=True).get(pk=score.study_id)
    if not reason.strip():
        raise UserError("Nothing was reopened: say why, the reason is kept with the study.")
    _move(score, version, COMPLETE, state=DRAFT, completed_at=None, revision=F("revision") + 1)
    study.quality_scores.filter(position=CONSENSUS).update(
        state=DRAFT, completed_at=None, version=F("version") + 1, updated_at=timezone.now()
    )
    if not study.quality_scores.filter(state=COMPLETE).exists():
        drafts_move(study=study, instrument=project_instrument(study.project))
    _record(score, "quality.reopened", place, after={"revision": score.revision}, reason=reason.strip())
    return score


@transaction.atomic
def scores_hold(*, membership: Membership) -> None:
    drafts = QualityScore.objects.filter(author=membership.user, study__project=membership.project, state=DRAFT)
    list(drafts.select_for_update(of=("self",)).order_by("pk"))


def scores_return(*, membership: Membership, editor: User, leaves: bool) -> None:  # noqa: ARG001
    """Who leaves the project makes room: drafts go, with a copy in the audit trail; locked scores stay.

    Someone who only changes role keeps the drafts.
    """
    drafts = QualityScore.objects.filter(
        author=membership.user, study__project=membership.project, state=DRAFT
    ).exclude(position=CONSENSUS)  # fmt: skip
    for draft in drafts.select_related("study").prefetch_related("item_scores") if leaves else ():
        copy = list(serializers.serialize("python", [draft, *draft.item_scores.all()]))
        _record(draft, "quality.returned", None, f"draft of {membership.user}", before=copy)
        draft.delete()


def _move(score: QualityScore, version: int, now: str, **changes: Any) -> None:
    changed = QualityScore.objects.filter(pk=score.pk, version=version, state=now).update(
        version=F("version") + 1, updated_at=timezone.now(), **changes
    )
    if not changed:
        raise StaleEdit("Nothing was changed: this score has been locked or reopened meanwhile. Reload the page.")
    score.refresh_from_db()


# Consensus


@transaction.atomic
def consensus_refresh(*, study: Study) -> None:
    """Once both scores are locked: equal items agree by themselves; settled ones stay while A and B are as before."""
    scores = {score.position: score for score in study.quality_scores.prefetch_related("item_scores")}
    a, b = scores.get(QualityScore.Position.A), scores.get(QualityScore.Position.B)
    if a is None or b is None or {a.state, b.state} != {COMPLETE}:
        return
    consensus, _new = QualityScore.objects.get_or_create(
        study=study, position=CONSENSUS, defaults={"instrument": a.instrument, "author": a.author}
    )
    if consensus.instrument_id != a.instrument_id:
        QualityScore.objects.filter(pk=consensus.pk).update(instrument=a.instrument)
        consensus.instrument = a.instrument
    of_a, of_b = ({row.item: row for row in score.item_scores.all()} for score in (a, b))
    consensus.item_scores.exclude(item__in=of_a).delete()
    for key, row in of_a.items():
        _agree_if_equal(consensus, row, of_b[key])
    _close_if_settled(consensus, None)


def _agree_if_equal(consensus: QualityScore, a: ItemScore, b: ItemScore) -> None:
    agreed, _new = ItemScore.objects.get_or_create(score=consensus, item=a.item)
    pair = _pair(a, b)
    if agreed.origin.get("pair") == pair:
        return
    equal = a.points == b.points
    words = a if a.quote or not b.quote else b
    agreed.points = a.points if equal else None
    agreed.quote, agreed.page, agreed.note = (words.quote, words.page, "") if equal else ("", "", "")
    agreed.origin = {"from": "equal", "pair": pair} if equal else {}
    agreed.version += 1
    agreed.save()


def _pair(a: ItemScore, b: ItemScore) -> list[float | None]:
    return [None if row.points is None else float(row.points) for row in (a, b)]


@transaction.atomic
def consensus_settle(
    *, place: Place, consensus: QualityScore, item: str, version: int, choice: str, points: float | None, reason: str
) -> ItemScore:
    """Settle one item: as A, as B, or other points with a reason.

    An adjudicator who is neither of the two scorers settles alone. What one of the two wants is a proposal, which
    counts once the other wants the same points; until then the item stays as it was.

    Raises
    ------
    StaleEdit
        Someone settled it first, or proposed other points; `details` holds both versions.
    """
    study = Study.objects.select_for_update(no_key=True).get(pk=consensus.study_id)
    rows = _locked_rows(study, item)
    team = _is_scorer(place, rows)
    before = ItemScore.objects.filter(score=consensus, item=item).first()
    if before is None:
        raise UserError("There is no such item. Reload the page; nothing was settled.")
    if not reason.strip() and (choice == "other" or before.points is not None):
        raise UserError("Nothing was settled: say why, the reason is kept with the study.", {"reason": ["Say why."]})
    values = _settled_values(consensus, item, choice, points, rows)
    proposal = before.origin.get("proposal")
    if team and not _is_wanted_by_the_other(place, proposal, values["points"]):
        return _propose(place, consensus, before, version, choice, values, reason.strip())
    by = str(place.membership.user)
    origin = {
        "from": choice, "pair": _pair(*rows), "by": f"{proposal['by']} and {by}" if team else by,
        "as": "team" if team else "adjudicator", "reason": reason.strip(),
    }  # fmt: skip
    saved = _swap(before, version, {**values, "origin": origin})
    _record(
        consensus, "quality.settled", place, item, before={"points": before.points},
        after={"points": saved.points, **origin}, reason=reason.strip(),
    )  # fmt: skip
    QualityScore.objects.filter(pk=consensus.pk).update(state=DRAFT, completed_at=None)
    _close_if_settled(consensus, place)
    return saved


def _is_wanted_by_the_other(place: Place, proposal: Mapping[str, Any] | None, points: Any) -> bool:
    return bool(proposal) and proposal["author"] != place.membership.user_id and proposal["points"] == float(points)


def _propose(
    place: Place, consensus: QualityScore, before: ItemScore, version: int, choice: str, values: Values, reason: str
) -> ItemScore:
    proposal = {
        "from": choice, "points": float(values["points"]), "by": str(place.membership.user),
        "author": place.membership.user_id, "reason": reason,
    }  # fmt: skip
    saved = _swap(before, version, {"origin": {**before.origin, "proposal": proposal}}, yours=values)
    told = {"points": proposal["points"], "from": choice}
    _record(
        consensus, "quality.proposed", place, before.item, before={"points": before.points}, after=told, reason=reason
    )
    return saved


def _locked_rows(study: Study, item: str) -> tuple[ItemScore, ItemScore]:
    """The item as scored by A and by B, while both are locked."""
    rows = ItemScore.objects.filter(score__study=study, item=item, score__state=COMPLETE)
    rows = list(rows.exclude(score__position=CONSENSUS).select_related("score").order_by("score__position"))
    if len(rows) != SCORERS:
        raise UserError("A score has been reopened, or there is no such item. Reload the page; nothing was settled.")
    return rows[0], rows[1]


def _is_scorer(place: Place, rows: Sequence[ItemScore]) -> bool:
    """Whether this person scored the study; whoever did not has to be an adjudicator."""
    scorer = place.membership.user_id in {row.score.author_id for row in rows}
    if not scorer and not place.may(ADJUDICATE):
        raise PermissionDenied("The two who scored this study settle it, or an adjudicator who is neither of them.")
    return scorer


def _settled_values(
    consensus: QualityScore, item: str, choice: str, points: float | None, rows: tuple[ItemScore, ItemScore]
) -> dict[str, Any]:
    if choice in ("A", "B"):
        row = rows[choice == "B"]
        return {"points": row.points, "quote": row.quote, "page": row.page}
    if points is None:
        raise UserError("Nothing was settled: choose the points.", {"points": ["Choose the points."]})
    _refuse_points(consensus.instrument, item, points)
    return {"points": points, "quote": "", "page": ""}


def _close_if_settled(consensus: QualityScore, place: Place | None) -> None:
    consensus = QualityScore.objects.prefetch_related("item_scores").select_related("study").get(pk=consensus.pk)
    if open_items(consensus):
        return
    QualityScore.objects.filter(pk=consensus.pk).update(
        state=COMPLETE, completed_at=timezone.now(), version=F("version") + 1, updated_at=timezone.now()
    )
    _record(consensus, "quality.agreed", place, after={"total": score_total(consensus)})


def _record(
    score: QualityScore, action: str, place: Place | None, item: str = "", reason: str = "", **change: Any
) -> None:
    who = score.get_position_display()
    record(
        project_id=score.study.project_id,
        actor=place.membership.user if place else None,
        action=action,
        subject=", ".join(filter(None, [score.study.label, who, item])),
        reason=reason,
        blind_study=score.study_id,
        blind_stage=AuditEntry.Stage.QUALITY,
        **change,
    )


# Checklists


@transaction.atomic
def instrument_save(
    *, place: Place, version_before: str, name: str, items: Sequence[Item], cutoff: float, reason: str
) -> Instrument:
    """Make the next version of the project's checklist; drafts of studies that nobody has locked move to it.

    Parameters
    ----------
    version_before : str
        The checklist that was edited, as it calls itself; a newer one makes the edit stale.
    """
    before = project_instrument(place.project)
    if str(before) != version_before:
        raise StaleEdit(f"Someone saved {before} meanwhile. Nothing was overwritten; your text is in the form.")
    problems = instrument_problems(items, used_items(place.project))
    if not reason.strip():
        problems["reason"] = "Say why it changes; both reviewers are told."
    if problems:
        raise UserError(f"Nothing was saved: {counted(len(problems), 'thing')} to mend.", problems)
    changes = instrument_changes(items_of(before), items)
    made = _next_version(place, before, name, items, cutoff, reason.strip())
    for study in Study.objects.filter(project=place.project, quality_scores__isnull=False).distinct():
        if not study.quality_scores.filter(state=COMPLETE).exists():
            drafts_move(study=study, instrument=made)
    record(
        project_id=place.project.pk, actor=place.membership.user, action="quality.instrument_saved", subject=str(made),
        before={"instrument": str(before), "cutoff": before.cutoff}, after={"changes": changes, "cutoff": cutoff},
        reason=reason.strip(),
    )  # fmt: skip
    return made


def _next_version(
    place: Place, before: Instrument, name: str, items: Sequence[Item], cutoff: float, reason: str
) -> Instrument:
    same = Instrument.objects.filter(project=place.project, name=name).order_by("-version").first()
    version = same.version + 1 if same else 2 if name == instruments.NAME else 1
    try:
        with transaction.atomic():
            return Instrument.objects.create(
                project=place.project,
                name=name,
                version=version,
                source=before.source,
                items=[item.to_json() for item in items],
                cutoff=cutoff,
                change_reason=reason,
            )
    except IntegrityError as error:
        raise StaleEdit("Someone saved this checklist in the same moment. Reload the page and save again.") from error


@transaction.atomic
def drafts_move(*, study: Study, instrument: Instrument) -> None:
    """Give the drafts of a study a newer checklist; points that no longer fit an item are asked for again."""
    if instrument.pk is None:
        return
    items = items_of(instrument)
    for score in study.quality_scores.exclude(instrument=instrument).exclude(position=CONSENSUS):
        kept = moved_points(items, points_of(score))
        QualityScore.objects.filter(pk=score.pk).update(instrument=instrument, version=F("version") + 1)
        for key, points in kept.items():
            row, _new = ItemScore.objects.get_or_create(score=score, item=key)
            if (None if row.points is None else float(row.points)) != points:
                ItemScore.objects.filter(pk=row.pk).update(points=points, version=F("version") + 1)
        score.item_scores.exclude(item__in=kept).delete()
