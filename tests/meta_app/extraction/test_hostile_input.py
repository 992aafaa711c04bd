"""What breaks programs: numbers that are none, characters of code zero, and writes past one's own work."""

import pytest
from django.urls import reverse

from meta_app.extraction.editor_services import answers_save
from meta_app.extraction.form_domain import FormField
from meta_app.extraction.form_parsers import read_answer
from meta_app.extraction.models import Extraction, Study
from meta_app.quality.models import QualityScore
from meta_app.quality.services import score_start
from tests.meta_app.quality.score_cast import place_of

from .peak_cast import insula, make_dataset


@pytest.mark.parametrize("kind", ["integer", "number"])
@pytest.mark.parametrize(
    "text", ["一" * 5000, "万" * 3000, "9" * 5000, "1e999"], ids=["ones", "myriads", "nines", "beyond a float"]
)
def test_a_number_that_no_paper_prints_is_refused_in_words(kind, text):
    answer = read_answer(FormField("n", "n", "group", "Sample", kind), text)
    assert answer.value is None
    assert answer.problem


def test_a_quote_from_a_pdf_is_stored_without_characters_of_code_zero(project, reviewer):
    extraction = make_dataset(project, reviewer).extraction
    quote = {"quote": "n =\x00 18", "page": "3\x00"}
    saved = answers_save(extraction=extraction, changes=[{"row": "study", "key": "site", "source": quote}])
    assert saved.status == 200
    extraction.refresh_from_db()
    assert extraction.sources["site"] == {"quote": "n = 18", "page": "3"}


def test_the_author_of_a_reopened_consensus_cannot_type_into_it(project, reviewer, sign_in):
    """The reviewer who locked last is the author of a consensus that agreed by itself."""
    dataset = make_dataset(project, reviewer)
    Extraction.objects.filter(pk=dataset.extraction_id).update(position="consensus")
    address = reverse("api_extraction:peaks", args=[project.pk, dataset.pk])
    table = {"version": 1, "peaks_state": "peaks", "rows": [insula()]}
    answer = sign_in(reviewer).put(address, table, content_type="application/json")
    assert answer.status_code == 403
    assert not dataset.peaks.exists()


def test_a_study_that_another_has_begun_to_score_is_not_deleted(project, reviewer, second_reviewer, sign_in):
    study = make_dataset(project, reviewer).extraction.study
    score_start(place=place_of(second_reviewer), study=study)
    sign_in(reviewer).post(reverse("extraction:study_delete", args=[project.pk, study.pk]), {"version": "1"})
    assert Study.objects.filter(pk=study.pk).exists()
    assert QualityScore.objects.filter(study=study).exists()
