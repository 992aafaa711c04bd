"""Nothing of another reviewer leaves the server before all have locked."""

import json

import pytest
from django.urls import reverse
from django.utils import timezone

from meta_app.datasets.selectors import assemble
from meta_app.extraction.models import Extraction
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.services import extraction_start
from meta_app.projects.permissions import EXTRACT, enter_project

from .peak_cast import insula, make_dataset

SENTINELS = ("SENTINEL", "71.7717", "4.7717", "171717", "37.17")


@pytest.fixture
def secret(project, reviewer):
    """A draft of reviewer A whose every value can be recognised."""
    project.extractors_needed = 2
    project.save()
    dataset = make_dataset(
        project, reviewer, label="SENTINEL dataset", metric="SENTINEL metric", software_reported="SENTINEL software",
        threshold_reported="SENTINEL threshold", note="SENTINEL note", t_threshold=37.17,
    )  # fmt: skip
    study = dataset.extraction.study
    study.extractors_needed = 2
    study.save()
    dataset.cohort.label = dataset.cohort.note = "SENTINEL cohort"
    dataset.cohort.identity = "SENTINEL-ward"
    dataset.cohort.save()
    dataset.cohort.groups.update(label="SENTINEL group", n=171717, age_mean=71.7717)
    dataset.extraction.note = "SENTINEL extraction"
    dataset.extraction.save()
    rows = [insula(label="SENTINEL peak", statistic="4.7717", note="SENTINEL", page="SENTINEL")]
    peaks_save(dataset=dataset, version=1, peaks_state="peaks", rows=rows)
    return dataset


def lock(extraction):
    Extraction.objects.filter(pk=extraction.pk).update(state="complete", completed_at=timezone.now())


def every_address(project, dataset):
    study_id = dataset.extraction.study_id
    pages = [
        ("extraction:studies", ()),
        ("extraction:overlaps", ()),
        ("extraction:study", (study_id,)),
        ("extraction:dataset", (dataset.pk,)),
        ("extraction:answers", (study_id,)),
        ("extraction:problems", (study_id,)),
        ("api_extraction:extraction", (dataset.extraction_id,)),
        ("extraction:study_edit", (study_id,)),
        ("extraction:study_delete", (study_id,)),
        ("datasets:versions", ()),
        ("api_datasets:datasets", ()),
        ("projects:overview", ()),
        ("projects:team", ()),
    ]
    for name, more in pages:
        yield reverse(name, args=[project.pk, *more])
    yield reverse("extraction:study", args=[project.pk, study_id]) + "?position=A"
    yield f"/api/projects/{project.pk}/extraction/datasets/{dataset.pk}/peaks/"
    yield reverse("projects:my_work")


def leaks(client, project, dataset):
    found = []
    for address in every_address(project, dataset):
        text = client.get(address, follow=True).text
        found += [(address, word) for word in SENTINELS if word in text]
    return found


def start(user, study):
    return extraction_start(place=enter_project(user, study.project_id, EXTRACT), study=study)


def test_the_sentinels_are_seen_by_their_author(secret, project, reviewer, sign_in):
    seen = {word for _address, word in leaks(sign_in(reviewer), project, secret)}
    assert seen == set(SENTINELS)


@pytest.mark.parametrize("role", ["second_reviewer", "owner", "adjudicator", "viewer", "outsider"])
def test_a_draft_shows_nothing_to_anyone_else(secret, project, role, request, sign_in):
    assert leaks(sign_in(request.getfixturevalue(role)), project, secret) == []


def test_a_locked_extraction_shows_nothing_until_the_second_is_locked(secret, project, second_reviewer, sign_in):
    lock(secret.extraction)
    client = sign_in(second_reviewer)
    assert leaks(client, project, secret) == []
    second = start(second_reviewer, secret.extraction.study)
    assert second.position == "B"
    assert leaks(client, project, secret) == []
    assert "SENTINEL" not in json.dumps([*assemble(project).left_out, assemble(project).content])
    lock(second)
    assert {word for _address, word in leaks(client, project, secret)} == set(SENTINELS)


def test_a_reopened_extraction_closes_the_other_again(secret, project, second_reviewer, sign_in):
    second = start(second_reviewer, secret.extraction.study)
    lock(secret.extraction)
    lock(second)
    Extraction.objects.filter(pk=second.pk).update(state="draft")
    assert leaks(sign_in(second_reviewer), project, secret) == []


def test_a_viewer_sees_opened_studies_only(secret, project, viewer, second_reviewer, sign_in):
    client = sign_in(viewer)
    study = secret.extraction.study
    address = reverse("extraction:study", args=[project.pk, study.pk])
    assert study.label not in client.get(reverse("extraction:studies", args=[project.pk])).text
    assert client.get(address).status_code == 404
    second = start(second_reviewer, study)
    lock(secret.extraction)
    lock(second)
    assert client.get(address).status_code == 200
    assert "SENTINEL dataset" in client.get(address).text


def test_the_other_reviewer_is_named_with_a_state_and_nothing_else(secret, project, second_reviewer, sign_in):
    text = sign_in(second_reviewer).get(reverse("extraction:studies", args=[project.pk])).text
    assert "rosa" in text
    assert "draft" in text
    assert "free to start" in text


def test_both_are_shown_side_by_side_in_turn_once_opened(secret, project, second_reviewer, owner, sign_in):
    second = start(second_reviewer, secret.extraction.study)
    lock(secret.extraction)
    lock(second)
    address = reverse("extraction:study", args=[project.pk, secret.extraction.study_id])
    client = sign_in(owner)
    assert "SENTINEL dataset" in client.get(address + "?position=A").text
    assert "SENTINEL dataset" not in client.get(address + "?position=B").text
