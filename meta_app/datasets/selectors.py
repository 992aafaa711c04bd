"""Reads: the frozen versions of a project, and what would be frozen now.

Only studies that all reviewers have locked are looked at, so that no draft shows through here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Max, OuterRef, Prefetch, Q, QuerySet, Subquery, prefetch_related_objects
from django.http import Http404

from meta_app.common.domain import canonical_json, digest
from meta_app.datasets.contents import report_content, study_content
from meta_app.datasets.differences import Change, compare_agreements, compare_contents
from meta_app.datasets.domain import AGREEMENT_FORMAT, FORMAT, count_units, load_snapshot
from meta_app.datasets.models import AgreedDataset
from meta_app.extraction.models import Dataset, Extraction, SampleOverlap, Study
from meta_app.extraction.overlap_selectors import asked_overlaps
from meta_app.extraction.selectors import with_locks, with_rows
from meta_app.projects.models import Membership, Project
from meta_app.projects.permissions import FREEZE
from meta_app.projects.stages import Waiting
from meta_app.quality.selectors import agreed_totals, quality_exclusions

Content = dict[str, Any]


@dataclass(frozen=True)
class Assembly:
    """What would be frozen now: content, how it was agreed, counts by unit, and what is left out with its reason."""

    content: Content
    agreement: Content
    counts: dict[str, int]
    left_out: list[dict[str, str | None]]

    @property
    def hashes(self) -> tuple[str, str]:
        """Of the content and of the agreement."""
        return digest(canonical_json(self.content)), digest(canonical_json(self.agreement))

    def between_its_studies(self, overlaps: Iterable[SampleOverlap]) -> list[SampleOverlap]:
        """Those of some overlaps of which both studies would be frozen."""
        labels = {study["label"] for study in self.content["studies"]}
        return [item for item in overlaps if {item.first.label, item.second.label} <= labels]


def agreed_datasets(project: Project) -> QuerySet[AgreedDataset]:
    """The frozen versions, newest first, without their (large) content."""
    return AgreedDataset.objects.filter(project=project).defer("content", "agreement").select_related("frozen_by")


def get_agreed_dataset(project: Project, version: int) -> AgreedDataset:
    found = AgreedDataset.objects.filter(project=project, version=version).select_related("frozen_by", "project")
    agreed = found.first()
    if agreed is None:
        raise Http404
    return agreed


def version_before(agreed: AgreedDataset) -> AgreedDataset | None:
    return AgreedDataset.objects.filter(project=agreed.project_id, version__lt=agreed.version).first()


def agreement_of(agreed: AgreedDataset) -> Content:
    """How the team came to a version; of versions before format 2 what they told in their content."""
    if agreed.agreement:
        return dict(json.loads(agreed.agreement))
    content = json.loads(agreed.content)
    studies = [
        {name: study.get(name) for name in ("label", "revision", "extracted_by", "quality")}
        | {"origins": {}, "peaks": {}}
        for study in content["studies"]
    ]
    return {"project": content["project"], "studies": studies}


def changes_from(before: AgreedDataset, content: Content, agreement: Content) -> list[Change]:
    """What a content and its agreement changed since a version."""
    changes = compare_contents(json.loads(before.content), content)
    return changes + compare_agreements(agreement_of(before), agreement)


def assemble(project: Project) -> Assembly:
    """Put together what is agreed now, in a fixed number of queries."""
    studies, agreements, left_out, known = [], [], [], set()
    reports: dict[str, Content] = {}
    quality = agreed_totals(project)
    overlaps = _decided_overlaps(project)
    given_up = _given_up_for_others(overlaps) | _below_the_cutoff(project, quality)
    for study, extraction, reason in _agreed_extractions(project):
        if study.pk in given_up:
            left_out.append(_left_out(study, None, given_up[study.pk]))
            known.add(study.pk)
            continue
        if extraction is None:
            left_out.append(_left_out(study, None, reason))
            continue
        frozen = study_content(study, extraction)
        left_out += [_left_out(study, dataset, why) for dataset, why in frozen.left_out]
        if not extraction.datasets.all():
            left_out.append(_left_out(study, None, "It has no dataset."))
        if frozen.content["datasets"]:
            studies.append(frozen.content)
            known.add(study.pk)
            more = {"extracted_by": study.locked, "quality": quality.get(study.pk)}
            agreements.append({**frozen.agreement, **more})
            reports |= {item["key"]: item for item in map(report_content, study.reports.all())}
    content = {
        "format": FORMAT,
        "reports": [reports[key] for key in sorted(reports)],
        "studies": sorted(studies, key=lambda item: item["label"]),
    }
    agreement = {
        "format": AGREEMENT_FORMAT,
        "project": {"name": project.name, "source_note": project.source_note},
        "studies": sorted(agreements, key=lambda item: item["label"]),
        **_told_overlaps([item for item in overlaps if {item.first_id, item.second_id} <= known]),
    }
    counts = count_units(load_snapshot(content, agreement).datasets)
    return Assembly(content, agreement, counts, left_out)


def open_overlaps(project: Project) -> list[SampleOverlap]:
    """Pairs of studies of possibly the same people that nobody has decided about."""
    return asked_overlaps(project).open_ones()


def _below_the_cutoff(project: Project, totals: dict[int, float]) -> dict[int, str]:
    """Studies whose agreed quality score excludes them, with the reason as the flow diagram names it."""
    return {study: f"Excluded: {exclusion.reason}." for study, exclusion in quality_exclusions(project, totals).items()}


def _decided_overlaps(project: Project) -> list[SampleOverlap]:
    decided = SampleOverlap.objects.filter(project=project).exclude(decision=SampleOverlap.Decision.OPEN)
    return list(decided.select_related("first", "second"))


def _given_up_for_others(overlaps: Iterable[SampleOverlap]) -> dict[int, str]:
    """Studies that the team decided to leave out because another one tells of the same people, with the reason."""
    given_up = {}
    for overlap in overlaps:
        kept, gone = overlap.first, overlap.second
        if overlap.handling == SampleOverlap.Handling.KEEP_SECOND:
            kept, gone = gone, kept
        if overlap.handling in (SampleOverlap.Handling.KEEP_FIRST, SampleOverlap.Handling.KEEP_SECOND):
            people = overlap.get_decision_display()
            given_up[gone.pk] = f"{people} as in {kept.label}, which is kept. {overlap.reason}".strip()
    return given_up


def _told_overlaps(overlaps: Iterable[SampleOverlap]) -> Content:
    """What was decided about pairs of studies, and why; nothing where there are none, so that older versions stay."""
    told = [
        {"studies": [item.first.label, item.second.label], "decision": item.decision, "handling": item.handling,
         "reason": item.reason}
        for item in overlaps
    ]  # fmt: skip
    return {"overlaps": sorted(told, key=lambda item: item["studies"])} if told else {}


def _agreed_extractions(project: Project) -> Iterable[tuple[Study, Extraction | None, str]]:
    """Each study with the extraction that speaks for it, or with the reason why none does."""
    begun = Extraction.objects.only("study", "position", "state")
    studies = with_locks(Study.objects.filter(project=project)).prefetch_related(
        Prefetch("extractions", begun, to_attr="begun")
    )
    chosen = {study: _speaks_for(study) for study in studies.only("label", "year", "extractors_needed")}
    speaking = {study: found.pk for study, found in chosen.items() if isinstance(found, Extraction)}
    prefetch_related_objects(list(speaking), "reports")
    whole = {item.pk: item for item in with_rows(Extraction.objects.filter(pk__in=speaking.values()))}
    for study, found in chosen.items():
        yield (study, whole[found.pk], "") if isinstance(found, Extraction) else (study, None, found)


def _speaks_for(study: Study) -> Extraction | str:
    """Of a study with its extractions as `begun`."""
    independent = [item for item in study.begun if item.position != Extraction.Position.CONSENSUS]
    if not independent:
        return "Nobody has started its extraction."
    if not study.opened:
        needed = study.extractors_needed
        return f"Not complete yet: {study.locked} of {needed} extraction{'' if needed == 1 else 's'} locked."
    consensus = [item for item in study.begun if item.position == Extraction.Position.CONSENSUS]
    if consensus:
        locked = consensus[0].state == Extraction.State.COMPLETE
        return consensus[0] if locked else "The agreement of its two extractions is not complete yet."
    return independent[0] if study.extractors_needed == 1 else "Its two extractions wait to be compared and agreed."


def _left_out(study: Study, dataset: Dataset | None, reason: str) -> dict[str, str | None]:
    return {"study": study.label, "dataset": dataset.label if dataset else None, "reason": reason}


def waiting_to_freeze(membership: Membership) -> Waiting | None:
    """For those who may freeze: studies agreed since the last version was frozen, but those left out on purpose."""
    if membership.role not in FREEZE:
        return None
    versions = AgreedDataset.objects.filter(project=membership.project_id)
    consensus = Extraction.objects.filter(study=OuterRef("pk"), position=Extraction.Position.CONSENSUS)
    agreed = Exists(consensus.filter(state=Extraction.State.COMPLETE)) | Q(extractors_needed=1) & ~Exists(consensus)
    studies = with_locks(Study.objects.filter(project=membership.project_id)).filter(agreed, opened=True)
    newer = Q(last_locked__gt=Subquery(versions.order_by("-version").values("created_at")[:1])) | ~Exists(versions)
    found = set(
        studies.annotate(last_locked=Max("extractions__completed_at")).filter(newer).values_list("pk", flat=True)
    )
    if found:
        project = membership.project
        given_up = _given_up_for_others(_decided_overlaps(project))
        found -= set(given_up | _below_the_cutoff(project, agreed_totals(project)))
    count = len(found)
    return Waiting(count, "study" if count == 1 else "studies", "agreed since the last version")
