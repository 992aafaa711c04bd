"""The page of one's own draft: what the form asks, the way to each problem, and rows that come and go."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from meta_app.audit.models import AuditEntry
from meta_app.extraction.form_domain import BUILT_IN_FIELDS, FormField, fields_as_json
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.study_checks import extraction_problems

from .peak_cast import make_dataset, page


@pytest.fixture
def study_page(client, project, dataset):
    return lambda: client.get(page("study", project, dataset.extraction.study_id)).text


@pytest.fixture
def add(client, project, dataset):
    return lambda **body: client.post(page("row_add", project, dataset.extraction.study_id), body)


@pytest.fixture
def delete(client, project, dataset):
    return lambda row: client.post(page("row_delete", project, dataset.extraction.study_id), {"row": row})


def test_every_field_of_the_form_has_its_control(study_page, dataset):
    text = study_page()
    rows = {
        "study": "study",
        "cohort": f"cohort-{dataset.cohort_id}",
        "group": f"group-{dataset.group_a_id}",
        "dataset": f"dataset-{dataset.pk}",
    }
    ids = set(re.findall(r'id="([\w-]+)"', text))
    assert {f"{rows[field.level]}-{field.key}" for field in BUILT_IN_FIELDS} - ids == set()


def test_a_field_added_to_the_form_is_asked_without_further_code(study_page, dataset):
    handedness = FormField("right_handed", "Right-handed", "group", "People", "integer", ("people",))
    form = dataset.extraction.form
    form.fields = fields_as_json((*BUILT_IN_FIELDS, handedness))
    form.save()
    text = study_page()
    assert f'id="group-{dataset.group_a_id}-right_handed"' in text
    assert "Right-handed" in text


def test_a_value_that_the_form_no_longer_asks_is_shown(study_page, dataset):
    Extraction.objects.update(values={"old_question": "an old answer"})
    text = study_page()
    assert "No longer asked" in text
    assert "an old answer" in text


def test_each_problem_leads_to_its_field(study_page, dataset):
    Group.objects.filter(pk=dataset.group_a_id).update(n=10, n_female=12, duration_mean=3)
    Dataset.objects.update(metric="")
    text = study_page()
    for anchor in (
        f"group-{dataset.group_a_id}-n_female",
        f"group-{dataset.group_a_id}-duration_unit",
        f"dataset-{dataset.pk}-metric",
    ):
        assert f'href="#{anchor}"' in text
        assert f'id="{anchor}"' in text


def messages_of(extraction):
    return [item.problem.message for item in extraction_problems(extraction)]


def test_a_duration_needs_its_unit_even_if_that_is_not_stated(dataset):
    Group.objects.filter(pk=dataset.group_a_id).update(duration_mean=13.6)
    assert "The duration has no unit." in messages_of(dataset.extraction)
    Group.objects.filter(pk=dataset.group_a_id).update(duration_unit="unstated")
    found = extraction_problems(dataset.extraction)
    assert [item.blocks for item in found if "duration" in item.problem.message] == [False]


def test_more_people_analysed_than_enrolled_are_questioned(dataset):
    Group.objects.filter(pk=dataset.group_a_id).update(values={"n_enrolled": 14})
    assert "15 people analysed, but 14 enrolled." in messages_of(dataset.extraction)


def test_a_contrast_of_two_cohorts_or_of_a_group_with_itself_is_refused_on_completion(dataset):
    Dataset.objects.update(group_b=dataset.group_a_id)
    assert "Group A and group B are the same." in messages_of(dataset.extraction)
    other = Cohort.objects.create(extraction=dataset.extraction, label="Another ward")
    Dataset.objects.update(group_b=Group.objects.create(cohort=other, kind="controls", n=12))
    assert "The two groups belong to different cohorts." in messages_of(dataset.extraction)


def test_a_new_cohort_comes_with_patients_and_controls(add):
    answer = add(level="cohort")
    cohort = Cohort.objects.last()
    assert (cohort.label, [group.kind for group in cohort.groups.all()]) == ("Cohort 1", ["patients", "controls"])
    assert answer["X-Row"] == f"cohort-{cohort.pk}"
    assert f'id="cohort-{cohort.pk}-label"' in answer.text
    assert AuditEntry.objects.get().action == "extraction.row_added"


def test_a_new_group_takes_the_next_kind_of_its_cohort(add, dataset):
    assert add(level="group", cohort=dataset.cohort_id).status_code == 200
    assert [group.kind for group in dataset.cohort.groups.all()] == ["patients", "controls", "other_patients"]


def test_a_group_is_not_added_to_a_cohort_of_another_study(add, project, reviewer):
    foreign = make_dataset(project, reviewer, study="Other 2000").cohort
    answer = add(level="group", cohort=foreign.pk)
    assert (answer.status_code, foreign.groups.count()) == (400, 2)


def test_a_new_dataset_starts_with_the_contrast_of_the_last(add, dataset):
    add(level="dataset")
    new = Dataset.objects.last()
    assert (new.label, new.metric, new.comparison, new.group_b) == (
        "Dataset 1",
        "",
        "patients_controls",
        dataset.group_b,
    )
    add(level="dataset")
    assert Dataset.objects.last().label == "Dataset 2"


def test_a_first_dataset_compares_patients_with_the_other_group(add, dataset):
    Dataset.objects.all().delete()
    add(level="dataset")
    new = Dataset.objects.get()
    assert (new.group_a, new.group_b, new.design) == (dataset.group_a, dataset.group_b, "two_sample")


def test_a_dataset_without_people_is_refused_with_the_way_on(add):
    Dataset.objects.all().delete()
    Cohort.objects.all().delete()
    answer = add(level="dataset")
    assert (answer.status_code, "first add the people" in answer.text) == (400, True)


def test_a_group_in_use_is_not_deleted_and_the_page_says_by_what_it_is_used(delete, dataset):
    answer = delete(f"group:{dataset.group_a_id}")
    assert answer.status_code == 400
    assert "was not deleted: it is used by ReHo" in answer.text
    assert "was not deleted" in delete(f"cohort:{dataset.cohort_id}").text
    assert dataset.cohort.groups.count() == 2


def test_a_deleted_row_is_kept_in_the_audit(delete, dataset):
    assert delete(f"dataset:{dataset.pk}").status_code == 200
    assert not Dataset.objects.exists()
    entry = AuditEntry.objects.get()
    assert entry.action == "extraction.row_deleted"
    assert entry.before[f"dataset:{dataset.pk}"]["t_threshold"] == 3.4


@pytest.mark.parametrize("row", ["study", "dataset:987654", "", "peak:1"])
def test_a_row_that_is_not_there_is_not_deleted(delete, row):
    assert "is not there any more" in delete(row).text
    assert Dataset.objects.exists()


def test_the_problems_and_answers_alone_take_as_many_queries_for_ten_datasets_as_for_one(client, project, dataset):
    def queries():
        counts = []
        for name in ("answers", "problems"):
            with CaptureQueriesContext(connection) as found:
                client.get(page(name, project, dataset.extraction.study_id))
            counts.append(len(found))
        return counts

    few = queries()
    for number in range(9):
        dataset.pk, dataset.label = None, f"copy {number}"
        dataset.save(force_insert=True)
    assert queries() == few


def test_an_opened_extraction_is_shown_in_words_to_those_who_only_read(sign_in, viewer, project, dataset):
    Group.objects.filter(pk=dataset.group_a_id).update(
        age_mean=64.3,
        values={"scales": [{"name": "VAS", "when": "before", "mean": 6.5, "sd": 1.2, "lowest": 0, "highest": 10}]},
    )
    Cohort.objects.update(values={"treatment_duration": {"value": 0.5, "unit": "unstated"}})
    Extraction.objects.update(state="complete")
    text = sign_in(viewer).get(page("study", project, dataset.extraction.study_id)).text
    for words in ("64.3 years", "VAS 6.5 ± 1.2 (0 to 10), before", "0.5 unit not stated", "Patients &gt; controls"):
        assert words in text
    assert "<select" not in text
