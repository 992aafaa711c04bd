"""A run whose permutations are not done: its maps can be looked at, and every page says that p is not corrected."""

import re

import pytest

from meta_app.analyses.models import Run, RunBlock

LIVE, OVER = 200, 286


@pytest.fixture
def told(preview_run, page, sign_in, viewer):
    """told("preview/") -> the answer of a page of the preview, and its words."""

    def answered(rest="", user=viewer):
        answer = sign_in(user).get(page(preview_run, rest))
        text = "" if answer.streaming else re.sub(r"<[^>]+>", "", answer.content.decode())
        return answer, re.sub(r"\s+", " ", text)

    return answered


def test_the_preview_says_what_it_is_and_how_far_the_permutations_are(told):
    _, text = told()
    assert "Preview: Simulated, not yet permuted" in text
    assert "Preview: uncorrected; permutations 320 of 1,000" in text
    assert "1,000 of subject images asked for, not concluded" in text
    assert "This is a preview, not to be reported" in text


def test_the_preview_shows_the_uncorrected_clusters_and_offers_no_correction(told):
    answer, text = told()
    assert "2 clusters" in text
    assert "data-correction-choice" not in answer.content.decode()


def test_progress_is_asked_for_beside_the_viewer_and_stops_when_the_run_is_over(told, preview_run):
    assert 'hx-trigger="every 2s"' in told()[0].content.decode()
    answer, text = told("preview/")
    assert (answer.status_code, "320 of 1,000" in text) == (LIVE, True)
    assert "no-store" in answer["Cache-Control"]
    assert "<brain-viewer" not in answer.content.decode()
    RunBlock.objects.filter(number__lt=20).update(status="done")
    assert "640 of 1,000" in told("preview/")[1]
    Run.objects.update(status="done")
    answer, text = told("preview/")
    assert (answer.status_code, "Show the corrected result" in text) == (OVER, True)


@pytest.mark.parametrize("status", ["cancelled", "failed"])
def test_after_a_cancel_or_a_failure_the_preview_is_kept_with_the_way_to_a_retry(told, preview_run, status):
    Run.objects.update(status=status, error="The disk is full." if status == "failed" else "")
    answer, text = told()
    assert f"Preview: uncorrected; {status} after 320 of 1,000 permutations" in text
    assert "hx-trigger" not in re.search(r'<div class="preview-strip"[^>]*>', answer.content.decode())[0]
    assert ("The disk is full." in text) == (status == "failed")
    assert told("preview/")[0].status_code == OVER


def test_who_may_launch_may_cancel_the_permutations(told, preview_run, owner):
    assert "Cancel permutations" in told(user=owner)[1]
    assert "Cancel permutations" not in told()[1]
    Run.objects.update(cancel_requested=True)
    assert "Cancel permutations" not in told(user=owner)[1]


def test_the_progress_is_for_members_and_only_read(preview_run, page, sign_in, outsider, viewer):
    address = page(preview_run, "preview/")
    assert sign_in(None).get(address).status_code == 302
    assert sign_in(outsider).get(address).status_code == 404
    assert sign_in(viewer).post(address).status_code == 405


def test_files_of_a_preview_say_so_in_their_names(told):
    assert "seed4-preview-z.nii.gz" in told("files/maps/z.nii.gz")[0]["Content-Disposition"]
    assert "-preview.zip" in told("everything.zip")[0]["Content-Disposition"]


def test_the_list_names_previews_first(run, preview_run, project, sign_in, viewer):
    text = sign_in(viewer).get(f"/projects/{project.pk}/results/").content.decode()
    assert text.index("Simulated, not yet permuted") < text.index("Simulated pain")
    assert "preview, permuting" in text


def test_the_preview_costs_few_queries(preview_run, page, sign_in, owner, django_assert_max_num_queries):
    client = sign_in(owner)
    client.get(page(preview_run))
    with django_assert_max_num_queries(26):
        client.get(page(preview_run))
    with django_assert_max_num_queries(7):
        client.get(page(preview_run, "preview/"), headers={"hx-request": "true"})
