"""The coordinate grid as a reviewer uses it: paste, see what is wrong, mend, undo, save, and meet another tab."""

import re

import pytest
from playwright.sync_api import expect

from meta_app.accounts.models import User
from meta_app.extraction.models import Dataset, Peak
from meta_app.projects.models import Membership, Project, Role
from tests.meta_app.extraction.peak_cast import insula, make_dataset

EXCEL = "Region\tx\ty\tz\tT\tVoxels\nL insula\t−38\t12\t−4\t4.52*\t1,200\nThalamus\tl2\t-18\t8\t5.1\t88\n"


@pytest.fixture
def dataset(transactional_db):
    project = Project.objects.create(name="Pain in the brain")
    author = User.objects.create_user("rosa", password="correct horse battery")
    Membership.objects.create(project=project, user=author, role=Role.REVIEWER)
    return make_dataset(project, author)


@pytest.fixture
def open_grid(enter_as, dataset):
    def opened(window):
        enter_as(window, dataset.extraction.author)
        window.goto(f"/projects/{dataset.extraction.study.project_id}/extraction/datasets/{dataset.pk}/")
        window.wait_for_selector("coordinate-grid[data-ready]")
        return window

    return opened


@pytest.fixture
def grid(open_grid, page):
    return open_grid(page)


def paste(window, text):
    window.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            const event = new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true});
            document.activeElement.dispatchEvent(event);
        }""",
        text,
    )


def focus(window):
    window.locator("table.grid-table").focus()


COLUMNS = (
    "label", "side", "area", "x", "y", "z", "space", "statistic", "kind", "sign", "direction", "mni", "distance",
    "region", "confirmed",
)  # fmt: skip


def cell(window, row, column):
    return window.locator(f"#grid-cell-{row}-{COLUMNS.index(column)}")


def wait_saved(window):
    window.wait_for_selector("coordinate-grid[data-saving=saved]")


def stored(dataset):
    return [peak.cells for peak in Peak.objects.filter(dataset=dataset)]


def type_row(window, *texts):
    for text in texts:
        window.keyboard.type(text)
        window.keyboard.press("Tab")


def test_a_pasted_block_shows_its_bad_cells_before_anything_is_saved(grid, dataset):
    focus(grid)
    paste(grid, EXCEL)
    dialog = grid.locator("dialog[data-preview]")
    assert "2 rows" in dialog.inner_text()
    assert "header recognised" in dialog.inner_text()
    assert "column names, left out" in dialog.inner_text()
    assert "“l2” is not a number." in dialog.inner_text()
    assert dialog.locator("td.is-tidied").count() == 4
    assert stored(dataset) == []
    dialog.get_by_role("button", name="Insert 2 rows").click()
    wait_saved(grid)
    assert [row["label"] for row in stored(dataset)] == ["L insula", "Thalamus"]
    assert stored(dataset)[0]["x"] == "−38"


def test_a_problem_in_the_rail_leads_to_its_cell(grid):
    focus(grid)
    paste(grid, EXCEL)
    grid.get_by_role("button", name="Insert 2 rows").click()
    grid.locator(".grid-rail button", has_text="“l2” is not a number").click()
    assert cell(grid, 1, "x").evaluate("cell => cell.classList.contains('is-active')")
    grid.keyboard.type("12")
    grid.keyboard.press("Enter")
    expect(grid.locator(".grid-rail")).not_to_contain_text("is not a number")


def test_everything_works_from_the_keyboard(grid, dataset):
    focus(grid)
    type_row(grid, "L insula", "", "", "(−38, 12, −4)")
    assert [cell(grid, 0, column).inner_text() for column in "xyz"] == ["-38", "12", "-4"]
    for _ in range(3):
        grid.keyboard.press("ArrowRight")
    type_row(grid, "4.52", "t")
    expect(cell(grid, 0, "distance")).to_have_text("inside")
    assert "insula" in cell(grid, 0, "region").inner_text().lower()
    grid.keyboard.press("Control+Home")
    grid.keyboard.press("ArrowDown")
    grid.keyboard.press("Control+d")
    assert cell(grid, 1, "label").inner_text() == "L insula"
    grid.keyboard.press("Control+z")
    assert cell(grid, 1, "label").inner_text() == ""
    grid.keyboard.press("Control+y")
    grid.keyboard.press("Alt+ArrowUp")
    assert cell(grid, 1, "x").inner_text() == "-38"
    grid.keyboard.press("Control+Delete")
    wait_saved(grid)
    assert stored(dataset) == [insula(x="-38", y="12", z="-4")]


def test_who_undoes_the_row_they_are_in_can_go_on_typing(grid, dataset):
    focus(grid)
    for label in ("insula", "thalamus"):
        grid.keyboard.type(label)
        grid.keyboard.press("Enter")
    grid.keyboard.press("Control+z")
    grid.keyboard.press("Control+z")
    assert cell(grid, 0, "label").get_attribute("aria-selected") == "true"
    grid.keyboard.type("putamen")
    grid.keyboard.press("Enter")
    wait_saved(grid)
    assert stored(dataset) == [{"label": "putamen"}]


def test_an_undo_that_takes_away_the_rows_in_sight_draws_the_others_at_once(grid):
    focus(grid)
    paste(grid, "x\ty\tz\tT\n" + "-38\t12\t-4\t4.5\n" * 200)
    grid.get_by_role("button", name="Insert 200 rows").click()
    grid.evaluate("document.querySelector('.grid-scroller').scrollTop = 9999")
    expect(cell(grid, 199, "x")).to_be_visible()
    undo = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {key: 'z', ctrlKey: true}))"
    assert grid.evaluate(f"{undo}; Boolean(document.getElementById('grid-cell-0-0'))")


def test_a_peak_outside_the_mask_is_told_while_typing_and_can_be_confirmed(grid, dataset):
    focus(grid)
    paste(grid, "x\ty\tz\tT\n-78\t-20\t0\t4.5")
    grid.get_by_role("button", name="Insert 1 row").click()
    grid.wait_for_selector(".grid-rail li.is-confirm")
    assert "8.0 mm outside gray matter" in grid.locator(".grid-rail").inner_text()
    cell(grid, 0, "confirmed").click()
    grid.wait_for_selector(".grid-rail li.is-confirm", state="detached")
    wait_saved(grid)
    assert stored(dataset)[0]["confirmed"] == "yes"


def test_only_a_row_that_is_asked_about_has_a_box_to_tick(grid, dataset):
    focus(grid)
    paste(grid, "x\ty\tz\tT\n-38\t12\t-4\t4.5\n-78\t-20\t0\t4.5")
    grid.get_by_role("button", name="Insert 2 rows").click()
    grid.wait_for_selector(".grid-rail li.is-confirm")
    assert [cell(grid, row, "confirmed").inner_text() for row in (0, 1)] == ["", "☐"]
    cell(grid, 0, "confirmed").click()
    assert cell(grid, 0, "confirmed").inner_text() == ""


def test_a_preview_begins_at_its_left_with_the_focus_on_an_open_direction(grid):
    focus(grid)
    paste(grid, "\t".join(["Region", "x", "y", "z", "T", *["more"] * 12]) + "\nPHN < HC\nInsula\t-38\t12\t-4\t4.5")
    assert grid.evaluate("document.activeElement.matches('[data-direction]')")
    assert grid.evaluate("document.querySelector('.grid-preview').scrollLeft") == 0


def test_a_second_tab_meets_both_versions_and_never_overwrites_silently(grid, open_grid, open_window, dataset):
    second = open_grid(open_window())
    focus(grid)
    type_row(grid, "from the first tab")
    wait_saved(grid)
    focus(second)
    type_row(second, "from the second tab")
    dialog = second.locator("dialog[data-conflict]")
    dialog.wait_for()
    assert "from the first tab" in dialog.inner_text()
    assert "from the second tab" in dialog.inner_text()
    assert stored(dataset) == [{"label": "from the first tab"}]
    dialog.get_by_role("button", name="Take mine").click()
    wait_saved(second)
    assert stored(dataset) == [{"label": "from the second tab"}]


def test_taking_theirs_can_be_undone(grid, open_grid, open_window, dataset):
    second = open_grid(open_window())
    focus(grid)
    type_row(grid, "theirs")
    wait_saved(grid)
    focus(second)
    type_row(second, "mine")
    second.get_by_role("button", name="Take theirs").click()
    assert cell(second, 0, "label").inner_text() == "theirs"
    focus(second)
    second.keyboard.press("Control+z")
    assert cell(second, 0, "label").inner_text() == "mine"


def test_changes_made_offline_are_kept_and_come_back(grid, dataset):
    grid.context.set_offline(True)
    focus(grid)
    type_row(grid, "written in a train")
    grid.wait_for_selector("coordinate-grid[data-saving=offline]")
    assert "Offline, 1 change kept" in grid.locator(".grid-state").inner_text()
    grid.context.set_offline(False)
    grid.on("dialog", lambda dialog: dialog.accept())
    grid.reload()
    grid.wait_for_selector("coordinate-grid[data-ready]")
    assert cell(grid, 0, "label").inner_text() == "written in a train"
    wait_saved(grid)
    assert stored(dataset) == [{"label": "written in a train"}]


def test_no_peaks_is_stated_and_not_an_empty_grid(grid, dataset):
    grid.get_by_label("No peaks").check()
    wait_saved(grid)
    dataset.refresh_from_db()
    assert dataset.peaks_state == Dataset.PeaksState.NO_PEAKS
    assert "nothing survived its threshold" in grid.locator(".grid-empty").inner_text()


def test_a_selection_is_copied_as_tab_separated_text(grid):
    focus(grid)
    paste(grid, EXCEL)
    grid.get_by_role("button", name="Insert 2 rows").click()
    grid.keyboard.press("Control+Home")
    for _ in range(3):
        grid.keyboard.press("Shift+ArrowRight")
    grid.keyboard.press("Shift+ArrowDown")
    copied = grid.evaluate(
        """() => {
            const clipboardData = new DataTransfer();
            const event = new ClipboardEvent("copy", {clipboardData, bubbles: true, cancelable: true});
            document.activeElement.dispatchEvent(event);
            return clipboardData.getData("text/plain");
        }"""
    )
    assert copied == "L insula\t\t\t-38\nThalamus\t\t\tl2"


def test_the_tab_key_leaves_the_grid_after_escape(grid):
    focus(grid)
    grid.keyboard.press("Escape")
    grid.keyboard.press("Tab")
    assert not grid.evaluate("document.activeElement.matches('table.grid-table')")


def test_a_locked_extraction_can_be_read_and_not_changed(open_grid, page, dataset):
    Peak.objects.create(dataset=dataset, position=1, cells=insula())
    dataset.extraction.state = "complete"
    dataset.extraction.save()
    window = open_grid(page)
    focus(window)
    window.keyboard.type("x")
    assert cell(window, 0, "label").inner_text() == "L insula"
    assert window.locator("[data-action=removeRows]").count() == 0


def test_two_thousand_rows_draw_only_what_is_in_sight(open_grid, page, dataset):
    rows = [insula(label=f"Row {place}", y=str(place % 60)) for place in range(2000)]
    Peak.objects.bulk_create(Peak(dataset=dataset, position=place + 1, cells=row) for place, row in enumerate(rows))
    window = open_grid(page)
    assert window.locator("table.grid-table tbody tr").count() < 80
    focus(window)
    window.keyboard.press("Control+End")
    assert cell(window, 1999, "label").inner_text() == "Row 1999"


def test_the_page_keeps_the_content_policy_and_has_no_serious_barrier(grid, page, axe_problems):
    refused = []
    page.on("console", lambda message: refused.append(message.text))
    focus(grid)
    paste(grid, EXCEL)
    assert axe_problems(grid) == []
    grid.get_by_role("button", name="Insert 2 rows").click()
    wait_saved(grid)
    assert axe_problems(grid) == []
    assert not [text for text in refused if "Content Security Policy" in text]


def test_on_a_phone_the_page_itself_does_not_scroll_sideways(open_grid, phone):
    window = open_grid(phone)
    assert window.evaluate("document.documentElement.scrollWidth") <= 390


def test_saving_says_when_it_was_saved(grid):
    focus(grid)
    type_row(grid, "insula")
    wait_saved(grid)
    assert re.fullmatch(r"Saved \d\d:\d\d.*", grid.locator(".grid-state").inner_text().strip())


def test_rows_below_a_direction_go_in_only_once_their_sign_is_settled(grid, dataset):
    focus(grid)
    paste(grid, "Region\tx\ty\tz\tT\nControls > patients\t\t\t\t\nInsula\t−38\t12\t−4\t4.52\n")
    insert = grid.get_by_role("button", name="Insert 1 row")
    expect(insert).to_be_disabled()
    grid.get_by_label("Sign of the rows below line 2").select_option("-")
    insert.click()
    wait_saved(grid)
    assert (stored(dataset)[0]["statistic"], stored(dataset)[0]["direction"]) == ("4.52", "turned")
    assert Peak.objects.get(dataset=dataset).statistic == -4.52


def test_the_direction_of_selected_rows_is_turned_with_a_mark_and_turned_back(grid, dataset):
    focus(grid)
    paste(grid, "x\ty\tz\tT\n-38\t12\t-4\t4.5\n-30\t20\t8\t5.1")
    grid.get_by_role("button", name="Insert 2 rows").click()
    grid.keyboard.press("Control+a")
    grid.get_by_role("button", name="Turn direction").click()
    expect(cell(grid, 0, "mni")).to_have_text("−38, 12, −4")  # The server has answered.
    expect(grid.locator(".grid-hint")).to_contain_text("a positive number now means patients < controls")
    assert [cell(grid, row, "direction").inner_text() for row in (0, 1)] == ["⇄ turned", "⇄ turned"]
    assert [cell(grid, row, "sign").inner_text() for row in (0, 1)] == ["−", "−"]
    wait_saved(grid)
    assert [row["statistic"] for row in stored(dataset)] == ["4.5", "5.1"]
    grid.keyboard.press("Control+z")
    assert [cell(grid, row, "sign").inner_text() for row in (0, 1)] == ["+", "+"]


def test_peaks_appear_on_the_brain_while_they_are_typed_and_a_click_leads_to_the_row(grid):
    brain = grid.locator(".grid-brain canvas")
    expect(brain).to_have_attribute("aria-label", re.compile("No peak is placed yet"))
    focus(grid)
    type_row(grid, "insula", "", "", "-38", "12", "-4")
    expect(brain).to_have_attribute("aria-label", re.compile("1 peak in MNI space; row 1 at −38, 12, −4 mm"))
    grid.keyboard.press("Control+Home")
    grid.keyboard.press("ArrowDown")
    expect(brain).not_to_have_attribute("aria-label", re.compile("row 1"))
    places = grid.evaluate(
        """async () => {
            const { layout } = await import("/static/js/extraction/coordinate-grid/brain.js");
            const canvas = document.querySelector(".grid-brain canvas");
            return layout(canvas.clientWidth).sides.map(({ place }) => place([-38, 12, -4]));
        }"""
    )
    brain.click(position={"x": places[2][0], "y": places[2][1]})
    expect(brain).to_have_attribute("aria-label", re.compile("row 1 at −38, 12, −4 mm"))


def test_the_brain_follows_the_width_of_the_window_without_an_error(open_grid, page):
    page.add_init_script("globalThis.wrong = []; addEventListener('error', ({ message }) => wrong.push(message))")
    grid = open_grid(page)
    brain = grid.locator(".grid-brain canvas")
    expect(brain).to_have_css("width", "640px")
    grid.set_viewport_size({"width": 390, "height": 844})
    expect(brain).not_to_have_css("width", "640px")
    assert grid.evaluate("wrong") == []


def test_sign_only_is_a_state_with_rows_and_refuses_a_statistic(grid, dataset):
    grid.get_by_label("Peaks with a sign, without a statistic").check()
    focus(grid)
    paste(grid, "x\ty\tz\tSign\n-38\t12\t-4\t-")
    grid.get_by_role("button", name="Insert 1 row").click()
    wait_saved(grid)
    dataset.refresh_from_db()
    assert (dataset.peaks_state, Peak.objects.get(dataset=dataset).sign) == ("sign_only", -1)
    cell(grid, 0, "statistic").click()
    grid.keyboard.type("4.5")
    grid.keyboard.press("Enter")
    expect(grid.locator(".grid-rail")).to_contain_text("the table says “Peaks with a sign, without a statistic”")
