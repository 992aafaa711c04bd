"""The page of a draft as a reviewer uses it: type, lose the network, come back, meet another tab, complete."""

import re
import time

import pytest
from playwright.sync_api import expect

from meta_app.accounts.models import User
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.peak_services import peaks_save
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Project, Role
from tests.meta_app.extraction.peak_cast import insula, make_dataset


@pytest.fixture
def dataset(transactional_db):
    project = Project.objects.create(name="Pain in the brain")
    author = User.objects.create_user("rosa", password="correct horse battery")
    Membership.objects.create(project=project, user=author, role=Role.REVIEWER)
    made = make_dataset(project, author)
    peaks_save(dataset=made, version=1, peaks_state="peaks", rows=[insula()])
    return made


@pytest.fixture
def open_study(enter_as, dataset):
    def opened(window):
        enter_as(window, dataset.extraction.author)
        window.goto(f"/projects/{dataset.extraction.study.project_id}/extraction/{dataset.extraction.study_id}/")
        window.wait_for_selector("#answers[data-ready]")
        return window

    return opened


@pytest.fixture
def editor(open_study, page):
    return open_study(page)


@pytest.fixture
def other(editor, dataset, open_study):
    """A tab in which n is still 15, after the first has saved 16."""
    opened = open_study(editor.context.new_page())
    control(editor, patients(dataset), "n").fill("16")
    editor.keyboard.press("Tab")
    expect(state(editor)).to_have_text(re.compile("Saved"))
    return opened


def control(window, row, key):
    return window.locator(f"#{row.replace(':', '-')}-{key}-control")


def state(window):
    return window.locator("#saving-state")


def patients(dataset):
    return f"group:{dataset.group_a_id}"


def stored(dataset):
    return Group.objects.get(pk=dataset.group_a_id)


def test_nothing_can_be_typed_before_it_would_be_saved(enter_as, dataset, page):
    held = []
    page.route("**/editor/editor.js", lambda route: held.append(route))
    enter_as(page, dataset.extraction.author)
    address = f"/projects/{dataset.extraction.study.project_id}/extraction/{dataset.extraction.study_id}/"
    page.goto(address, wait_until="commit")
    answers = page.locator("#answers")
    expect(answers).to_have_attribute("inert", "")
    control(page, patients(dataset), "n").focus()
    assert page.evaluate("document.activeElement.tagName") == "BODY"
    held[0].continue_()
    expect(answers).not_to_have_attribute("inert", "")
    control(page, patients(dataset), "n").fill("18")
    page.keyboard.press("Tab")
    expect(state(page)).to_have_text(re.compile(r"Saved \d\d:\d\d"))
    assert stored(dataset).n == 18


def test_typed_values_save_themselves_and_say_when(editor, dataset):
    control(editor, patients(dataset), "age_mean").fill("６４．３")
    control(editor, patients(dataset), "age_sd").fill("6.4")
    editor.keyboard.press("Tab")
    expect(state(editor)).to_have_text(re.compile(r"Saved \d\d:\d\d"))
    expect(control(editor, patients(dataset), "age_mean")).to_have_value("64.3")
    assert (stored(dataset).age_mean, stored(dataset).age_sd) == (64.3, 6.4)


def test_a_groups_n_name_and_cohort_are_told_at_once_where_it_is_chosen(editor, dataset):
    chosen = control(editor, f"dataset:{dataset.pk}", "group_a").locator("option:checked")
    expect(chosen).to_have_text("Patients (n = 15), PHN and HC")
    control(editor, patients(dataset), "n").fill("18")
    control(editor, patients(dataset), "label").fill("PHN")
    control(editor, f"cohort:{dataset.cohort_id}", "label").fill("Ward 3")
    editor.keyboard.press("Tab")
    expect(chosen).to_have_text("PHN (n = 18), Ward 3")
    words = chosen.text_content()
    editor.reload()
    expect(chosen).to_have_text(words)
    control(editor, patients(dataset), "n").fill("")
    editor.keyboard.press("Tab")
    expect(chosen).to_have_text("PHN (n not stated), Ward 3")


def test_without_network_everything_is_kept_and_saved_when_it_is_back_even_after_a_reload(editor, dataset, open_study):
    editor.route("**/api/**", lambda route: route.abort())
    control(editor, patients(dataset), "n").fill("18")
    control(editor, patients(dataset), "n_female").fill("9")
    control(editor, patients(dataset), "age_mean").fill("64.3")
    editor.keyboard.press("Tab")
    expect(state(editor)).to_have_text("Offline, 3 changes kept")
    editor.reload()
    editor.wait_for_selector("#answers[data-ready]")
    expect(control(editor, patients(dataset), "n")).to_have_value("18")
    editor.unroute("**/api/**")
    editor.evaluate("window.dispatchEvent(new Event('online'))")
    expect(state(editor)).to_have_text(re.compile("Saved"), timeout=15_000)
    assert (stored(dataset).n, stored(dataset).n_female, stored(dataset).age_mean) == (18, 9, 64.3)


def test_a_page_drawn_before_the_last_save_was_stored_is_drawn_again(editor, dataset):
    """The server answers the reload, with 15, before the save that the page being replaced still makes."""
    drawn = []

    def draw_then_wait(route):
        answer = route.fetch()
        drawn.append(answer.text())
        if len(drawn) == 1:
            while stored(dataset).n != 18:
                time.sleep(0.1)
            time.sleep(0.5)  # until the page that is being replaced knows it
        route.fulfill(response=answer)

    editor.route("**/extraction/*/", draw_then_wait)
    control(editor, patients(dataset), "n").fill("18")
    editor.reload()
    editor.wait_for_selector("#answers[data-ready]")
    expect(control(editor, patients(dataset), "n")).to_have_value("18")
    control(editor, patients(dataset), "n").fill("19")
    editor.keyboard.press("Tab")
    expect(state(editor)).to_have_text(re.compile("^Saved"))
    assert (len(drawn), stored(dataset).n) == (2, 19)


def test_a_session_that_ends_keeps_the_text_and_goes_on_after_signing_in(editor, dataset, enter_as):
    editor.context.clear_cookies()
    control(editor, patients(dataset), "n").fill("18")
    editor.keyboard.press("Tab")
    expect(state(editor)).to_contain_text("You are signed out or may not save here: 1 change kept")
    assert stored(dataset).n == 15
    enter_as(editor, dataset.extraction.author)
    editor.request.get(f"/projects/{dataset.extraction.study.project_id}/extraction/{dataset.extraction.study_id}/")
    editor.evaluate("window.dispatchEvent(new Event('online'))")
    expect(state(editor)).to_have_text(re.compile("Saved"), timeout=15_000)
    assert stored(dataset).n == 18


def test_two_tabs_are_shown_both_versions_in_the_place_of_the_field(editor, other, dataset):
    control(other, patients(dataset), "n").fill("17")
    other.keyboard.press("Tab")
    answer = other.locator(f"#group-{dataset.group_a_id}-n")
    expect(answer.get_by_role("alert")).to_contain_text("Another tab saved something else")
    assert stored(dataset).n == 16
    answer.get_by_role("button", name="Keep mine: 17").click()
    expect(state(other)).to_have_text(re.compile("Saved"))
    assert stored(dataset).n == 17
    control(editor, patients(dataset), "n").fill("19")
    editor.keyboard.press("Tab")
    editor.get_by_role("button", name="Take what is saved: 17").click()
    expect(control(editor, patients(dataset), "n")).to_have_value("17")
    assert stored(dataset).n == 17


def test_what_was_not_saved_is_asked_and_told_again_where_the_answers_are_drawn_anew(other, dataset):
    control(other, patients(dataset), "age_mean").fill("64.3 ± 6.4")
    control(other, patients(dataset), "n").fill("17")
    other.keyboard.press("Tab")
    expect(other.locator(".answer-mark")).to_have_count(2)
    other.get_by_role("button", name="Add a group").click()
    expect(other.locator(".group-table thead th")).to_have_count(4)
    expect(other.get_by_text("holds two numbers")).to_be_visible()
    other.get_by_role("button", name="Keep mine: 17").click()
    control(other, patients(dataset), "age_mean").fill("64.3")
    other.keyboard.press("Tab")
    expect(state(other)).to_have_text(re.compile("^Saved"))
    assert (stored(dataset).n, stored(dataset).age_mean) == (17, 64.3)


def test_what_cannot_be_read_is_told_at_its_field(editor, dataset):
    control(editor, patients(dataset), "age_mean").fill("64.3 ± 6.4")
    editor.keyboard.press("Tab")
    answer = editor.locator(f"#group-{dataset.group_a_id}-age_mean")
    expect(answer.get_by_role("alert")).to_contain_text("holds two numbers")
    expect(control(editor, patients(dataset), "age_mean")).to_have_attribute("aria-invalid", "true")
    control(editor, patients(dataset), "age_mean").fill("64.3")
    editor.keyboard.press("Tab")
    expect(answer.get_by_role("alert")).to_have_count(0)
    assert stored(dataset).age_mean == 64.3


def test_a_selected_quote_is_kept_with_the_value_in_focus_and_leads_back_to_its_page(editor, dataset):
    control(editor, patients(dataset), "n").focus()
    editor.evaluate(
        "document.dispatchEvent(new CustomEvent('concord:quote', {detail: {text: '15 patients', page: 4, file: 7}}))"
    )
    expect(state(editor)).to_have_text(re.compile("Saved"))
    assert stored(dataset).sources == {"n": {"quote": "15 patients", "page": "4", "file": 7}}
    marker = editor.locator(f"#group-{dataset.group_a_id}-n .source-marker")
    expect(marker).to_have_text("p. 4")
    editor.evaluate("document.addEventListener('concord:show-page', ({detail}) => (window.shown = detail))")
    marker.click()
    assert editor.evaluate("window.shown") == {"file": 7, "page": "4"}
    expect(editor.get_by_role("dialog").get_by_label("Quote")).to_have_value("15 patients")


def test_rows_come_and_go_without_leaving_the_page(editor, dataset):
    editor.get_by_role("button", name="Add a group").click()
    expect(editor.locator(".group-table thead th")).to_have_count(4)
    new = Group.objects.latest("pk")
    control(editor, f"group:{new.pk}", "n").fill("12")
    editor.keyboard.press("Tab")
    expect(state(editor)).to_have_text(re.compile("Saved"))
    editor.on("dialog", lambda dialog: dialog.accept())
    editor.get_by_role("button", name="Delete the group Patients").click()
    expect(editor.locator(".row-refusal")).to_contain_text("was not deleted: it is used by ReHo")
    editor.locator(f"[data-delete='group:{new.pk}']").click()
    expect(editor.locator(".group-table thead th")).to_have_count(3)
    assert not Group.objects.filter(pk=new.pk).exists()


def test_until_the_answers_are_drawn_anew_nothing_is_typed_into_those_that_go(editor, dataset):
    held = []
    editor.route("**/rows/", lambda route: held.append(route))
    control(editor, patients(dataset), "n").fill("18")
    editor.get_by_role("button", name="Add a group").click()
    expect(editor.locator("#answers")).to_have_attribute("inert", "")
    expect(state(editor)).to_have_text(re.compile("^Saved"))
    control(editor, patients(dataset), "n_female").focus()
    assert editor.evaluate("document.activeElement.tagName") == "BODY"
    held[0].abort()
    expect(editor.locator(".row-refusal")).to_contain_text("Offline")
    expect(editor.get_by_role("button", name="Add a group")).to_be_focused()
    editor.get_by_role("button", name="Add a group").click()
    held[1].continue_()
    expect(editor.locator(".group-table thead th")).to_have_count(4)
    expect(control(editor, f"group:{Group.objects.latest('pk').pk}", "kind")).to_be_focused()
    control(editor, patients(dataset), "n").fill("19")
    editor.keyboard.press("Tab")
    expect(state(editor)).to_have_text(re.compile("^Saved"))
    assert stored(dataset).n == 19


def test_what_was_typed_into_a_row_deleted_elsewhere_is_told_on_lines_of_its_own(editor, dataset):
    field = control(editor, f"dataset:{dataset.pk}", "scanner")
    Dataset.objects.all().delete()
    field.fill("GE Signa")
    editor.keyboard.press("Tab")
    told, bar = editor.locator(".saving-bar .row-refusal"), editor.locator(".saving-bar")
    expect(told).to_contain_text("scanner “GE Signa” was not saved")
    assert told.bounding_box()["y"] >= state(editor).bounding_box()["y"] + state(editor).bounding_box()["height"]
    assert told.bounding_box()["width"] == bar.bounding_box()["width"]


def test_methods_are_carried_over_from_the_dataset_before(editor, dataset):
    row = f"dataset:{dataset.pk}"
    control(editor, row, "field_strength").fill("3")
    control(editor, row, "scanner").fill("GE Signa")
    editor.keyboard.press("Tab")
    editor.get_by_role("button", name="Add a dataset").click()
    editor.get_by_role("button", name="Methods as in the dataset before").click()
    expect(state(editor)).to_have_text(re.compile("Saved"))
    new = Dataset.objects.latest("pk")
    assert (new.values, new.space, new.software, new.t_threshold) == (
        {"scanner": "GE Signa", "field_strength": 3.0}, "mni", "spm", 3.4,
    )  # fmt: skip


def test_scales_are_typed_in_a_dialog_and_stored_as_one_answer(editor, dataset):
    control(editor, patients(dataset), "scales").click()
    for label, text in (("Scale", "VAS"), ("When", "before"), ("Mean", "6.5"), ("Lowest possible", "0")):
        editor.get_by_role("dialog").get_by_label(f"{label}, scale 1").fill(text)
    editor.get_by_role("dialog").get_by_label("Highest possible, scale 1").fill("10")
    editor.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(state(editor)).to_have_text(re.compile("Saved"))
    scale = {"name": "VAS", "when": "before", "mean": 6.5, "sd": None, "lowest": 0.0, "highest": 10.0}
    assert stored(dataset).values == {"scales": [scale]}
    expect(control(editor, patients(dataset), "scales")).to_have_text("VAS 6.5 (0 to 10), before")


def test_what_is_reported_otherwise_is_converted_and_keeps_its_formula(editor, dataset):
    editor.get_by_role("button", name="Age is reported otherwise").first.click()
    dialog = editor.get_by_role("dialog")
    expect(dialog.get_by_label("n analysed")).to_have_value("15")
    dialog.get_by_label("Mean", exact=True).fill("64.4")
    dialog.get_by_label("Standard error").fill("2")
    dialog.get_by_label("n analysed").fill("16")
    editor.keyboard.press("Enter")
    expect(state(editor)).to_have_text(re.compile("Saved"))
    expect(control(editor, patients(dataset), "age_sd")).to_have_value("8")
    assert (stored(dataset).age_mean, stored(dataset).age_sd) == (64.4, 8.0)
    assert stored(dataset).sources["age_sd"] == {"reported": "64.4, SE 2, n = 16", "formula": "SD = SE × √n"}


def test_p_becomes_the_threshold_t_although_an_extension_has_styled_the_fields(editor, dataset):
    """As password managers do; copying such a style would break the content policy."""
    heard = []
    editor.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    editor.evaluate("document.querySelectorAll('input').forEach((field) => field.style.setProperty('color', 'red'))")
    editor.evaluate("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    editor.get_by_role("button", name="Reported otherwise?").first.click()
    dialog = editor.get_by_role("dialog")
    dialog.get_by_label("p, one-tailed").fill("0.001")
    dialog.get_by_label("Degrees of freedom").fill("28")
    editor.keyboard.press("Enter")
    expect(control(editor, f"dataset:{dataset.pk}", "t_threshold")).to_have_value("3.4082")
    assert heard == []


def test_a_problem_leads_to_its_field_and_goes_once_it_is_mended(editor, dataset):
    control(editor, patients(dataset), "n_female").fill("20")
    editor.keyboard.press("Tab")
    problem = editor.locator("#problems").get_by_text("20 women of 15 people.")
    expect(problem).to_be_visible()
    editor.locator(f"#problems a[href='#group-{dataset.group_a_id}-n_female']").click()
    expect(control(editor, patients(dataset), "n_female")).to_be_focused()
    control(editor, patients(dataset), "n_female").fill("8")
    editor.keyboard.press("Tab")
    expect(problem).to_have_count(0)


def test_beside_a_paper_a_line_that_never_grows_counts_the_problems_and_leads_to_them(open_study, dataset, page):
    study = dataset.extraction.study
    study.reports.add(Report.objects.create(project=study.project, authors="Cao S", year=2017, title="Simulated"))
    editor = open_study(page)
    bar, count = editor.locator(".saving-bar"), editor.locator("#problem-count")
    expect(count).to_have_text("Ready to complete")
    height = bar.bounding_box()["height"]
    control(editor, patients(dataset), "n_female").fill("20")
    expect(count).to_have_text("1 error to mend")
    assert bar.bounding_box()["height"] == height
    assert editor.locator("#complete").bounding_box()["y"] > editor.viewport_size["height"]
    count.click()
    expect(editor.locator("#complete")).to_be_in_viewport()


def test_the_page_stands_still_where_a_field_far_down_takes_the_focus(editor, dataset):
    """A link that is clicked while the page still moves gets no click."""
    editor.emulate_media(reduced_motion="no-preference")
    places = editor.evaluate(
        """async (id) => {
            document.getElementById(id).focus();
            const places = [scrollY];
            for (let frame = 0; frame < 10; frame += 1) {
                await new Promise(requestAnimationFrame);
                places.push(scrollY);
            }
            return places;
        }""",
        f"dataset-{dataset.pk}-t_threshold-control",
    )
    assert places[0] > 0
    assert len(set(places)) == 1


def test_completing_saves_first_and_asks_for_each_warning_and_a_reason(editor, dataset):
    Dataset.objects.update(t_threshold=None)
    Cohort.objects.update(note="")
    editor.reload()
    editor.wait_for_selector("#answers[data-ready]")
    editor.locator("[name=accepted]").check()
    editor.locator("[name=reason]").fill("The paper prints no threshold.")
    control(editor, patients(dataset), "age_mean").fill("64.3")
    editor.get_by_role("button", name="Complete and lock").click()
    expect(editor.locator(".page-sub")).to_contain_text("locked")
    assert Extraction.objects.get().state == "complete"
    assert stored(dataset).age_mean == 64.3
