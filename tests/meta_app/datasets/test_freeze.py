"""Freezing: what goes in, what stays out, and that a version never changes."""

import json

import pytest

from meta_app.common.exceptions import UserError
from meta_app.datasets.domain import canonical_json, digest, load_snapshot
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.selectors import assemble, waiting_to_freeze
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Dataset, Extraction, Peak


def reasons(project):
    return [(line["study"], line["dataset"], line["reason"]) for line in assemble(project).left_out]


def test_a_locked_study_is_frozen_with_its_hash_and_counts(place, make_study):
    make_study()
    agreed, new = agreed_dataset_freeze(place=place, note="first")
    assert new
    assert agreed.sha256 == digest(agreed.content)
    assert agreed.content == canonical_json(json.loads(agreed.content))
    assert agreed.counts == {"reports": 1, "studies": 1, "cohorts": 1, "datasets": 1, "peaks": 2}
    row = load_snapshot(agreed.content).datasets[0]
    assert (row.key, row.n1, row.n2, row.peaks[0].statistic) == ("Cao 2017 / ReHo", 18, 20, 4.5)


def test_equal_content_answers_with_the_version_that_is_there(place, make_study):
    make_study()
    first, _new = agreed_dataset_freeze(place=place)
    again, new = agreed_dataset_freeze(place=place)
    assert (again.pk, new) == (first.pk, False)


def test_content_holds_no_database_numbers(place, make_study, project):
    make_study("Zhang 2016")
    before = assemble(project).content
    extraction = Extraction.objects.get()
    Dataset.objects.all().delete()
    extraction.study.reports.all().delete()
    extraction.study.delete()
    make_study("Zhang 2016")
    assert digest(canonical_json(assemble(project).content)) == digest(canonical_json(before))


def test_an_edit_after_freezing_leaves_the_version_as_it_was_and_makes_a_new_one(place, make_study):
    make_study()
    first, _new = agreed_dataset_freeze(place=place)
    content = first.content
    Peak.objects.filter(position=1).update(statistic=5.5)
    second, new = agreed_dataset_freeze(place=place)
    first.refresh_from_db()
    assert new
    assert (first.content, second.version) == (content, 2)


def test_nothing_to_freeze_is_refused_and_says_why(place, make_study):
    make_study(state="draft")
    with pytest.raises(UserError, match="no dataset is complete yet") as refusal:
        agreed_dataset_freeze(place=place)
    assert refusal.value.details["left_out"][0]["reason"] == "Not complete yet: 0 of 1 extraction locked."
    assert not AgreedDataset.objects.exists()


def test_each_thing_left_out_has_its_reason(place, make_study, project):
    make_study("Draft 2000", state="draft")
    make_study("Unread 2001", peaks_state="not_extracted", peaks=0)
    make_study("One of two 2002", needed=2)
    make_study("Both 2003", needed=2)
    make_study("Both 2003", needed=2, position="B", author=place.membership.user)
    assert reasons(project) == [
        ("Both 2003", None, "Its two extractions wait to be compared and agreed."),
        ("Draft 2000", None, "Not complete yet: 0 of 1 extraction locked."),
        ("One of two 2002", None, "Not complete yet: 1 of 2 extractions locked."),
        ("Unread 2001", "ReHo", "Its peaks are not extracted yet."),
    ]


def test_the_consensus_speaks_for_a_study_of_two_reviewers(place, make_study, project, adjudicator):
    make_study(needed=2, metric="ReHo")
    make_study(needed=2, position="B", author=place.membership.user, metric="other")
    make_study(needed=2, position="consensus", author=adjudicator, metric="agreed")
    row = load_snapshot(assemble(project).content).datasets[0]
    assert row.metric == "agreed"
    assert assemble(project).content["studies"][0]["extracted_by"] == 2


def test_an_agreement_that_is_still_a_draft_is_not_frozen(place, make_study, project, adjudicator):
    make_study("Both 2003", needed=2)
    make_study("Both 2003", needed=2, position="B", author=place.membership.user)
    make_study("Both 2003", needed=2, position="consensus", author=adjudicator, state="draft")
    assert assemble(project).content["studies"] == []
    assert reasons(project) == [("Both 2003", None, "The agreement of its two extractions is not complete yet.")]


def test_a_row_without_a_place_is_left_out_by_name(place, make_study, project):
    make_study()
    Peak.objects.filter(position=2).update(x=None)
    assert reasons(project) == [("Cao 2017", "ReHo", "Row 2 of its peaks has no place or no sign.")]


def test_no_peaks_is_a_result_and_is_frozen(place, make_study):
    make_study(peaks_state="no_peaks", peaks=0)
    agreed, _new = agreed_dataset_freeze(place=place)
    assert agreed.counts["datasets"] == 1
    assert agreed.counts["peaks"] == 0


def test_the_same_people_in_two_studies_count_as_one_cohort(place, make_study):
    make_study("Cao 2017", identity="ruijin")
    make_study("Cao 2018", identity="ruijin")
    agreed, _new = agreed_dataset_freeze(place=place)
    assert (agreed.counts["studies"], agreed.counts["cohorts"]) == (2, 1)


def test_five_thousand_peaks_are_put_together_in_a_fixed_number_of_queries(
    make_study, project, django_assert_max_num_queries
):
    for number in range(20):
        make_study(f"Study {number:02}", peaks=250)
    with django_assert_max_num_queries(12):
        assert assemble(project).counts["peaks"] == 5000


def test_studies_locked_since_the_last_version_wait_for_those_who_may_freeze(place, make_study, reviewer, project):
    make_study("Cao 2017")
    assert waiting_to_freeze(place.membership).count == 1
    agreed_dataset_freeze(place=place)
    assert waiting_to_freeze(place.membership).count == 0
    make_study("Cao 2018")
    assert waiting_to_freeze(place.membership).count == 1
    assert waiting_to_freeze(project.memberships.get(user=reviewer)) is None
