"""Freezing: what goes in, what stays out, and that a version never changes."""

import json

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from meta_app.audit.models import AuditEntry
from meta_app.common.domain import canonical_json, digest
from meta_app.common.exceptions import UserError
from meta_app.datasets.domain import load_snapshot
from meta_app.datasets.models import AgreedDataset
from meta_app.datasets.selectors import assemble, open_overlaps, waiting_to_freeze
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Dataset, Extraction, Group, Peak, SampleOverlap
from meta_app.extraction.overlap_services import overlap_decide
from meta_app.quality.models import Instrument, ItemScore, QualityScore


def reasons(project):
    return [(line["study"], line["dataset"], line["reason"]) for line in assemble(project).left_out]


def test_a_locked_study_is_frozen_with_its_hash_and_counts(place, make_study):
    make_study()
    agreed, new = agreed_dataset_freeze(place=place, note="first")
    assert new
    assert agreed.sha256 == digest(agreed.content)
    assert agreed.content == canonical_json(json.loads(agreed.content))
    assert agreed.counts == {
        "reports": 1, "studies": 1, "cohorts": 1, "contrasts": 1, "datasets": 1, "maps": 0, "peaks": 2,
    }  # fmt: skip
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


def test_a_version_refuses_every_change(place, make_study):
    make_study()
    agreed, _new = agreed_dataset_freeze(place=place)
    agreed.content = "{}"
    for change in (
        agreed.save,
        agreed.delete,
        AgreedDataset.objects.all().delete,
        lambda: AgreedDataset.objects.update(content="{}"),
    ):
        with pytest.raises(PermissionDenied, match="never changes"):
            change()
    agreed.refresh_from_db()
    assert agreed.sha256 == digest(agreed.content)


def test_freezing_is_in_the_audit_trail_with_the_hash(place, make_study, project):
    make_study()
    agreed, _new = agreed_dataset_freeze(place=place)
    entry = AuditEntry.objects.get(project_id=project.pk, action="dataset.frozen")
    assert (entry.actor, entry.after["sha256"]) == (place.membership.user, agreed.sha256)


def test_form_values_sources_and_new_peak_columns_are_frozen(place, make_study, project):
    extraction = make_study(transform="brett", values={"scanner": " Siemens Trio ", "scan_time": 480.0, "note": ""})
    Extraction.objects.update(
        values={"design": "case_control"},
        sources={"design": {"quote": "patients and controls", "page": "2", "file": 7}},
    )
    Peak.objects.filter(position=1).update(
        hemisphere="left", brodmann="13", sub_peak=True, p_kind="uncorrected", cells={"space": "Talairach"}
    )
    study = assemble(project).content["studies"][0]
    dataset = study["datasets"][0]
    assert study["values"] == {"design": "case_control"}
    assert study["sources"] == {"design": {"quote": "patients and controls", "page": "2"}}
    assert (dataset["transform"], dataset["values"]) == ("brett", {"scanner": "Siemens Trio", "scan_time": 480})
    peak = dataset["peaks"][0]
    assert [peak[name] for name in ("space", "hemisphere", "brodmann", "sub_peak", "p_kind")] == [
        "talairach", "left", "13", True, "uncorrected",
    ]  # fmt: skip
    assert extraction.author.username not in canonical_json(assemble(project).content)


def test_where_values_of_a_consensus_came_from_is_beside_the_content_not_in_its_hash(
    place, make_study, project, adjudicator
):
    make_study(needed=2)
    make_study(needed=2, position="B", author=place.membership.user)
    consensus = make_study(needed=2, position="consensus", author=adjudicator)
    before = assemble(project)
    consensus.origins = {"design": {"from": "other", "reason": "table 1", "by": "ada"}}
    consensus.save()
    Peak.objects.filter(dataset__extraction=consensus, position=1).update(origin={"from": "A"})
    after = assemble(project)
    agreement = after.agreement["studies"][0]
    assert agreement["origins"] == {"study": {"design": {"from": "other", "reason": "table 1"}}}
    assert agreement["peaks"] == {"Cao 2017 / ReHo": [{"from": "A"}, {}]}
    assert (before.hashes[0] == after.hashes[0], before.hashes[1] == after.hashes[1]) == (True, False)


def test_agreed_quality_is_beside_the_content(make_study, project, reviewer, owner):
    """Neither one person's score nor two that are not agreed yet is a quality."""
    study = make_study().study
    instrument = Instrument.objects.create(name="short", version=1, cutoff=1)

    def add_score(position, author, state):
        score = QualityScore.objects.create(
            study=study, instrument=instrument, position=position, author=author, state=state
        )
        ItemScore.objects.create(score=score, item="one", points=1.5)
        ItemScore.objects.create(score=score, item="two", points=15)

    add_score("A", reviewer, "complete")
    assert assemble(project).agreement["studies"][0]["quality"] is None
    add_score("B", owner, "complete")
    add_score("consensus", owner, "draft")
    assert assemble(project).agreement["studies"][0]["quality"] is None
    QualityScore.objects.update(state="complete")
    assert assemble(project).agreement["studies"][0]["quality"] == 16.5


def test_a_study_given_up_for_another_of_the_same_people_is_left_out_with_that_reason(make_study, project):
    first, second = make_study("Jiang 2017").study, make_study("Hui 2020").study
    overlap = SampleOverlap.objects.create(project=project, first=first, second=second)
    assert [item.pk for item in open_overlaps(project)] == [overlap.pk]
    SampleOverlap.objects.update(decision="same", handling="keep_first")
    assert reasons(project) == [("Hui 2020", None, "The same people as in Jiang 2017, which is kept.")]
    assert open_overlaps(project) == []
    SampleOverlap.objects.update(handling="keep_second", reason="It reports more.")
    assert reasons(project) == [("Jiang 2017", None, "The same people as in Hui 2020, which is kept. It reports more.")]


ONE_SAMPLE = {"n_female": 5, "age_mean": 60.92, "age_sd": 9.29}


def test_freezing_waits_until_it_is_decided_whether_two_of_its_studies_scanned_the_same_people(
    place, make_study, project
):
    studies = [make_study(label).study for label in ("Jiang 2017", "Hui 2020", "Cao 2017")]
    Group.objects.filter(kind="patients").exclude(cohort__extraction__study=studies[2]).update(**ONE_SAMPLE)
    with pytest.raises(UserError, match=r"the same people\? Jiang 2017 and Hui 2020\. Decide each pair"):
        agreed_dataset_freeze(place=place)
    assert not AgreedDataset.objects.exists()
    overlap = SampleOverlap.objects.get()
    overlap_decide(
        place=place, overlap=overlap, version=1, decision="different", handling="", reason="Two wards, the authors say."
    )
    agreed, new = agreed_dataset_freeze(place=place)
    assert (new, agreed.counts["studies"], agreed.left_out) == (True, 3, [])
    assert json.loads(agreed.agreement)["overlaps"] == [
        {"studies": ["Jiang 2017", "Hui 2020"], "decision": "different", "handling": "",
         "reason": "Two wards, the authors say."}
    ]  # fmt: skip


def test_a_question_about_a_study_that_does_not_go_in_does_not_hold_up_the_others(place, make_study, project):
    make_study("Jiang 2017")
    make_study("Hui 2020", peaks_state="not_extracted", peaks=0)
    Group.objects.filter(kind="patients").update(**ONE_SAMPLE)
    agreed, _new = agreed_dataset_freeze(place=place)
    assert [overlap.decision for overlap in open_overlaps(project)] == ["open"]
    assert agreed.counts["studies"] == 1


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
    assert assemble(project).agreement["studies"][0]["extracted_by"] == 2


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


def test_what_two_have_locked_waits_to_be_frozen_only_once_it_is_agreed(place, make_study, adjudicator):
    make_study(needed=2)
    make_study(needed=2, position="B", author=place.membership.user)
    assert waiting_to_freeze(place.membership).count == 0
    make_study(needed=2, position="consensus", author=adjudicator)
    assert waiting_to_freeze(place.membership).count == 1
    Extraction.objects.filter(position="consensus").update(state="draft")
    assert waiting_to_freeze(place.membership).count == 0


def test_the_sidebar_counts_the_studies_that_its_page_would_freeze(place, make_study, project, reviewer, adjudicator):
    def counts():
        return waiting_to_freeze(place.membership).count, assemble(project).counts["studies"]

    make_study("Draft 2000", state="draft")
    make_study("Both 2003", needed=2)
    make_study("Both 2003", needed=2, position="B", author=place.membership.user)
    assert counts() == (0, 0)
    consensus = make_study("Both 2003", needed=2, position="consensus", author=adjudicator, state="draft")
    assert counts() == (0, 0)
    Extraction.objects.filter(pk=consensus.pk).update(state="complete", completed_at=timezone.now())
    assert counts() == (1, 1)
    first, second = make_study("Hui 2020").study, make_study("Jiang 2017").study
    SampleOverlap.objects.create(
        project=project, first=first, second=second, decision="same", handling="keep_first", reason="One ward."
    )
    assert counts() == (2, 2)
    score = {
        "study": first,
        "state": "complete",
        "instrument": Instrument.objects.create(name="one", version=1, cutoff=1),
    }
    for position, author in (("A", reviewer), ("B", place.membership.user), ("consensus", adjudicator)):
        QualityScore.objects.create(**score, position=position, author=author)
    assert counts() == (1, 1)


def test_studies_agreed_since_the_last_version_wait_for_those_who_may_freeze(place, make_study, reviewer, project):
    make_study("Cao 2017")
    assert waiting_to_freeze(place.membership).count == 1
    agreed_dataset_freeze(place=place)
    assert waiting_to_freeze(place.membership).count == 0
    make_study("Cao 2018")
    assert waiting_to_freeze(place.membership).count == 1
    assert waiting_to_freeze(project.memberships.get(user=reviewer)) is None


@pytest.mark.parametrize(
    "labels",
    [("drug", "placebo, crossover"), ("1.5 T", "3 T, another scanner"), ("first scan", "the same people a year later")],
)
def test_datasets_of_the_same_people_count_once_as_a_cohort(place, make_study, labels):
    first = make_study("Cao 2017").datasets.get()
    Dataset.objects.filter(pk=first.pk).update(label=labels[0])
    Dataset.objects.create(
        extraction=first.extraction, cohort=first.cohort, group_a=first.group_a, group_b=first.group_b, label=labels[1],
        comparison=first.comparison, modality=first.modality, metric=first.metric, design=first.design, space="mni",
        peaks_state="no_peaks",
    )  # fmt: skip
    counts = agreed_dataset_freeze(place=place)[0].counts
    assert (counts["studies"], counts["cohorts"], counts["datasets"]) == (1, 1, 2)
