"""Studies, cohorts and datasets as a reviewer enters them."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meta_app.extraction.models import Extraction, ExtractionEvent, Study
from meta_app.extraction.services import extraction_start
from meta_app.library.models import Report
from meta_app.projects.permissions import enter_project

from .peak_cast import make_dataset, page

REPORT = {"authors": "Cao S", "title": "Local brain activity", "kind": "article", "year": "2017"}


def new_study(client, project, label="Cao 2017a", **more):
    return client.post(page("study_new", project), {"label": label, **REPORT, **more})


@pytest.fixture
def draft(client, project):
    new_study(client, project)
    return Extraction.objects.get()


def test_an_empty_project_says_what_to_do_first(client, project):
    answer = client.get(page("studies", project))
    assert "No study yet" in answer.text
    assert page("study_new", project) in answer.text


def test_an_empty_project_tells_an_adjudicator_who_adds_studies_and_a_viewer_when_they_appear(
    project, adjudicator, viewer, sign_in
):
    shown = sign_in(adjudicator).get(page("studies", project)).text
    assert "An owner or reviewer of the project imports the list" in shown
    assert "No complete study yet" not in shown
    assert "No complete study yet" in sign_in(viewer).get(page("studies", project)).text


def test_a_new_study_comes_with_its_report_and_the_extraction_of_who_added_it(client, project, reviewer):
    answer = new_study(client, project, doi="https://doi.org/10.1/x")
    study = Study.objects.get()
    assert answer.url == page("study", project, study.pk)
    assert study.reports.get().doi == "10.1/x"
    assert (study.extractions.get().author, study.extractions.get().position) == (reviewer, "A")
    assert ExtractionEvent.objects.get().kind == "started"


def test_a_second_study_of_the_same_name_is_refused_at_its_field(client, project, draft):
    answer = new_study(client, project)
    assert answer.status_code == 422
    assert "already has a study called Cao 2017a" in answer.text
    assert Study.objects.count() == 1
    assert Report.objects.count() == 1


def test_a_stale_form_is_answered_with_both_versions_and_can_be_sent_again(client, project, draft):
    form = page("study_edit", project, draft.study_id)
    stale = {"label": "Cao 2017b", "year": "2017", "version": "1"}
    assert client.post(form, {"label": "Cao S 2017", "year": "2018", "version": "1"}).status_code == 302
    answer = client.post(form, stale)
    assert answer.status_code == 409
    assert "Someone saved first" in answer.text
    assert "Cao S 2017" in answer.text
    assert 'value="Cao 2017b"' in answer.text
    assert Study.objects.get().label == "Cao S 2017"
    again = re.search(r'name="version" value="(\d+)"', answer.text)[1]
    assert client.post(form, {**stale, "version": again}).status_code == 302
    assert Study.objects.get().label == "Cao 2017b"


def test_two_reviewers_do_not_overwrite_each_others_shared_study_fields(
    client, sign_in, project, draft, second_reviewer
):
    Study.objects.update(extractors_needed=2)
    other = extraction_start(place=enter_project(second_reviewer, project.pk), study=draft.study)
    form = page("study_edit", project, draft.study_id)
    assert client.post(form, {"label": "Cao S 2017", "year": "2018", "version": "1"}).status_code == 302
    answer = sign_in(second_reviewer).post(form, {"label": "Cao 2017b", "year": "2017", "version": str(other.version)})
    assert answer.status_code == 409
    assert "Cao S 2017" in answer.text
    assert Study.objects.get().label == "Cao S 2017"


def test_a_first_draft_of_a_study_can_be_deleted_whole(client, project, reviewer):
    dataset = make_dataset(project, reviewer)
    client.post(page("study_delete", project, dataset.extraction.study_id), {"version": "1"})
    assert not Study.objects.exists()


def test_a_study_that_another_reviewer_works_on_stays(client, project, reviewer, second_reviewer):
    dataset = make_dataset(project, reviewer)
    study = dataset.extraction.study
    Extraction.objects.create(study=study, position="B", author=second_reviewer, form=dataset.extraction.form)
    answer = client.post(page("study_delete", project, study.pk), {"version": "1"})
    assert "was not deleted" in answer.text
    assert Study.objects.exists()


def test_the_list_finds_studies_by_words_and_by_whose_they_are(client, project, reviewer, second_reviewer):
    make_dataset(project, reviewer, study="Cao 2017")
    make_dataset(project, second_reviewer, study="Zhang 2016")
    assert "Zhang 2016" in client.get(page("studies", project)).text
    assert "Zhang 2016" not in client.get(page("studies", project) + "?show=mine").text
    assert "Cao 2017" not in client.get(page("studies", project) + "?q=zhang").text
    assert "No study fits" in client.get(page("studies", project) + "?q=nobody").text


def queries_of(client, address):
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_the_list_takes_as_many_queries_for_forty_studies_as_for_two(client, project, reviewer):
    for number in range(2):
        make_dataset(project, reviewer, study=f"First {number:02}")
    few = queries_of(client, page("studies", project))
    for number in range(38):
        make_dataset(project, reviewer, study=f"Study {number:02}")
    assert queries_of(client, page("studies", project)) == few


def test_the_page_of_a_study_takes_as_many_queries_for_ten_datasets_as_for_one(client, project, reviewer):
    dataset = make_dataset(project, reviewer)
    address = page("study", project, dataset.extraction.study_id)
    few = queries_of(client, address)
    for number in range(9):
        dataset.pk, dataset.label = None, f"copy {number}"
        dataset.save(force_insert=True)
    assert queries_of(client, address) == few


WRITES = ("start", "complete", "reopen", "study_edit", "study_delete", "report_new", "row_add", "row_delete")


def addresses(project, dataset):
    study_id = dataset.extraction.study_id
    yield page("studies", project), "get"
    yield page("study", project, study_id), "get"
    yield page("study_new", project), "post"
    for name in WRITES:
        yield page(name, project, study_id), "post"


def test_nobody_is_sent_to_sign_in(project, reviewer, sign_in):
    for address, method in addresses(project, make_dataset(project, reviewer)):
        answer = getattr(sign_in(), method)(address)
        assert answer.status_code == 302
        assert "sign-in" in answer.url


def test_an_outsider_finds_nothing(project, reviewer, outsider, sign_in):
    for address, method in addresses(project, make_dataset(project, reviewer)):
        assert getattr(sign_in(outsider), method)(address).status_code == 404


@pytest.mark.parametrize("role", ["adjudicator", "viewer"])
def test_members_without_the_right_to_extract_are_refused_each_write(project, reviewer, role, request, sign_in):
    member = request.getfixturevalue(role)
    for address, method in addresses(project, make_dataset(project, reviewer)):
        if method == "post":
            assert sign_in(member).post(address).status_code == 403


def test_another_reviewer_cannot_write_into_a_draft(project, reviewer, second_reviewer, sign_in):
    dataset = make_dataset(project, reviewer)
    for name in set(WRITES) - {"start"}:
        answer = sign_in(second_reviewer).post(page(name, project, dataset.extraction.study_id), {"version": "1"})
        assert answer.status_code == 404
