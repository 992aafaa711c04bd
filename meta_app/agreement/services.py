"""Writes: a comparison is made when both reviewers have locked, its differences are settled by someone who is neither
of them, and agreeing makes the consensus.

Each write names the version it edits; a stale one is refused with both versions. Reopening A or B makes a comparison
give way to the next, which keeps the decisions about what neither has changed.
"""

import datetime
import secrets
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from meta_app.accounts.models import User
from meta_app.agreement.checks import missed_found, pair_keys, row_warnings, still_missed
from meta_app.agreement.consensus_services import consensus_build, consensus_reopen
from meta_app.agreement.models import Comparison, Difference, Letter
from meta_app.agreement.selectors import missed_peaks, open_in, reviewers_of, why_not_settle
from meta_app.agreement.trees import Compared, Found, compare, equal_places
from meta_app.audit.services import record
from meta_app.common.domain import canonical_json
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.common.words import counted
from meta_app.extraction.models import Study
from meta_app.extraction.overlap_services import overlaps_refresh
from meta_app.extraction.selectors import with_locks
from meta_app.extraction.services import study_hold
from meta_app.projects.permissions import Place

Choice = Difference.Choice
CARRIED = ("state", "choice", "value", "reason", "decided_by", "decided_at")


# The comparison


@transaction.atomic
def comparison_make(*, study: Study, actor: User) -> Comparison | None:
    """Compare A and B of a study that both have locked; the comparison there is, if it is current; None otherwise.

    Where nothing differs the consensus is made at once.
    """
    study = study_hold(study_id=study.pk)
    current = study.comparisons.exclude(state=Comparison.State.SUPERSEDED).first()
    if current is not None or not _is_double_and_open(study):
        return current
    last = study.comparisons.aggregate(Max("number"))["number__max"] or 0
    comparison = Comparison(study=study, number=last + 1, b_is_left=bool(secrets.randbelow(2)))
    a, b = reviewers_of(comparison)
    compared = compare(a, b)
    comparison.revision_a, comparison.revision_b = a.revision, b.revision
    comparison.equal_values = compared.equal
    comparison.value_agreement = dict(compared.values)
    comparison.peak_agreement, comparison.pairs = compared.peaks, compared.pairs
    comparison.save()
    carried = _store(comparison, compared)
    counts = {"equal": compared.equal, "differences": len(compared.found), "carried_over": carried}
    _record(comparison, actor, "made", after=counts)
    if not comparison.differences.exists():
        _agree_by_itself(comparison, actor)
    return comparison


def _is_double_and_open(study: Study) -> bool:
    opened = with_locks(Study.objects.filter(pk=study.pk, extractors_needed__gte=2)).filter(opened=True).exists()
    return opened and study.extractions.filter(position__in=("A", "B")).count() == 2


def _store(comparison: Comparison, compared: Compared) -> int:
    """The differences, with what was decided before about the same values; answers how many of those there are.

    What both have equal is among them only where it was doubted before.
    """
    settled = _settled_before(comparison)
    before = {_said(item): item for item in settled if not item.missed}
    known = [(item, before.pop(_said(item), None), False) for item in compared.found]
    known += [(item, old, True) for item in compared.same if before and (old := before.pop(_said(item), None))]
    missed = still_missed([item for item in settled if item.missed], compared)
    known += [(item, old, True) for item, old in missed]
    differences = []
    old_of: dict[str, Difference] = {}
    for position, (item, old, of_equal) in enumerate(known, start=1):
        difference = _difference(comparison, item, position, of_equal)
        if old is not None:
            old_of[item.path] = old
            for name in CARRIED:
                setattr(difference, name, getattr(old, name))
        differences.append(difference)
    made = Difference.objects.bulk_create(differences, batch_size=500)
    Letter.objects.bulk_create(
        Letter(difference=new, direction=letter.direction, on=letter.on, text=letter.text, author_id=letter.author_id)
        for new in made
        if new.path in old_of
        for letter in old_of[new.path].letters.all()
    )
    return len(old_of)


def _difference(comparison: Comparison, item: Found, position: int, of_equal: bool) -> Difference:
    return Difference(
        comparison=comparison, position=position, path=item.path, section=item.section, label=item.label,
        kind=item.kind, a=item.a, b=item.b, slip=item.slip[:300], of_equal=of_equal,
    )  # fmt: skip


def _settled_before(comparison: Comparison) -> list[Difference]:
    last = Comparison.objects.filter(study=comparison.study_id, number=comparison.number - 1)
    readers = comparison.study.extractions.filter(position__in=("A", "B")).values("author")
    kept = Difference.objects.filter(comparison__in=last).exclude(state=Difference.State.OPEN)
    kept = kept.exclude(decided_by__in=readers)  # whoever took a free place since does not settle their own work
    return list(kept.prefetch_related("letters"))


def _said(difference: Difference | Found) -> str:
    """What names a difference across revisions: its place in the form and both values, without the numbers of rows."""
    key = difference.path.rsplit("/", 1)[-1] if difference.kind == Difference.Kind.VALUE else ""
    values = [_taken(told) for told in (difference.a, difference.b)]
    return canonical_json([difference.kind, difference.section, key, values])


def _agree_by_itself(comparison: Comparison, actor: User) -> None:
    """A consensus that has errors although A and B had none is left to the adjudicator, who is told why."""
    try:
        with transaction.atomic():
            _conclude(comparison, actor, automatic=True)
    except UserError:
        comparison.refresh_from_db()


@transaction.atomic
def comparison_give_way(*, study: Study, actor: User) -> None:
    """A or B was reopened: the comparison is over, and the consensus a draft until the next one is agreed."""
    current = study.comparisons.exclude(state=Comparison.State.SUPERSEDED).select_for_update().first()
    if current is None:
        return
    Comparison.objects.filter(pk=current.pk).update(state=Comparison.State.SUPERSEDED, version=F("version") + 1)
    consensus_reopen(comparison=current, actor=actor, reason="One of the two extractions was reopened.")
    _record(current, actor, "superseded")


@transaction.atomic
def comparison_agree(*, place: Place, comparison: Comparison, version: int) -> Comparison:
    """Make the consensus from A, B and the decisions.

    Raises
    ------
    UserError
        Differences are left, or what was decided does not fit together.
    """
    _hold(place, comparison)
    left = comparison.differences.exclude(state=Difference.State.SETTLED).count()
    if left:
        raise UserError(f"Not agreed yet: {counted(left, 'difference')} must be settled first.")
    _claim(comparison, version, Comparison.State.OPEN)
    _conclude(comparison, place.membership.user)
    return comparison


def _conclude(comparison: Comparison, actor: User, automatic: bool = False) -> None:
    consensus = consensus_build(comparison=comparison, author=actor)
    overlaps_refresh(project=comparison.study.project)
    comparison.state, comparison.agreed_at = Comparison.State.AGREED, timezone.now()
    comparison.save(update_fields=["state", "agreed_at", "updated_at"])
    after = {"revision": consensus.revision, "automatic": automatic, "decisions": _decisions(comparison)}
    _record(comparison, actor, "agreed", after=after)


def _decisions(comparison: Comparison) -> dict[str, int]:
    choices = list(comparison.differences.values_list("choice", flat=True))
    return {choice: choices.count(choice) for choice in sorted(set(choices))}


@transaction.atomic
def comparison_reopen(*, place: Place, comparison: Comparison, version: int, reason: str) -> Comparison:
    """Take up an agreed study again; frozen datasets keep the revision before."""
    _hold(place, comparison)
    if not reason.strip():
        raise UserError("Nothing was reopened: say why, the reason is kept with the study.")
    _claim(comparison, version, Comparison.State.AGREED, state=Comparison.State.OPEN, agreed_at=None)
    consensus_reopen(comparison=comparison, actor=place.membership.user, reason=reason.strip())
    _record(comparison, place.membership.user, "reopened", reason=reason.strip())
    return comparison


def names_reveal(*, place: Place, comparison: Comparison) -> None:
    _record(comparison, place.membership.user, "names_shown")


# Decisions


@transaction.atomic
def difference_doubt(*, place: Place, comparison: Comparison, path: str) -> Difference:
    """Put what A and B have equal into the queue: both may have copied the same misprint.

    Raises
    ------
    UserError
        They do not have it equal, it is in the queue already, or the study was agreed meanwhile.
    """
    _hold(place, comparison)
    _refuse_unless_open(comparison, "Nothing was doubted")
    item = next((found for found in equal_places(comparison) if found.path == path), None)
    if item is None:
        raise UserError("Nothing was doubted: A and B do not have this equal, or it is to be settled already.")
    last = comparison.differences.aggregate(Max("position"))["position__max"] or 0
    difference = _difference(comparison, item, last + 1, of_equal=True)
    difference.save()
    subject = f"{comparison.study}: {difference.section}, {difference.label}"
    before = {"from": "equal", "both": _taken(item.a)}
    _record(comparison, place.membership.user, "doubted", before, {"state": difference.state}, subject=subject)
    return difference


@transaction.atomic
def peak_add(
    *, place: Place, comparison: Comparison, dataset: str, cells: Mapping[str, str], reason: str, expected: int
) -> tuple[Difference, list[str]]:
    """Add a row of peaks that both overlooked, as one more difference that is settled at once; undo opens it.

    Parameters
    ----------
    dataset : str
        The path of the dataset in both trees.
    expected : int
        How many the person saw added before: the second click of two adds nothing.

    Returns
    -------
    tuple of Difference and list of str
        With what the coordinate guard warns of, in words.

    Raises
    ------
    StaleEdit
        Somebody added one meanwhile.
    UserError
        The guard refuses the row or asks for the tick, or the dataset has no peaks.
    """
    _hold(place, comparison)
    _refuse_unless_open(comparison, "Nothing was added")
    _refuse_unexpected(missed_peaks(comparison), expected, cells)
    keys = pair_keys(comparison, dataset)
    if not reason.strip():
        raise UserError("Nothing was added: say why, for example where both overlooked it.", {"reason": "Say why."})
    warnings = row_warnings(comparison, dataset, cells)
    last = comparison.differences.aggregate(Max("position"))["position__max"] or 0
    difference = _difference(comparison, missed_found(keys, cells, expected + 1), last + 1, of_equal=True)
    difference.state, difference.choice = Difference.State.SETTLED, Choice.OTHER
    difference.value, difference.reason = dict(cells), reason.strip()
    difference.decided_by, difference.decided_at = place.membership.user, timezone.now()
    difference.save()
    subject = f"{comparison.study}: {difference.section}, {difference.label}"
    after = {"row": difference.value, "warnings": warnings}
    _record(comparison, place.membership.user, "peak_added", None, after, reason=difference.reason, subject=subject)
    return difference, warnings


def _refuse_unless_open(comparison: Comparison, nothing: str) -> None:
    if not Comparison.objects.filter(pk=comparison.pk, state=Comparison.State.OPEN).exists():
        raise UserError(f"{nothing}: this study is agreed. Reopen it first, with a reason.")


def _refuse_unexpected(there: list[Difference], expected: int, cells: Mapping[str, str]) -> None:
    if len(there) != expected:
        raise StaleEdit(
            f"Nothing was added: {counted(len(there), 'peak')} that both missed stand here now, not {expected}. "
            "Look whether yours is among them.",
            {"yours": {"row": cells}, "theirs": {"rows": [item.value for item in there]}},
        )


@transaction.atomic
def difference_decide(
    *, place: Place, difference: Difference, version: int, choice: str, value: Any = None, reason: str = ""
) -> Difference:
    """Settle one difference. Another value, and leaving out what both have, need a reason.

    Raises
    ------
    StaleEdit
        Someone decided meanwhile; `details` holds both decisions.
    """
    reason = reason.strip()
    if choice not in choices_for(difference):
        raise UserError("Nothing was decided: this choice does not fit what differs.")
    if choice in (Choice.OTHER, Choice.NEITHER) and not reason:
        raise UserError("Nothing was decided: say why, the reason is kept beside the value.", {"reason": "Say why."})
    if difference.missed and choice == Choice.OTHER:
        row_warnings(difference.comparison, difference.path, {**value, "confirmed": "yes"}, "Nothing was decided")
    _change(
        place, difference, version, "decided",
        state=Difference.State.SETTLED, choice=choice, value=value if choice == Choice.OTHER else None,
        reason=reason, decided_by=place.membership.user, decided_at=timezone.now(),
    )  # fmt: skip
    return difference


def choices_for(difference: Difference) -> tuple[str, ...]:
    if difference.of_equal:
        leave_out = (Choice.NEITHER,) if difference.kind == Difference.Kind.PEAK and not difference.missed else ()
        return (Choice.EQUAL, Choice.OTHER, *leave_out)
    if difference.kind == Difference.Kind.ROW:
        return (Choice.A, Choice.B)
    if difference.kind == Difference.Kind.VALUE:
        by_reference = difference.path.endswith(("/group_a", "/group_b"))
        return (Choice.A, Choice.B) if by_reference else (Choice.A, Choice.B, Choice.OTHER)
    both = (Choice.BOTH, Choice.NEITHER) if difference.a and difference.b else ()
    return (Choice.A, Choice.B, *both, Choice.OTHER)


@transaction.atomic
def differences_decide(
    *, place: Place, comparison: Comparison, choice: str, section: str, group: str, expected: int
) -> int:
    """Take A, or B, for every open difference of a section, or for one group of its peaks.

    `expected` is how many the person was told it would be; where it is another number by now, nothing is decided.
    """
    if choice not in (Choice.A, Choice.B):
        raise UserError("Nothing was decided: choose A or B.")
    _hold(place, comparison)
    chosen = open_in(comparison, section, group)
    changed = (
        Difference.objects.filter(
            pk__in=[difference.pk for difference in chosen],
            state=Difference.State.OPEN,
            comparison__in=Comparison.objects.filter(pk=comparison.pk, state=Comparison.State.OPEN),
        ).update(
            version=F("version") + 1,
            updated_at=timezone.now(),
            state=Difference.State.SETTLED,
            choice=choice,
            decided_by=place.membership.user,
            decided_at=timezone.now(),
        )
        if len(chosen) == expected
        else 0
    )
    if changed != expected:
        raise StaleEdit(
            f"Nothing was decided: {counted(len(chosen), 'difference')} open there now, not {expected}. Look again.",
            {"yours": {"differences": expected}, "theirs": {"differences": len(chosen)}},
        )
    taken = {item.label: _taken({"A": item.a, "B": item.b}[choice]) for item in chosen}
    before, after = {"state": Difference.State.OPEN}, {"choice": choice, "taken": taken}
    subject = f"{comparison.study}: {section}, {counted(changed, 'difference')} at once"
    _record(comparison, place.membership.user, "decided", before, after, subject=subject)
    return changed


@transaction.atomic
def difference_undo(*, place: Place, difference: Difference, version: int) -> Difference:
    """Take a decision back; what was typed of a peak that both missed stays in its form."""
    asked = difference.letters.order_by("-pk").values_list("direction", flat=True).first() == Letter.Direction.ASKED
    _change(
        place, difference, version, "undone",
        state=Difference.State.ASKED if asked else Difference.State.OPEN,
        choice="", value=difference.value if difference.missed else None, reason="", decided_by=None, decided_at=None,
    )  # fmt: skip
    return difference


@transaction.atomic
def letter_add(
    *, place: Place, difference: Difference, version: int, direction: str, on: datetime.date, text: str
) -> Letter:
    """Note that the authors were asked, what they answered, or that no answer came."""
    if difference.state == Difference.State.SETTLED:
        raise UserError("Nothing was noted: this difference is settled. Undo the decision first.")
    asked = direction == Letter.Direction.ASKED
    if not asked and difference.state != Difference.State.ASKED:
        raise UserError("Nothing was noted: first note what the authors were asked.")
    if not text.strip() and direction != Letter.Direction.NO_ANSWER:
        raise UserError("Nothing was noted: type what was written.", {"text": "Type what was written."})
    state = Difference.State.ASKED if asked else Difference.State.OPEN
    letter = Letter(difference=difference, direction=direction, on=on, text=text.strip(), author=place.membership.user)
    _change(place, difference, version, direction, told={"on": on, "text": text.strip()}, state=state)
    letter.save()
    return letter


def _change(place: Place, difference: Difference, version: int, action: str, told: Any = None, **values: Any) -> None:
    """The one write of a difference: by the version that was seen, of an open comparison, with its audit entry."""
    comparison = difference.comparison
    _hold(place, comparison)
    before = _decision(difference)
    of_open = Comparison.objects.filter(pk=comparison.pk, state=Comparison.State.OPEN)
    changed = Difference.objects.filter(pk=difference.pk, version=version, comparison__in=of_open).update(
        version=F("version") + 1, updated_at=timezone.now(), **values
    )
    if not changed:
        raise _stale(difference, values)
    difference.refresh_from_db()
    subject = f"{comparison.study}: {difference.section}, {difference.label}"
    _record(comparison, place.membership.user, action, before, told or _decision(difference), subject=subject)


def _decision(difference: Difference) -> dict[str, Any]:
    told = {name: getattr(difference, name) for name in ("state", "choice", "value", "reason")}
    told |= {"both": _taken(difference.a)} if difference.of_equal else {}
    taken = {"A": difference.a, "B": difference.b, "equal": difference.a}.get(difference.choice)
    return told | ({"taken": _taken(taken)} if taken else {})


def _taken(told: dict[str, Any] | None) -> Any:
    return told and told.get("words", told["value"])


def _stale(difference: Difference, values: dict[str, Any]) -> UserError:
    fresh = Difference.objects.select_related("comparison", "decided_by").filter(pk=difference.pk).first()
    if fresh is None or fresh.comparison.state != Comparison.State.OPEN:
        return UserError("Nothing was decided: this study was agreed or reopened meanwhile. Reload the page.")
    names = ("state", "choice", "value", "reason")
    return StaleEdit(
        "Someone decided about this meanwhile, in another tab or window. Yours was not saved; look at both.",
        {
            "yours": {name: values[name] for name in names if name in values},
            "theirs": {**{name: getattr(fresh, name) for name in names}, "by": str(fresh.decided_by or "")},
            "version": fresh.version,
        },
    )


def _claim(comparison: Comparison, version: int, only: str, **values: Any) -> None:
    changed = Comparison.objects.filter(pk=comparison.pk, version=version, state=only).update(
        version=F("version") + 1, updated_at=timezone.now(), **values
    )
    comparison.refresh_from_db()
    if not changed:
        raise StaleEdit(
            f"Nothing was changed: this comparison is “{comparison.get_state_display().lower()}” by now. Reload it.",
            {"yours": {"version": version}, "theirs": {"version": comparison.version, "state": comparison.state}},
        )


def _hold(place: Place, comparison: Comparison) -> None:
    """The study, held for someone who is neither of its two reviewers, in the service as on the page.

    Nothing is undone while it is agreed, and no reviewer reopens it meanwhile.
    """
    study_hold(study_id=comparison.study_id)
    refusal = why_not_settle(place, comparison.study)
    if refusal:
        raise PermissionDenied(refusal)


def _record(
    comparison: Comparison, actor: User, action: str, before: Any = None, after: Any = None, *, reason: str = "",
    subject: str = "",
) -> None:  # fmt: skip
    """Blind like the extractions it tells of: should one be reopened, only the actor reads the entry until it locks."""
    record(
        project_id=comparison.study.project_id,
        actor=actor,
        action=f"agreement.{action}",
        subject=subject or f"{comparison.study}, comparison {comparison.number}",
        before=before,
        after=after,
        reason=reason,
        blind_study=comparison.study_id,
        blind_stage="extraction",
    )
