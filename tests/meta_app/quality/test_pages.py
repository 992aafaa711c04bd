"""The pages and the API of quality scores."""

import re

import pytest

from meta_app.library.models import Report
from meta_app.quality.instruments import ITEMS
from meta_app.quality.models import Instrument, ItemScore, QualityScore

from .score_cast import consensus_of, fill, lock, make_study, settle

VALUES = {"points": 1.5, "quote": "ICD-10 B02.2", "page": "2", "note": ""}


@pytest.fixture
def study(project):
    return make_study(project)


def page(project, tail=""):
    return f"/projects/{project.pk}/quality/{tail}"


def of(study, tail=""):
    return page(study.project, f"studies/{study.pk}/{tail}")


def api(study, item="diagnosis"):
    return f"/api/projects/{study.project_id}/quality/studies/{study.pk}/items/{item}/"


def put(client, study, item="diagnosis", **body):
    return client.put(api(study, item), VALUES | {"version": 1} | body, content_type="application/json")


def text(response):
    return re.sub(r"\s+", " ", response.content.decode())


def test_a_project_without_studies_says_what_to_do(project, reviewer, viewer, sign_in):
    assert "No study to score yet" in text(sign_in(reviewer).get(page(project)))
    assert "No agreed score yet" in text(sign_in(viewer).get(page(project)))


def test_a_long_list_is_shown_page_by_page_and_counted_as_a_whole(project, reviewer, second_reviewer, sign_in):
    for number in range(60):
        make_study(project, f"Study {number:02}")
    last = make_study(project, "Zhang 2019")
    lock(reviewer, last)
    lock(second_reviewer, last)
    client = sign_in(reviewer)
    first, second = (text(client.get(page(project, f"?page={number}"))) for number in (1, 2))
    for shown in (first, second):
        assert "<b>61</b> <span>studies</span></span> · 1 agreed" in shown
    assert [first.count('<th scope="row"'), second.count('<th scope="row"')] == [50, 11]
    assert "Zhang 2019" not in first
    assert "Zhang 2019" in second


def test_the_list_is_searched_by_label_author_and_title_within_what_one_may_follow(
    project, reviewer, second_reviewer, viewer, sign_in
):
    cao, zhang = make_study(project, "Cao 2017"), make_study(project, "Zhang 2016")
    for study in (cao, zhang):
        study.reports.add(Report.objects.create(project=project, title=f"Pain after zoster in {study.label}"))
    for user in (reviewer, second_reviewer):
        lock(user, cao, {"pain": 0.0, "diagnosis": 0.0})
    client = sign_in(reviewer)

    def found(client, words):
        shown = text(client.get(page(project), {"q": words}))
        return re.findall(r'class="study-label" href="[^"]*">([^<]+)<', shown), shown

    assert found(client, "zoster")[0] == ["Cao 2017", "Zhang 2016"]
    labels, shown = found(client, "zhang")
    assert labels == ["Zhang 2016"]
    assert "<b>1</b> <span>study</span></span> · 0 agreed" in shown
    labels, shown = found(client, "cao")
    assert "· 1 agreed, 1 of them below the cut-off" in shown
    assert found(sign_in(viewer), "zoster")[0] == ["Cao 2017"]
    labels, shown = found(client, "nobody")
    assert labels == []
    assert "No study fits these words" in shown
    assert 'value="nobody"' in shown


def test_a_reviewer_scores_a_study_from_start_to_lock(study, reviewer, sign_in):
    client = sign_in(reviewer)
    assert "free to start" in text(client.get(page(study.project)))
    assert client.post(of(study, "start/")).status_code == 302
    shown = text(client.get(of(study)))
    assert shown.count("<quality-item") == 13
    assert shown.count("<fieldset disabled>") == 13  # until the script that saves a choice is there
    assert "named criterion" in shown.lower()
    assert put(client, study).json()["total"] == 1.5
    refused = client.post(of(study, "complete/"), {"version": 1})
    assert refused.status_code == 400
    assert "12 items have no points yet" in text(refused)
    assert "<li>Clinical pain data</li>" in text(refused)
    for item in ITEMS:
        put(client, study, item.key, points=item.points, version=2 if item.key == "diagnosis" else 1)
    assert client.post(of(study, "complete/"), {"version": 1}).status_code == 302
    assert "Your score is locked: 20 points" in text(client.get(of(study)))


def test_the_words_of_an_item_follow_what_the_reviewer_extracted(project, reviewer, sign_in):
    from meta_app.extraction.models import Study

    from ..extraction.peak_cast import make_dataset  # noqa: TID252

    make_dataset(project, reviewer, modality="vbm", metric="VBM")
    study = Study.objects.get(project=project)
    client = sign_in(reviewer)
    client.post(of(study, "start/"))
    shown = text(client.get(of(study)))
    assert "total intracranial volume" in shown
    assert "Control of the resting state" not in shown


def test_a_stale_save_answers_409_with_both_versions(study, reviewer, sign_in):
    client = sign_in(reviewer)
    client.post(of(study, "start/"))
    put(client, study)
    answer = put(client, study, points=2.0)
    assert answer.status_code == 409
    assert answer.json()["details"]["theirs"] == VALUES
    assert answer.json()["details"]["yours"]["points"] == 2.0
    assert answer.json()["details"]["version"] == 2


@pytest.mark.parametrize(
    ("body", "item", "status"),
    [({"points": 1.2}, "diagnosis", 400), ({"points": "many"}, "diagnosis", 400), ({"version": 0}, "diagnosis", 400),
     ({"page": "x" * 21}, "diagnosis", 400), ({}, "no-such-item", 400)],
)  # fmt: skip
def test_bad_input_is_refused_in_words_and_changes_nothing(study, reviewer, sign_in, body, item, status):
    client = sign_in(reviewer)
    client.post(of(study, "start/"))
    answer = put(client, study, item, **body)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert not ItemScore.objects.exclude(points=None).exists()


def test_a_locked_score_is_not_changed_by_the_api(study, reviewer, sign_in):
    lock(reviewer, study)
    answer = put(sign_in(reviewer), study, version=2)
    assert answer.status_code == 403
    assert "locked" in answer.json()["error"]


def test_the_agreement_is_reached_on_the_page_and_shown_with_the_cut_off(
    study, reviewer, second_reviewer, adjudicator, viewer, sign_in
):
    lock(reviewer, study, {"pain": 0.0, "diagnosis": 0.5}, quote="Words of A", page="3")
    lock(second_reviewer, study, {"pain": 0.0}, quote="Words of B")
    client = sign_in(adjudicator)
    shown = text(client.get(of(study)))
    assert "Words of A" in shown
    assert "Words of B" in shown
    assert "1 item to settle" in shown
    assert "rosa" not in re.sub(r"<header class=\"top-bar\">.*?</header>", "", shown)
    row = ItemScore.objects.get(score=consensus_of(study), item="diagnosis")
    answer = client.post(of(study, "items/diagnosis/"), {"version": row.version, "choice": "A"})
    assert answer.url.endswith("#item-diagnosis")
    shown = text(sign_in(viewer).get(of(study)))
    assert "quality score 15.5 below 16" in shown
    assert "Words of B" not in shown
    assert "✕ excluded" in text(client.get(page(study.project)))


def test_what_one_scorer_proposes_on_the_page_counts_when_the_other_agrees_there(
    study, reviewer, second_reviewer, sign_in
):
    lock(reviewer, study, {"pain": 0.0})
    lock(second_reviewer, study)

    def version():
        return ItemScore.objects.get(score=consensus_of(study), item="pain").version

    rosa, ren = sign_in(reviewer), sign_in(second_reviewer)
    rosa.post(of(study, "items/pain/"), {"version": version(), "choice": "other", "points": "2.5", "reason": "Parts"})
    for client, may_agree in ((rosa, False), (ren, True)):
        shown = text(client.get(of(study)))
        assert "rosa proposes 2.5 points" in shown
        assert "when one of the two scorers proposes points and the other agrees" in shown
        assert ("Agree to 2.5 points" in shown) is may_agree
        assert "1 item to settle" in shown
    fields = dict(re.findall(r'type="hidden" name="(choice|points|reason)" value="([^"]*)"', shown))
    assert fields == {"choice": "other", "points": "2.5", "reason": "Parts"}
    ren.post(of(study, "items/pain/"), {"version": version(), **fields})
    shown = text(rosa.get(of(study)))
    assert "other points, by rosa and ren (the team)" in shown
    assert "agreed: <b>19.5 points</b>" in shown


def test_settling_without_a_choice_or_late_is_refused_in_words(study, reviewer, second_reviewer, adjudicator, sign_in):
    lock(reviewer, study, {"pain": 0.0})
    lock(second_reviewer, study)
    row = ItemScore.objects.get(score=consensus_of(study), item="pain")
    client = sign_in(reviewer)
    assert client.post(of(study, "items/pain/"), {"version": row.version}).status_code == 400
    settle(adjudicator, study, "pain", "B")
    late = client.post(of(study, "items/pain/"), {"version": row.version, "choice": "A", "reason": "Table 2"})
    assert late.status_code == 409
    assert "Your points: 0. Saved by someone else: 3;" in text(late)


def test_reopening_asks_for_a_reason(study, reviewer, sign_in):
    score = lock(reviewer, study)
    client = sign_in(reviewer)
    refused = client.post(of(study, "reopen/"), {"version": score.version})
    assert refused.status_code == 400
    assert client.post(of(study, "reopen/"), {"version": score.version, "reason": "Wrong page"}).status_code == 302
    assert QualityScore.objects.get().state == "draft"


def test_the_checklist_is_shown_with_its_source_and_its_points(project, viewer, sign_in):
    shown = text(sign_in(viewer).get(page(project, "checklist/")))
    assert "BMJ Open protocol" in shown
    assert shown.count(">10 points<") == 2
    assert "For VBM" in shown
    assert "Edit as a new version" not in shown


def edit_fields(items=ITEMS, **changes):
    fields = {
        "version_before": "CBMA-20 (PHN) v1",
        "name": "CBMA-20 (PHN)",
        "cutoff": "16",
        "reason": "After the pilot",
    }
    fields["key"] = [item.key for item in items] + ["new"]
    for item in items:
        words = item.wording
        fields |= {
            f"{item.key}-category": item.category, f"{item.key}-points": f"{item.points:g}",
            f"{item.key}-title": words.title, f"{item.key}-full": words.full, f"{item.key}-half": words.half,
            f"{item.key}-zero": words.zero,
        }  # fmt: skip
    return fields | changes


def test_an_owner_edits_the_checklist_and_both_reviewers_are_told(project, study, owner, reviewer, sign_in):
    client = sign_in(owner)
    assert text(client.get(page(project, "checklist/edit/"))).count("checklist-block") == 14
    changes = {
        "pain-points": "2", "new-title": "Handedness stated", "new-points": "1", "new-category": "sample",
        "new-full": "Yes", "new-half": "Partly", "new-zero": "No",
    }  # fmt: skip
    assert client.post(page(project, "checklist/edit/"), edit_fields(**changes)).status_code == 302
    made = Instrument.objects.get(project=project)
    assert made.items[-1]["key"] == "handedness-stated"
    told = text(sign_in(reviewer).get(page(project)))
    assert "After the pilot" in told
    shown = text(sign_in(reviewer).get(page(project, "checklist/")))
    assert "Clinical pain data: 3 points became 2." in shown
    assert "New: Handedness stated (1 point)." in shown


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"pain-points": "2"}, "sum to 9 points; they must sum to 10"), ({"reason": ""}, "Say why it changes"),
     ({"pain-points": "2.7"}, "use steps of 0.5"), ({"cutoff": "lots"}, "Enter a number"),
     ({"pain-remove": "on"}, "sum to 7 points")],
)  # fmt: skip
def test_a_checklist_that_does_not_hold_is_refused_and_kept_in_the_form(project, owner, sign_in, changes, sentence):
    fields = edit_fields(**{"scanner-full": "Typed by Olga", **changes})
    answer = sign_in(owner).post(page(project, "checklist/edit/"), fields)
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert "Typed by Olga" in text(answer)
    assert not Instrument.objects.filter(project=project).exists()


def test_a_refused_checklist_counts_what_is_to_mend_in_words(project, owner, sign_in):
    answer = sign_in(owner).post(page(project, "checklist/edit/"), edit_fields(reason=""))
    assert "Nothing was saved: 1 thing to mend." in text(answer)


def test_who_may_not_is_refused(study, reviewer, second_reviewer, adjudicator, viewer, sign_in):
    fill(reviewer, study)
    assert sign_in(viewer).post(of(study, "start/")).status_code == 403
    assert sign_in(adjudicator).post(of(study, "start/")).status_code == 403
    assert sign_in(reviewer).get(page(study.project, "checklist/edit/")).status_code == 403
    assert sign_in(second_reviewer).post(of(study, "complete/"), {"version": 1}).status_code == 404
    assert sign_in(viewer).get(of(study)).status_code == 404
    assert sign_in(viewer).put(api(study), VALUES, content_type="application/json").status_code == 403
    assert sign_in(viewer).post(of(study, "items/pain/"), {"choice": "A"}).status_code == 403
    assert put(sign_in(second_reviewer), study).status_code == 404
    assert sign_in(second_reviewer).get(api(study)).status_code == 404


def test_nothing_is_settled_before_both_are_locked(study, reviewer, second_reviewer, sign_in):
    lock(reviewer, study)
    fill(second_reviewer, study)
    answer = sign_in(reviewer).post(of(study, "items/pain/"), {"version": 1, "choice": "A"})
    assert answer.status_code == 404
