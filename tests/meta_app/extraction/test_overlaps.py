"""Studies of the same people: found, seen only by those who may, decided, kept out of the dataset. Values made up."""

import pytest
from django.urls import reverse
from django.utils import timezone

from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.datasets.selectors import assemble, open_overlaps
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Cohort, Extraction, Group, SampleOverlap, Study
from meta_app.extraction.overlap_checks import likenesses, sample_of
from meta_app.extraction.overlap_services import overlap_decide, overlaps_refresh
from meta_app.library.models import Report
from meta_app.projects.permissions import ADJUDICATE, EXTRACT, FREEZE, enter_project

from .peak_cast import make_dataset

PEOPLE = {"n": 12, "n_female": 5, "age_mean": 60.92, "age_sd": 9.29}


def study(project, author, label, people=PEOPLE, authors="", complete=True, **values):
    """A study of patients (and 15 controls of whom nothing is told)."""
    dataset = make_dataset(project, author, study=label, peaks_state="no_peaks", values=values)
    Group.objects.filter(pk=dataset.group_a_id).update(**people)
    if authors:
        dataset.extraction.study.reports.add(Report.objects.create(project=project, authors=authors))
    if complete:
        lock(dataset.extraction)
    return dataset.extraction


def lock(extraction):
    Extraction.objects.filter(pk=extraction.pk).update(state="complete", completed_at=timezone.now())


def compared(*extractions):
    return likenesses([sample_of(extraction) for extraction in extractions])


@pytest.fixture
def pair(project, reviewer):
    return study(project, reviewer, "Jiang 2017"), study(project, reviewer, "Hui 2020")


@pytest.fixture
def asked(pair, project):
    (row,) = overlaps_refresh(project=project)
    return row


@pytest.fixture
def place(project, adjudicator):
    return enter_project(adjudicator, project.pk, ADJUDICATE)


def decide(place, row, **values):
    chosen = {"decision": "same", "handling": "keep_all", "reason": "One hospital."} | values
    return overlap_decide(place=place, overlap=row, version=values.pop("version", row.version), **{
        name: chosen[name] for name in ("decision", "handling", "reason")
    })  # fmt: skip


def test_equal_size_sex_and_age_look_like_the_same_people(pair):
    (found,) = compared(*pair)
    assert (found.strength, found.words) == ("same", "These look like the same people.")
    assert found.evidence == ["Patients: 12 people, 5 of them women, age 60.92 ± 9.29 years in both."]


def test_a_mean_printed_with_fewer_digits_is_equal_too(project, reviewer):
    other = study(project, reviewer, "Hui 2020", PEOPLE | {"age_mean": 60.9, "age_sd": 9.3})
    assert compared(study(project, reviewer, "Jiang 2017"), other)[0].strength == "same"


@pytest.mark.parametrize(
    "people",
    [{"n": 12, "n_female": 5}, {"n": 12, "n_female": 5, "age_mean": 61.2, "age_sd": 9.29}, {"n": 15}],
)
def test_equal_sizes_alone_are_chance(project, reviewer, people):
    assert compared(study(project, reviewer, "Jiang 2017"), study(project, reviewer, "Gu 2019", people)) == []


def test_other_numbers_of_women_are_other_people(project, reviewer):
    other = PEOPLE | {"n_female": 7, "age_mean": 60.0, "age_sd": 9.0}
    assert (
        compared(study(project, reviewer, "A 2017", other | {"n_female": 6}), study(project, reviewer, "B", other))
        == []
    )


def test_an_equal_duration_of_different_people_is_asked_about_as_copied(project, reviewer):
    one = {"n": 17, "duration_mean": 5.12, "duration_sd": 6.17}
    found = compared(study(project, reviewer, "Zhang 2016", one), study(project, reviewer, "Li 2022", one | {"n": 25}))
    assert found[0].strength == "copied"
    assert found[0].evidence == ["Patients: duration 5.12 ± 6.17 in both."]


def test_an_equal_duration_is_told_with_the_unit_of_each(project, reviewer):
    one = {"n": 17, "duration_mean": 5.12, "duration_sd": 6.17, "duration_unit": "months"}
    first, second = (study(project, reviewer, label, one) for label in ("Zhang 2016", "Li 2022"))
    third = study(project, reviewer, "Wu 2023", one | {"duration_unit": "years"})
    assert "duration 5.12 ± 6.17 months in both." in compared(first, second)[0].evidence[0]
    assert "duration 5.12 ± 6.17 months and years in both." in compared(first, third)[0].evidence[0]


def test_round_numbers_that_many_papers_print_are_not_asked_about(project, reviewer):
    one = {"n": 17, "age_mean": 62.0, "age_sd": 8.0}
    assert compared(study(project, reviewer, "A 2016", one), study(project, reviewer, "B 2017", one | {"n": 30})) == []


def test_site_time_and_scanner_with_a_common_author_are_perhaps_the_same_people(project, reviewer):
    one, other = (
        study(project, reviewer, label, {"n": n}, authors="Ren H, Bu C", scanner="Siemens Trio")
        for label, n in (("Chun 2023", 10), ("Fan 2022", 14))
    )
    Extraction.objects.update(values={"site": "Tiantan", "recruited": "2019 to 2020"})
    (found,) = compared(*Extraction.objects.all())
    assert found.strength == "perhaps"
    assert "Common authors: Ren H, Bu C." in found.evidence
    assert (one.study.label, other.study.label) == ("Chun 2023", "Fan 2022")


def test_a_likeness_is_seen_among_ones_own_drafts(project, reviewer, sign_in):
    for label in ("Jiang 2017", "Hui 2020"):
        study(project, reviewer, label, complete=False)
    text = sign_in(reviewer).get(reverse("extraction:overlaps", args=[project.pk])).text
    assert "60.92 ± 9.29" in text
    assert "can be decided once both studies are complete" in text


@pytest.mark.parametrize("role", ["second_reviewer", "owner", "adjudicator", "viewer"])
def test_a_likeness_with_a_draft_is_told_to_nobody_else(project, reviewer, role, request, sign_in):
    """Neither in the list, nor on the pair's page, nor where the dataset is frozen, nor by a question in the store."""
    first = study(project, reviewer, "Jiang 2017")
    second = study(project, reviewer, "Hui 2020", complete=False)
    assert overlaps_refresh(project=project) == []
    client = sign_in(request.getfixturevalue(role))
    list_page = client.get(reverse("extraction:overlaps", args=[project.pk]))
    pair_page = client.get(reverse("extraction:overlap", args=[project.pk, first.study_id, second.study_id]))
    assert "Nothing found" in list_page.text
    assert pair_page.status_code == 404
    assert "60.92" not in client.get(reverse("datasets:versions", args=[project.pk])).text


def test_the_first_of_two_who_locks_tells_the_second_nothing(project, reviewer, second_reviewer, sign_in):
    """B has the same numbers in a draft of another study; A's locked but not opened study must not show through."""
    hidden = study(project, reviewer, "Jiang 2017")
    Study.objects.filter(pk=hidden.study_id).update(extractors_needed=2)
    study(project, second_reviewer, "Hui 2020", complete=False)
    assert "Nothing found" in sign_in(second_reviewer).get(reverse("extraction:overlaps", args=[project.pk])).text


def test_a_reopened_study_hides_the_question_again(asked, pair, project, owner, sign_in):
    assert open_overlaps(project) == [asked]
    Extraction.objects.filter(pk=pair[0].pk).update(state="draft")
    assert open_overlaps(project) == []
    assert "60.92" not in sign_in(owner).get(reverse("datasets:versions", args=[project.pk])).text


def test_completing_a_study_asks_about_its_likeness(project, reviewer):
    from meta_app.extraction.services import extraction_complete
    from meta_app.extraction.study_checks import extraction_problems, problems_digest

    study(project, reviewer, "Jiang 2017")
    draft = study(project, reviewer, "Hui 2020", complete=False)
    accepted = problems_digest(extraction_problems(draft))
    extraction_complete(extraction=draft, version=draft.version, accepted=accepted)
    assert SampleOverlap.objects.get().evidence == [
        "Patients: 12 people, 5 of them women, age 60.92 ± 9.29 years in both."
    ]


def test_an_open_question_goes_when_the_numbers_change_and_a_decided_one_stays(asked, pair, project, place):
    Group.objects.filter(cohort__extraction=pair[1], kind="patients").update(age_mean=70.5)
    assert overlaps_refresh(project=project) == []
    assert not SampleOverlap.objects.exists()
    Group.objects.filter(cohort__extraction=pair[1], kind="patients").update(age_mean=60.92)
    (again,) = overlaps_refresh(project=project)
    decide(place, again, decision="different")
    Group.objects.filter(cohort__extraction=pair[1], kind="patients").update(age_mean=70.5)
    overlaps_refresh(project=project)
    assert SampleOverlap.objects.get().decision == "different"


def test_the_same_people_get_one_identity_and_count_once(asked, project, place):
    assert assemble(project).counts["cohorts"] == 2
    decide(place, asked)
    assert set(Cohort.objects.values_list("identity", flat=True)) == {"jiang-2017"}
    assert assemble(project).counts["cohorts"] == 1


def test_a_decision_taken_back_takes_the_identity_back(asked, place):
    decide(place, asked)
    asked.refresh_from_db()
    decide(place, asked, decision="different")
    assert set(Cohort.objects.values_list("identity", flat=True)) == {""}
    assert (asked.decision, asked.handling) == ("different", "")


def test_a_consensus_made_later_gets_the_identity_when_the_dataset_is_frozen(asked, pair, project, owner, place):
    decide(place, asked)
    Cohort.objects.update(identity="")
    agreed_dataset_freeze(place=enter_project(owner, project.pk, FREEZE))
    assert set(Cohort.objects.values_list("identity", flat=True)) == {"jiang-2017"}


def test_the_study_that_is_given_up_is_left_out_with_the_reason(asked, project, place):
    decide(place, asked, handling="keep_second")
    assembly = assemble(project)
    assert [item["label"] for item in assembly.content["studies"]] == ["Hui 2020"]
    assert assembly.left_out[0]["study"] == "Jiang 2017"


def test_a_decision_is_told_in_the_audit_trail(asked, place, adjudicator):
    decide(place, asked)
    entry = AuditEntry.objects.get(action="overlap.decided")
    assert (entry.actor, entry.before["decision"], entry.after["decision"]) == (adjudicator, "open", "same")
    assert entry.reason == "One hospital."


@pytest.mark.parametrize(
    ("values", "field"),
    [({"reason": " "}, "reason"), ({"handling": ""}, "handling"), ({"decision": "open"}, "decision")],
)
def test_a_decision_without_reason_or_handling_is_refused(asked, place, values, field):
    with pytest.raises(UserError) as caught:
        decide(place, asked, **values)
    assert list(caught.value.details) == [field]
    assert SampleOverlap.objects.get().decision == "open"


def test_a_stale_decision_is_answered_with_both(asked, place, project, adjudicator, sign_in):
    decide(place, asked, reason="First.")
    with pytest.raises(StaleEdit):
        overlap_decide(
            place=place, overlap=asked, version=1, decision="different", handling="", reason="Second.",
        )  # fmt: skip
    address = reverse("extraction:overlap", args=[project.pk, asked.first_id, asked.second_id])
    answer = sign_in(adjudicator).post(address, {"version": 1, "decision": "different", "reason": "Second."})
    assert answer.status_code == 409
    assert "First." in answer.text
    assert "Second." in answer.text


def test_both_samples_stand_side_by_side_and_are_decided_there(asked, project, adjudicator, sign_in):
    client = sign_in(adjudicator)
    address = reverse("extraction:overlap", args=[project.pk, asked.first_id, asked.second_id])
    text = client.get(address).text
    assert text.count("60.92 ± 9.29 years</td>") == 2
    assert "<td>equal</td>" in text
    typed = {"version": asked.version, "decision": "partly", "handling": "keep_first", "reason": "One ward."}
    answer = client.post(address, typed, follow=True)
    assert "Decided: partly the same people." in answer.text
    assert "One ward." in answer.text


def test_an_owner_or_adjudicator_decides_nobody_else(asked, project, reviewer, viewer, sign_in):
    address = reverse("extraction:overlap", args=[project.pk, asked.first_id, asked.second_id])
    for person in (reviewer, viewer):
        client = sign_in(person)
        assert client.get(address).status_code == 200
        assert client.post(address, {"version": 1, "decision": "same", "reason": "x"}).status_code == 403


def test_the_pairs_are_found_in_as_many_queries_for_twenty_studies_as_for_two(
    pair, project, reviewer, sign_in, django_assert_max_num_queries
):
    for number in range(18):
        study(project, reviewer, f"Study {number}", {"n": 20 + number, "age_mean": 40.0 + number, "age_sd": 9.13})
    client = sign_in(reviewer)
    with django_assert_max_num_queries(24):
        client.get(reverse("extraction:overlaps", args=[project.pk]))
    assert enter_project(reviewer, project.pk, EXTRACT)
