"""A peak that both reviewers overlooked is added by who settles, with a reason, and both originals stay as they are."""

import html
import io
import zipfile

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from meta_app.agreement import services
from meta_app.agreement.checks import key_path
from meta_app.agreement.selectors import missed_peaks
from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import StaleEdit, UserError
from meta_app.datasets.exports import DOWNLOADS
from meta_app.datasets.selectors import assemble
from meta_app.datasets.services import agreed_dataset_freeze
from meta_app.extraction.models import Dataset, Extraction, Peak
from meta_app.extraction.peak_services import peaks_save
from meta_app.extraction.services import extraction_reopen
from tests.meta_app.quality.score_cast import place_of

from .readers import PEAKS, TREE, both_locked, enter, lock, new_study, tree
from .test_doubts import agree, decide, doubt

ROW = {"label": "R insula", "x": "40", "y": "10", "z": "-2", "statistic": "4.9", "kind": "t", "page": "6"}


def add(judge, comparison, cells=ROW, expected=0, reason="Table 2 goes on over the page."):
    dataset = key_path("dataset", comparison.pairs["dataset"][0])
    return services.peak_add(
        place=judge, comparison=comparison, dataset=dataset, cells=cells, reason=reason, expected=expected
    )


def agreed_peaks(consensus):
    return list(Peak.objects.filter(dataset__extraction=consensus).order_by("position"))


def test_the_row_goes_into_the_agreed_version_and_both_originals_stay(comparison, judge, project):
    add(judge, comparison)
    peaks = agreed_peaks(agree(judge, comparison))
    assert [peak.label for peak in peaks] == [row["label"] for row in (*PEAKS, ROW)]
    last = peaks[-1]
    assert ((last.x, last.y, last.z), last.statistic, last.page) == ((40, 10, -2), 4.9, "6")
    told = {name: last.origin[name] for name in ("from", "by", "missed", "reason")}
    assert told == {"from": "other", "by": "ada", "missed": True, "reason": "Table 2 goes on over the page."}
    for position in "AB":
        assert Peak.objects.filter(dataset__extraction__position=position).count() == len(PEAKS)
    assert any(
        {"from": "other", "missed": True, "reason": told["reason"]} in origins
        for origins in assemble(project).agreement["studies"][0]["peaks"].values()
    )


def test_the_row_is_in_the_files_of_the_frozen_version(comparison, judge, project, owner):
    add(judge, comparison)
    agree(judge, comparison)
    version, _new = agreed_dataset_freeze(place=place_of(owner))
    with zipfile.ZipFile(io.BytesIO(DOWNLOADS["sdm.zip"].made(version))) as folder:
        lines = "\n".join(folder.read(name).decode() for name in folder.namelist())
    assert "40,10,-2,4.9" in lines
    assert '"R insula"' in DOWNLOADS["agreed-dataset.json"].made(version).decode()


def test_the_audit_trail_says_who_added_what_and_why(comparison, judge):
    difference, _warnings = add(judge, comparison)
    entry = AuditEntry.objects.get(action="agreement.peak_added")
    assert (entry.actor, entry.before, entry.after["row"]) == (judge.membership.user, None, ROW)
    assert entry.reason == "Table 2 goes on over the page."
    assert entry.subject == "Cao 2017: Dataset ReHo, peaks, R insula (missed by both, 1)"
    assert (entry.blind_study_id, entry.blind_stage) == (comparison.study_id, "extraction")
    services.difference_undo(place=judge, difference=difference, version=difference.version)
    undone = AuditEntry.objects.get(action="agreement.undone")
    assert (undone.before["value"], undone.after["choice"]) == (ROW, "")


def test_undo_opens_the_row_and_it_is_left_out_or_typed_again(comparison, judge):
    first, _warnings = add(judge, comparison)
    second, _warnings = add(judge, comparison, ROW | {"x": "44"}, expected=1)
    for item in (first, second):
        services.difference_undo(place=judge, difference=item, version=item.version)
    with pytest.raises(UserError, match="2 differences must be settled"):
        agree(judge, comparison)
    assert first.value == ROW
    with pytest.raises(UserError, match="mend the row"):
        decide(judge, first, "other", value=ROW | {"x": "140"}, reason="Read again.")
    decide(judge, first, "equal")
    decide(judge, second, "other", value=ROW | {"x": "42"}, reason="Read again.")
    assert [peak.x for peak in agreed_peaks(agree(judge, comparison))] == [-38, 12, 44, -8, 42]


def test_the_second_of_two_clicks_adds_nothing_and_says_what_is_there(comparison, judge):
    add(judge, comparison)
    with pytest.raises(StaleEdit) as refused:
        add(judge, comparison)
    assert refused.value.details == {"yours": {"row": ROW}, "theirs": {"rows": [ROW]}}
    assert len(missed_peaks(comparison)) == 1


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"x": "140"}, "outside gray matter"),
        ({"x": "4O"}, "is not a number"),
        ({"statistic": "290"}, "impossible with"),
        ({"x": "-38", "y": "12", "z": "-4", "label": "insula"}, "same coordinates as row 1"),
    ],
)
def test_the_guard_checks_the_row_as_it_checks_the_grid(comparison, judge, cells, words):
    with pytest.raises(UserError) as refused:
        add(judge, comparison, ROW | cells)
    assert words in " ".join(refused.value.details["problems"])
    assert missed_peaks(comparison) == []


def test_a_row_is_read_in_the_space_that_is_settled(project, reviewer, second_reviewer, judge):
    edge = ROW | {"label": "R frontal pole", "x": "38", "y": "58", "z": "-18"}
    comparison = both_locked(project, reviewer, second_reviewer, b=tree(dataset={"space": "talairach"}))
    with pytest.raises(UserError, match="mend the row") as refused:
        add(judge, comparison, edge)
    assert all("Beside the table of B" in told for told in refused.value.details["problems"])
    decide(judge, comparison.differences.get(), "A")
    assert add(judge, comparison, edge)[1] == []


def test_a_row_is_checked_against_the_threshold_and_the_numbers_of_people_that_are_settled(comparison, judge):
    assert add(judge, comparison)[1] == []
    decide(judge, doubt(judge, comparison, "t threshold"), "other", value=5.2, reason="Table 2 says so.")
    _difference, warnings = add(judge, comparison, ROW | {"x": "44"}, expected=1)
    assert warnings == ["statistic: |t| = 4.90 is below the stated threshold, t = 5.20."]
    strong = ROW | {"x": "46", "statistic": "9.5"}
    assert add(judge, comparison, strong, expected=2)[1] == []
    decide(judge, comparison.differences.get(of_equal=False), "other", value=4, reason="Fourteen dropped out.")
    with pytest.raises(UserError) as refused:
        add(judge, comparison, strong | {"x": "48"}, expected=3)
    assert "5 standard deviations" in " ".join(refused.value.details["problems"])


def test_a_row_stands_beside_the_peaks_that_are_settled_not_beside_those_that_were_left_out(
    project, reviewer, second_reviewer, judge
):
    alone = {"label": "R putamen", "x": "26", "y": "6", "z": "2", "statistic": "5.0", "kind": "t"}
    comparison = both_locked(project, reviewer, second_reviewer, a=tree(peaks=[*PEAKS, alone]))
    with pytest.raises(UserError) as refused:
        add(judge, comparison, alone)
    assert refused.value.details["x"].startswith("Beside the table of A, x: The same coordinates as row 5")
    only_a = comparison.differences.get()
    decide(judge, only_a, "other", value=ROW, reason="The row of the next table.")
    assert add(judge, comparison, alone)[1] == []
    for taken in (ROW, alone):
        with pytest.raises(UserError) as refused:
            add(judge, comparison, taken, expected=1)
        assert "same coordinates as row" in " ".join(refused.value.details["problems"])


def test_what_the_guard_only_asks_is_added_with_a_tick(comparison, judge):
    twice = {**PEAKS[0], "confirmed": "yes"}
    _difference, warnings = add(judge, comparison, twice)
    assert "same coordinates as row 1" in " ".join(warnings)
    assert len(agreed_peaks(agree(judge, comparison))) == len(PEAKS) + 1


@pytest.mark.parametrize(("cells", "reason"), [(ROW, " "), ({"page": "6"}, "Overlooked.")])
def test_a_reason_and_a_row_are_needed(comparison, judge, cells, reason):
    with pytest.raises(UserError, match="Nothing was added"):
        add(judge, comparison, cells, reason=reason)


def test_only_who_settles_adds_and_only_before_it_is_agreed(comparison, judge, reviewer):
    with pytest.raises(PermissionDenied):
        add(place_of(reviewer), comparison)
    agree(judge, comparison)
    with pytest.raises(UserError, match="Reopen it first"):
        add(judge, comparison)


def test_a_dataset_of_which_no_peaks_was_agreed_says_so_first(project, reviewer, second_reviewer, judge):
    none = both_locked(
        project, reviewer, second_reviewer, tree(peaks=[]), tree(peaks=[], patients={"n": 19}), label="Hong 2023"
    )
    with pytest.raises(UserError, match="has no peaks"):
        add(judge, none)
    decide(judge, doubt(judge, none, "Peaks"), "other", value="peaks", reason="The supplement has a table.")
    add(judge, none)
    assert [peak.label for peak in agreed_peaks(agree(judge, none))] == ["R insula"]


def test_it_comes_back_when_a_reviewer_reopens_unless_somebody_has_the_row_by_then(comparison, judge):
    add(judge, comparison)
    add(judge, comparison, ROW | {"x": "44", "label": "R operculum"}, expected=1)
    again = Extraction.objects.get(study=comparison.study, position="B")
    extraction_reopen(extraction=again, version=again.version, reason="A row was skipped.")
    dataset = again.datasets.get()
    peaks_save(dataset=dataset, version=dataset.version, peaks_state="peaks", rows=[*PEAKS, ROW])
    lock(again)
    new = comparison.study.comparisons.get(number=2)
    assert [(item.label, item.state) for item in missed_peaks(new)] == [("R operculum (missed by both, 1)", "settled")]
    assert [item.a for item in new.differences.filter(kind="peak", of_equal=False)] == [None]
    decide(judge, new.differences.get(kind="peak", of_equal=False), "B")
    assert [peak.label for peak in agreed_peaks(agree(judge, new))][4:] == ["R insula", "R operculum"]


def test_a_row_that_was_left_out_does_not_come_back_when_a_reviewer_reopens(comparison, judge):
    item, _warnings = add(judge, comparison)
    services.difference_undo(place=judge, difference=item, version=item.version)
    decide(judge, item, "equal")
    again = Extraction.objects.get(study=comparison.study, position="B")
    extraction_reopen(extraction=again, version=again.version, reason="A row was skipped.")
    lock(again)
    assert missed_peaks(comparison.study.comparisons.get(number=2)) == []


def test_a_row_that_was_ticked_beside_an_equal_one_is_asked_again_when_a_reviewer_reopens(comparison, judge):
    twice = {**PEAKS[0], "confirmed": "yes"}
    add(judge, comparison, twice)
    again = Extraction.objects.get(study=comparison.study, position="B")
    extraction_reopen(extraction=again, version=again.version, reason="A row was skipped.")
    lock(again)
    new = comparison.study.comparisons.get(number=2)
    (item,) = missed_peaks(new)
    assert (item.state, item.choice, item.value) == ("open", "", twice)
    decide(judge, item, "other", value=twice, reason="Two maxima are printed at this place.")
    assert len(agreed_peaks(agree(judge, new))) == len(PEAKS) + 1


def test_the_note_of_a_row_is_still_there_when_it_is_typed_again(comparison, judge, adjudicator, sign_in):
    item, _warnings = add(judge, comparison, ROW | {"note": "on the next page"})
    services.difference_undo(place=judge, difference=item, version=item.version)
    page = reverse("agreement:comparison", args=[comparison.study.project_id, comparison.study_id])
    assert 'name="cell_note" value="on the next page"' in sign_in(adjudicator).get(page).text


def test_a_row_of_a_dataset_that_is_left_out_is_not_lost_without_a_word(project, reviewer, second_reviewer, judge):
    study = new_study(project)
    one, other = enter(study, reviewer, "A"), enter(study, second_reviewer, "B")
    first = one.datasets.get()
    second = Dataset.objects.create(
        extraction=one, cohort=first.cohort, group_a=first.group_a, group_b=first.group_b,
        **TREE["dataset"] | {"label": "ALFF", "metric": "ALFF"},
    )  # fmt: skip
    peaks_save(
        dataset=second,
        version=1,
        peaks_state="peaks",
        rows=[ROW | {"label": "L insula", "x": "-30", "y": "20", "z": "4"}],
    )
    lock(one)
    lock(other)
    comparison = study.comparisons.get()
    whole = comparison.differences.get(kind="row")
    item, _warnings = services.peak_add(
        place=judge, comparison=comparison, dataset=whole.path, cells=ROW, reason="Overlooked.", expected=0
    )
    decide(judge, whole, "B")
    with pytest.raises(UserError, match="dataset ALFF, which was left out"):
        agree(judge, comparison)
    services.difference_undo(place=judge, difference=item, version=item.version)
    decide(judge, item, "equal")
    assert [peak.label for peak in agreed_peaks(agree(judge, comparison))] == [row["label"] for row in PEAKS]


def test_the_page_adds_a_row_keeps_what_was_refused_and_shows_where_it_came_from(comparison, adjudicator, sign_in):
    client = sign_in(adjudicator)
    page = reverse("agreement:comparison", args=[comparison.study.project_id, comparison.study_id])
    assert "Add a peak both missed" in client.get(page).text
    assert "Add a peak both missed" in client.get(f"{page}?show=equal").text
    dataset = key_path("dataset", comparison.pairs["dataset"][0])
    data = {f"cell_{name}": text for name, text in ROW.items()} | {"dataset": dataset, "expected": 0, "reason": "p. 6"}
    refused = client.post(f"{page}peak/", data | {"cell_x": "140"})
    assert refused.status_code == 400
    assert "outside gray matter" in refused.text
    assert 'name="cell_x" value="140"' in refused.text
    assert '<details class="missed" open>' in refused.text
    answer = client.post(f"{page}peak/", data, follow=True)
    assert "R insula (missed by both, 1) is added" in answer.text
    assert "neither has it" in answer.text
    assert client.post(f"{page}peak/", data).status_code == 409
    agree(place_of(adjudicator), comparison)
    assert "a peak that both missed, added by ada: p. 6" in html.unescape(client.get(page).text)


def test_a_cell_longer_than_one_of_the_grid_is_refused_with_its_name(comparison, adjudicator, sign_in):
    page = reverse("agreement:comparison", args=[comparison.study.project_id, comparison.study_id])
    data = {f"cell_{name}": text for name, text in (ROW | {"label": "BA " + "9" * 5000}).items()}
    dataset = key_path("dataset", comparison.pairs["dataset"][0])
    refused = sign_in(adjudicator).post(f"{page}peak/", data | {"dataset": dataset, "expected": 0, "reason": "p. 6"})
    assert refused.status_code == 400
    assert "label must be shorter" in refused.text


def test_who_may_not_settle_is_refused_and_is_not_offered_the_form(comparison, reviewer, viewer, sign_in):
    page = reverse("agreement:comparison", args=[comparison.study.project_id, comparison.study_id])
    client = sign_in(reviewer)
    assert "Add a peak" not in client.get(page).text
    assert client.post(f"{page}peak/", {}).status_code == 403
    assert sign_in(viewer).post(f"{page}peak/", {}).status_code == 403
