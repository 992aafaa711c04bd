"""One's own quality score in the browser: points save themselves, and a page never shows less than what is stored."""

import time

import pytest
from playwright.sync_api import expect

from meta_app.accounts.models import User
from meta_app.projects.models import Membership, Project, Role
from meta_app.quality.instruments import ITEMS
from meta_app.quality.models import ItemScore
from meta_app.quality.services import score_start
from tests.meta_app.quality.score_cast import make_study, place_of

ITEM = ITEMS[0]


@pytest.fixture
def scorer(transactional_db):
    project = Project.objects.create(name="Pain in the brain")
    user = User.objects.create_user("rosa", password="correct horse battery")
    Membership.objects.create(project=project, user=user, role=Role.REVIEWER)
    return user


@pytest.fixture
def scores(enter_as, scorer, page):
    study = make_study(place_of(scorer).project)
    score_start(place=place_of(scorer), study=study)
    enter_as(page, scorer).goto(f"/projects/{study.project_id}/quality/studies/{study.pk}/")
    return page


def note(window):
    return window.locator(f"#item-{ITEM.key} [name=note]")


def stored():
    return ItemScore.objects.get(item=ITEM.key)


def test_points_save_themselves_and_say_so(scores):
    scores.locator(f"#item-{ITEM.key} input[type=radio]").last.check()
    expect(scores.locator(f"#item-{ITEM.key} .item-state")).to_contain_text("Saved")
    assert stored().points == ITEM.points


def test_a_page_drawn_before_the_last_save_was_stored_is_drawn_again(scores):
    """The server answers the reload, without the note, before the save that the page being replaced still makes."""
    drawn = []

    def draw_then_wait(route):
        answer = route.fetch()
        drawn.append(answer.text())
        if len(drawn) == 1:
            while stored().note != "read twice":
                time.sleep(0.1)
            time.sleep(0.5)  # until the page that is being replaced knows it
        route.fulfill(response=answer)

    scores.route("**/quality/studies/*/", draw_then_wait)
    note(scores).fill("read twice")
    scores.reload()
    expect(note(scores)).to_be_enabled()
    expect(note(scores)).to_have_value("read twice")
    note(scores).fill("read three times")
    note(scores).press("Tab")
    expect(scores.locator(f"#item-{ITEM.key} .item-state")).to_contain_text("Saved")
    expect(scores.locator(f"#item-{ITEM.key} .item-conflict")).to_be_hidden()
    assert (len(drawn), stored().note) == (2, "read three times")
