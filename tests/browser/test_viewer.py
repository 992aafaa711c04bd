"""The result page in a real browser: the brain, its keys, its table, and what stands in where there is no WebGL2."""

import json
import shutil
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import expect

from meta_app.accounts.models import User
from meta_app.analyses.models import Artefact, Run, RunBlock
from meta_app.projects.models import Membership, Project, Role
from tests.meta_app.results.conftest import (
    NEGATIVE_MM,
    POSITIVE_MM,
    artefacts_of,
    asked,
    make_preview,
    make_run,
    simulated_result,
    simulated_tested,
    simulated_z,
    written,
)

PATIENCE_MS = 90_000


@pytest.fixture(scope="module")
def blobs():
    return simulated_result(simulated_z())


@pytest.fixture
def run(transactional_db, blobs, settings, tmp_path):
    settings.RUNS_DIR = tmp_path / "runs"
    project = Project.objects.create(name="Pain in the brain")
    owner = User.objects.create_user("olga", password="correct horse battery")
    Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    return make_run(project, owner, blobs)


@pytest.fixture
def open_result(run, site, enter_as):
    """open_result(window, query) opens the page signed in and waits for the first picture."""

    def opened(window, query="", run=run):
        enter_as(window, run.launched_by)
        window.set_default_timeout(PATIENCE_MS)
        window.goto(f"{site}/projects/{run.project_id}/results/{run.pk}/{query}")
        window.wait_for_selector("brain-viewer[data-ready]", state="attached")
        return window

    return opened


def seen(window):
    """The crosshair and the map as the address bar has them."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(window.url).query).items()}
    return query["map"], tuple(int(query[axis]) for axis in "xyz")


def part(window, name):
    return window.locator(f'[data-part="{name}"]')


def without_webgl(window):
    window.add_init_script(
        "const own = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind === 'webgl2' ? null : own.call(this, kind, ...rest); };"
    )


def test_the_brain_opens_at_the_first_cluster_with_value_and_label(open_result, page, blobs):
    window = open_result(page)
    assert seen(window) == ("z", POSITIVE_MM)
    expect(part(window, "value")).to_have_text("SDM-Z 5.010")
    expect(part(window, "label")).to_have_text(blobs.clusters[0].peak.label.text)
    viewer = window.locator("brain-viewer")
    assert viewer.get_attribute("data-drawn-by") == "browser"
    assert int(viewer.get_attribute("data-shown-voxels")) == sum(cluster.size_voxels for cluster in blobs.clusters)
    expect(window.locator('[data-cluster="1"]')).to_have_class("cluster positive-cluster is-here")


def test_a_row_moves_the_crosshair_and_the_crosshair_marks_the_row(open_result, page):
    window = open_result(page)
    window.locator('[data-cluster="2"] .coordinate').first.click()
    assert seen(window) == ("z", NEGATIVE_MM)
    expect(part(window, "value")).to_contain_text("SDM-Z −3.99")
    expect(window.locator("[aria-current=location]")).to_have_attribute("data-cluster", "2")


def test_keys_step_go_to_the_origin_and_to_a_typed_coordinate(open_result, page):
    window = open_result(page)
    part(window, "stage").focus()
    for key in ("ArrowRight", "ArrowUp", "PageDown", "Shift+ArrowLeft"):
        window.keyboard.press(key)
    x, y, z = POSITIVE_MM
    assert seen(window)[1] == (x + 2 - 10, y + 2, z - 2)
    window.keyboard.press("o")
    assert seen(window)[1] == (0, 0, 0)
    window.keyboard.press("Escape")
    expect(part(window, "coordinate")).to_be_focused()
    window.keyboard.type("(−36, 14; 2)")
    window.keyboard.press("Enter")
    assert seen(window)[1] == POSITIVE_MM
    expect(part(window, "stage")).to_be_focused()


def test_a_coordinate_that_is_none_is_told_beside_the_field(open_result, page):
    window = open_result(page)
    part(window, "coordinate").fill("insula")
    window.keyboard.press("Enter")
    expect(part(window, "coordinate-problem")).to_be_visible()
    assert seen(window)[1] == POSITIVE_MM


def test_maps_and_thresholds_are_in_the_address_and_come_back_from_it(open_result, page):
    window = open_result(page)
    part(window, "map").select_option("g")
    expect(part(window, "value")).to_have_text("g 1.002")
    part(window, "threshold").fill("0.7")
    part(window, "threshold").press("Enter")
    part(window, "clusters-only").uncheck()
    shown = window.locator("brain-viewer").get_attribute("data-shown-voxels")
    address = window.url
    assert "threshold=0.7" in address
    window.goto("about:blank")
    window.goto(address)
    window.wait_for_selector("brain-viewer[data-ready]", state="attached")
    expect(part(window, "value")).to_have_text("g 1.002")
    assert window.locator("brain-viewer").get_attribute("data-shown-voxels") == shown


def test_the_negative_threshold_follows_until_it_is_unlinked(open_result, page):
    window = open_result(page)
    part(window, "threshold").fill("3")
    part(window, "threshold").press("Enter")
    expect(part(window, "threshold-negative")).to_have_value("-3")
    part(window, "linked").uncheck()
    part(window, "threshold-negative").fill("-3.5")
    part(window, "threshold-negative").press("Enter")
    expect(part(window, "threshold")).to_have_value("3")
    assert "threshold_neg=-3.5" in window.url


def test_a_picture_can_be_taken_with_its_caption(open_result, page):
    window = open_result(page)
    with window.expect_download() as download:
        part(window, "screenshot").click()
    assert download.value.suggested_filename.endswith("-z--36_14_2.png")


def test_without_webgl_the_server_draws_and_everything_else_works(open_result, page):
    without_webgl(page)
    window = open_result(page)
    viewer = window.locator("brain-viewer")
    assert viewer.get_attribute("data-drawn-by") == "server"
    expect(part(window, "slices")).to_be_visible()
    assert part(window, "slices").evaluate("image => image.naturalWidth") > 0
    window.locator('[data-cluster="2"] .coordinate').first.click()
    expect(part(window, "value")).to_contain_text("SDM-Z −3.99")
    x, y, z = NEGATIVE_MM
    expect(part(window, "slices")).to_have_attribute(
        "src", f"{urlsplit(window.url).path}slices.png?map=z&x={x}&y={y}&z={z}"
    )


def test_the_page_breaks_no_rule_of_accessibility_and_no_policy(open_result, page):
    from axe_playwright_python.sync_playwright import Axe

    refused = []
    page.on(
        "console", lambda message: refused.append(message.text) if "Content Security Policy" in message.text else None
    )
    window = open_result(page)
    # The tool itself must be let in past the page's policy.
    findings = Axe().run(window, options={"resultTypes": ["violations"]}).response["violations"]
    assert not refused
    assert findings == [], json.dumps(
        [(item["id"], [node["html"] for node in item["nodes"]]) for item in findings], indent=1
    )


@pytest.fixture(scope="module")
def tested():
    return simulated_tested(simulated_z())


def conclude(run, tested):
    """What a worker leaves once the last block of permutations is done."""
    folder = settings.RUNS_DIR / str(run.pk)
    shutil.rmtree(folder)
    shutil.copytree(written(tested), folder)
    run.artefacts.all().delete()
    Artefact.objects.bulk_create(artefacts_of(run, folder))
    Run.objects.filter(pk=run.pk).update(status="done", fraction=1, finished_at=run.preview_at)


def test_a_preview_counts_permutations_beside_the_same_viewer_and_leads_to_the_corrected_result(
    open_result, page, run, blobs, tested
):
    made = make_run(run.project, run.launched_by, blobs, name="Permuting", seed=2, content=asked(permutations=1000))
    preview = make_preview(made)
    window = open_result(page, run=preview)
    strip = window.locator(".preview-strip")
    expect(strip).to_contain_text("Preview: uncorrected; permutations 320 of 1,000")
    window.locator("brain-viewer").evaluate("viewer => { viewer.isTheSame = true; }")
    window.locator('[data-cluster="2"] .coordinate').first.click()
    RunBlock.objects.filter(run=preview, number__lt=20).update(status="done")
    expect(strip).to_contain_text("640 of 1,000")
    conclude(preview, tested)
    expect(strip).to_contain_text("The permutation test is done.")
    assert window.locator("brain-viewer").evaluate("viewer => viewer.isTheSame")
    assert seen(window) == ("z", NEGATIVE_MM)
    window.get_by_role("link", name="Show the corrected result").click()
    window.wait_for_selector("brain-viewer[data-ready]", state="attached")
    expect(window.locator(".correction-choice [aria-current]")).to_contain_text("TFCE")


def test_a_correction_changes_table_thresholds_and_brain_together(open_result, page, run, tested):
    made = make_run(run.project, run.launched_by, tested, name="Permuted", seed=3, content=asked())
    window = open_result(page, run=made)
    viewer = window.locator("brain-viewer")
    assert viewer.get_attribute("data-shown-voxels") == "0"
    expect(part(window, "nothing")).to_be_visible()
    expect(window.get_by_role("heading", name="No cluster survives")).to_be_visible()
    window.locator(".correction-choice").get_by_role("link", name="Voxel-wise").click()
    (cluster,) = tested.corrected_clusters["voxel"]
    expect(viewer).to_have_attribute("data-shown-voxels", str(cluster.size_voxels))
    expect(part(window, "nothing")).to_be_hidden()
    expect(part(window, "threshold")).to_have_value("3")
    expect(window.get_by_role("heading", name="1 cluster")).to_be_visible()
    expect(window.locator(".threshold-line:visible")).to_contain_text("by the largest SDM-Z in 40 permutations")
    assert "correction=voxel" in window.url
    address = window.url
    window.goto("about:blank")
    window.goto(address)
    window.wait_for_selector("brain-viewer[data-ready]", state="attached")
    expect(viewer).to_have_attribute("data-shown-voxels", str(cluster.size_voxels))


def test_the_page_of_a_tested_result_breaks_no_rule_of_accessibility_in_the_dark_on_a_phone(
    open_result, open_window, run, tested
):
    from axe_playwright_python.sync_playwright import Axe

    made = make_run(run.project, run.launched_by, tested, name="Permuted", seed=3, content=asked())
    window = open_result(open_window(width=390, height=844, colour_scheme="dark"), run=made)
    findings = Axe().run(window, options={"resultTypes": ["violations"]}).response["violations"]
    assert [(item["id"], item["nodes"][0]["html"]) for item in findings] == []
    assert window.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0


def test_on_a_phone_nothing_scrolls_sideways(open_result, phone):
    window = open_result(phone)
    assert window.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
