"""Nobody's decision stands about their own extraction, whatever their role was before."""

from meta_app.agreement.services import difference_decide
from meta_app.extraction.models import Extraction
from meta_app.extraction.services import extraction_reopen
from tests.meta_app.quality.score_cast import place_of

from .readers import both_locked, lock, tree


def test_what_someone_decided_is_open_again_once_they_read_the_study_themselves(
    project, reviewer, second_reviewer, owner
):
    first = both_locked(project, reviewer, second_reviewer, b=tree(patients={"n": 19}))
    difference = first.differences.get()
    difference_decide(place=place_of(owner), difference=difference, version=difference.version, choice="B")
    b = Extraction.objects.get(study=first.study, position="B")
    extraction_reopen(extraction=b, version=b.version, reason="The reviewer leaves.")
    Extraction.objects.filter(pk=b.pk).update(author=owner)
    lock(Extraction.objects.get(pk=b.pk))
    again = first.study.comparisons.exclude(state="superseded").get()
    assert again.differences.get().state == "open"
