"""Freezing: the one write of agreed datasets. A version never changes; what is equal is the same version."""

from django.db import transaction
from django.db.models import Max

from meta_app.audit.services import record
from meta_app.common.domain import canonical_json
from meta_app.common.exceptions import UserError
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.selectors import assemble, open_overlaps
from meta_app.extraction.models import SampleOverlap
from meta_app.extraction.overlap_services import overlaps_refresh
from meta_app.projects.models import Project
from meta_app.projects.permissions import Place


def agreed_dataset_freeze(*, place: Place, note: str = "") -> tuple[AgreedDataset, bool]:
    """Freeze what is agreed now.

    Returns
    -------
    tuple of (AgreedDataset, bool)
        The version, and whether it is new: what is equal to an earlier version, and was agreed in the same way, answers
        with that one.

    Raises
    ------
    UserError
        Nothing can be frozen yet, or it is not decided whether studies that go in scanned the same people.
    """
    frozen = _freeze(place, note)
    if isinstance(frozen, list):
        pairs = "; ".join(f"{overlap.first.label} and {overlap.second.label}" for overlap in frozen)
        raise UserError(f"Nothing was frozen: are these the same people? {pairs}. Decide each pair first; all is kept.")
    return frozen


@transaction.atomic
def _freeze(place: Place, note: str) -> tuple[AgreedDataset, bool] | list[SampleOverlap]:
    """The version and whether it is new, or the questions that hold it up, which are kept."""
    project = Project.objects.select_for_update(no_key=True).get(pk=place.project.pk)
    overlaps_refresh(project=project)
    assembly = assemble(project)
    if not assembly.counts["datasets"]:
        raise UserError(
            "Nothing was frozen: no dataset is complete yet. The list below says what each study still needs.",
            {"left_out": assembly.left_out},
        )
    sha256, agreement_sha256 = assembly.hashes
    equal = AgreedDataset.objects.filter(project=project, sha256=sha256, agreement_sha256=agreement_sha256).first()
    if equal is not None:
        return equal, False
    if undecided := assembly.between_its_studies(open_overlaps(project)):
        return undecided
    latest = AgreedDataset.objects.filter(project=project).aggregate(Max("version"))["version__max"] or 0
    agreed = AgreedDataset.objects.create(
        project=project,
        version=latest + 1,
        content=canonical_json(assembly.content),
        sha256=sha256,
        agreement=canonical_json(assembly.agreement),
        agreement_sha256=agreement_sha256,
        counts=assembly.counts,
        left_out=assembly.left_out,
        note=note.strip()[:300],
        frozen_by=place.membership.user,
    )
    hashes = {"sha256": sha256, "agreement_sha256": agreement_sha256}
    record(
        project_id=project.pk,
        actor=agreed.frozen_by,
        action="dataset.frozen",
        subject=f"Agreed dataset version {agreed.version}",
        after={**hashes, "counts": agreed.counts, "left_out": len(agreed.left_out), "note": agreed.note},
    )
    return agreed, True
