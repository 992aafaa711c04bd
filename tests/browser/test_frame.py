"""The frame of every page in a real browser: no page scrolls sideways, breaks the content policy or fails axe."""

import io

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from meta_app.accounts.models import User
from meta_app.extraction.models import Study
from meta_app.extraction.peak_services import peaks_save
from meta_app.library.file_services import file_add
from meta_app.library.models import Report
from meta_app.projects.models import Membership, Project, Role
from tests.meta_app.agreement.readers import PEAKS, both_locked, tree
from tests.meta_app.extraction.peak_cast import insula, make_dataset
from tests.meta_app.library.papers import make_pdf
from tests.meta_app.quality.score_cast import fill, lock, make_study, place_of

PASSWORD = "correct horse battery"
PAGES = ("", "protocol/", "protocol/edit/", "team/", "settings/", "records/", "screening/", "prisma/")
SEARCH = {"PubMed": "373", "Scopus": "722"}


@pytest.fixture
def project(transactional_db):
    project = Project.objects.create(name="Postherpetic neuralgia, VBM and resting state", question="Where?")
    owner = User.objects.create_user("olga", password=PASSWORD, full_name="Olga 李")
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    return project


@pytest.fixture
def review(project, settings, tmp_path):
    """Addresses of a review under way, each with what shows that it is there."""
    settings.FILES_DIR = tmp_path / "files"
    olga = User.objects.get(username="olga")
    rosa, sam = (User.objects.create_user(name) for name in ("rosa", "sam"))
    Membership.objects.bulk_create(Membership(project=project, user=user, role=Role.REVIEWER) for user in (rosa, sam))
    b = tree(patients={"n": 19}, peaks=[PEAKS[0] | {"x": "38", "confirmed": "yes"}, *PEAKS[1:]])
    both = both_locked(project, rosa, sam, b=b).study
    agreed = make_study(project, "Hong 2020")
    for study, points in ((both, {"diagnosis": 1}), (agreed, {})):
        lock(rosa, study)
        lock(sam, study, points)
    draft = make_dataset(project, olga, study="Zhang 2019")
    peaks_save(dataset=draft, version=1, peaks_state="peaks", rows=[insula(x="38")])
    fill(olga, draft.extraction.study)
    report = Report.objects.create(project=project, authors="Zhang L", year=2019, title="A simulated paper")
    draft.extraction.study.reports.add(report)
    paper = make_pdf(["A simulated paper", "Zhang 2019"])
    file_add(place=place_of(olga), report=report, name="zhang.pdf", stream=io.BytesIO(paper), announced=len(paper))
    read = draft.extraction.study_id
    return {
        "extraction/": "table",
        f"extraction/{read}/": "[data-page='1'] .endOfContent",
        f"extraction/datasets/{draft.pk}/": "coordinate-grid[data-ready]",
        "agreement/": "table",
        f"agreement/{both.pk}/": "peak-pairs svg",
        "agreement/summary/": "table",
        "quality/": "table",
        f"quality/studies/{read}/": "quality-item",
        f"quality/studies/{both.pk}/": ".settle",
        "quality/summary/": ".totals",
        "quality/checklist/": "table",
        "activity/": "table",
        "datasets/": "main",
    }


def sign_in(window):
    window.goto("/accounts/sign-in/")
    window.get_by_label("User name").fill("olga")
    window.get_by_label("Password").fill(PASSWORD)
    window.keyboard.press("Enter")
    expect(window.get_by_role("heading", name="My work")).to_be_visible()
    return window


@pytest.fixture
def complaints():
    """complaints(window) collects what the browser complains about, refused styles and scripts among it."""
    heard = []

    def listen(window):
        window.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
        window.on("pageerror", lambda error: heard.append(str(error)))
        return heard

    return listen


@pytest.mark.parametrize(("width", "colour_scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_fits_reads_well_and_keeps_the_content_policy(
    project, open_window, complaints, width, colour_scheme
):
    window = open_window(width=width, colour_scheme=colour_scheme)
    heard = complaints(window)
    sign_in(window)
    addresses = ["/", "/projects/new/", "/accounts/profile/", "/accounts/password/"]
    for address in [*addresses, *(f"/projects/{project.pk}/{page}" for page in PAGES)]:
        window.goto(address)
        assert_fits_and_reads_well(window, width)
    assert heard == []


@pytest.mark.parametrize(("width", "colour_scheme"), [(1440, "light"), (390, "dark")])
def test_a_review_under_way_fits_reads_well_and_keeps_the_content_policy(
    project, review, open_window, complaints, width, colour_scheme
):
    window = open_window(width=width, colour_scheme=colour_scheme)
    heard = complaints(window)
    sign_in(window)
    for page, shown in review.items():
        window.goto(f"/projects/{project.pk}/{page}")
        window.wait_for_selector(shown, state="attached")
        assert_fits_and_reads_well(window, width)
    assert heard == []


def assert_fits_and_reads_well(window, width):
    assert window.evaluate("document.documentElement.scrollWidth") <= width, window.url
    problems = [(found["id"], found["nodes"][0]["target"]) for found in Axe().run(window).response["violations"]]
    assert problems == [], window.url


def test_the_diagram_and_its_sums_follow_what_is_typed(project, page, complaints):
    heard = complaints(page)
    sign_in(page).goto(f"/projects/{project.pk}/prisma/")
    expect(page.get_by_text("No counts yet")).to_be_visible()
    for row, (name, n) in enumerate(SEARCH.items()):
        page.locator("[name=databases-name]").nth(row).fill(name)
        page.locator("[name=databases-n]").nth(row).fill(n)
    page.get_by_label("Duplicates removed").fill("200")
    page.get_by_label("Screened by title and abstract").fill("890")
    expect(page.get_by_text("1095 records against 1090, 5 unaccounted for")).to_be_visible()
    page.get_by_label("Screened by title and abstract").fill("895")
    expect(page.get_by_text("1095 records on both sides")).to_be_visible()
    picture = page.get_by_role("img", name="PRISMA 2020 flow diagram")
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 300
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The counts are saved.")).to_be_visible()
    assert heard == []


def test_what_the_server_could_not_do_stays_told_until_it_can(project, page):
    sign_in(page).goto(f"/projects/{project.pk}/prisma/")
    told = page.get_by_role("alert").filter(has_text="What you saved is kept; reload the page")
    page.route("**/prisma/preview/", lambda route: route.fulfill(status=500, body="broken"))
    with page.expect_response("**/prisma/preview/"):
        page.get_by_label("Duplicates removed").fill("200")
    expect(told).to_be_visible()
    page.wait_for_timeout(500)
    expect(told).to_be_visible()
    page.unroute("**/prisma/preview/")
    page.get_by_label("Duplicates removed").fill("201")
    expect(told).to_have_count(0)


def test_a_row_is_added_from_the_keyboard_and_takes_the_focus(project, page):
    sign_in(page).goto(f"/projects/{project.pk}/prisma/")
    page.get_by_role("button", name="Add a row").first.press("Enter")
    expect(page.get_by_label("Databases, name 3")).to_be_focused()


def test_on_a_phone_the_stages_open_over_the_page_and_escape_closes_them(project, phone):
    sign_in(phone).goto(f"/projects/{project.pk}/")
    stages = phone.get_by_role("link", name="Extraction", exact=True)
    sidebar = phone.locator("#review-flow")
    expect(sidebar).not_to_be_visible()
    phone.get_by_role("button", name="Show the stages of the review").click()
    expect(sidebar.locator(stages)).to_be_visible()
    expect(phone.locator("#review-flow.show:not(.showing)")).to_be_visible()
    phone.keyboard.press("Escape")
    expect(sidebar).not_to_be_visible()


def test_a_chosen_theme_stays_after_reloading(project, page):
    sign_in(page)
    theme = "document.documentElement.dataset.bsTheme"
    assert page.evaluate(theme) == "light"
    page.get_by_role("button", name="Light or dark").click()
    page.get_by_role("button", name="Dark", exact=True).click()
    page.reload()
    assert page.evaluate(theme) == "dark"


def test_the_api_documentation_opens_under_the_content_policy(project, page, complaints):
    heard = complaints(page)
    sign_in(page).goto("/api/docs/")
    expect(page.get_by_text("/api/projects/{project_id}/", exact=True)).to_be_visible()
    assert heard == []


def test_on_a_phone_lists_with_long_names_have_every_column_in_sight(project, review, phone):
    Study.objects.filter(project=project, label="Hong 2020").update(
        label="Trigeminal neuralgia after decompression 2019"
    )
    User.objects.filter(username="rosa").update(full_name="Maximiliane-Henriette Sommerfeld-Oberländer")
    sign_in(phone)
    for page in ("extraction/assignments/", "quality/", "agreement/"):
        phone.goto(f"/projects/{project.pk}/{page}")
        table = phone.locator(".table-responsive")
        expect(table).to_be_visible()
        assert table.evaluate("box => box.scrollWidth - box.clientWidth") == 0, page
