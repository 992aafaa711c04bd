"""Two blind scores become one by agreement on each item; only what is agreed excludes."""

from dataclasses import replace

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from meta_app.accounts.models import User
from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.datasets.selectors import assemble
from meta_app.extraction.models import Assignment, Study
from meta_app.projects.models import Membership, Protocol
from meta_app.quality import selectors, services
from meta_app.quality.instruments import ITEMS
from meta_app.quality.models import Instrument, ItemScore, QualityScore

from ..extraction.peak_cast import make_dataset  # noqa: TID252
from .score_cast import consensus_of, fill, lock, make_study, place_of, settle, settle_as_team


@pytest.fixture
def study(project):
    return make_study(project)


def seen(user):
    return {(score.study.label, score.position) for score in selectors.visible_scores(place_of(user))}


# Blind


def test_nobody_sees_a_score_of_another_before_both_are_locked(
    study, reviewer, second_reviewer, owner, adjudicator, viewer
):
    lock(reviewer, study)
    fill(second_reviewer, study)
    assert seen(reviewer) == {("Cao 2017", "A")}
    assert seen(second_reviewer) == {("Cao 2017", "B")}
    assert seen(owner) == seen(adjudicator) == seen(viewer) == set()


def test_both_are_seen_by_the_team_once_both_are_locked_and_by_viewers_when_agreed(
    study, reviewer, second_reviewer, owner, adjudicator, viewer
):
    lock(reviewer, study)
    lock(second_reviewer, study, {"pain": 1.0})
    everything = {("Cao 2017", "A"), ("Cao 2017", "B"), ("Cao 2017", "consensus")}
    assert seen(reviewer) == seen(owner) == seen(adjudicator) == everything
    assert seen(viewer) == set()
    settle(adjudicator, study, "pain", "B")
    assert seen(viewer) == {("Cao 2017", "consensus")}


def test_what_is_assigned_begun_or_to_be_settled_waits_for_who_may_do_it(
    study, project, reviewer, second_reviewer, owner, adjudicator, viewer, django_assert_num_queries
):
    def waiting(user):
        membership = Membership.objects.select_related("user").get(project=project, user=user)
        with django_assert_num_queries(1):
            return selectors.waiting_scores(membership).count

    people = (reviewer, second_reviewer, owner, adjudicator, viewer)
    assert [waiting(user) for user in people] == [0, 0, 0, 0, 0]
    for position, user in zip("AB", (reviewer, second_reviewer), strict=True):
        Assignment.objects.create(study=study, position=position, reviewer=user, assigned_by=owner)
    assert [waiting(user) for user in people] == [1, 1, 0, 0, 0]
    own = fill(reviewer, study)
    assert [waiting(user) for user in people] == [1, 1, 0, 0, 0]
    lock(second_reviewer, study, {"pain": 1.0})
    assert [waiting(user) for user in people] == [1, 0, 0, 0, 0]
    services.score_complete(place=place_of(reviewer), score=own, version=own.version)
    assert [waiting(user) for user in people] == [1, 1, 1, 1, 0]
    settle(adjudicator, study, "pain", "B")
    assert [waiting(user) for user in people] == [0, 0, 0, 0, 0]


def test_the_studies_told_as_free_to_start_are_those_that_the_list_offers(
    project, reviewer, second_reviewer, owner, adjudicator, viewer, sign_in
):
    labels = ("untouched", "dealt out", "half dealt out", "begun", "read")
    _untouched, dealt, half_dealt, begun, read = (make_study(project, label) for label in labels)
    for study, position, user in ((dealt, "A", reviewer), (dealt, "B", second_reviewer), (half_dealt, "A", reviewer)):
        Assignment.objects.create(study=study, position=position, reviewer=user, assigned_by=owner)
    services.score_start(place=place_of(second_reviewer), study=begun)
    lock(reviewer, read)
    left = lock(second_reviewer, read)
    sign_in(owner).get(f"/projects/{project.pk}/quality/studies/{read.pk}/")
    left.delete()
    told = {}
    for user in (reviewer, second_reviewer, owner, adjudicator, viewer):
        place = place_of(user)
        lines = selectors.score_lines(place, selectors.followed_studies(place))
        told[user.username] = selectors.free_scores(place.membership)
        page = sign_in(user).get(f"/projects/{project.pk}/quality/").text
        assert (
            told[user.username]
            == page.count("free to start")
            == sum(line.may_start and not line.given for line in lines)
        )
    assert told == {"rosa": 2, "ren": 3, "olga": 3, "ada": 0, "vic": 0}


def test_one_lock_is_not_enough_where_only_one_person_extracts(project, reviewer, owner):
    study = make_study(project)
    study.extractors_needed = 1
    study.save()
    lock(reviewer, study)
    assert seen(owner) == set()
    assert consensus_of(study) is None


def test_who_has_read_both_scores_does_not_take_a_place_that_becomes_free(
    study, reviewer, second_reviewer, owner, adjudicator, sign_in
):
    lock(reviewer, study)
    score = lock(second_reviewer, study)
    sign_in(owner).get(f"/projects/{study.project_id}/quality/studies/{study.pk}/")
    place = place_of(second_reviewer)
    services.score_reopen(place=place, score=score, version=score.version, reason="Leaving")
    services.scores_return(membership=place.membership, editor=owner, leaves=True)
    with pytest.raises(UserError, match="not blind to it"):
        services.score_start(place=place_of(owner), study=study)
    adjudicator.memberships.update(role="reviewer")
    listed = sign_in(owner).get(f"/projects/{study.project_id}/quality/").text
    assert "free to start" not in listed
    assert "free, but not for you: you have read both scores" in listed
    shown = sign_in(owner).get(f"/projects/{study.project_id}/quality/studies/{study.pk}/").text
    assert "Start my score" not in shown
    assert "Not yours to score" in shown
    assert "free to start" in sign_in(adjudicator).get(f"/projects/{study.project_id}/quality/").text
    assert services.score_start(place=place_of(adjudicator), study=study).position == "B"


# One's own score


def test_who_is_assigned_scores_in_that_position_and_nobody_else(study, reviewer, second_reviewer, owner):
    for position, person in (("A", second_reviewer), ("B", reviewer)):
        Assignment.objects.create(study=study, position=position, reviewer=person, assigned_by=owner)
    with pytest.raises(UserError, match="scored by 2 others"):
        services.score_start(place=place_of(owner), study=study)
    assert services.score_start(place=place_of(reviewer), study=study).position == "B"


def test_a_third_person_or_a_second_start_is_refused(study, reviewer, second_reviewer, owner):
    services.score_start(place=place_of(reviewer), study=study)
    with pytest.raises(UserError, match="already started"):
        services.score_start(place=place_of(reviewer), study=study)
    services.score_start(place=place_of(second_reviewer), study=study)
    with pytest.raises(UserError, match="scored by 2 others"):
        services.score_start(place=place_of(owner), study=study)


def test_an_item_is_saved_only_over_the_version_that_was_read(study, reviewer):
    place = place_of(reviewer)
    score = services.score_start(place=place, study=study)
    values = {"points": 2.0, "quote": "ICD-10", "page": "2", "note": ""}
    saved = services.item_save(place=place, score=score, item="diagnosis", version=1, values=values)
    assert (saved.version, saved.points) == (2, 2)
    with pytest.raises(StaleEdit) as stale:
        services.item_save(place=place, score=score, item="diagnosis", version=1, values=values | {"points": 1.0})
    assert stale.value.details["theirs"]["points"] == 2.0
    assert stale.value.details["yours"]["points"] == 1.0
    assert stale.value.details["version"] == 2


@pytest.mark.parametrize("points", [2.5, 0.25, 1.7])
def test_points_that_the_item_does_not_give_are_refused(study, reviewer, points):
    place = place_of(reviewer)
    score = services.score_start(place=place, study=study)
    values = {"points": points, "quote": "", "page": "", "note": ""}
    with pytest.raises(UserError, match="0 to 2 points in steps of"):
        services.item_save(place=place, score=score, item="diagnosis", version=1, values=values)


def test_completing_names_the_items_without_points_and_then_locks(study, reviewer):
    score = fill(reviewer, study, {"pain": None, "scanner": None})
    with pytest.raises(UserError) as refusal:
        services.score_complete(place=place_of(reviewer), score=score, version=score.version)
    assert refusal.value.details["items"] == ["Clinical pain data", "Scanner and field strength"]
    values = {"points": 0.0, "quote": "", "page": "", "note": ""}
    for item in ("pain", "scanner"):
        services.item_save(place=place_of(reviewer), score=score, item=item, version=2, values=values)
    services.score_complete(place=place_of(reviewer), score=score, version=score.version)
    with pytest.raises(PermissionDenied):
        services.item_save(place=place_of(reviewer), score=score, item="pain", version=3, values=values)


def test_completing_twice_is_refused(study, reviewer):
    score = lock(reviewer, study)
    with pytest.raises(StaleEdit):
        services.score_complete(place=place_of(reviewer), score=score, version=score.version - 1)


def test_reopening_asks_why_and_makes_a_revision(study, reviewer):
    score = lock(reviewer, study)
    with pytest.raises(UserError, match="say why"):
        services.score_reopen(place=place_of(reviewer), score=score, version=score.version, reason=" ")
    services.score_reopen(place=place_of(reviewer), score=score, version=score.version, reason="Wrong page")
    assert (score.state, score.revision) == ("draft", 2)
    assert AuditEntry.objects.get(action="quality.reopened").reason == "Wrong page"


# Consensus


def test_equal_items_agree_by_themselves_and_equal_scores_are_done(study, reviewer, second_reviewer):
    lock(reviewer, study)
    lock(second_reviewer, study)
    consensus = consensus_of(study)
    assert consensus.state == "complete"
    assert selectors.score_total(consensus) == 20
    assert {row.origin["from"] for row in consensus.item_scores.all()} == {"equal"}


def test_items_are_settled_one_by_one_and_the_total_follows_from_them(study, reviewer, second_reviewer, adjudicator):
    """The totals are equal (18), the items are not: nothing agrees by its total."""
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study, {"diagnosis": 0.0})
    consensus = consensus_of(study)
    assert consensus.state == "draft"
    assert set(selectors.open_items(consensus)) == {"pain", "diagnosis"}
    settle_as_team(reviewer, second_reviewer, study, "pain", "B")
    settle(adjudicator, study, "diagnosis", "other", 0.5, "Criterion is named in the supplement")
    consensus = consensus_of(study)
    assert (consensus.state, selectors.score_total(consensus)) == ("complete", 18.5)
    origins = {row.item: row.origin for row in consensus.item_scores.all()}
    assert [origins["pain"][name] for name in ("as", "from", "by")] == ["team", "B", "rosa and ren"]
    assert (origins["diagnosis"]["as"], origins["diagnosis"]["by"]) == ("adjudicator", "ada")


def test_one_of_the_two_scorers_settles_nothing_alone(study, reviewer, second_reviewer):
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study)
    for _twice in range(2):
        row = settle(reviewer, study, "pain", "A")
        assert (row.points, row.origin["proposal"]["points"], row.origin["proposal"]["by"]) == (None, 1.0, "rosa")
    assert consensus_of(study).state == "draft"
    row = settle(second_reviewer, study, "pain", "other", 2.0, "Two of the three parts")
    assert (row.points, row.origin["proposal"]["by"]) == (None, "ren")
    row = settle(reviewer, study, "pain", "other", 2.0, "Two of the three parts")
    assert (row.points, row.origin["by"], "proposal" in row.origin) == (2.0, "ren and rosa", False)
    assert consensus_of(study).state == "complete"
    steps = AuditEntry.objects.filter(action__in=("quality.proposed", "quality.settled")).values_list("action", "actor")
    names = {reviewer.pk: "rosa", second_reviewer.pk: "ren"}
    assert [(action.removeprefix("quality."), names[actor]) for action, actor in steps.order_by("number")] == [
        ("proposed", "rosa"), ("proposed", "rosa"), ("proposed", "ren"), ("settled", "rosa"),
    ]  # fmt: skip


def test_what_is_settled_stands_until_the_other_scorer_agrees_to_change_it(study, reviewer, second_reviewer):
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study)
    settle_as_team(reviewer, second_reviewer, study, "pain", "A")
    settle(reviewer, study, "pain", "B", reason="Table 1 has it")
    assert (consensus_of(study).state, selectors.score_total(consensus_of(study))) == ("complete", 18)
    settle(second_reviewer, study, "pain", "B", reason="Table 1 has it")
    assert selectors.score_total(consensus_of(study)) == 20


def test_an_adjudicator_settles_over_a_proposal(study, reviewer, second_reviewer, adjudicator):
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study)
    settle(reviewer, study, "pain", "A")
    row = settle(adjudicator, study, "pain", "B")
    assert (row.points, row.origin["as"], "proposal" in row.origin) == (3, "adjudicator", False)


def test_other_points_and_a_second_settling_need_a_reason(study, reviewer, second_reviewer):
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study)
    with pytest.raises(UserError, match="say why"):
        settle(reviewer, study, "pain", "other", 2.0)
    settle_as_team(reviewer, second_reviewer, study, "pain", "A")
    with pytest.raises(UserError, match="say why"):
        settle(second_reviewer, study, "pain", "B")
    settle_as_team(second_reviewer, reviewer, study, "pain", "B", reason="Table 1 has it")
    assert selectors.score_total(consensus_of(study)) == 20


def test_a_reviewer_who_did_not_score_settles_nothing(project, study, reviewer, second_reviewer):
    third = User.objects.create_user("tia")
    Membership.objects.create(project=project, user=third, role="reviewer")
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study)
    with pytest.raises(PermissionDenied, match="neither of them"):
        settle(third, study, "pain", "A")


def test_a_stale_settling_shows_both_versions(study, reviewer, second_reviewer, adjudicator):
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study)
    consensus = consensus_of(study)
    version = ItemScore.objects.get(score=consensus, item="pain").version
    settle(adjudicator, study, "pain", "A")
    with pytest.raises(StaleEdit) as stale:
        services.consensus_settle(
            place=place_of(second_reviewer), consensus=consensus, item="pain", version=version, choice="B",
            points=None, reason="Table 1",
        )  # fmt: skip
    assert stale.value.details["theirs"]["points"] == 1.0
    assert stale.value.details["yours"]["points"] == 3.0


def test_a_reopened_score_suspends_what_was_agreed_and_keeps_what_still_holds(study, reviewer, second_reviewer):
    lock(reviewer, study, {"pain": 1.0, "diagnosis": 0.0})
    lock(second_reviewer, study)
    settle_as_team(reviewer, second_reviewer, study, "pain", "A")
    settle_as_team(reviewer, second_reviewer, study, "diagnosis", "A")
    score = QualityScore.objects.get(study=study, position="A")
    services.score_reopen(place=place_of(reviewer), score=score, version=score.version, reason="Wrong page")
    assert selectors.quality_exclusions(study.project) == {}
    assert consensus_of(study).state == "draft"
    assert seen(second_reviewer) == {("Cao 2017", "B")}
    row = score.item_scores.get(item="diagnosis")
    values = {"points": 1.0, "quote": "", "page": "", "note": ""}
    services.item_save(place=place_of(reviewer), score=score, item="diagnosis", version=row.version, values=values)
    services.score_complete(place=place_of(reviewer), score=score, version=score.version)
    consensus = consensus_of(study)
    assert selectors.open_items(consensus) == ["diagnosis"]
    assert consensus.item_scores.get(item="pain").points == 1


# The cut-off


LOW = {"pain": 0.0, "diagnosis": 0.0}


def test_an_agreed_total_below_the_cut_off_excludes_with_its_reason(study, reviewer, second_reviewer):
    lock(reviewer, study, LOW)
    assert selectors.quality_exclusions(study.project) == {}
    lock(second_reviewer, study, LOW)
    exclusion = selectors.quality_exclusions(study.project)[study.pk]
    assert (exclusion.total, exclusion.reason) == (15, "quality score 15 below 16")


def test_no_mean_and_no_single_score_excludes(study, reviewer, second_reviewer):
    """A gives 10 and B 20: the mean is below 16, but nothing is agreed."""
    lock(reviewer, study, {"pain": 0.0, "diagnosis": 0.0, "eligibility": 0.0, "sample_size": 0.0, "demographics": 0.0})
    lock(second_reviewer, study)
    assert selectors.quality_exclusions(study.project) == {}


def test_the_protocol_sets_the_cut_off_before_the_checklist(project, study, owner, reviewer, second_reviewer):
    lock(reviewer, study, LOW)
    lock(second_reviewer, study, LOW)
    Protocol.objects.create(project=project, version=1, author=owner, quality_cutoff="15.0")
    assert selectors.quality_exclusions(project) == {}
    Protocol.objects.create(project=project, version=2, author=owner, quality_cutoff="15.5")
    assert selectors.quality_exclusions(project)[study.pk].reason == "quality score 15 below 15.5"
    assert selectors.project_cutoff(project).source == "protocol version 2"


# Checklists of a project


def save_instrument(owner, items, reason="Pilot", before="CBMA-20 (PHN) v1", cutoff=16):
    return services.instrument_save(
        place=place_of(owner), version_before=before, name="CBMA-20 (PHN)", items=items, cutoff=cutoff, reason=reason
    )


def reworded():
    first = replace(ITEMS[0], wording=replace(ITEMS[0].wording, half="Criterion named, assessor not"))
    return [first, *ITEMS[1:]]


def test_an_edit_makes_a_new_version_to_which_unlocked_drafts_move(project, study, owner, reviewer, second_reviewer):
    other = make_study(project, "Liu 2020")
    draft, locked = fill(reviewer, study), lock(reviewer, other)
    made = save_instrument(owner, reworded())
    assert str(made) == "CBMA-20 (PHN) v2"
    draft.refresh_from_db()
    locked.refresh_from_db()
    assert draft.instrument == made
    assert selectors.score_total(draft) == 20
    assert str(locked.instrument) == "CBMA-20 (PHN) v1"
    assert services.score_start(place=place_of(second_reviewer), study=other).instrument == locked.instrument


def test_points_that_no_longer_fit_a_draft_are_asked_again(study, owner, reviewer):
    draft = fill(reviewer, study)
    weights = {"pain": 2.0, "demographics": 2.0}
    save_instrument(owner, [replace(item, points=weights.get(item.key, item.points)) for item in ITEMS])
    assert selectors.open_items(draft) == ["pain"]


@pytest.mark.parametrize(("change", "place"), [("reason", "reason"), ("sum", "sample"), ("gone", "scanner")])
def test_a_version_that_does_not_sum_drops_a_scored_item_or_gives_no_reason_is_refused(
    study, owner, reviewer, change, place
):
    fill(reviewer, study)
    items = [item for item in ITEMS if item.key != {"sum": "pain", "gone": "scanner"}.get(change)]
    with pytest.raises(UserError) as refusal:
        save_instrument(owner, items, reason="" if change == "reason" else "Pilot")
    assert place in refusal.value.details
    assert Instrument.objects.filter(project=study.project).count() == 0


def test_a_stale_edit_of_the_checklist_is_refused(owner, project):
    save_instrument(owner, reworded())
    with pytest.raises(StaleEdit):
        save_instrument(owner, reworded())
    assert str(save_instrument(owner, reworded(), before="CBMA-20 (PHN) v2")) == "CBMA-20 (PHN) v3"


# Rights


def test_another_persons_score_answers_like_none(study, reviewer, second_reviewer):
    lock(reviewer, study)
    with pytest.raises(Http404):
        selectors.get_own_score(place_of(second_reviewer), study.pk)


def test_every_step_leaves_an_entry_that_is_blind_until_both_are_locked(study, reviewer, second_reviewer):
    lock(reviewer, study, {"pain": 1.0})
    lock(second_reviewer, study)
    settle_as_team(reviewer, second_reviewer, study, "pain", "A")
    entries = AuditEntry.objects.filter(action__startswith="quality.")
    assert {entry.action for entry in entries} == {
        "quality.started", "quality.scored", "quality.completed", "quality.proposed", "quality.settled",
        "quality.agreed",
    }  # fmt: skip
    assert {(entry.blind_study_id, entry.blind_stage) for entry in entries} == {(study.pk, "quality")}


def test_the_list_of_studies_takes_a_fixed_number_of_queries(
    project, reviewer, second_reviewer, django_assert_num_queries
):
    for number in range(3):
        study = make_study(project, f"Study {number}")
        lock(reviewer, study)
        lock(second_reviewer, study)
    place = place_of(reviewer)
    with django_assert_num_queries(7):
        lines = selectors.score_lines(place, selectors.followed_studies(place))
    assert [line.total for line in lines] == [20, 20, 20]


def test_an_excluded_study_is_left_out_of_the_dataset_with_its_reason_and_others_keep_their_total(
    project, owner, reviewer, second_reviewer
):
    for label in ("Cao 2017", "Liu 2020"):
        dataset = make_dataset(project, owner, study=label, peaks_state="no_peaks")
        dataset.extraction.state = "complete"
        dataset.extraction.save()
    low, high = Study.objects.order_by("label")
    for person in (reviewer, second_reviewer):
        lock(person, low, LOW)
        lock(person, high)
    found = assemble(project)
    assert found.left_out == [
        {"study": "Cao 2017", "dataset": None, "reason": "Excluded: quality score 15 below 16."}
    ]  # fmt: skip
    assert [study["label"] for study in found.content["studies"]] == ["Liu 2020"]
    assert found.agreement["studies"][0]["quality"] == 20
