"""Reads of the coordinate grid."""

from django.http import Http404

from meta_app.extraction.models import Dataset, Extraction
from meta_app.extraction.selectors import visible_extractions
from meta_app.projects.permissions import EXTRACT, Place

LOCKED = "This extraction is locked. Reopen it on the page of its study to change its peaks."
NOT_AUTHOR = "Only the author of this extraction may change it. You can read and copy its peaks."
CONSENSUS = "The consensus changes only where its differences are settled. You can read and copy its peaks."
NO_RIGHT = "Your role in this project does not include extracting. You can read and copy the peaks."


def get_visible_dataset(place: Place, dataset_id: int) -> Dataset:
    """A dataset with its groups, of an extraction that this person may see."""
    dataset = (
        Dataset.objects.filter(pk=dataset_id, extraction__in=visible_extractions(place))
        .select_related("extraction__study", "extraction__author", "cohort", "group_a", "group_b")
        .first()
    )
    if dataset is None:
        raise Http404
    return dataset


def why_read_only(place: Place, extraction: Extraction) -> str:
    """The sentence why this person may not change the peaks; empty if they may."""
    if not place.may(EXTRACT):
        return NO_RIGHT
    if extraction.position == Extraction.Position.CONSENSUS:
        return CONSENSUS
    if extraction.author_id != place.membership.user_id:
        return NOT_AUTHOR
    return LOCKED if extraction.state == Extraction.State.COMPLETE else ""


def peak_cells(dataset: Dataset) -> list[dict[str, str]]:
    return list(dataset.peaks.order_by("position").values_list("cells", flat=True))
