"""The PDF beside the form: uploaded by choosing or dropping, read page by page, quoted from, found in, withdrawn."""

import pytest
from playwright.sync_api import expect

from meta_app.accounts.models import User
from meta_app.library.models import Report, ReportFile
from meta_app.projects.models import Membership, Project, Role
from tests.meta_app.library.papers import make_pdf, make_scan

PAPER = make_pdf(
    ["Resting state in PHN", "Cao 2017"],
    ["Results", "The left insula (-38, 12, -4) was higher", "in patients than in controls."],
    *[[f"Page {number}"] for number in range(3, 13)],
)
HEARD = "window.heard = []; document.addEventListener('concord:quote', ({detail}) => window.heard.push(detail));"
SELECT = """(words) => {
    const walker = document.createTreeWalker(document.querySelector("pdf-pane"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && !walker.currentNode.data.includes(words));
    getSelection().selectAllChildren(walker.currentNode.parentElement);
}"""


@pytest.fixture
def report(transactional_db, settings, tmp_path):
    settings.FILES_DIR = tmp_path / "files"
    project = Project.objects.create(name="Pain in the brain")
    for name, role in (("rosa", Role.REVIEWER), ("vic", Role.VIEWER)):
        Membership.objects.create(project=project, user=User.objects.create_user(name), role=role)
    return Report.objects.create(project=project, authors="Cao S", year=2017, title="Resting state in PHN")


@pytest.fixture
def open_report(enter_as, report):
    def opened(window, person="rosa"):
        enter_as(window, User.objects.get(username=person))
        window.goto(f"/projects/{report.project_id}/reports/{report.pk}/")
        window.wait_for_selector("pdf-pane[data-ready]")
        window.evaluate(HEARD)
        return window

    return opened


def choose(window, data, name="cao2017.pdf"):
    window.locator("pdf-pane input[type=file]").set_input_files(
        {"name": name, "mimeType": "application/pdf", "buffer": data}
    )


@pytest.fixture
def paper(open_report, page):
    window = open_report(page)
    choose(window, PAPER)
    window.wait_for_selector("[data-page='1'] .endOfContent", state="attached")
    return window


def test_an_empty_pane_says_what_to_do_and_a_chosen_paper_appears(open_report, page):
    window = open_report(page)
    expect(window.locator(".pdf-empty")).to_contain_text("Drag the paper here, or choose it")
    choose(window, PAPER)
    expect(window.locator(".pdf-tools")).to_contain_text("/ 12")
    expect(window.locator("[data-page='1'] .pdf-text")).to_contain_text("Cao 2017")
    assert ReportFile.objects.get().name == "cao2017.pdf"


def test_a_paper_can_be_dropped(open_report, page):
    window = open_report(page)
    window.evaluate(
        """(bytes) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], "dropped.pdf"));
            document.querySelector("pdf-pane").dispatchEvent(new DragEvent("drop", {dataTransfer, bubbles: true}));
        }""",
        list(PAPER),
    )
    expect(window.locator(".pdf-choice")).to_contain_text("dropped.pdf")


def test_selected_text_becomes_a_quote_with_page_and_file_by_button_and_by_key(paper):
    file = ReportFile.objects.get().pk
    paper.evaluate(SELECT, "Cao 2017")
    paper.get_by_role("button", name="Use as quote").click()
    paper.get_by_label("Page", exact=True).fill("2")
    paper.keyboard.press("Enter")
    paper.wait_for_selector("[data-page='2'] .endOfContent", state="attached")
    paper.locator(".pdf-scroller").focus()
    paper.evaluate(SELECT, "left insula")
    paper.keyboard.press("q")
    assert paper.evaluate("window.heard") == [
        {"text": "Cao 2017", "page": 1, "file": file},
        {"text": "The left insula (-38, 12, -4) was higher", "page": 2, "file": file},
    ]
    expect(paper.get_by_role("button", name="Use as quote")).to_be_hidden()


def test_a_q_that_is_typed_is_no_quote(paper):
    paper.get_by_label("Find in this PDF").fill("cao")
    paper.evaluate(SELECT, "Cao 2017")
    paper.get_by_label("Find in this PDF").press("q")
    assert paper.evaluate("window.heard") == []


def test_a_quote_leads_back_to_its_page(paper):
    file = ReportFile.objects.get().pk
    detail = f"{{detail: {{file: {file}, page: 9}}}}"
    paper.evaluate(f"document.dispatchEvent(new CustomEvent('concord:show-page', {detail}))")
    expect(paper.get_by_label("Page", exact=True)).to_have_value("9")
    expect(paper.locator("[data-page='9'] .pdf-text")).to_contain_text("Page 9")


def test_words_are_found_across_line_ends_and_pages(paper):
    find = paper.get_by_label("Find in this PDF")
    find.fill("was higher in patients")
    find.press("Enter")
    expect(paper.locator("pdf-pane")).to_contain_text("1 of 1")
    expect(paper.get_by_label("Page", exact=True)).to_have_value("2")
    find.fill("Page 1")
    find.press("Enter")
    find.press("Enter")
    expect(paper.locator("pdf-pane")).to_contain_text("2 of 3")
    find.fill("cerebellum")
    find.press("Enter")
    expect(paper.locator("pdf-pane")).to_contain_text("not found")


def test_only_pages_near_the_one_in_sight_are_drawn(paper):
    paper.locator(".pdf-scroller").evaluate("scroller => { scroller.scrollTop = scroller.scrollHeight; }")
    expect(paper.locator("[data-page='12'] .pdf-text")).to_contain_text("Page 12")
    assert paper.locator(".pdf-page canvas").count() < 12


def test_zoom_keeps_the_page(paper):
    paper.get_by_label("Page", exact=True).fill("5")
    paper.keyboard.press("Enter")
    before = paper.locator("[data-page='5']").bounding_box()["width"]
    for _ in range(2):
        paper.get_by_role("button", name="Smaller").click()
    assert paper.locator("[data-page='5']").bounding_box()["width"] < before
    expect(paper.get_by_label("Page", exact=True)).to_have_value("5")


def test_chinese_without_embedded_fonts_can_be_read_and_quoted(open_report, page):
    window = open_report(page)
    choose(window, make_pdf(["左侧岛叶增高", "带状疱疹后神经痛"], chinese=True), "曹 2017.pdf")
    expect(window.locator("[data-page='1'] .pdf-text")).to_contain_text("左侧岛叶增高")
    window.evaluate(SELECT, "带状疱疹")
    window.get_by_role("button", name="Use as quote").click()
    assert window.evaluate("window.heard[0].text") == "带状疱疹后神经痛"


@pytest.mark.parametrize(
    ("data", "told"),
    [(b"<html>Sign in</html>", "web page"), (b"CAJ\x00\x00", "CAJ file"), (PAPER[:500], "ends in the middle")],
)
def test_what_is_no_pdf_is_refused_in_words_and_the_pane_stays_as_it_was(paper, data, told):
    choose(paper, data, "wrong.pdf")
    expect(paper.locator(".pdf-status")).to_contain_text(told)
    expect(paper.locator("[data-page='1'] .pdf-text")).to_contain_text("Cao 2017")
    assert ReportFile.objects.count() == 1


def test_a_scan_and_a_damaged_file_say_what_they_are(open_report, page):
    window = open_report(page)
    choose(window, make_scan(), "scan.pdf")
    expect(window.locator(".pdf-notice")).to_contain_text("scan without text")
    choose(window, b"%PDF-1.5\n/Font broken\n%%EOF", "broken.pdf")
    expect(window.locator(".pdf-notice")).to_contain_text("damaged and cannot be shown")


def test_two_files_of_a_report_are_chosen_by_name_and_one_is_withdrawn(paper):
    choose(paper, make_pdf(["Supplement 1"]), "supplement.pdf")
    expect(paper.locator("[data-page='1'] .pdf-text")).to_contain_text("Supplement 1")
    paper.get_by_label("PDF", exact=True).select_option(label="cao2017.pdf")
    expect(paper.locator("[data-page='1'] .pdf-text")).to_contain_text("Cao 2017")
    paper.get_by_role("button", name="Withdraw…").click()
    paper.get_by_label("Why is it withdrawn?").fill("the wrong paper")
    paper.get_by_role("button", name="Withdraw", exact=True).click()
    expect(paper.locator(".pdf-status")).to_contain_text("is withdrawn")
    expect(paper.locator("[data-page='1'] .pdf-text")).to_contain_text("Supplement 1")
    paper.reload()
    expect(paper.locator("main")).to_contain_text("the wrong paper")


def test_a_viewer_reads_and_cannot_upload(paper, open_report, open_window):
    window = open_report(open_window(), "vic")
    expect(window.locator("[data-page='1'] .pdf-text")).to_contain_text("Cao 2017")
    assert window.get_by_role("button", name="Upload…").count() == 0


def test_the_pane_keeps_the_content_policy_and_is_readable_on_a_phone(open_report, page, paper, phone, axe_problems):
    heard = []
    page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
    page.reload()
    page.wait_for_selector("[data-page='1'] .endOfContent", state="attached")
    assert axe_problems(page) == []
    assert heard == []
    window = open_report(phone)
    window.wait_for_selector("[data-page='1'] .endOfContent", state="attached")
    assert window.evaluate("document.documentElement.scrollWidth") <= 390
