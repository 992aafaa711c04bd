"""Writes of overlapping samples: asking the team, and what the team decides."""

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.text import slugify

from meta_app.audit.services import record
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.extraction.models import Cohort, SampleOverlap
from meta_app.extraction.overlap_checks import Likeness, likenesses, sample_of
from meta_app.extraction.overlap_selectors import asked_overlaps, opened_extractions
from meta_app.projects.models import Project
from meta_app.projects.permissions import Place

ASKED = ("same", "perhaps")


@transaction.atomic
def overlaps_refresh(*, project: Project) -> list[SampleOverlap]:
    """Ask about every pair of opened studies that look alike, and carry decided identities to their cohorts.

    Nobody's question is lost: decided ones stay, an open one goes only when the numbers are no longer alike.
    """
    _hold(project)
    found = {item.key: item for item in _opened_likenesses(project) if item.strength in ASKED}
    known = asked_overlaps(project)
    stale = [row.pk for key, row in known.by_key.items() if key not in found and row.decision == _OPEN]
    SampleOverlap.objects.filter(pk__in=stale, decision=_OPEN).delete()
    new = [
        SampleOverlap(project=project, first_id=key[0], second_id=key[1], evidence=item.evidence)
        for key, item in found.items()
        if key not in known.by_key
    ]
    SampleOverlap.objects.bulk_create(new, ignore_conflicts=True)
    for key, row in known.by_key.items():
        if row.decision == _OPEN and key in found and row.evidence != found[key].evidence:
            SampleOverlap.objects.filter(pk=row.pk).update(evidence=found[key].evidence, version=F("version") + 1)
        if row.decision == SampleOverlap.Decision.SAME and key in found:
            _share_identity(found[key], True)
    return asked_overlaps(project).open_ones()


def _hold(project: Project) -> None:
    """Before any row, as a completion, a consensus and a freeze do; otherwise two could wait for one another."""
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


_OPEN = SampleOverlap.Decision.OPEN


def _opened_likenesses(project: Project) -> list[Likeness]:
    return likenesses([sample_of(extraction) for extraction in opened_extractions(project)])


@transaction.atomic
def overlap_decide(
    *, place: Place, overlap: SampleOverlap, version: int, decision: str, handling: str, reason: str
) -> SampleOverlap:
    """Store what the team decided about two studies.

    Raises
    ------
    StaleEdit
        Somebody decided first; `details` holds the stored decision.
    UserError
        No reason, or the same people without a word on what happens with them.
    """
    kept = handling if decision in (SampleOverlap.Decision.SAME, SampleOverlap.Decision.PARTLY) else ""
    problems = _decision_problems(decision, kept, reason)
    if problems:
        raise UserError("Nothing was decided. " + " ".join(problems.values()), problems)
    _hold(place.project)
    before = {"decision": overlap.decision, "handling": overlap.handling, "reason": overlap.reason}
    values = {"decision": decision, "handling": kept, "reason": reason.strip()}
    changed = SampleOverlap.objects.filter(pk=overlap.pk, version=version).update(
        **values,
        decided_by=place.membership.user,
        decided_at=timezone.now(),
        version=F("version") + 1,
        updated_at=timezone.now(),
    )
    overlap.refresh_from_db()
    if not changed:
        raise StaleEdit(
            "Someone decided this first. Nothing was overwritten; yours is still in the form.",
            {"yours": values, "theirs": overlap, "version": overlap.version},
        )
    found = {item.key: item for item in _opened_likenesses(place.project)}
    likeness = found.get((overlap.first_id, overlap.second_id))
    if likeness is not None:
        _share_identity(likeness, decision == SampleOverlap.Decision.SAME)
    record(
        project_id=place.project.pk,
        actor=place.membership.user,
        action="overlap.decided",
        subject=f"{overlap.first} and {overlap.second}",
        before=before,
        after=values,
        reason=values["reason"],
    )
    return overlap


def _decision_problems(decision: str, handling: str, reason: str) -> dict[str, str]:
    problems = {}
    if decision not in SampleOverlap.Decision.values or decision == _OPEN:
        problems["decision"] = "Choose whether they are the same people."
    elif decision != SampleOverlap.Decision.DIFFERENT and handling not in SampleOverlap.Handling.values:
        problems["handling"] = "Choose which of the two studies stays in the dataset."
    if not reason.strip():
        problems["reason"] = "Say why: the reason is printed with the dataset."
    return problems


def _share_identity(likeness: Likeness, same: bool) -> None:
    """Give the two most alike cohorts one identity, or take back the one that they share."""
    if likeness.cohorts is None:
        return
    first, second = (Cohort.objects.get(pk=key) for key in likeness.cohorts)
    if same:
        identity = first.identity or second.identity or slugify(likeness.first.label, allow_unicode=True)
        Cohort.objects.filter(pk__in=likeness.cohorts).exclude(identity=identity).update(identity=identity)
    elif first.identity and first.identity == second.identity:
        Cohort.objects.filter(pk__in=likeness.cohorts).update(identity="")
