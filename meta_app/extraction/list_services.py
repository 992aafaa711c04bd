"""Writes of the list of studies: importing it, and who shall extract what."""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core import serializers
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Prefetch

from meta_app.accounts.models import User
from meta_app.audit.selectors import readers
from meta_app.audit.services import record
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.common.words import counted
from meta_app.extraction.editor_services import draft_lock
from meta_app.extraction.list_selectors import ListLine, extractors, workloads
from meta_app.extraction.models import Assignment, Dataset, Extraction, Study
from meta_app.extraction.rule_checks import OVERRIDES
from meta_app.extraction.selectors import POSITIONS, whole_extractions
from meta_app.extraction.services import project_hold
from meta_app.library.models import Report
from meta_app.projects.domain import Rule
from meta_app.projects.models import Membership
from meta_app.projects.permissions import Place


@transaction.atomic
def studies_import(*, place: Place, lines: Sequence[ListLine]) -> list[Study]:
    """Add a study with its report for each line, all or none; nobody's extraction is begun.

    Raises
    ------
    UserError
        A label was taken by somebody else since the list was looked at.
    """
    project_hold(project_id=place.project.pk)
    reports = Report.objects.bulk_create(
        [Report(project=place.project, **line.entry.report) for line in lines if _tells_of_report(line)]
    )
    try:
        with transaction.atomic():
            studies = Study.objects.bulk_create(
                [
                    Study(
                        project=place.project,
                        label=line.label,
                        year=line.entry.report["year"],
                        extractors_needed=place.project.extractors_needed,
                    )
                    for line in lines
                ]
            )
    except IntegrityError as error:
        raise UserError(
            "Nothing was imported: somebody added a study of the same label meanwhile. Look at the list again."
        ) from error
    told = [study for study, line in zip(studies, lines, strict=True) if _tells_of_report(line)]
    links = Study.reports.through
    links.objects.bulk_create(
        [links(study_id=study.pk, report_id=report.pk) for study, report in zip(told, reports, strict=True)]
    )
    record(
        project_id=place.project.pk,
        actor=place.membership.user,
        action="studies.imported",
        subject=f"{counted(len(studies), 'study', 'studies')} from a list",
        after={"labels": [study.label for study in studies]},
    )
    return studies


def _tells_of_report(line: ListLine) -> bool:
    report = line.entry.report
    return any(report[name] for name in ("authors", "title", "source", "doi", "reference"))


@dataclass(frozen=True)
class Dealt:
    """How many places changed hands, and, in words, which stayed and why."""

    places: int
    kept: list[str]


@transaction.atomic
def assignments_set(*, place: Place, study_ids: Collection[int], reviewers: Mapping[str, User | None]) -> Dealt:
    """Give the places of some studies to the named people; None takes an open place back.

    A place that is begun stays with who began it, and is told; so is who has read what the reviewers entered.

    Raises
    ------
    UserError
        The same person twice, or somebody who does not extract in this project.
    """
    people = [person for person in reviewers.values() if person is not None]
    if len({person.pk for person in people}) < len(people):
        raise UserError("Nothing was assigned: reviewer A and reviewer B must be two people.")
    may = {person.pk for person in extractors(place.project)}
    if any(person.pk not in may for person in people):
        raise UserError("Nothing was assigned: only owners and reviewers of this project extract.")
    kept: list[str] = []
    wanted: dict[int, dict[str, User | None]] = {}
    studies = _locked_studies(place, study_ids)
    read = readers("extraction", study_ids)
    for study in studies:
        refused, wanted[study.pk] = _weigh(study, reviewers, read)
        kept += refused
    return Dealt(_store_assignments(place, studies, wanted, "assigned by hand"), kept)


def _weigh(
    study: Study, reviewers: Mapping[str, User | None], read: set[tuple[int, int]]
) -> tuple[list[str], dict[str, User | None]]:
    """What of the wishes for a study can be done, and what not."""
    begun = {item.position: item.author for item in study.extractions.all()}
    refused, allowed = [], {}
    for position, person in reviewers.items():
        if position not in POSITIONS[: study.extractors_needed]:
            continue
        if position in begun:
            if begun[position] != person:
                refused.append(f"{study.label}: reviewer {position} has begun.")
        elif person is not None and person in begun.values():
            refused.append(f"{study.label}: {person} has begun as the other reviewer.")
        elif person is not None and (study.pk, person.pk) in read:
            refused.append(f"{study.label}: {person} has read what its reviewers entered, and is not blind to it.")
        else:
            allowed[position] = person
    return refused, allowed


@transaction.atomic
def assignments_deal(*, place: Place, study_ids: Collection[int], people: Sequence[User], seed: int) -> Dealt:
    """Deal the free places of some studies out evenly; the same seed deals the same way.

    Who has more places in the project already gets fewer of these.
    """
    may = {person.pk for person in extractors(place.project)}
    chosen = [person for person in people if person.pk in may]
    studies = _locked_studies(place, study_ids)
    needed = max((study.extractors_needed for study in studies), default=1)
    if len(chosen) < needed:
        raise UserError(f"Nothing was assigned: choose at least {needed} people who extract in this project.")
    dealing = random.Random(seed)
    loads = {load.person.pk: load.places for load in workloads(place.project)}
    read = readers("extraction", study_ids)
    wanted: dict[int, dict[str, User | None]] = {}
    for study in dealing.sample(studies, len(studies)):
        blind = [person for person in chosen if (study.pk, person.pk) not in read]
        wanted[study.pk] = _dealt_places(study, blind, loads, dealing)
    return Dealt(_store_assignments(place, studies, wanted, f"dealt out evenly, seed {seed}"), [])


def _dealt_places(
    study: Study, people: Sequence[User], loads: dict[int, int], dealing: random.Random
) -> dict[str, User | None]:
    """For each free place somebody who is not in the study yet, with the fewest places; loads are counted on."""
    held = {item.position: item.author_id for item in study.extractions.all()}
    held = {item.position: item.reviewer_id for item in study.assignments.all()} | held
    dealt: dict[str, User | None] = {}
    for position in POSITIONS[: study.extractors_needed]:
        free = [person for person in people if person.pk not in held.values()]
        if position in held or not free:
            continue
        person = min(free, key=lambda candidate: (loads[candidate.pk], dealing.random()))
        loads[person.pk] += 1
        held[position] = person.pk
        dealt[position] = person
    return dealt


def _locked_studies(place: Place, study_ids: Collection[int]) -> list[Study]:
    """With their reviewers' extractions and assignments, held until the transaction ends."""
    independent = Extraction.objects.exclude(position=Extraction.Position.CONSENSUS).select_related("author")
    studies = Study.objects.select_for_update(no_key=True).filter(project=place.project, pk__in=study_ids)
    return list(
        studies.order_by("label", "pk").prefetch_related(
            Prefetch("extractions", independent), Prefetch("assignments", Assignment.objects.select_related("reviewer"))
        )
    )


def _store_assignments(
    place: Place, studies: Sequence[Study], wanted: Mapping[int, Mapping[str, User | None]], how: str
) -> int:
    """Replace open assignments; a person who moves to the other place of a study leaves the first."""
    gone, new = [], []
    before, after = {}, {}
    for study in studies:
        now = {item.position: item for item in study.assignments.all()}
        wishes = {
            position: person
            for position, person in wanted.get(study.pk, {}).items()
            if (now[position].reviewer if position in now else None) != person
        }
        moved = {person.pk for person in wishes.values() if person is not None}
        left = [item for item in now.values() if item.position in wishes or item.reviewer_id in moved]
        gone += [item.pk for item in left]
        new += [
            Assignment(study=study, position=position, reviewer=person, assigned_by=place.membership.user)
            for position, person in wishes.items()
            if person is not None
        ]
        if wishes:
            before[study.label] = {item.position: str(item.reviewer) for item in now.values()}
            after[study.label] = {position: str(person or "") for position, person in wishes.items()}
    Assignment.objects.filter(pk__in=gone).delete()
    Assignment.objects.bulk_create(new)
    places = sum(map(len, after.values()))
    if places:
        record(
            project_id=place.project.pk,
            actor=place.membership.user,
            action="assignments.changed",
            subject=f"{counted(places, 'place')} of {counted(len(after), 'study', 'studies')}, {how}",
            before=before,
            after=after,
        )
    return places


@transaction.atomic
def places_return(*, membership: Membership, editor: User, leaves: bool) -> None:
    """What a person who no longer extracts here has not completed goes back to the pool; completed work stays.

    Parameters
    ----------
    leaves : bool
        Out of the project: drafts go too. The audit trail keeps a copy, which nobody reads before the study's
        reviewers have locked. Someone who only changes role keeps the drafts.
    """
    person, project = membership.user, membership.project
    drafts = Extraction.objects.filter(
        author=person, study__project=project, state=Extraction.State.DRAFT
    ).exclude(position=Extraction.Position.CONSENSUS)  # fmt: skip
    for draft in whole_extractions(drafts) if leaves else ():
        record(
            project_id=project.pk,
            actor=None,
            action="extraction.returned",
            subject=f"{draft.study}, {draft.get_position_display()}: draft of {person}",
            before=_copy_of(draft),
            blind_study=draft.study_id,
            blind_stage="extraction",
        )
        Dataset.objects.filter(extraction=draft).delete()
        draft.delete()
    begun = Extraction.objects.filter(study=OuterRef("study"), author=person, position=OuterRef("position"))
    open_places = Assignment.objects.filter(~Exists(begun), reviewer=person, study__project=project)
    labels = [assignment.study.label for assignment in open_places.select_related("study")]
    if labels:
        record(
            project_id=project.pk,
            actor=editor,
            action="assignments.changed",
            subject=f"{counted(len(labels), 'open place')} of {person} go back to the pool",
            before={label: str(person) for label in labels},
        )
    Assignment.objects.filter(pk__in=list(open_places.values_list("pk", flat=True))).delete()


def places_hold(*, membership: Membership) -> None:
    """The person's drafts, by number, and then their assignments."""
    person, project = membership.user, membership.project
    drafts = Extraction.objects.filter(author=person, study__project=project, state=Extraction.State.DRAFT)
    list(drafts.select_for_update(of=("self",)).order_by("pk"))
    assignments = Assignment.objects.filter(reviewer=person, study__project=project)
    list(assignments.select_for_update(of=("self",)).order_by("pk"))


def _copy_of(draft: Extraction) -> list[Any]:
    cohorts, datasets = list(draft.cohorts.all()), list(draft.datasets.all())
    groups = [group for cohort in cohorts for group in cohort.groups.all()]
    peaks = [peak for dataset in datasets for peak in dataset.peaks.all()]
    return list(serializers.serialize("python", [draft, *cohorts, *groups, *datasets, *peaks]))


@transaction.atomic
def criterion_override(*, extraction: Extraction, rule: Rule, before: str, reason: str) -> None:
    """Keep why a study is taken although it does not meet a rule of the protocol; an empty reason takes it back.

    Raises
    ------
    StaleEdit
        Another tab wrote another reason since the page was read.
    """
    draft = draft_lock(extraction=extraction)
    reasons = dict(draft.values.get(OVERRIDES) or {})
    stored = reasons.pop(rule.key, "")
    if stored != before:
        message = "Another tab changed this reason. Nothing was overwritten."
        raise StaleEdit(message, {"yours": reason, "theirs": stored, "version": draft.version})
    if reason.strip():
        reasons[rule.key] = reason.strip()
    draft.values = {**draft.values, OVERRIDES: reasons}
    draft.version += 1
    draft.save(update_fields=["values", "version", "updated_at"])
    record(
        project_id=draft.study.project_id,
        actor=draft.author,
        action="criterion.overridden" if reason.strip() else "criterion.restored",
        subject=f"{draft.study}, {draft.get_position_display()}: {rule.sentence}",
        before=stored,
        after=reason.strip(),
        reason=reason.strip(),
        blind_study=draft.study_id,
        blind_stage="extraction",
    )
