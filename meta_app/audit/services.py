"""The one write of audit entries. Call it inside the transaction of the write that it tells of."""

import json
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.utils import timezone

from meta_app.audit.domain import FIRST_HASH, as_stored
from meta_app.audit.models import AuditChain, AuditEntry
from meta_app.audit.selectors import READ, readers


@transaction.atomic
def record(
    *,
    project_id: int,
    actor: Any,
    action: str,
    subject: str,
    before: Any = None,
    after: Any = None,
    reason: str = "",
    blind_study: int | None = None,
    blind_stage: str = "",
) -> AuditEntry:
    """Append an entry to the chain of a project.

    Parameters
    ----------
    actor : User or None
        None stands for the program itself.
    before, after : optional
        Anything that JSON can hold; dates and decimals become text.
    blind_study, blind_stage : optional
        The study and stage ("extraction" or "quality") of a reviewer's own work: nobody else reads the entry before
        all reviewers of that study and stage have locked.
    """
    chain, _new = AuditChain.objects.select_for_update().get_or_create(
        project_id=project_id, defaults={"head": FIRST_HASH}
    )
    entry = AuditEntry(
        project_id=project_id,
        number=chain.length + 1,
        at=timezone.now(),
        actor=actor,
        action=action,
        subject=as_stored(subject)[:200],
        before=_plain(before),
        after=_plain(after),
        reason=as_stored(reason),
        blind_study_id=blind_study,
        blind_stage=blind_stage,
        previous_hash=chain.head,
    )
    entry.hash = entry.expected_hash()
    entry.save()
    AuditChain.objects.filter(pk=project_id).update(length=entry.number, head=entry.hash)
    return entry


def reading_record(*, project_id: int, actor: Any, studies: Mapping[int, str], stage: str) -> None:
    """Note, once for each study (named by its key), that a person has read what its reviewers entered.

    See `selectors.readers`.
    """
    known = {study for study, person in readers(stage, studies.keys()) if person == actor.pk}
    for study, subject in studies.items():
        if study not in known:
            record(
                project_id=project_id, actor=actor, action=f"{stage}.{READ}", subject=subject, blind_study=study,
                blind_stage=stage,
            )  # fmt: skip


def _plain(value: Any) -> Any:
    """What the database will give back, so that the hash can be computed again from it."""
    return as_stored(json.loads(json.dumps(value, cls=DjangoJSONEncoder)))
