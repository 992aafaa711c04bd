"""Studies, cohorts and datasets as a reviewer enters them."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from meta_app.extraction.models import Cohort, Dataset, Extraction, ExtractionEvent, Group, Study
from meta_app.extraction.services import extraction_start
from meta_app.library.models import Report
from meta_app.projects.permissions import enter_project

from .peak_cast import insula, make_dataset

REPORT = {"authors": "Cao S", "title": "Local brain activity", "kind": "article", "year": "2017"}


def page(name, project, *more):
    return reverse(f"extraction:{name}", args=[project.pk, *more])


def new_study(client, project, label="Cao 2017a", **more):
    return client.post(page("study_new", project), {"label": label, **REPORT, **more})


def group_rows(*rows, initial=0):
    data = {"groups-TOTAL_FORMS": str(len(rows)), "groups-INITIAL_FORMS": str(initial)}
    for number, row in enumerate(rows):
        data |= {f"groups-{number}-{name}": value for name, value in row.items()}
    return data


def add_cohort(client, project, extraction, *rows, label="Ward"):
    extraction.refresh_from_db()
    return client.post(
        page("cohort_new", project, extraction.study_id),
        {"label": label, "version": extraction.version, **group_rows(*rows)},
    )


PATIENTS = {"kind": "patients", "n": "18", "n_female": "9", "age_mean": "64.3", "age_sd": "6.4"}
CONTROLS = {"kind": "controls", "n": "20"}


def dataset_values(extraction, **more):
    first, second = Group.objects.filter(cohort__extraction=extraction).order_by("pk")[:2]
    extraction.refresh_from_db()
    return {
        "version": extraction.version, "label": "PHN > HC, ReHo", "comparison": "patients_controls",
        "modality": "resting_fmri", "metric": "ReHo", "design": "two_sample", "group_a": first.pk,
        "group_b": second.pk, "software": "spm", "space": "mni", "threshold_kind": "corrected", **more,
    }  # fmt: skip


@pytest.fixture
def client(sign_in, reviewer):
    return sign_in(reviewer)


@pytest.fixture
def draft(client, project):
    new_study(client, project)
    return Extraction.objects.get()


@pytest.fixture
def draft_with_groups(client, project, draft):
    add_cohort(client, project, draft, PATIENTS, CONTROLS)
    return draft


def test_an_empty_project_says_what_to_do_first(client, project):
    answer = client.get(page("studies", project))
    assert "No study yet" in answer.text
    assert page("study_new", project) in answer.text


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


def test_a_cohort_is_entered_with_its_groups_in_one_table(client, project, draft):
    assert add_cohort(client, project, draft, PATIENTS, CONTROLS, {"kind": ""}).status_code == 302
    cohort = Cohort.objects.get()
    assert [(group.kind, group.n) for group in cohort.groups.all()] == [("patients", 18), ("controls", 20)]


def test_a_duration_needs_its_unit_even_if_that_is_not_stated(client, project, draft):
    answer = add_cohort(client, project, draft, {**PATIENTS, "duration_mean": "13.6"})
    assert answer.status_code == 422
    assert "Choose the unit of the duration" in answer.text
    stated = {**PATIENTS, "duration_mean": "13.6", "duration_unit": "unstated"}
    assert add_cohort(client, project, draft, stated).status_code == 302


def test_more_women_than_people_are_refused(client, project, draft):
    answer = add_cohort(client, project, draft, {**PATIENTS, "n_female": "19"})
    assert "19 women of 18 people" in answer.text
    assert not Cohort.objects.exists()


def test_a_dataset_takes_the_cohort_of_its_groups(client, project, draft_with_groups):
    values = dataset_values(draft_with_groups)
    assert client.post(page("dataset_new", project, draft_with_groups.study_id), values).status_code == 302
    dataset = Dataset.objects.get()
    assert (dataset.cohort, dataset.peaks_state) == (Cohort.objects.get(), "not_extracted")


def test_a_new_dataset_leads_to_its_peaks_and_an_edited_one_back_to_its_study(client, project, draft_with_groups):
    study_id = draft_with_groups.study_id
    made = client.post(page("dataset_new", project, study_id), dataset_values(draft_with_groups))
    dataset = Dataset.objects.get()
    assert made.url == f"/projects/{project.pk}/extraction/datasets/{dataset.pk}/"
    draft_with_groups.refresh_from_db()
    edited = client.post(page("dataset_edit", project, study_id, dataset.pk), dataset_values(draft_with_groups))
    assert edited.url == page("study", project, study_id)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"group_b": ""}, "needs its second group"),
        ({"t_threshold": "-3"}, "It is a size"),
        ({"fwhm_mm": "0"}, "must be above 0"),
        ({"design": "guess"}, "Select a valid choice"),
    ],
)
def test_a_contradictory_dataset_is_refused_at_its_field(client, project, draft_with_groups, change, sentence):
    values = dataset_values(draft_with_groups, **change)
    answer = client.post(page("dataset_new", project, draft_with_groups.study_id), values)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert not Dataset.objects.exists()


def test_the_groups_of_another_study_cannot_be_chosen(client, project, reviewer, draft_with_groups):
    foreign = make_dataset(project, reviewer, study="Other 2000").group_a
    values = dataset_values(draft_with_groups, group_a=foreign.pk)
    answer = client.post(page("dataset_new", project, draft_with_groups.study_id), values)
    assert "Select a valid choice" in answer.text


def test_t_is_filled_in_from_p_and_the_groups_and_nothing_is_saved(client, project, draft_with_groups):
    values = dataset_values(draft_with_groups, p_one_tailed="0.001", compute="1")
    answer = client.post(page("dataset_new", project, draft_with_groups.study_id), values)
    assert answer.status_code == 200
    assert 'value="3.3326"' in answer.text  # the 0.999 quantile of t at 36 df, from printed tables: 3.333
    assert not Dataset.objects.exists()


def test_the_helper_also_answers_the_page_in_place(client, project, draft_with_groups):
    values = dataset_values(draft_with_groups, p_one_tailed="0.001", df="20", compute="1")
    answer = client.post(
        page("dataset_new", project, draft_with_groups.study_id), values, headers={"HX-Request": "true"}
    )
    assert 'value="3.5518"' in answer.text  # the 0.999 quantile of t at 20 df, from printed tables: 3.552


def test_an_impossible_p_is_answered_with_the_reason(client, project, draft_with_groups):
    values = dataset_values(draft_with_groups, p_one_tailed="0.7", compute="1")
    answer = client.post(page("dataset_new", project, draft_with_groups.study_id), values)
    assert "between 0 and 0.5" in answer.text


def test_a_dataset_like_another_starts_with_its_methods(client, project, draft_with_groups):
    study_id = draft_with_groups.study_id
    client.post(page("dataset_new", project, study_id), dataset_values(draft_with_groups, fwhm_mm="6"))
    answer = client.get(page("dataset_new", project, study_id) + f"?like={Dataset.objects.get().pk}")
    assert re.search(r'name="fwhm_mm" value="6.0"', answer.text)
    assert not re.search(r'name="metric" value=', answer.text)


def test_another_space_moves_the_peaks_to_their_new_place(client, project, reviewer):
    from meta_app.extraction.peak_services import peaks_save

    dataset = make_dataset(project, reviewer)
    peaks_save(dataset=dataset, version=1, peaks_state="peaks", rows=[insula()])
    before = dataset.peaks.get().x
    values = dataset_values(dataset.extraction, space="talairach", label=dataset.label)
    client.post(page("dataset_edit", project, dataset.extraction.study_id, dataset.pk), values)
    dataset.refresh_from_db()
    assert dataset.peaks.get().x != before
    assert (dataset.version, dataset.peaks.get().x_reported) == (3, -38.0)


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


def test_a_stale_dataset_form_names_the_fields_that_differ(client, project, reviewer):
    dataset = make_dataset(project, reviewer)
    form = page("dataset_edit", project, dataset.extraction.study_id, dataset.pk)
    values = dataset_values(dataset.extraction, label="ReHo", t_threshold="3.4")
    client.post(form, {**values, "t_threshold": "2.6"})
    answer = client.post(form, {**values, "t_threshold": "9.9"})
    assert answer.status_code == 409
    assert re.search(r"t threshold</th><td>9.9</td><td>2.6", answer.text)


def test_a_group_in_use_is_not_deleted_and_the_page_says_by_what_it_is_used(client, project, reviewer):
    dataset = make_dataset(project, reviewer)
    rows = [
        {"id": str(group.pk), "kind": group.kind, "n": "15", "DELETE": "on"} for group in dataset.cohort.groups.all()
    ]
    answer = client.post(
        page("cohort", project, dataset.extraction.study_id, dataset.cohort_id),
        {"label": "Ward", "version": "1", **group_rows(*rows, initial=2)},
    )
    assert "was not deleted: it is used by ReHo" in answer.text
    assert dataset.cohort.groups.count() == 2
    assert Cohort.objects.get().label == "PHN and HC"


def test_a_cohort_in_use_is_not_deleted(client, project, reviewer):
    dataset = make_dataset(project, reviewer)
    address = page("cohort_delete", project, dataset.extraction.study_id, dataset.cohort_id)
    assert "cannot be undone" in client.get(address).text
    assert "was not deleted" in client.post(address, {"version": "1"}).text
    assert Cohort.objects.exists()


def test_a_dataset_is_deleted_after_confirmation(client, project, reviewer):
    dataset = make_dataset(project, reviewer)
    address = page("dataset_delete", project, dataset.extraction.study_id, dataset.pk)
    client.get(address)
    assert Dataset.objects.exists()
    client.post(address, {"version": "1"})
    assert not Dataset.objects.exists()


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


WRITES = (
    "start", "complete", "reopen", "study_edit", "study_delete", "report_new", "cohort_new", "dataset_new",
)  # fmt: skip
ROW_PAGES = ("cohort", "cohort_delete", "dataset_edit", "dataset_delete")


def addresses(project, dataset):
    study_id = dataset.extraction.study_id
    rows = {"cohort": dataset.cohort_id, "cohort_delete": dataset.cohort_id}
    yield page("studies", project), "get"
    yield page("study", project, study_id), "get"
    yield page("study_new", project), "post"
    for name in WRITES:
        yield page(name, project, study_id), "post"
    for name in ROW_PAGES:
        yield page(name, project, study_id, rows.get(name, dataset.pk)), "post"


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
    for name in ROW_PAGES:
        row = dataset.cohort_id if name.startswith("cohort") else dataset.pk
        answer = sign_in(second_reviewer).post(page(name, project, dataset.extraction.study_id, row))
        assert answer.status_code == 404


def test_enter_in_the_dataset_form_saves_rather_than_fills_in_t(client, project, draft_with_groups):
    answer = client.get(page("dataset_new", project, draft_with_groups.study_id))
    form = answer.text[answer.text.index('class="dataset-form"') :]
    first = form[form.index("<button") : form.index("</button>")]
    assert first.endswith("Save")
