"""Who extracts what: by hand, dealt out evenly, begun, returned; and the list that shows who is where."""

from collections import Counter
from itertools import product

import pytest
from django.urls import reverse
from django.utils import timezone

from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import UserError
from meta_app.extraction.list_services import assignments_deal, assignments_set
from meta_app.extraction.models import Assignment, Dataset, Extraction, ExtractionForm, Study
from meta_app.extraction.selectors import free_drafts, free_position, studies_shown, study_lines, waiting_drafts
from meta_app.extraction.services import extraction_start
from meta_app.projects.permissions import EXTRACT, MANAGE, enter_project
from meta_app.projects.services import member_change_role, member_remove

from .peak_cast import insula, make_dataset


@pytest.fixture(autouse=True)
def _two_reviewers(project):
    project.extractors_needed = 2
    project.save()


@pytest.fixture
def place(project, owner):
    return enter_project(owner, project.pk, MANAGE)


def studies(project, number, needed=2):
    return Study.objects.bulk_create(
        Study(project=project, label=f"Study {index:04}", extractors_needed=needed) for index in range(number)
    )


def ids(made):
    return [study.pk for study in made]


def places_of(study):
    return dict(study.assignments.values_list("position", "reviewer__username"))


def start(person, study):
    return extraction_start(place=enter_project(person, study.project_id, EXTRACT), study=study)


def lock(extraction):
    Extraction.objects.filter(pk=extraction.pk).update(state="complete", completed_at=timezone.now())


def address(project, name):
    return reverse(f"extraction:{name}", args=[project.pk])


def test_places_are_assigned_by_hand_and_told_in_the_audit_trail(place, project, reviewer, second_reviewer):
    (study,) = studies(project, 1)
    dealt = assignments_set(place=place, study_ids=[study.pk], reviewers={"A": reviewer, "B": second_reviewer})
    assert (dealt.places, dealt.kept) == (2, [])
    assert places_of(study) == {"A": "rosa", "B": "ren"}
    entry = AuditEntry.objects.get(action="assignments.changed")
    assert (entry.before, entry.after) == ({"Study 0000": {}}, {"Study 0000": {"A": "rosa", "B": "ren"}})


def test_two_people_can_change_places_and_an_open_place_is_taken_back(place, project, reviewer, second_reviewer):
    (study,) = studies(project, 1)
    assignments_set(place=place, study_ids=[study.pk], reviewers={"A": reviewer, "B": second_reviewer})
    assignments_set(place=place, study_ids=[study.pk], reviewers={"A": second_reviewer})
    assert places_of(study) == {"A": "ren"}
    assignments_set(place=place, study_ids=[study.pk], reviewers={"A": None})
    assert places_of(study) == {}


def test_one_person_is_never_both_reviewers_and_the_adjudicator_neither(place, project, reviewer, adjudicator):
    (study,) = studies(project, 1)
    for reviewers in ({"A": reviewer, "B": reviewer}, {"A": adjudicator}):
        with pytest.raises(UserError, match="Nothing was assigned"):
            assignments_set(place=place, study_ids=[study.pk], reviewers=reviewers)
    assert not Assignment.objects.exists()


def test_a_place_that_is_begun_stays_with_who_began_it(place, project, reviewer, second_reviewer, owner):
    first, second = studies(project, 2)
    start(reviewer, first)
    dealt = assignments_set(place=place, study_ids=ids([first, second]), reviewers={"A": owner, "B": reviewer})
    assert dealt.kept == [
        "Study 0000: reviewer A has begun.",
        "Study 0000: rosa has begun as the other reviewer.",
    ]
    assert (places_of(first), places_of(second)) == ({}, {"A": "olga", "B": "rosa"})


def test_nobody_begins_a_place_that_is_assigned_to_another(place, project, reviewer, second_reviewer, owner):
    (study,) = studies(project, 1)
    assignments_set(place=place, study_ids=[study.pk], reviewers={"B": reviewer})
    assert start(reviewer, study).position == "B"
    assignments_set(place=place, study_ids=[study.pk], reviewers={"A": second_reviewer})
    with pytest.raises(UserError, match="no free place"):
        start(owner, study)
    assert start(second_reviewer, study).position == "A"


@pytest.mark.parametrize("needed", [1, 2])
def test_the_list_of_studies_that_are_free_to_start_is_that_of_the_rule_for_one_study(
    project, owner, reviewer, second_reviewer, needed
):
    """Every way in which A and B can be open, assigned or begun, by oneself or by another."""
    place = enter_project(reviewer, project.pk, EXTRACT)
    people = [None, reviewer, second_reviewer, owner]
    form = ExtractionForm.objects.create(name="any", version=1)
    casts = [
        cast for cast in product(people, repeat=4)
        if all(one is None or one != other for one, other in (cast[:2], cast[2:])) and reviewer not in cast[2:]
    ]  # fmt: skip
    for cast, study in zip(casts, studies(project, len(casts), needed), strict=True):
        for position, assigned, author in zip("AB", cast[:2], cast[2:], strict=True):
            if assigned:
                Assignment.objects.create(study=study, position=position, reviewer=assigned, assigned_by=owner)
            if author:
                Extraction.objects.create(study=study, position=position, author=author, form=form)
    told = {
        study.pk
        for study in Study.objects.prefetch_related("extractions", "assignments")
        if free_position(study.extractors_needed, reviewer.pk, study.extractions.all(), study.assignments.all())
    }
    assert 0 < len(told) < len(casts)
    to_do = set(studies_shown(place, "todo").values_list("pk", flat=True))
    free = set(studies_shown(place, "open").values_list("pk", flat=True))
    assert free == told - to_do
    counted = waiting_drafts(place.membership).count, free_drafts(place.membership)
    assert counted == (len(to_do), len(free))
    lines = study_lines(place, list(studies_shown(place)))
    assert {line.study.pk for line in lines if line.free_to_start} == free


def test_places_are_dealt_out_evenly_and_never_twice_to_one_person(place, project, owner, reviewer, second_reviewer):
    people = [owner, reviewer, second_reviewer]
    dealt = assignments_deal(place=place, study_ids=ids(studies(project, 31)), people=people, seed=7)
    assert dealt.places == 62
    shares = Counter(Assignment.objects.values_list("reviewer", flat=True)).values()
    assert max(shares) - min(shares) <= 1
    pairs = Counter(frozenset(places_of(study).values()) for study in Study.objects.all())
    assert len(pairs) == 3
    assert all(len(pair) == 2 for pair in pairs)


def test_the_same_seed_deals_the_same_way_and_another_one_differently(place, project, owner, reviewer, second_reviewer):
    made = ids(studies(project, 20))

    def dealt(seed):
        Assignment.objects.all().delete()
        assignments_deal(place=place, study_ids=made, people=[owner, reviewer, second_reviewer], seed=seed)
        return list(Assignment.objects.order_by("study", "position").values_list("study", "position", "reviewer"))

    assert dealt(3) == dealt(3) != dealt(4)


def test_dealing_out_respects_what_is_begun_and_who_has_much_already(place, project, owner, reviewer, second_reviewer):
    made = studies(project, 6)
    for study in made[:4]:
        start(reviewer, study)
    assignments_deal(place=place, study_ids=ids(made), people=[owner, reviewer, second_reviewer], seed=1)
    assert all(places_of(study).keys() == {"B"} for study in made[:4])
    shares = Counter(Assignment.objects.values_list("reviewer__username", flat=True))
    assert shares == {"olga": 4, "ren": 4}


def test_too_few_people_are_dealt_nothing(place, project, reviewer):
    with pytest.raises(UserError, match="at least 2 people"):
        assignments_deal(place=place, study_ids=ids(studies(project, 2)), people=[reviewer], seed=1)


def test_who_leaves_returns_open_places_and_drafts_and_keeps_what_is_complete(
    place, project, owner, reviewer, second_reviewer
):
    done, draft, waiting = studies(project, 3)
    assignments_set(place=place, study_ids=ids([done, draft, waiting]), reviewers={"A": reviewer})
    lock(start(reviewer, done))
    start(reviewer, draft)
    member_remove(project=project, editor=owner, membership_id=reviewer.memberships.get().pk)
    assert list(Extraction.objects.values_list("study", "author")) == [(done.pk, reviewer.pk)]
    assert [places_of(study) for study in (done, draft, waiting)] == [{"A": "rosa"}, {}, {}]
    assert start(second_reviewer, draft).position == "A"


def test_a_copy_of_a_returned_draft_is_kept_out_of_everybodys_sight(project, owner, reviewer, sign_in):
    from meta_app.extraction.peak_services import peaks_save

    dataset = make_dataset(project, reviewer, label="SENTINEL")
    Study.objects.update(extractors_needed=2)
    peaks_save(dataset=dataset, version=1, peaks_state="peaks", rows=[insula(label="SENTINEL peak")])
    member_remove(project=project, editor=owner, membership_id=reviewer.memberships.get().pk)
    assert not Dataset.objects.exists()
    entry = AuditEntry.objects.get(action="extraction.returned")
    kinds = Counter(row["model"] for row in entry.before)
    assert kinds == {
        "extraction.extraction": 1, "extraction.cohort": 1, "extraction.group": 2, "extraction.dataset": 1,
        "extraction.peak": 1,
    }  # fmt: skip
    assert (entry.blind_stage, entry.actor) == ("extraction", None)
    client = sign_in(owner)
    pages = [f"/projects/{project.pk}/activity/", address(project, "studies"), f"/projects/{project.pk}/team/"]
    assert not any("SENTINEL" in client.get(page).text for page in pages)


def test_who_becomes_adjudicator_returns_open_places_but_keeps_drafts(place, project, owner, reviewer):
    draft, waiting = studies(project, 2)
    assignments_set(place=place, study_ids=ids([draft, waiting]), reviewers={"A": reviewer})
    start(reviewer, draft)
    member_change_role(
        project=project, editor=owner, membership_id=reviewer.memberships.get().pk, role_before="reviewer",
        role="adjudicator",
    )  # fmt: skip
    assert (places_of(draft), places_of(waiting)) == ({"A": "rosa"}, {})
    assert Extraction.objects.count() == 1


def test_the_list_shows_ones_own_work_and_the_others_only_as_a_state(
    place, project, reviewer, second_reviewer, sign_in
):
    first, second = studies(project, 2)
    assignments_set(place=place, study_ids=ids([first, second]), reviewers={"A": reviewer, "B": second_reviewer})
    lock(start(second_reviewer, first))
    text = " ".join(sign_in(reviewer).get(address(project, "studies")).text.split())
    assert '<b>you</b>: <span class="text-body-secondary">to begin</span>' in text
    assert 'ren: <span class="study-state is-complete">locked</span>' in text
    assert "1 of 2 locked" in text


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("mine", ["Study 0000", "Study 0001"]),
        ("todo", ["Study 0001"]),
        ("open", ["Study 0003"]),
        ("unassigned", ["Study 0003"]),
        ("complete", []),
    ],
)
def test_the_list_is_filtered(place, project, owner, reviewer, second_reviewer, sign_in, show, expected):
    done, mine, theirs, _free = studies(project, 4)
    assignments_set(place=place, study_ids=ids([done, mine]), reviewers={"A": reviewer, "B": second_reviewer})
    assignments_set(place=place, study_ids=[theirs.pk], reviewers={"A": owner, "B": second_reviewer})
    lock(start(reviewer, done))
    answer = sign_in(reviewer).get(address(project, "studies"), {"show": show})
    assert [line.study.label for line in answer.context["lines"]] == expected


def test_what_is_to_be_extracted_is_counted_in_the_sidebar(place, project, reviewer, sign_in):
    assignments_set(place=place, study_ids=ids(studies(project, 3)), reviewers={"A": reviewer})
    assert "3 studies to extract" in sign_in(reviewer).get(address(project, "studies")).text


def test_the_agreement_of_a_study_is_told_in_words(project, reviewer, second_reviewer, sign_in):
    (study,) = studies(project, 1)
    client = sign_in(reviewer)

    def told():
        return client.get(address(project, "studies")).context["lines"][0].agreed

    for person in (reviewer, second_reviewer):
        assert told() == ""
        lock(start(person, study))
    assert told() == "to compare"
    form = ExtractionForm.objects.first()
    consensus = Extraction.objects.create(study=study, position="consensus", author=reviewer, form=form)
    assert told() == "being compared"
    lock(consensus)
    assert told() == "agreed"


def test_the_owner_assigns_ticked_studies_or_all_that_are_shown(project, owner, reviewer, second_reviewer, sign_in):
    made = studies(project, 3)
    client = sign_in(owner)
    client.post(address(project, "assign"), {"scope": "ticked", "study": [made[0].pk], "A": reviewer.pk, "B": ""})
    assert places_of(made[0]) == {"A": "rosa"}
    answer = client.post(
        address(project, "assign"), {"scope": "filter", "q": "study", "B": second_reviewer.pk}, follow=True
    )
    assert "3 places assigned" in answer.text
    assert [places_of(study).get("B") for study in made] == ["ren"] * 3
    for nothing in ({"scope": "ticked", "A": reviewer.pk}, {"scope": "filter"}, {"scope": "filter", "A": "987654"}):
        assert "Nothing was assigned" in client.post(address(project, "assign"), nothing, follow=True).text


def test_the_owner_deals_out_what_is_free(project, owner, reviewer, second_reviewer, sign_in):
    studies(project, 4)
    client = sign_in(owner)
    assert "4</b> <span>studies have" in client.get(address(project, "assignments")).text
    people = {"people": [reviewer.pk, second_reviewer.pk], "seed": "5"}
    assert "8 places assigned" in client.post(address(project, "deal"), people, follow=True).text
    assert "Every place is assigned" in client.get(address(project, "assignments")).text
    Study.objects.create(project=project, label="New", extractors_needed=2)
    for bad in ({"people": [reviewer.pk]}, {"people": [reviewer.pk], "seed": "5"}, {"people": ["0"], "seed": "1"}):
        assert "Nothing was assigned" in client.post(address(project, "deal"), bad, follow=True).text


@pytest.mark.parametrize("role", ["reviewer", "adjudicator", "viewer"])
def test_only_an_owner_deals_studies_out(project, role, request, sign_in):
    client = sign_in(request.getfixturevalue(role))
    assert client.get(address(project, "assignments")).status_code == 403
    assert client.post(address(project, "assign")).status_code == 403
    assert client.post(address(project, "deal")).status_code == 403
    assert 'id="assign"' not in client.get(address(project, "studies")).text


def test_studies_of_another_project_are_never_assigned(place, project, reviewer):
    from meta_app.projects.models import Project

    (foreign,) = studies(Project.objects.create(name="Another"), 1)
    assert assignments_set(place=place, study_ids=[foreign.pk], reviewers={"A": reviewer}).places == 0
    assert not Assignment.objects.exists()


@pytest.fixture
def five_thousand(project, owner, reviewer, second_reviewer):
    made = studies(project, 5000)
    form, _new = ExtractionForm.objects.get_or_create(project=None, name="coordinates", version=1)
    Extraction.objects.bulk_create(
        Extraction(study=study, position=position, author=author, form=form, state=state)
        for study in made[:2500]
        for position, author, state in (("A", reviewer, "complete"), ("B", second_reviewer, "draft"))
    )
    Assignment.objects.bulk_create(
        Assignment(study=study, position=position, reviewer=person, assigned_by=owner)
        for study in made
        for position, person in (("A", reviewer), ("B", second_reviewer))
    )


def test_five_thousand_studies_are_listed_page_by_page_in_few_queries(
    five_thousand, project, owner, reviewer, sign_in, django_assert_max_num_queries
):
    for person, show in ((reviewer, "all"), (reviewer, "todo"), (owner, "open"), (reviewer, "complete")):
        client = sign_in(person)
        with django_assert_max_num_queries(24):
            page = client.get(address(project, "studies"), {"show": show})
        assert len(page.context["page"].object_list) <= 50
