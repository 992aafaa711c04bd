"""The pages of comparing: what they show, to whom, and what they answer to decisions."""

import csv
import io
import re

import pytest
from django.urls import reverse

from meta_app.agreement.models import Comparison
from meta_app.audit.models import AuditEntry
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Role

from .readers import PEAKS, both_locked, enter, lock, new_study, tree

GETS = ["agreement:studies", "agreement:summary", "agreement:summary_csv"]
OF_STUDY = ["comparison", "make", "bulk", "doubt", "peak", "agree", "reopen", "names"]
OF_DIFFERENCE = ["decide", "undo", "letter"]
SENTINELS = ("SENTINEL", "71.7717", "171717", "4.7717")
PLANTED = tree(
    study={"site": "SENTINEL site"},
    patients={"age_mean": 71.7717, "n_female": 3, "label": "SENTINEL group"},
    dataset={"threshold_reported": "SENTINEL threshold", "metric": "SENTINEL metric"},
    peaks=[*PEAKS, {"label": "SENTINEL peak", "x": "-40", "y": "14", "z": "2", "statistic": "4.7717", "kind": "t"}],
)


def differing(project, reviewer, second_reviewer, label="Cao 2017"):
    b = tree(patients={"n": 19}, peaks=[PEAKS[0] | {"x": "38", "confirmed": "yes"}, *PEAKS[1:]])
    return both_locked(project, reviewer, second_reviewer, b=b, label=label)


@pytest.fixture
def comparison(project, reviewer, second_reviewer):
    return differing(project, reviewer, second_reviewer)


@pytest.fixture
def item(comparison):
    return comparison.differences.get(label__startswith="n analysed")


def address(name, comparison, *more):
    return reverse(f"agreement:{name}", args=[comparison.study.project_id, comparison.study_id, *more])


def every_address(project, study_id, difference_id=1):
    yield from ((name, reverse(name, args=[project.pk])) for name in GETS)
    for name in OF_STUDY:
        yield name, reverse(f"agreement:{name}", args=[project.pk, study_id])
    for name in OF_DIFFERENCE:
        yield name, reverse(f"agreement:{name}", args=[project.pk, study_id, difference_id])


# Blinding


@pytest.mark.parametrize("role", ["reviewer", "second_reviewer", "owner", "adjudicator", "viewer"])
def test_nothing_is_told_before_both_have_locked(project, reviewer, second_reviewer, role, request, sign_in):
    """One has locked, the other not: every address by every method, as everybody."""
    study = new_study(project)
    locked, _draft = enter(study, reviewer, "A", PLANTED), enter(study, second_reviewer, "B")
    lock(locked)
    client = sign_in(request.getfixturevalue(role))
    for name, url in every_address(project, study.pk):
        for method in ("get", "post"):
            response = getattr(client, method)(url)
            of_project = name in GETS and method == "get"
            assert response.status_code in ((200,) if of_project else (403, 404, 405)), (url, response.status_code)
            text = response.content.decode()
            assert [word for word in SENTINELS if word in text] == [], url


@pytest.mark.parametrize("role", ["reviewer", "second_reviewer", "owner", "adjudicator", "viewer"])
def test_reopening_closes_the_comparison_to_everybody_again(project, reviewer, second_reviewer, role, request, sign_in):
    comparison = both_locked(project, reviewer, second_reviewer, a=PLANTED)
    difference = comparison.differences.first()
    comparison.study.extractions.filter(position="B").update(state="draft")
    client = sign_in(request.getfixturevalue(role))
    for name, url in every_address(project, comparison.study_id, difference.pk):
        for method in ("get", "post"):
            response = getattr(client, method)(url)
            assert response.status_code == 200 if name in GETS and method == "get" else response.status_code >= 400
            assert [word for word in SENTINELS if word in response.content.decode()] == [], url


def test_both_reviewers_read_the_comparison_and_cannot_decide(comparison, item, reviewer, second_reviewer, sign_in):
    for person in (reviewer, second_reviewer):
        client = sign_in(person)
        page = client.get(address("comparison", comparison))
        assert page.status_code == 200
        assert "n analysed" in page.text
        assert "does not include settling" in page.text
        assert "data-act" not in page.text
        for name in OF_DIFFERENCE:
            assert client.post(address(name, comparison, item.pk), {"version": 1, "choice": "A"}).status_code == 403
        for name in OF_STUDY[1:]:
            assert client.post(address(name, comparison), {"version": 1}).status_code == 403
    item.refresh_from_db()
    assert item.state == "open"


def test_an_owner_who_reviewed_the_study_reads_and_cannot_decide(project, owner, second_reviewer, sign_in):
    comparison = differing(project, owner, second_reviewer)
    item = comparison.differences.first()
    client = sign_in(owner)
    assert "one of the two reviewers" in client.get(address("comparison", comparison)).text
    assert client.post(address("decide", comparison, item.pk), {"version": 1, "choice": "A"}).status_code == 403
    assert "by someone else" in client.get(reverse("agreement:studies", args=[project.pk])).text


def test_a_viewer_sees_what_is_agreed_only(comparison, item, viewer, adjudicator, sign_in):
    client = sign_in(viewer)
    assert client.get(address("comparison", comparison)).status_code == 404
    assert "Cao 2017" not in client.get(reverse("agreement:studies", args=[comparison.study.project_id])).text
    settle_all(sign_in(adjudicator), comparison)
    assert client.get(address("comparison", comparison)).status_code == 200
    assert "Cao 2017" in client.get(reverse("agreement:studies", args=[comparison.study.project_id])).text


def settle_all(client, comparison, choice="A"):
    for difference in comparison.differences.all():
        client.post(address("decide", comparison, difference.pk), {"version": difference.version, "choice": choice})
    comparison.refresh_from_db()
    return client.post(address("agree", comparison), {"version": comparison.version})


# The list


def test_the_list_says_what_is_left_and_leads_there(comparison, project, adjudicator, sign_in):
    text = sign_in(adjudicator).get(reverse("agreement:studies", args=[project.pk])).text
    assert "2 of 2" in text
    assert address("comparison", comparison) in text


def test_the_list_needs_a_fixed_number_of_queries(
    project, reviewer, second_reviewer, adjudicator, sign_in, django_assert_max_num_queries
):
    for number in range(4):
        differing(project, reviewer, second_reviewer, f"Study {number}")
    client = sign_in(adjudicator)
    with django_assert_max_num_queries(22):
        client.get(reverse("agreement:studies", args=[project.pk]))


def test_a_long_list_is_shown_page_by_page_with_the_work_of_this_person_first(
    project, reviewer, second_reviewer, adjudicator, sign_in
):
    for number in range(55):
        new_study(project, f"Study {number:02}")
    differing(project, reviewer, second_reviewer, "Zhang 2019")
    address = reverse("agreement:studies", args=[project.pk])
    first, second = (sign_in(adjudicator).get(f"{address}?page={number}").text for number in (1, 2))
    assert [first.count('<th scope="row"'), second.count('<th scope="row"')] == [50, 6]
    for shown in (first, second):
        assert re.search(r"<b>56</b> <span>studies</span></span>\s*· those for you to settle first", shown)
    assert first.index("Zhang 2019") < first.index("Study 00")
    assert "Zhang 2019" not in second
    assert "Zhang 2019" not in sign_in(reviewer).get(address).text


def test_the_list_is_searched_by_label_author_and_title_within_what_one_may_see(
    comparison, project, adjudicator, viewer, sign_in
):
    for study in (comparison.study, new_study(project, "Zhang 2016")):
        study.reports.add(Report.objects.create(project=project, title=f"Zoster {study.label}", authors="Ng, K."))
    new_study(project, "Read by one", needed=1)

    def found(client, words):
        shown = client.get(reverse("agreement:studies", args=[project.pk]), {"q": words}).text
        return re.findall(r'class="study-label"[^>]*>([^<]+)<', shown), shown

    client = sign_in(adjudicator)
    assert found(client, "zoster")[0] == found(client, "Ng, K")[0] == ["Cao 2017", "Zhang 2016"]
    labels, shown = found(client, "zhang")
    assert labels == ["Zhang 2016"]
    assert re.search(r"<b>1</b> <span>study</span></span>\s*· those for you to settle first", shown)
    assert found(sign_in(viewer), "zoster")[0] == []
    labels, shown = found(client, "read by one")
    assert labels == []
    assert "<b>0</b> <span>studies</span>" in shown
    assert "No study fits these words" in shown
    assert 'value="read by one"' in shown


def test_the_sidebar_counts_studies_to_settle_for_those_who_may(comparison, project, adjudicator, reviewer, sign_in):
    overview = reverse("projects:overview", args=[project.pk])
    assert "1 study with differences to settle" in sign_in(adjudicator).get(overview).text
    assert "differences to settle" not in sign_in(reviewer).get(overview).text


def test_a_study_opened_before_can_be_compared_now(comparison, project, adjudicator, reviewer, sign_in):
    Comparison.objects.all().delete()
    client = sign_in(adjudicator)
    assert "Compare now" in client.get(reverse("agreement:studies", args=[project.pk])).text
    assert client.post(address("make", comparison)).status_code == 302
    assert comparison.study.comparisons.count() == 1
    assert "Compare now" not in sign_in(reviewer).get(reverse("agreement:studies", args=[project.pk])).text


# The page of a study


def test_a_and_b_stand_in_the_order_that_was_drawn(comparison, adjudicator, sign_in):
    client = sign_in(adjudicator)
    for b_is_left, first in ((True, "As B"), (False, "As A")):
        Comparison.objects.update(b_is_left=b_is_left)
        text = client.get(address("comparison", comparison)).text
        assert f'data-act="1">{first}' in text


def test_names_are_told_on_request_only_and_that_is_noted(comparison, adjudicator, sign_in):
    client = sign_in(adjudicator)
    text = client.get(address("comparison", comparison)).text
    assert "rosa" not in text
    assert "ren" not in text.split()
    assert "A is rosa, B is ren." in client.post(address("names", comparison)).text
    assert AuditEntry.objects.filter(action="agreement.names_shown", actor=adjudicator).count() == 1


def test_a_decision_answers_with_its_card_and_what_is_left(comparison, item, adjudicator, sign_in):
    response = sign_in(adjudicator).post(
        address("decide", comparison, item.pk), {"version": 1, "choice": "B"}, headers={"HX-Request": "true"}
    )
    assert response.status_code == 200
    assert "<html" not in response.text
    assert f'id="d{item.pk}"' in response.text
    assert "As reviewer B" in response.text
    assert "<b>1 left</b>" in response.text


def test_without_javascript_a_decision_leads_back_to_its_place(comparison, item, adjudicator, sign_in):
    response = sign_in(adjudicator).post(address("decide", comparison, item.pk), {"version": 1, "choice": "B"})
    assert response.status_code == 302
    assert response.url.endswith(f"#d{item.pk}")


def test_a_stale_decision_answers_409_with_both_on_the_card(comparison, item, adjudicator, owner, sign_in):
    sign_in(owner).post(address("decide", comparison, item.pk), {"version": 1, "choice": "A"})
    response = sign_in(adjudicator).post(
        address("decide", comparison, item.pk), {"version": 1, "choice": "B"}, headers={"HX-Request": "true"}
    )
    assert response.status_code == 409
    assert "Yours was: B" in response.text
    assert "olga: A" in response.text


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"value": "twelve", "reason": "x"}, "not a number here"),
        ({"value": "12.5", "reason": "x"}, "not a whole number"),
        ({"value": "12", "reason": ""}, "say why"),
    ],
)
def test_a_bad_other_value_is_refused_in_words_and_kept(comparison, item, adjudicator, sign_in, typed, message):
    response = sign_in(adjudicator).post(
        address("decide", comparison, item.pk),
        {"version": 1, "choice": "other", **typed},
        headers={"HX-Request": "true"},
    )
    assert response.status_code == 400
    assert message in response.text
    assert f'value="{typed["value"]}"' in response.text


def test_another_peak_is_read_as_the_grid_reads_it(comparison, adjudicator, sign_in):
    peak = comparison.differences.get(kind="peak")
    cells = {"cell_label": "L insula", "cell_x": "−36", "cell_y": "12", "cell_z": "-4", "cell_statistic": "4.5"}
    data = {"version": 1, "choice": "other", "reason": "Table 2", **cells}
    client, url = sign_in(adjudicator), address("decide", comparison, peak.pk)
    asked = client.get(address("comparison", comparison)).text
    for label, name in (("x, mm", "x"), ("Cluster size", "cluster_size"), ("Type of p", "p_kind")):
        assert re.search(rf'<label>{label}<input [^>]*name="cell_{name}"', asked)
    refused = client.post(url, data, headers={"HX-Request": "true"})
    assert refused.status_code == 400
    assert "kind" in refused.text
    assert client.post(url, data | {"cell_kind": "t"}).status_code == 302
    peak.refresh_from_db()
    assert peak.value == {"label": "L insula", "x": "−36", "y": "12", "z": "-4", "statistic": "4.5", "kind": "t"}


def test_the_page_names_the_slip_and_marks_what_differs(comparison, adjudicator, sign_in):
    text = sign_in(adjudicator).get(address("comparison", comparison)).text
    assert "The sign of x is opposite." in text
    assert 'class="differs"' in text
    assert "76.0 mm" in text
    assert '"a": [-38.0, 12.0, -4.0]' in text


def test_a_page_of_many_differences_needs_a_fixed_number_of_queries(
    project, reviewer, second_reviewer, adjudicator, sign_in, django_assert_max_num_queries
):
    rows = [row | {"label": f"{row['label']} {number}", "z": f"{number}"} for number in range(12) for row in PEAKS[:3]]
    other = [row | {"label": f"{row['label']} b"} for row in rows]
    accepted = [row | {"confirmed": "yes"} for row in rows], [row | {"confirmed": "yes"} for row in other]
    comparison = both_locked(project, reviewer, second_reviewer, tree(peaks=accepted[0]), tree(peaks=accepted[1]))
    assert comparison.differences.count() == 36
    client = sign_in(adjudicator)
    with django_assert_max_num_queries(30):
        assert "36 left" in client.get(address("comparison", comparison)).text


def test_a_section_is_settled_at_once_from_the_page(comparison, adjudicator, sign_in):
    client = sign_in(adjudicator)
    data = {"section": "Dataset ReHo, peaks", "group": "", "expected": 1, "choice": "A"}
    assert client.post(address("bulk", comparison), data | {"expected": 5}).status_code == 409
    assert client.post(address("bulk", comparison), data).status_code == 302
    assert comparison.differences.get(kind="peak").choice == "A"


def test_the_agreed_page_says_where_each_value_came_from(comparison, adjudicator, sign_in):
    client = sign_in(adjudicator)
    for difference in comparison.differences.all():
        data = {"version": 1, "choice": "B", "reason": "Checked in the paper."}
        client.post(address("decide", comparison, difference.pk), data)
    assert "btn-primary" in client.get(address("comparison", comparison)).text
    assert client.post(address("agree", comparison), {"version": 1}).status_code == 302
    text = client.get(address("comparison", comparison)).text
    assert "both equal" in text
    assert "by ada: Checked in the paper." in text
    assert "Take it up again" in text
    comparison.refresh_from_db()
    data = {"version": comparison.version, "reason": "A letter came."}
    assert client.post(address("reopen", comparison), data).status_code == 302
    assert comparison.study.comparisons.get().state == Comparison.State.OPEN


def test_agreeing_too_early_says_what_is_left(comparison, adjudicator, sign_in):
    response = sign_in(adjudicator).post(address("agree", comparison), {"version": 1})
    assert response.status_code == 400
    assert "2 differences must be settled first" in response.text


# The summary


def test_the_summary_counts_values_and_peaks_with_their_units(comparison, project, adjudicator, sign_in):
    client = sign_in(adjudicator)
    text = client.get(reverse("agreement:summary", args=[project.pk])).text
    assert "4, a pair counted once: 4 pairs" in text
    assert "0.75 (3 of 4 peaks at most 4 mm apart)" in text
    assert "0.0 mm over 4 pairs" in text
    rows = list(csv.reader(io.StringIO(client.get(reverse("agreement:summary_csv", args=[project.pk])).text[1:])))
    assert ["Section", "People", "6", "7", "85.7"] in rows
    assert ["Cao 2017", "4", "4", "0", "0", "3", "3", "0.75", "0.75", "0.0"] in rows


def test_the_summary_stays_that_of_the_first_comparison(comparison, project, adjudicator, sign_in):
    client = sign_in(adjudicator)
    address_of_csv = reverse("agreement:summary_csv", args=[project.pk])
    before = client.get(address_of_csv).text
    settle_all(client, comparison)
    assert client.get(address_of_csv).text == before


@pytest.mark.parametrize("role", [None, "outsider"])
def test_outsiders_are_told_nothing(comparison, item, project, role, request, sign_in):
    client = sign_in(request.getfixturevalue(role) if role else None)
    for _name, url in every_address(project, comparison.study_id, item.pk):
        for method in ("get", "post"):
            assert getattr(client, method)(url).status_code in (302, 404, 405)
    assert Membership.objects.filter(role=Role.VIEWER).count() == 0


# Ways from page to page


def test_links_of_a_page_that_answers_a_post_lead_to_pages(comparison, adjudicator, sign_in):
    """The address of a POST is none that can be opened: no link may be relative to it."""
    client = sign_in(adjudicator)
    for name, data in [("names", {}), ("bulk", {}), ("agree", {"version": 1})]:
        text = client.post(address(name, comparison), data).text
        filters = [link.partition('"')[0] for link in text.split('href="')[1:] if "?show=" in link.partition('"')[0]]
        assert filters
        assert {client.get(link.replace("&amp;", "&")).status_code for link in filters} == {200}


def test_the_study_leads_to_its_comparison_once_there_is_one(
    project, reviewer, second_reviewer, adjudicator, viewer, sign_in
):
    def link(user, study):
        text = sign_in(user).get(reverse("extraction:study", args=[project.pk, study.pk])).text
        return reverse("agreement:comparison", args=[project.pk, study.pk]) in text

    draft = new_study(project)
    enter(draft, reviewer, "A")
    assert not link(reviewer, draft)
    comparison = differing(project, reviewer, second_reviewer, label="Hong 2020")
    assert link(reviewer, comparison.study)
    assert link(adjudicator, comparison.study)
    assert not link(viewer, comparison.study)
    settle_all(sign_in(adjudicator), comparison)
    assert link(viewer, comparison.study)


def test_an_agreed_study_leads_to_the_next_one_to_settle(
    comparison, project, reviewer, second_reviewer, adjudicator, sign_in
):
    client = sign_in(adjudicator)
    settle_all(client, comparison)
    assert "Next to settle" not in client.get(address("comparison", comparison)).text
    other = differing(project, reviewer, second_reviewer, label="Hong 2020")
    text = client.get(address("comparison", comparison)).text
    assert "Next to settle: Hong 2020" in text
    assert address("comparison", other) in text
    assert "Next to settle" not in sign_in(reviewer).get(address("comparison", comparison)).text
