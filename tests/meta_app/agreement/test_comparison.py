"""From two locked extractions to the consensus: what differs, who may decide, and what becomes of the decisions."""

import datetime
import json

import pytest
from django.core.exceptions import PermissionDenied

from meta_app.agreement import services
from meta_app.agreement.models import Comparison, Difference, Letter
from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Assignment, Dataset, Extraction, Group, Peak
from meta_app.extraction.services import extraction_reopen
from meta_app.projects.permissions import ADJUDICATE, FREEZE, enter_project

from .readers import PEAKS, both_locked, enter, lock, new_study, tree


@pytest.fixture
def judge(project, adjudicator):
    return enter_project(adjudicator, project.pk, ADJUDICATE)


@pytest.fixture
def locked(project, reviewer, second_reviewer):
    """locked(a=..., b=...) answers the comparison of two trees."""

    def make(a=None, b=None, label="Cao 2017"):
        return both_locked(project, reviewer, second_reviewer, a, b, label)

    return make


def with_peak(number, **cells):
    return tree(peaks=[row | cells if place == number else row for place, row in enumerate(PEAKS, 1)])


def difference(comparison, label=""):
    return comparison.differences.get(label__icontains=label)


def decide(judge, item, choice, **more):
    return services.difference_decide(place=judge, difference=item, version=item.version, choice=choice, **more)


def agree(judge, comparison):
    comparison.refresh_from_db()
    return services.comparison_agree(place=judge, comparison=comparison, version=comparison.version)


def consensus_of(comparison):
    return Extraction.objects.get(study=comparison.study_id, position="consensus")


def snapshot(study):
    """Everything that A and B hold."""
    own = {"extraction__study": study, "extraction__position__in": ("A", "B")}
    return [
        list(Dataset.objects.filter(**own).order_by("pk").values()),
        list(
            Group.objects.filter(cohort__extraction__study=study, cohort__extraction__position__in=("A", "B"))
            .order_by("pk")
            .values()
        ),
        list(
            Peak.objects.filter(dataset__extraction__study=study, dataset__extraction__position__in=("A", "B"))
            .order_by("pk")
            .values()
        ),
    ]


# What is compared


def test_two_equal_extractions_agree_by_themselves(locked):
    comparison = locked()
    assert comparison.state == Comparison.State.AGREED
    assert comparison.differences.count() == 0
    consensus = consensus_of(comparison)
    assert consensus.state == "complete"
    assert consensus.values == tree()["study"]
    assert {origin["from"] for origin in consensus.origins.values()} == {"equal"}
    assert [peak.origin for peak in Peak.objects.filter(dataset__extraction=consensus)] == [{"from": "equal"}] * 4


def test_nothing_is_compared_before_both_have_locked(project, reviewer, second_reviewer):
    study = new_study(project)
    first, _second = enter(study, reviewer, "A"), enter(study, second_reviewer, "B")
    lock(first)
    assert not study.comparisons.exists()


def test_a_study_of_one_reviewer_is_left_alone(project, reviewer):
    study = new_study(project, needed=1)
    lock(enter(study, reviewer, "A"))
    assert not study.comparisons.exists()
    assert services.comparison_make(study=study, actor=reviewer) is None
    assert not study.extractions.filter(position="consensus").exists()


def test_comparing_again_answers_with_the_comparison_there_is(locked, reviewer):
    comparison = locked()
    assert services.comparison_make(study=comparison.study, actor=reviewer) == comparison


def test_each_value_that_differs_is_one_difference(locked):
    comparison = locked(b=tree(patients={"n": 19, "age_sd": None}, dataset={"fwhm_mm": 8.0}, study={"site": None}))
    found = {(item.section, item.label): (item.a["words"], item.b["words"]) for item in comparison.differences.all()}
    assert found == {
        ("Study", "Site of recruitment"): ("Ward 3, Town", "not reported"),
        ("Cohort PHN and HC, group Patients", "n analysed (people)"): ("18", "19"),
        ("Cohort PHN and HC, group Patients", "Age, SD (years)"): ("9.29", "not reported"),
        ("Dataset ReHo", "Smoothing FWHM (mm)"): ("6", "8"),
    }
    assert comparison.state == Comparison.State.OPEN
    assert not comparison.study.extractions.filter(position="consensus").exists()


def test_a_number_rounded_and_a_text_typed_otherwise_are_equal_and_the_precise_number_is_kept(locked):
    comparison = locked(b=tree(patients={"age_mean": 60.9}, study={"diagnostic_criteria": "iasp-criteria."}))
    assert comparison.state == Comparison.State.AGREED
    assert Group.objects.get(cohort__extraction=consensus_of(comparison), kind="patients").age_mean == 60.92


def test_names_of_rows_are_no_difference(locked):
    comparison = locked(b=tree(dataset={"label": "ReHo, patients over controls"}, cohort={"label": "Sample"}))
    assert comparison.state == Comparison.State.AGREED
    dataset = Dataset.objects.select_related("cohort").get(extraction=consensus_of(comparison))
    assert dataset.origins["label"] == dataset.cohort.origins["label"] == {"from": "A"}


def test_names_of_rows_that_both_gave_are_equal(locked):
    dataset = Dataset.objects.select_related("cohort").get(extraction=consensus_of(locked()))
    assert dataset.origins["label"] == dataset.cohort.origins["label"] == {"from": "equal"}


def test_a_slip_of_a_number_is_named(locked):
    assert difference(locked(b=tree(patients={"n": 81, "n_female": 9})), "n analysed").slip == (
        "Two digits of n analysed are exchanged (18 and 81)."
    )


def test_the_same_coordinates_in_two_spaces_are_one_difference(locked):
    comparison = locked(b=tree(dataset={"space": "talairach"}))
    assert [item.label for item in comparison.differences.all()] == ["Space of the coordinates"]
    assert difference(comparison).slip == "Both have the same coordinates, but read them in different spaces."


def test_talairach_coordinates_against_their_mni_places_are_named_once_for_the_table(project, locked, reviewer):
    plain = enter(new_study(project, "Talairach"), reviewer, "A", tree(dataset={"space": "talairach"}))
    places = Peak.objects.filter(dataset__extraction=plain).values_list("x", "y", "z")
    rows = [
        row | dict(zip("xyz", (f"{mm:.0f}" for mm in place), strict=True))
        for row, place in zip(PEAKS, places, strict=True)
    ]
    comparison = locked(a=tree(), b=tree(peaks=rows))
    [told] = comparison.peak_agreement.values()
    assert told["table_slip"].startswith("A may have Talairach coordinates where B has the same places in MNI.")


def test_groups_compared_the_other_way_round_are_a_difference(project, reviewer, second_reviewer):
    study = new_study(project)
    one, other = enter(study, reviewer, "A"), enter(study, second_reviewer, "B")
    dataset = Dataset.objects.get(extraction=other)
    dataset.group_a, dataset.group_b = dataset.group_b, dataset.group_a
    dataset.save()
    lock(one)
    lock(other)
    found = study.comparisons.get().differences.values_list("label", "a__words", "b__words")
    assert list(found) == [
        ("First group (positive where it is higher)", "Patients", "Controls"),
        ("Second group", "Controls", "Patients"),
    ]


def test_a_dataset_that_only_one_has_is_one_difference(project, reviewer, second_reviewer):
    study = new_study(project)
    one, other = enter(study, reviewer, "A"), enter(study, second_reviewer, "B")
    extra = Dataset.objects.get(extraction=one)
    extra.pk, extra.label, extra.metric, extra.comparison = None, "ALFF", "ALFF", "correlation"
    extra._state.adding, extra.peaks_state = True, "no_peaks"
    extra.save()
    lock(one)
    lock(other)
    found = difference(study.comparisons.get())
    assert (found.kind, found.section, found.slip, found.b) == ("row", "Dataset ALFF", "Only A has it.", None)
    assert found.path == f"dataset:{extra.pk}:-"


def test_one_row_that_differs_is_one_difference_of_the_pair(locked):
    comparison = locked(b=with_peak(3, x="-44", confirmed="yes"))
    found = difference(comparison)
    assert (found.kind, found.label) == ("peak", "R precentral gyrus (row 3 of A, row 3 of B)")
    assert found.slip == "The sign of x is opposite."
    assert (found.a["distance"], found.a["fields"]) == (88.0, ["place"])
    [told] = comparison.peak_agreement.values()
    assert (told["pairs"], told["near"], told["exact"], told["only_a"]) == (4, 3, 3, 0)


def test_quotes_go_with_the_values(project, reviewer, second_reviewer):
    study = new_study(project)
    quote = {"site": {"quote": "recruited at ward 3", "page": "2"}}
    lock(enter(study, reviewer, "A", sources=quote))
    lock(enter(study, second_reviewer, "B", tree(study={"site": "Ward 4"})))
    assert difference(study.comparisons.get()).a["source"] == quote["site"]


# Deciding


def test_the_adjudicator_settles_and_agrees_and_the_consensus_says_where_each_value_came_from(locked, judge):
    comparison = locked(
        b=tree(
            patients={"n": 19},
            study={"site": "Ward 4"},
            dataset={"fwhm_mm": 8.0},
            peaks=[PEAKS[0] | {"x": "38", "confirmed": "yes"}, *PEAKS[1:3], PEAKS[3] | {"statistic": "-4.91"}],
        )
    )
    before = snapshot(comparison.study)
    decide(judge, difference(comparison, "Site"), "A")
    decide(judge, difference(comparison, "n analysed"), "B")
    decide(judge, difference(comparison, "FWHM"), "other", value=7.0, reason="Page 3 says 7 mm.")
    decide(judge, difference(comparison, "insula"), "A")
    cells = PEAKS[3] | {"statistic": "-4.19"}
    decide(judge, difference(comparison, "precuneus"), "other", value=cells, reason="Table 2")
    assert agree(judge, comparison).state == Comparison.State.AGREED

    consensus = consensus_of(comparison)
    assert (consensus.state, consensus.author, consensus.values["site"]) == (
        "complete",
        judge.membership.user,
        "Ward 3, Town",
    )
    assert consensus.origins["site"]["from"] == "A"
    patients = Group.objects.get(cohort__extraction=consensus, kind="patients")
    assert (patients.n, patients.origins["n"]["from"], patients.origins["n"]["by"]) == (19, "B", "ada")
    assert patients.origins["age_mean"] == {"from": "equal"}
    dataset = Dataset.objects.get(extraction=consensus)
    assert (dataset.fwhm_mm, dataset.origins["fwhm_mm"]["reason"]) == (7.0, "Page 3 says 7 mm.")
    peaks = list(dataset.peaks.order_by("position"))
    assert [(peak.x, peak.statistic, peak.origin["from"]) for peak in peaks] == [
        (-38.0, 4.52, "A"), (12.0, 5.1, "equal"), (44.0, -4.07, "equal"), (-8.0, -4.19, "other"),
    ]  # fmt: skip
    assert snapshot(comparison.study) == before


def test_what_was_agreed_is_frozen(locked, judge, project, adjudicator):
    comparison = locked(b=tree(patients={"n": 19}))
    place = enter_project(adjudicator, project.pk, FREEZE)
    with pytest.raises(UserError):
        agreed_dataset_freeze(place=place)
    decide(judge, difference(comparison), "B")
    agree(judge, comparison)
    agreed, new = agreed_dataset_freeze(place=place)
    assert new
    assert agreed.counts["datasets"] == 1
    assert '"n":19' in agreed.content
    [study] = json.loads(agreed.agreement)["studies"]
    assert study["position"] == "consensus"
    origins = next(
        origins for key, origins in study["origins"].items() if "n" in origins and origins["n"]["from"] == "B"
    )
    assert origins["age_mean"] == {"from": "equal"}
    assert study["peaks"] == {"Cao 2017 / ReHo": [{"from": "equal"}] * 4}


def test_agreeing_waits_for_every_difference(locked, judge):
    comparison = locked(b=tree(patients={"n": 19}))
    with pytest.raises(UserError, match="1 difference must be settled first"):
        agree(judge, comparison)


def test_another_value_needs_a_reason(locked, judge):
    item = difference(locked(b=tree(patients={"n": 19})))
    with pytest.raises(UserError, match="say why"):
        decide(judge, item, "other", value=20)
    item.refresh_from_db()
    assert item.state == "open"


def test_both_rows_or_neither_can_stand(locked, judge):
    comparison = locked(b=tree(peaks=[PEAKS[0] | {"y": "15"}, PEAKS[1] | {"z": "11"}, *PEAKS[2:]]))
    decide(judge, difference(comparison, "insula"), "both")
    decide(judge, difference(comparison, "thalamus"), "neither", reason="A row of another table.")
    agree(judge, comparison)
    peaks = Peak.objects.filter(dataset__extraction=consensus_of(comparison)).order_by("position")
    assert [(peak.x, peak.y) for peak in peaks] == [(-38, 12), (-38, 15), (44, -8), (-8, -58)]


@pytest.mark.parametrize(("choice", "rows"), [("A", 4), ("B", 3)])
def test_a_row_that_only_one_has_is_kept_or_left_out(locked, judge, choice, rows):
    comparison = locked(b=tree(peaks=PEAKS[:2] + PEAKS[3:]))
    decide(judge, difference(comparison, "precentral"), choice)
    agree(judge, comparison)
    assert Peak.objects.filter(dataset__extraction=consensus_of(comparison)).count() == rows


def test_a_dataset_needs_the_groups_that_it_compares(project, reviewer, second_reviewer, judge):
    study = new_study(project)
    one, other = enter(study, reviewer, "A"), enter(study, second_reviewer, "B")
    controls = Group.objects.get(cohort__extraction=other, kind="controls")
    controls.kind, controls.n, controls.age_mean, controls.label = "other_patients", 30, None, "Zoster"
    controls.save()
    lock(one)
    lock(other)
    comparison = study.comparisons.get()
    for item in comparison.differences.all():
        decide(judge, item, "B" if "Controls" in item.section else "A")
    with pytest.raises(UserError, match="compares the group “Controls”, which was left out"):
        agree(judge, comparison)
    comparison.refresh_from_db()
    assert comparison.state == Comparison.State.OPEN
    assert not study.extractions.filter(position="consensus").exists()


def test_what_was_decided_is_checked_like_any_extraction(locked, judge):
    comparison = locked(b=tree(patients={"n_female": 10}))
    decide(judge, difference(comparison), "other", value=40, reason="Typed in haste.")
    with pytest.raises(UserError, match="has 1 error") as refused:
        agree(judge, comparison)
    assert "40 women of 18 people" in refused.value.details["problems"][0]


def test_a_row_read_the_other_way_round_is_typed_again_as_it_was(locked, judge):
    """A turned row counts with the other sign than its cells say; its cells are what another value starts from."""
    turned = PEAKS[0] | {"statistic": "-4.52", "direction": "turned"}
    comparison = locked(a=tree(peaks=[turned, *PEAKS[1:]]), b=tree(peaks=[PEAKS[0] | {"x": "-36"}, *PEAKS[1:]]))
    found = difference(comparison, "insula")
    assert (found.a["fields"], found.a["value"]["statistic"]) == (["place"], 4.52)
    assert found.a["typed"] == turned
    decide(judge, found, "A")
    agree(judge, comparison)
    peak = Peak.objects.get(dataset__extraction=consensus_of(comparison), position=1)
    assert (peak.statistic, peak.sign, peak.cells["direction"]) == (4.52, 1, "turned")


def test_a_section_is_settled_at_once(locked, judge):
    comparison = locked(b=tree(patients={"n": 19, "age_mean": 70.1}, controls={"n": 21}))
    section = "Cohort PHN and HC, group Patients"
    count = services.differences_decide(
        place=judge, comparison=comparison, choice="B", section=section, group="", expected=2
    )
    assert count == 2
    assert comparison.differences.filter(state="settled", section=section, choice="B").count() == 2
    assert comparison.differences.get(state="open").section.endswith("Controls")


def test_peaks_of_one_kind_are_settled_at_once(locked, judge):
    rows = [PEAKS[0] | {"label": "Insula"}, PEAKS[1] | {"label": "Thal"}, PEAKS[2] | {"x": "46"}]
    comparison = locked(b=tree(peaks=rows))
    services.differences_decide(
        place=judge, comparison=comparison, choice="A", section="Dataset ReHo, peaks", group="values", expected=2
    )
    assert comparison.differences.filter(state="open").count() == 2


def test_settling_at_once_is_refused_when_somebody_has_settled_one_meanwhile(locked, judge):
    comparison = locked(b=tree(patients={"n": 19, "age_mean": 70.1}))
    decide(judge, difference(comparison, "n analysed"), "A")
    with pytest.raises(StaleEdit, match="1 difference open there now, not 2"):
        services.differences_decide(
            place=judge, comparison=comparison, choice="B", expected=2, group="",
            section="Cohort PHN and HC, group Patients",
        )  # fmt: skip
    assert comparison.differences.filter(state="open").count() == 1


def test_a_stale_decision_is_refused_with_both(locked, judge, project, owner):
    item = difference(locked(b=tree(patients={"n": 19})))
    decide(judge, item, "A")
    other = enter_project(owner, project.pk, ADJUDICATE)
    with pytest.raises(StaleEdit) as refused:
        services.difference_decide(place=other, difference=item, version=1, choice="other", value=20, reason="Page 2")
    assert refused.value.details["yours"]["value"] == 20
    assert refused.value.details["theirs"]["choice"] == "A"
    assert refused.value.details["theirs"]["by"] == "ada"


def test_a_decision_can_be_undone_until_agreed(locked, judge):
    comparison = locked(b=tree(patients={"n": 19}))
    item = decide(judge, difference(comparison), "A")
    services.difference_undo(place=judge, difference=item, version=item.version)
    assert (item.state, item.choice, item.decided_by) == ("open", "", None)
    item = decide(judge, item, "B")
    agree(judge, comparison)
    with pytest.raises(UserError, match="agreed or reopened meanwhile"):
        services.difference_undo(place=judge, difference=item, version=item.version)


def test_the_correspondence_with_the_authors_is_kept(locked, judge):
    comparison = locked(b=tree(patients={"n": 19}))
    item, today = difference(comparison), datetime.date(2026, 3, 1)

    def note(direction, text=""):
        services.letter_add(
            place=judge, difference=item, version=item.version, direction=direction, on=today, text=text
        )

    with pytest.raises(UserError, match="first note what the authors were asked"):
        note("answered", "19")
    note("asked", "How many patients were analysed?")
    assert item.state == "asked"
    with pytest.raises(UserError, match="must be settled first"):
        agree(judge, comparison)
    note("answered", "19, one moved.")
    assert item.state == "open"
    assert list(item.letters.values_list("direction", flat=True)) == ["asked", "answered"]
    decide(judge, item, "B", reason="Letter of the authors.")
    with pytest.raises(UserError, match="Undo the decision first"):
        note("asked", "Again?")


# Who


def test_a_reviewer_of_the_study_does_not_settle_it_even_as_an_owner(project, owner, second_reviewer, judge):
    comparison = both_locked(project, owner, second_reviewer, b=tree(patients={"n": 19}))
    with pytest.raises(PermissionDenied, match="one of the two reviewers"):
        decide(enter_project(owner, project.pk), difference(comparison), "A")
    with pytest.raises(PermissionDenied, match="does not include settling"):
        decide(enter_project(second_reviewer, project.pk), difference(comparison), "B")
    decide(judge, difference(comparison), "A")


def test_who_is_assigned_as_a_reviewer_does_not_settle(locked, project, owner):
    comparison = locked(b=tree(patients={"n": 19}))
    place = enter_project(owner, project.pk)
    Assignment.objects.create(study=comparison.study, position="A", reviewer=owner, assigned_by=owner)
    with pytest.raises(PermissionDenied):
        decide(place, difference(comparison), "A")


def test_every_step_is_in_the_audit_trail_and_blind_with_the_study(locked, judge, project):
    comparison = locked(b=tree(patients={"n": 19}))
    item = decide(judge, difference(comparison), "A")
    services.difference_undo(place=judge, difference=item, version=item.version)
    decide(judge, item, "other", value=20, reason="Page 2")
    agree(judge, comparison)
    services.names_reveal(place=judge, comparison=comparison)
    comparison.refresh_from_db()
    services.comparison_reopen(place=judge, comparison=comparison, version=comparison.version, reason="A letter came.")
    entries = AuditEntry.objects.filter(project_id=project.pk, action__startswith="agreement.")
    assert [entry.action.removeprefix("agreement.") for entry in entries] == [
        "made", "decided", "undone", "decided", "agreed", "names_shown", "reopened",
    ]  # fmt: skip
    assert {entry.blind_study_id for entry in entries} == {comparison.study_id}
    decided = entries[3]
    assert (decided.actor, decided.before["state"], decided.after["value"]) == (judge.membership.user, "open", 20)


# Reopening


def reopen(extraction):
    extraction.refresh_from_db()
    return extraction_reopen(extraction=extraction, version=extraction.version, reason="A slip.")


def test_reopening_makes_the_comparison_give_way_and_decisions_about_unchanged_values_come_back(locked, judge):
    comparison = locked(b=tree(patients={"n": 19, "age_mean": 70.1}, dataset={"fwhm_mm": 8.0}))
    decide(judge, difference(comparison, "FWHM"), "other", value=7.0, reason="Page 3")
    decide(judge, difference(comparison, "Age, mean"), "A")
    other = reopen(comparison.study.extractions.get(position="B"))
    comparison.refresh_from_db()
    assert comparison.state == Comparison.State.SUPERSEDED
    Group.objects.filter(cohort__extraction=other, kind="patients").update(age_mean=71.0)
    lock(other)
    new = comparison.study.comparisons.get(state=Comparison.State.OPEN)
    assert (new.number, new.revision_b) == (2, 2)
    states = {item.label: (item.state, item.choice, item.value) for item in new.differences.all()}
    assert states == {
        "n analysed (people)": ("open", "", None),
        "Age, mean (years)": ("open", "", None),
        "Smoothing FWHM (mm)": ("settled", "other", 7.0),
    }
    assert difference(new, "FWHM").decided_by == judge.membership.user


def test_letters_come_back_with_their_difference(locked, judge):
    comparison = locked(b=tree(patients={"n": 19}))
    item = difference(comparison)
    services.letter_add(
        place=judge, difference=item, version=1, direction="asked", on=datetime.date(2026, 3, 1), text="How many?"
    )
    lock(reopen(comparison.study.extractions.get(position="A")))
    new = difference(comparison.study.comparisons.get(number=2))
    assert (new.state, Letter.objects.get(difference=new).text) == ("asked", "How many?")


def test_an_agreed_study_that_is_reopened_is_not_frozen_until_agreed_again(locked, judge, project):
    comparison = locked(b=tree(patients={"n": 19}))
    decide(judge, difference(comparison), "A")
    agree(judge, comparison)
    lock(reopen(comparison.study.extractions.get(position="B")))
    consensus = consensus_of(comparison)
    assert (consensus.state, consensus.revision) == ("draft", 2)
    with pytest.raises(UserError, match="Nothing was frozen"):
        agreed_dataset_freeze(place=judge)
    agree(judge, comparison.study.comparisons.get(number=2))
    assert agreed_dataset_freeze(place=judge)[1]
    assert consensus_of(comparison).revision == 2


def test_an_agreed_study_is_taken_up_again_with_a_reason(locked, judge):
    comparison = locked(b=tree(patients={"n": 19}))
    item = decide(judge, difference(comparison), "A")
    agree(judge, comparison)
    comparison.refresh_from_db()
    with pytest.raises(UserError, match="say why"):
        services.comparison_reopen(place=judge, comparison=comparison, version=comparison.version, reason=" ")
    services.comparison_reopen(place=judge, comparison=comparison, version=comparison.version, reason="A letter came.")
    services.difference_undo(place=judge, difference=item, version=item.version)
    decide(judge, item, "B")
    agree(judge, comparison)
    consensus = consensus_of(comparison)
    assert (consensus.revision, consensus.cohorts.get().groups.get(kind="patients").n) == (2, 19)


def test_agreeing_twice_is_refused(locked, judge):
    comparison = locked(b=tree(patients={"n": 19}))
    decide(judge, difference(comparison), "A")
    agree(judge, comparison)
    with pytest.raises(StaleEdit, match="agreed"):
        services.comparison_agree(place=judge, comparison=comparison, version=1)
    assert Difference.objects.filter(comparison=comparison).count() == 1
