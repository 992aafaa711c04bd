"""Reads: the frozen versions of a project, and what would be frozen now.

Only studies that all reviewers have locked are looked at, so that no draft shows through here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, Max, Q, QuerySet, Subquery
from django.http import Http404

from meta_app.datasets.domain import FORMAT, canonical_json, count_units, digest, load_snapshot
from meta_app.datasets.models import AgreedDataset
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group, Peak, Study
from meta_app.extraction.selectors import whole_extractions, with_locks
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Project
from meta_app.projects.permissions import FREEZE
from meta_app.projects.stages import Waiting

REPORT_FIELDS = ("authors", "year", "title", "source", "doi", "reference")
GROUP_FIELDS = (
    "kind", "label", "n", "n_female", "age_mean", "age_sd", "education_mean", "education_sd", "duration_mean",
    "duration_sd", "duration_unit",
)  # fmt: skip
DATASET_FIELDS = (
    "label", "comparison", "modality", "metric", "design", "software", "software_reported", "fwhm_mm", "space",
    "threshold_kind", "threshold_reported", "t_threshold", "peaks_state",
)  # fmt: skip
PEAK_FIELDS = (
    "x_reported", "y_reported", "z_reported", "x", "y", "z", "statistic_kind", "statistic", "sign", "cluster_size",
    "cluster_unit", "label", "page",
)  # fmt: skip
Content = dict[str, Any]


@dataclass(frozen=True)
class Assembly:
    """What would be frozen now: content, counts by unit, and what is left out with its reason."""

    content: Content
    counts: dict[str, int]
    left_out: list[dict[str, str | None]]


def agreed_datasets(project: Project) -> QuerySet[AgreedDataset]:
    """The frozen versions, newest first, without their (large) content."""
    return AgreedDataset.objects.filter(project=project).defer("content").select_related("frozen_by")


def get_agreed_dataset(project: Project, version: int) -> AgreedDataset:
    found = AgreedDataset.objects.filter(project=project, version=version).select_related("frozen_by", "project")
    agreed = found.first()
    if agreed is None:
        raise Http404
    return agreed


def version_before(agreed: AgreedDataset) -> AgreedDataset | None:
    return AgreedDataset.objects.filter(project=agreed.project_id, version__lt=agreed.version).first()


def assemble(project: Project) -> Assembly:
    """Put together what is agreed now, in a fixed number of queries."""
    studies, left_out = [], []
    reports: dict[str, Content] = {}
    for study, extraction, reason in _agreed_extractions(project):
        if extraction is None:
            left_out.append(_left_out(study, None, reason))
            continue
        content, without = _study_content(study, extraction)
        left_out += without
        if content["datasets"]:
            studies.append(content)
            reports |= {item["key"]: item for item in map(_report_content, study.reports.all())}
    content = {
        "format": FORMAT,
        "project": {"name": project.name, "source_note": project.source_note},
        "reports": [reports[key] for key in sorted(reports)],
        "studies": sorted(studies, key=lambda item: item["label"]),
    }
    return Assembly(content, count_units(load_snapshot(content).datasets), left_out)


def _agreed_extractions(project: Project) -> Iterable[tuple[Study, Extraction | None, str]]:
    """Each study with the extraction that speaks for it, or with the reason why none does."""
    studies = with_locks(Study.objects.filter(project=project)).prefetch_related("extractions", "reports")
    chosen = {study: _speaks_for(study) for study in studies}
    keys = [found.pk for found in chosen.values() if isinstance(found, Extraction)]
    whole = {item.pk: item for item in whole_extractions(Extraction.objects.filter(pk__in=keys))}
    for study, found in chosen.items():
        yield (study, whole[found.pk], "") if isinstance(found, Extraction) else (study, None, found)


def _speaks_for(study: Study) -> Extraction | str:
    independent = [item for item in study.extractions.all() if item.position != Extraction.Position.CONSENSUS]
    if not independent:
        return "Nobody has started its extraction."
    if not study.opened:
        needed = study.extractors_needed
        return f"Not complete yet: {study.locked} of {needed} extraction{'' if needed == 1 else 's'} locked."
    consensus = [item for item in study.extractions.all() if item.position == Extraction.Position.CONSENSUS]
    if consensus:
        locked = consensus[0].state == Extraction.State.COMPLETE
        return consensus[0] if locked else "The agreement of its two extractions is not complete yet."
    return independent[0] if study.extractors_needed == 1 else "Its two extractions wait to be compared and agreed."


def _left_out(study: Study, dataset: Dataset | None, reason: str) -> dict[str, str | None]:
    return {"study": study.label, "dataset": dataset.label if dataset else None, "reason": reason}


def _study_content(study: Study, extraction: Extraction) -> tuple[Content, list[dict[str, str | None]]]:
    datasets, left_out = [], []
    for dataset in extraction.datasets.all():
        reason = _why_left_out(dataset)
        if reason:
            left_out.append(_left_out(study, dataset, reason))
        else:
            datasets.append(dataset)
    if not extraction.datasets.all():
        left_out.append(_left_out(study, None, "It has no dataset."))
    cohorts, keys = _cohort_contents(extraction, {dataset.cohort_id for dataset in datasets})
    contents = [_dataset_content(study, dataset, keys) for dataset in datasets]
    content = {
        "label": study.label,
        "year": study.year,
        "reports": sorted({_report_content(report)["key"] for report in study.reports.all()}),
        "extracted_by": study.locked,
        "revision": extraction.revision,
        "cohorts": sorted(cohorts, key=lambda item: item["key"]),
        "datasets": sorted(contents, key=lambda item: item["key"]),
    }
    return content, left_out


def _why_left_out(dataset: Dataset) -> str:
    if dataset.peaks_state == Dataset.PeaksState.NOT_EXTRACTED:
        return "Its peaks are not extracted yet."
    empty = [peak.position for peak in dataset.peaks.all() if None in (peak.x, peak.y, peak.z, peak.sign)]
    return f"Row {empty[0]} of its peaks has no place or no sign." if empty else ""


def _report_content(report: Report) -> Content:
    """A report under a key made of its own words, so that no database number gets into the hash."""
    values = {name: getattr(report, name) for name in REPORT_FIELDS}
    words = (report.authors or report.title or report.reference or "Report").replace(",", " ").split()
    return {"key": f"{words[0] if words else 'Report'} {report.year or ''} {_short_hash(values)}", **values}


def _short_hash(values: Content) -> str:
    return digest(canonical_json(values))[:8]


def _cohort_contents(extraction: Extraction, used: set[int]) -> tuple[list[Content], dict[Cohort | Group, str]]:
    """The cohorts behind the frozen datasets, and the key of each cohort and group."""
    contents: list[Content] = []
    keys: dict[Cohort | Group, str] = {}
    taken: set[str] = set()
    for cohort in extraction.cohorts.all():
        if cohort.pk not in used:
            continue
        keys[cohort] = _free_key(cohort.label, taken)
        groups = []
        for group in cohort.groups.all():
            keys[group] = _free_key(f"{keys[cohort]} / {group.label or group.kind}", taken)
            groups.append({"key": keys[group], **{name: getattr(group, name) for name in GROUP_FIELDS}})
        contents.append(
            {
                "key": keys[cohort],
                "label": cohort.label,
                "identity": cohort.identity,
                "groups": sorted(groups, key=lambda item: item["key"]),
            }
        )
    return contents, keys


def _free_key(wanted: str, taken: set[str]) -> str:
    """`wanted`, or with a number where it is taken."""
    key, number = wanted, 2
    while key in taken:
        key, number = f"{wanted} ({number})", number + 1
    taken.add(key)
    return key


def _dataset_content(study: Study, dataset: Dataset, keys: dict[Cohort | Group, str]) -> Content:
    return {
        "key": f"{study.label} / {dataset.label}",
        **{name: getattr(dataset, name) for name in DATASET_FIELDS},
        "cohort": keys[dataset.cohort],
        "group_a": keys[dataset.group_a],
        "group_b": keys[dataset.group_b] if dataset.group_b else None,
        "peaks": [_peak_content(peak) for peak in dataset.peaks.all()],
    }


def _peak_content(peak: Peak) -> Content:
    return {name: getattr(peak, name) for name in PEAK_FIELDS}


def waiting_to_freeze(membership: Membership) -> Waiting | None:
    """For those who may freeze: studies locked since the last version was frozen, in one query."""
    if membership.role not in FREEZE:
        return None
    latest = AgreedDataset.objects.filter(project=membership.project_id).order_by("-version").values("created_at")[:1]
    studies = with_locks(Study.objects.filter(project=membership.project_id)).filter(opened=True)
    newer = Q(last_locked__gt=Subquery(latest)) | ~Exists(AgreedDataset.objects.filter(project=membership.project_id))
    count = studies.annotate(last_locked=Max("extractions__completed_at")).filter(newer).count()
    return Waiting(count, "study" if count == 1 else "studies", "locked since the last version")
