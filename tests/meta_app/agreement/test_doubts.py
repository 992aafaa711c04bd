"""Two people may copy the same misprint: who settles can replace what both have equal, with a reason."""

import html
import re

import pytest
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from meta_app.agreement import services
from meta_app.agreement.models import Comparison
from meta_app.agreement.trees import equal_places
from meta_app.audit.models import AuditEntry
from meta_app.common.exceptions import UserError
from meta_app.datasets.selectors import assemble
from meta_app.extraction.models import Extraction, Group, Peak
from meta_app.extraction.services import extraction_reopen
from tests.meta_app.quality.score_cast import place_of

from .readers import PEAKS, both_locked, lock, tree


def doubt(judge, comparison, label):
    """The places of a label that both have equal; the first is doubted."""
    path = next(item.path for item in equal_places(comparison) if label in item.label)
    return services.difference_doubt(place=judge, comparison=comparison, path=path)


def decide(judge, item, choice, **more):
    return services.difference_decide(place=judge, difference=item, version=item.version, choice=choice, **more)


def agree(judge, comparison):
    for item in comparison.differences.filter(of_equal=False).exclude(state="settled"):
        decide(judge, item, "A")
    comparison.refresh_from_db()
    services.comparison_agree(place=judge, comparison=comparison, version=comparison.version)
    return Extraction.objects.get(study=comparison.study, position="consensus")


def patients_of(consensus):
    return Group.objects.get(cohort__extraction=consensus, kind="patients")


def test_an_equal_value_is_replaced_with_a_reason_and_says_what_both_had(comparison, judge, project):
    item = doubt(judge, comparison, "Age, SD")
    with pytest.raises(UserError, match="1 difference must be settled"):
        agree(judge, comparison)
    with pytest.raises(UserError, match="say why"):
        decide(judge, item, "other", value=2.9)
    decide(judge, item, "other", value=2.9, reason="A standard error; the thesis prints the SD.")
    patients = patients_of(agree(judge, comparison))
    assert patients.age_sd == 2.9
    told = {name: patients.origins["age_sd"][name] for name in ("from", "by", "both", "reason")}
    assert told == {
        "from": "other", "by": "ada", "both": "9.29", "reason": "A standard error; the thesis prints the SD.",
    }  # fmt: skip
    assert patients.origins["age_mean"] == {"from": "equal"}
    assert set(Group.objects.filter(cohort__extraction__position__in="AB", kind="patients").values_list("age_sd")) == {
        (9.29,)
    }
    frozen = assemble(project).agreement["studies"][0]["origins"]
    assert {"from": "other", "both": "9.29", "reason": told["reason"]} in [
        origins.get("age_sd") for origins in frozen.values()
    ]


def test_what_is_equal_only_within_rounding_or_typing_says_both_and_which_is_taken(
    project, reviewer, second_reviewer, adjudicator, judge, sign_in
):
    b = tree(
        study={"site": "ward 3, Town."},
        patients={"age_sd": 9.3, "age_mean": 60.92},
        controls={"n": 21, "age_mean": 58.14},
        peaks=[PEAKS[0] | {"statistic": "4.5"}, PEAKS[1] | {"statistic": "5.14"}, *PEAKS[2:]],
    )
    rounded = both_locked(project, reviewer, second_reviewer, b=b)
    page = reverse("agreement:comparison", args=[project.pk, rounded.study_id])
    shown = sign_in(adjudicator).get(f"{page}?show=equal").text
    for words in (
        "equal within rounding: A 9.29, B 9.3; taken: 9.29",
        "equal within rounding: A 58.1, B 58.14; taken: 58.14",
        "equal but for how it is typed: A Ward 3, Town, B ward 3, Town.; taken: Ward 3, Town",
        "B 12, −18, 8, t = 5.14, R thalamus; taken: 12, −18, 8, t = 5.14, R thalamus",
        "B −38, 12, −4, t = 4.5, L insula; taken: −38, 12, −4, t = 4.52, L insula",
    ):
        assert words in shown
    assert "60.92, B" not in shown
    consensus = agree(judge, rounded)
    assert patients_of(consensus).origins["age_sd"] == {"from": "equal", "A": "9.29", "B": "9.3"}
    assert patients_of(consensus).origins["age_mean"] == {"from": "equal"}
    assert "equal within rounding: A 9.29, B 9.3" in sign_in(adjudicator).get(page).text


def test_each_step_of_a_doubt_is_in_the_audit_trail(comparison, judge):
    item = doubt(judge, comparison, "Age, SD")
    decide(judge, item, "other", value=2.9, reason="The thesis")
    doubted, decided = AuditEntry.objects.filter(action__in=("agreement.doubted", "agreement.decided"))
    assert doubted.before == {"from": "equal", "both": "9.29"}
    assert (decided.before["state"], decided.after["value"], decided.after["both"]) == ("open", 2.9, "9.29")
    assert (decided.actor, decided.after["reason"]) == (judge.membership.user, "The thesis")
    assert doubted.subject == "Cao 2017: Cohort PHN and HC, group Patients, Age, SD (years)"


def test_a_doubt_can_end_as_both_have_it(comparison, judge):
    decide(judge, doubt(judge, comparison, "Age, SD"), "equal", reason="The authors confirm it.")
    patients = patients_of(agree(judge, comparison))
    assert (patients.age_sd, patients.origins["age_sd"]["from"]) == (9.29, "equal")
    assert patients.origins["age_sd"]["reason"] == "The authors confirm it."


def test_what_neither_reports_can_be_added(comparison, judge):
    item = doubt(judge, comparison, "Education, mean")
    assert item.a["words"] == "not reported"
    decide(judge, item, "other", value=8.87, reason="In the supplement")
    patients = patients_of(agree(judge, comparison))
    assert (patients.education_mean, patients.origins["education_mean"]["both"]) == (8.87, "not reported")


@pytest.mark.parametrize(("choice", "places"), [("other", [-38, 12, 44, 8]), ("neither", [-38, 12, 44])])
def test_an_equal_peak_is_typed_again_or_left_out(comparison, judge, choice, places):
    item = doubt(judge, comparison, "precuneus")
    value = {"value": PEAKS[3] | {"x": "8"}} if choice == "other" else {}
    decide(judge, item, choice, **value, reason="The figure shows it on the right.")
    peaks = list(Peak.objects.filter(dataset__extraction=agree(judge, comparison)).order_by("position"))
    assert [peak.x for peak in peaks] == places
    if choice == "other":
        assert peaks[3].origin["both"] == "L precuneus (row 4 of A, row 4 of B)"


def test_a_doubt_is_no_choice_between_a_and_b(comparison, judge):
    item = doubt(judge, comparison, "Age, SD")
    with pytest.raises(UserError, match="does not fit"):
        decide(judge, item, "A")
    with pytest.raises(UserError, match="1 difference open there now, not 2"):
        services.differences_decide(
            place=judge, comparison=comparison, choice="B", section=item.section, group="", expected=2
        )
    with pytest.raises(UserError, match="to be settled already"):
        services.difference_doubt(place=judge, comparison=comparison, path=item.path)
    with pytest.raises(UserError, match="do not have this equal"):
        services.difference_doubt(
            place=judge, comparison=comparison, path=comparison.differences.get(of_equal=False).path
        )


def test_only_who_settles_doubts_and_only_before_it_is_agreed(comparison, judge, reviewer):
    with pytest.raises(PermissionDenied):
        doubt(place_of(reviewer), comparison, "Age, SD")
    agree(judge, comparison)
    with pytest.raises(UserError, match="Reopen it first"):
        doubt(judge, comparison, "Age, SD")


def test_a_study_that_agreed_by_itself_is_reopened_to_doubt_it(project, reviewer, second_reviewer, judge):
    comparison = both_locked(project, reviewer, second_reviewer)
    assert comparison.state == Comparison.State.AGREED
    services.comparison_reopen(
        place=judge, comparison=comparison, version=comparison.version, reason="The same misprint twice."
    )
    decide(judge, doubt(judge, comparison, "n analysed"), "other", value=17, reason="One left.")
    assert patients_of(agree(judge, comparison)).n == 17


def test_a_doubt_comes_back_with_its_decision_while_both_say_the_same(comparison, judge):
    decide(judge, doubt(judge, comparison, "Age, SD"), "other", value=2.9, reason="The thesis")
    decide(judge, doubt(judge, comparison, "Age, mean"), "other", value=62.0, reason="The thesis")
    agree(judge, comparison)
    again = Extraction.objects.get(study=comparison.study, position="B")
    extraction_reopen(extraction=again, version=again.version, reason="A slip.")
    Group.objects.filter(cohort__extraction=again, kind="patients").update(n=18, age_mean=61.5)
    lock(again)
    new = comparison.study.comparisons.get(number=2)
    assert {(item.label, item.of_equal, item.state) for item in new.differences.all()} == {
        ("Age, mean (years)", False, "open"), ("Age, SD (years)", True, "settled"),
    }  # fmt: skip
    assert patients_of(agree(judge, new)).age_sd == 2.9


def test_the_page_lists_what_is_equal_and_a_doubt_is_settled_there(comparison, adjudicator, viewer, sign_in):
    client = sign_in(adjudicator)
    page = reverse("agreement:comparison", args=[comparison.study.project_id, comparison.study_id])
    text = re.sub(r"\s+", " ", html.unescape(client.get(f"{page}?show=equal").text))
    assert "Age, SD (years)" in text
    assert "−38, 12, −4" in text
    assert "n analysed (people)</th><td>18" not in text
    path = re.search(r'name="path" value="([^"]*)"><button[^>]*>Doubt it</button></form></td></tr> <tr><th', text)[1]
    assert path in {item.path for item in equal_places(comparison)}
    path = next(item.path for item in equal_places(comparison) if item.label.startswith("Age, SD"))
    answer = client.post(f"{page}doubt/", {"path": path}, follow=True)
    assert "is to be settled now" in answer.text
    assert "both have it, and it is doubted" in answer.text
    assert "As both have it" in answer.text
    item = comparison.differences.get(of_equal=True)
    data = {"version": item.version, "choice": "other", "value": "2.9", "reason": "The thesis"}
    client.post(f"{page}{item.pk}/decide/", data)
    agree(place_of(adjudicator), comparison)
    assert "another value than both had (9.29) by ada: The thesis" in html.unescape(sign_in(viewer).get(page).text)
    refused = client.post(f"{page}doubt/", {"path": path})
    assert refused.status_code == 400
    assert "Reopen it first" in refused.text
