"""Nobody's decision stands about their own extraction, and nobody reads both sides and then becomes one of them."""

import html

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from meta_app.agreement.services import difference_decide
from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import UserError
from meta_app.extraction.list_services import assignments_deal, assignments_set, places_return
from meta_app.extraction.models import Assignment, Extraction
from meta_app.extraction.selectors import study_lines
from meta_app.extraction.services import extraction_reopen, extraction_start
from meta_app.projects.models import Membership
from tests.meta_app.quality.score_cast import place_of

from .readers import both_locked, enter, lock, new_study, tree


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


@pytest.fixture
def third_reviewer(project, outsider):
    Membership.objects.create(project=project, user=outsider, role="reviewer")
    return outsider


@pytest.fixture
def free_place(project, reviewer, second_reviewer, owner):
    """free_place(client, page) answers a study whose reviewer B left after somebody's client had read a page of it."""

    def make(client, page):
        study = both_locked(project, reviewer, second_reviewer, b=tree(patients={"n": 19})).study
        assert client.get(reverse(page, args=[project.pk, study.pk])).status_code == 200
        b = Extraction.objects.get(study=study, position="B")
        extraction_reopen(extraction=b, version=b.version, reason="The reviewer leaves.")
        places_return(membership=second_reviewer.memberships.get(), editor=owner, leaves=True)
        return study

    return make


@pytest.mark.parametrize("page", ["agreement:comparison", "extraction:study"])
def test_who_has_read_both_sides_of_a_study_does_not_take_a_place_of_it_that_becomes_free(
    owner, third_reviewer, free_place, sign_in, page
):
    client = sign_in(owner)
    study = free_place(client, page)
    place = place_of(owner)
    with pytest.raises(UserError, match="not blind to it"):
        extraction_start(place=place, study=study)
    refused = assignments_set(place=place, study_ids=[study.pk], reviewers={"B": owner})
    assert refused.kept == ["Cao 2017: olga has read what its reviewers entered, and is not blind to it."]
    assignments_deal(place=place, study_ids=[study.pk], people=[owner, third_reviewer], seed=1)
    assert [item.reviewer for item in Assignment.objects.filter(study=study)] == [third_reviewer]
    assert extraction_start(place=place_of(third_reviewer), study=study).position == "B"


def test_a_place_of_a_study_that_one_has_read_is_not_offered_and_the_reason_is_told(
    project, owner, third_reviewer, free_place, sign_in, django_assert_num_queries
):
    client = sign_in(owner)
    study = free_place(client, "extraction:study")
    studies = reverse("extraction:studies", args=[project.pk])
    page = reverse("extraction:study", args=[project.pk, study.pk])
    assert "free, but not for you: you have read this study" in client.get(studies).text
    assert "Cao 2017" not in client.get(studies, {"show": "open"}).text
    text = html.unescape(client.get(page).text)
    assert "Start my extraction" not in text
    assert "You have read what the reviewers of Cao 2017 entered, so you are not blind to it" in text
    other = sign_in(third_reviewer)
    assert "free to start" in other.get(studies).text
    assert "Cao 2017" in other.get(studies, {"show": "open"}).text
    assert "Start my extraction" in other.get(page).text
    with CaptureQueriesContext(connection) as one:
        study_lines(place_of(owner), [study])
    more = [new_study(project, f"Study {number}") for number in range(5)]
    with django_assert_num_queries(len(one)):
        study_lines(place_of(owner), [study, *more])


def test_who_settled_something_without_looking_has_read_both_sides(project, reviewer, second_reviewer, owner, sign_in):
    difference = both_locked(project, reviewer, second_reviewer, b=tree(patients={"n": 19})).differences.get()
    client = sign_in(owner)
    address = reverse("agreement:decide", args=[project.pk, difference.comparison.study_id, difference.pk])
    assert client.post(address, {"version": 1, "choice": "B"}).status_code == 302
    read = AuditEntry.objects.get(action="extraction.read")
    assert (read.actor, read.blind_study_id) == (owner, difference.comparison.study_id)


def test_reading_is_noted_once_and_not_before_both_have_locked(project, reviewer, second_reviewer, owner, sign_in):
    draft = enter(new_study(project, "Draft 2020"), reviewer, "A")
    opened = both_locked(project, reviewer, second_reviewer).study
    client = sign_in(owner)
    for study in (draft.study, opened, opened):
        client.get(reverse("extraction:study", args=[project.pk, study.pk]))
    entries = AuditEntry.objects.filter(action="extraction.read")
    assert [entry.subject for entry in entries] == ["Cao 2017"]
