"""Reads of the chain as a whole; what a person may see of it is decided where studies are known (`quality`)."""

from collections.abc import Collection

from django.db.models import QuerySet

from meta_app.audit.domain import FIRST_HASH, first_fault
from meta_app.audit.models import AuditChain, AuditEntry

READ_AT_A_TIME = 1000
READ = "read"
"""What `services.reading_record` notes, after the name of the stage."""


def entries_of(project_id: int) -> QuerySet[AuditEntry]:
    return AuditEntry.objects.filter(project_id=project_id).order_by("number")


def readings(stage: str) -> QuerySet[AuditEntry]:
    """The notes that a person (`actor`) read what the reviewers of a study (`blind_study_id`) entered."""
    return AuditEntry.objects.filter(action=f"{stage}.{READ}").order_by()


def readers(stage: str, studies: Collection[int]) -> set[tuple[int, int]]:
    """(study, person) of those who have read what the reviewers entered: they are blind to these studies no more."""
    return set(readings(stage).filter(blind_study_id__in=studies).values_list("blind_study_id", "actor"))


def project_ids() -> list[int]:
    """Projects that have a chain, or entries without one."""
    chains = AuditChain.objects.values_list("pk", flat=True)
    entries = AuditEntry.objects.order_by().values_list("project_id", flat=True).distinct()
    return sorted({*chains, *entries})


def locked_chain_end(project_id: int) -> AuditChain:
    """The end of a project's chain, held still until the transaction ends, so that nobody appends meanwhile."""
    end = AuditChain.objects.select_for_update().filter(pk=project_id).first()
    return end or AuditChain(pk=project_id, head=FIRST_HASH)


def chain_fault(end: AuditChain) -> str:
    """The first fault of a project's chain in words, or an empty text."""
    links = (entry.link for entry in entries_of(end.pk).iterator(READ_AT_A_TIME))
    return first_fault(links, end.length, end.head)
