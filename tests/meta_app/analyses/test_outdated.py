"""Runs that a newer version of the agreed dataset would answer differently, and the filters of a question."""

import copy
import json

import pytest
from django.urls import reverse

from meta_app.analyses.domain import Filters, filters_of
from meta_app.analyses.forms import LaunchForm
from meta_app.analyses.models import Run
from meta_app.analyses.selectors import runs_outdated

from .conftest import THREE


@pytest.fixture
def newer(freeze):
    """newer(edit) freezes a next version after `edit` has changed the studies."""

    def frozen(edit):
        studies = copy.deepcopy(THREE)
        edit(studies)
        return freeze(studies)

    return frozen


def later_threshold(studies):
    studies[0]["datasets"][0]["t_threshold"] = 4.5


def test_a_run_is_outdated_when_its_own_datasets_changed(launch, newer, project):
    run = launch().run
    newer(later_threshold)
    outdated = runs_outdated(project, [run])[run.pk]
    assert outdated.text == "Made from version 1; version 2 changed 1 of its 3 datasets: rerun."


def test_a_newer_version_that_reads_the_same_outdates_nothing(launch, newer, project):
    run = launch().run
    newer(lambda studies: studies[0]["datasets"][0].update(software_reported="SPM 12"))
    assert runs_outdated(project, [run]) == {}


def test_peaks_that_count_by_their_sign_from_now_on_outdate_a_run(launch, newer, project):
    run = launch().run
    newer(lambda studies: studies[0]["datasets"][0].update(peaks_state="sign_only"))
    assert "changed 1 of its 3 datasets" in runs_outdated(project, [run])[run.pk].text


def test_what_other_filters_let_through_outdates_nothing(launch, newer, project):
    run = launch(filters=Filters("patients_controls", studies=("Study 1",))).run
    newer(later_threshold)
    assert runs_outdated(project, [run]) == {}


def test_many_runs_are_looked_at_in_three_queries(launch, newer, project, django_assert_num_queries):
    runs = [launch(seed=seed).run for seed in range(4)]
    newer(lambda studies: studies.pop())
    with django_assert_num_queries(3):
        outdated = runs_outdated(project, runs)
    assert {item.text for item in outdated.values()} == {
        "Made from version 1; version 2 removed 1 of its 3 datasets: rerun."
    }


def test_the_list_the_run_and_the_dataset_page_say_it(launch, newer, project, sign_in, owner):
    run = launch().run
    newer(later_threshold)
    Run.objects.update(status="done")
    client = sign_in(owner)
    pages = (
        reverse("analyses:runs", args=[project.pk]),
        reverse("analyses:run", args=[project.pk, run.pk]),
        reverse("analyses:runs_of_dataset", args=[project.pk]) + "?dataset=1",
    )
    for page in pages:
        assert "version 2 changed 1 of its 3 datasets" in client.get(page).text
    newest = client.get(reverse("analyses:runs_of_dataset", args=[project.pk]) + "?dataset=2")
    assert "No finished analysis of this version yet." in newest.text


def test_runs_of_a_dataset_are_not_for_outsiders(project, sign_in, outsider):
    assert sign_in(outsider).get(reverse("analyses:runs_of_dataset", args=[project.pk])).status_code == 404


def test_filters_are_part_of_the_frozen_question_where_they_are_used(launch):
    plain = json.loads(launch().run.specification.content)
    assert set(plain["filters"]) == {"comparison", "modalities", "metrics"}
    chosen = Filters("patients_controls", studies=("Study 2", "Study 0"))
    narrow = json.loads(launch(filters=chosen).run.specification.content)
    assert narrow["filters"]["studies"] == ["Study 0", "Study 2"]
    assert filters_of(narrow).studies == ("Study 0", "Study 2")


def test_a_filter_by_quality_names_the_studies_it_let_through(snapshot_of):
    rows = snapshot_of(THREE[:2]).datasets
    resolved = Filters("patients_controls", quality_min=16).resolved(rows)
    assert (resolved.quality_min, resolved.studies) == (16, ("Study 0", "Study 1"))
    assert dict(resolved.words)["Quality at or above"] == "16 points"


def test_the_form_offers_what_the_version_holds_and_takes_all_ticked_as_no_filter(snapshot_of):
    form = LaunchForm(snapshot=snapshot_of(THREE))
    assert form.fields["other_groups"].choices == [("controls", "Controls (3 datasets)")]
    assert form.fields["languages"].choices == [("", "Not stated (3 datasets)")]
    typed = form.first_values() | {
        "dataset": 1,
        "other_groups": ["controls"],
        "studies": ["Study 1"],
        "quality_min": "",
    }
    bound = LaunchForm(typed, snapshot=snapshot_of(THREE))
    assert bound.is_valid(), bound.errors
    assert (bound.filters.other_groups, bound.filters.studies, bound.filters.quality_min) == ((), ("Study 1",), None)
    assert bound.narrows
