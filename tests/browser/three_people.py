"""What three people do in their browsers, from an empty server to a launched analysis. All papers are simulated."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.simulated_papers import Paper

PASSWORD = "correct horse battery"
SAVED = re.compile(r"Saved \d\d:\d\d")
REVIEWER = re.compile("Reviewer ([AB])")
TITLES = {
    "Region": "Label as reported",
    "x": "x, mm",
    "y": "y, mm",
    "z": "z, mm",
    "T": "Statistic",
    "Voxels": "Cluster size",
}
SELECT_WORDS = """(words) => {
    const walker = document.createTreeWalker(document.querySelector("pdf-pane"), NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && !walker.currentNode.data.includes(words));
    getSelection().selectAllChildren(walker.currentNode.parentElement);
}"""
PASTE = """text => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", text);
    document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData, bubbles: true, cancelable: true}));
}"""


@dataclass
class Person:
    """`slips` says whether this reviewer makes the mistakes of the papers; `letters` whether A or B, by study."""

    window: Page
    name: str
    full_name: str
    password: str = PASSWORD
    slips: bool = False
    letters: dict[str, str] = field(default_factory=dict)
    see: Callable[[str], None] = lambda name: None

    def go(self, path: str) -> None:
        self.window.goto(path)

    def press(self, name: str, **more: Any) -> None:
        self.window.get_by_role("button", name=name, **more).click()

    def follow(self, name: str, **more: Any) -> None:
        self.window.get_by_role("link", name=name, **more).first.click()

    def stage(self, name: str) -> None:
        self.window.locator("nav.sidebar, aside, nav").get_by_role("link", name=re.compile(f"^{name}")).first.click()


def sign_in(person: Person) -> None:
    person.go("/")
    person.see("sign_in")
    person.window.get_by_label("User name").fill(person.name)
    person.window.get_by_label("Password").fill(person.password)
    person.press("Sign in")
    expect(person.window.locator("h1")).to_have_text("My work")
    person.see("my_work_first")


def make_project(owner: Person, name: str, reviewers: str = "Two reviewers") -> str:
    window = owner.window
    owner.go("/")
    owner.follow("New project")
    owner.see("project_new")
    window.get_by_label("Name").fill(name)
    window.get_by_label("Question").fill("Which regions are more or less active in postherpetic neuralgia?")
    window.get_by_label(reviewers).check()
    window.get_by_label("Where the data comes from").fill("Simulated papers; no patient stands behind any number.")
    owner.press("Create")
    expect(window.locator("h1")).to_have_text(name)
    owner.see("overview_empty")
    return window.url


def add_people(owner: Person, *people: tuple[Person, str]) -> None:
    owner.follow("Roles and what they may do")
    for person, role in people:
        owner.window.get_by_label("User name").fill(person.name)
        owner.window.locator("form[action$='/team/'] select[name=role]").select_option(role)
        owner.press("Add to the project")
        expect(owner.window.get_by_role("row", name=person.full_name)).to_be_visible()
    owner.see("team")


def write_protocol(owner: Person) -> None:
    window = owner.window
    owner.stage("Protocol")
    owner.see("protocol_empty")
    owner.follow("Write the protocol")
    window.get_by_label("Question").fill("Which regions are more or less active in postherpetic neuralgia?")
    window.get_by_label("Registration").fill("simulated, not registered")
    window.get_by_label("Population").fill("Adults with postherpetic neuralgia, and healthy controls.")
    window.get_by_label("Comparisons").fill("patients > controls")
    window.get_by_label("Modalities").fill("ReHo")
    for number, (what, how, value, unit) in enumerate(
        (("n", "at least", "10", "people"), ("age", "at least", "18", "years"))
    ):
        window.locator(f"#id_rules-{number}-field").select_option(index=1 if what == "n" else 2)
        window.locator(f"#id_rules-{number}-operator").select_option(label=how)
        window.locator(f"#id_rules-{number}-value").fill(value)
        window.locator(f"#id_rules-{number}-unit").select_option(unit)
    window.get_by_label("Quality cut-off (points)").fill("16")
    window.get_by_label("Thresholds").fill("Voxel p < 0.005, SDM-Z > 1, at least 10 voxels")
    owner.see("protocol_edit")
    owner.press("Save as a new version")
    expect(window.locator("main")).to_contain_text("Version 1 of the protocol is saved.")
    owner.see("protocol")


def import_list(owner: Person, papers: list[Paper]) -> None:
    window = owner.window
    owner.stage("Extraction")
    owner.see("extraction_empty")
    owner.follow("Import a list")
    owner.see("list_import")
    data = "\n".join(paper.record for paper in papers).encode()
    window.get_by_label("A file").set_input_files(
        {"name": "simulated.ris", "mimeType": "application/x-research-info-systems", "buffer": data}
    )
    owner.press("Look at the list")
    expect(window.locator("h1")).to_have_text(f"{len(papers)} rows read")
    owner.see("list_preview")
    owner.press(f"Import {len(papers)} studies")
    for paper in papers:
        expect(window.get_by_role("link", name=paper.label)).to_be_visible()
    owner.see("extraction_list")


def deal_out(owner: Person, adjudicator: Person) -> None:
    owner.follow("Deal out")
    expect(owner.window.locator("table.assign-table")).not_to_contain_text(adjudicator.full_name)
    owner.see("deal_out")
    owner.press("Deal out evenly")
    owner.see("dealt_out")


def bring_paper(person: Person, paper: Paper) -> None:
    """Uploads the paper where nobody has yet."""
    window = person.window
    window.wait_for_selector("pdf-pane[data-ready]")
    if not window.locator(".pdf-choice option").count():
        person.see("study_without_paper")
        window.locator("pdf-pane input[type=file]").set_input_files(
            {"name": f"{paper.author}-simulated.pdf", "mimeType": "application/pdf", "buffer": paper.pdf}
        )
    expect(window.locator("[data-page='1'] .pdf-text")).to_contain_text("SIMULATED PAPER")


def extract(person: Person, paper: Paper, project: str) -> None:
    """From "Start my extraction" to "locked", as a reviewer types it beside the paper."""
    window = person.window
    person.go(f"{project}extraction/")
    person.follow(paper.label)
    person.see("study_before_start")
    person.press("Start my extraction")
    window.wait_for_selector("#answers[data-ready]")
    person.letters[paper.label] = REVIEWER.search(window.locator(".page-sub").inner_text())[1]
    person.see("study_started")
    bring_paper(person, paper)
    person.press("Add a cohort")
    expect(window.locator(".group-name")).to_have_count(2)
    window.locator("[data-add=dataset]").click()
    expect(window.locator("details.dataset")).to_have_count(1)
    answers = paper.answers(person.slips)
    fill_answers(person, answers)
    if paper.scales:
        fill_scales(person, paper.scales)
    quote(person, paper)
    person.see("study_typed")
    person.follow(f"Enter the peaks of {answers['dataset label']}")
    enter_peaks(person, paper)
    person.follow(f"Back to {paper.label}")
    complete(person)


def places(person: Person) -> dict[str, str]:
    """The rows of the form by level."""
    window = person.window
    patients, controls = window.locator(".group-name").evaluate_all("all => all.map(one => one.dataset.group)")
    return {
        "study": "study",
        "cohort": window.locator("article.cohort").get_attribute("id"),
        "patients": f"group-{patients}",
        "controls": f"group-{controls}",
        "dataset": window.locator("details.dataset").get_attribute("id"),
    }


def fill_answers(person: Person, answers: dict[str, str]) -> None:
    window, rows = person.window, places(person)
    for place, value in answers.items():
        level, key = place.split()
        control = window.locator(f"[id='{rows[level]}-{key}-control']")
        if not control.evaluate("node => node.matches('select')"):
            control.fill(value)
        elif value in rows:
            control.select_option(rows[value].removeprefix("group-"))
        else:
            control.select_option(value)
    window.keyboard.press("Tab")
    expect(window.locator("#saving-state")).to_have_text(SAVED)


def fill_scales(person: Person, scales: tuple[tuple[str, ...], ...]) -> None:
    """Each scale as name, when, mean, SD, lowest and highest of the first group."""
    window = person.window
    window.locator(f"[id='{places(person)['patients']}-scales-control']").click()
    dialog = window.get_by_role("dialog")
    for number, scale in enumerate(scales, start=1):
        if number > 1:
            dialog.get_by_role("button", name="One more row").click()
        for column, text in zip(
            ("Scale", "When", "Mean", "SD", "Lowest possible", "Highest possible"), scale, strict=True
        ):
            dialog.get_by_label(f"{column}, scale {number}").fill(text)
    person.see("scales")
    dialog.get_by_role("button", name="Keep").click()
    expect(window.locator("#saving-state")).to_have_text(SAVED)


def quote(person: Person, paper: Paper) -> None:
    """Selects each sentence of the paper while its value is in focus."""
    window, rows = person.window, places(person)
    window.locator("pdf-pane").get_by_label("Page", exact=True).fill("2")
    window.keyboard.press("Enter")
    expect(window.locator("[data-page='2'] .pdf-text")).to_contain_text("Participants and methods")
    for place, sentence in paper.said.items():
        level, key = place.split()
        answer = window.locator(f"[id='{rows[level]}-{key}']")
        answer.locator("input, select").first.focus()
        window.evaluate(SELECT_WORDS, sentence)
        person.press("Use as quote")
        expect(answer.locator(".source-marker")).to_have_text("p. 2")
    expect(window.locator("#saving-state")).to_have_text(SAVED)


def enter_peaks(person: Person, paper: Paper) -> None:
    """All rows but the last are pasted, the last is typed."""
    window, rows = person.window, paper.rows(person.slips)
    window.wait_for_selector("coordinate-grid[data-ready]")
    person.see("grid_empty")
    window.locator(f"coordinate-grid [name=peaks_state][value={paper.peaks_state}]").check()
    if rows:
        window.locator("table.grid-table").focus()
        window.evaluate(PASTE, "\n".join([paper.head, *("\t".join(map(str, row)) for row in rows[:-1])]))
        person.see("grid_preview")
        person.press(re.compile(r"^Insert \d+ rows?"))
        type_row(person, len(rows) - 1, dict(zip(paper.head.split("\t"), map(str, rows[-1]), strict=True)))
        expect(window.locator(".grid-rail-count")).to_contain_text(f"{len(rows)} peak")
    window.wait_for_selector("coordinate-grid[data-saving=saved]")
    person.see("grid")


def type_row(person: Person, row: int, cells: dict[str, str]) -> None:
    """By keyboard, each cell where its column says so; what a header says for all rows is typed as well."""
    window = person.window
    columns = window.locator("table.grid-table thead th").all_inner_texts()
    said = {"T": {"Kind": "t"}, "Voxels": {"Unit": "voxels"}}
    for name, text in list(cells.items()):
        cells |= {TITLES.get(name, name): text, **said.get(name, {})}
    for name, text in cells.items():
        if name in columns:
            window.locator(f"#grid-cell-{row}-{columns.index(name) - 1}").click()
            window.keyboard.type(text)
            window.keyboard.press("Enter")


def complete(person: Person) -> None:
    """Tick each warning with a reason, and lock."""
    window = person.window
    window.wait_for_selector("#answers[data-ready]")
    for tick in window.locator("[name=accepted]").all():
        tick.check()
    if window.locator("#complete [name=reason]").count():
        window.locator("#complete [name=reason]").fill("As the paper prints it.")
    person.see("study_to_complete")
    person.press("Complete and lock")
    expect(window.locator(".page-sub")).to_contain_text("locked")
    person.see("study_locked")


def score(person: Person, paper: Paper, project: str, lowest: int = 0) -> None:
    """All points for each item but the first `lowest` of them, which get none; who slips gives the first none."""
    window = person.window
    person.go(f"{project}quality/")
    person.see("quality_list")
    person.follow(paper.label)
    person.press("Start my score")
    window.wait_for_selector("quality-item[data-key]")
    for number, item in enumerate(window.locator("quality-item").all()):
        points = item.get_by_role("radio").all()
        by_value = sorted(points, key=lambda radio: float(radio.get_attribute("value") or 0))
        by_value[0 if number < max(lowest, person.slips) else -1].check()
    expect(window.locator("#score-open")).to_have_text("0")
    expect(window.locator("#score-state")).to_have_text("All saved")
    person.see("quality_scored")
    person.press("Complete and lock")
    expect(window.locator(".page-sub")).to_contain_text(re.compile("complete|agreed|to settle"))
    person.see("quality_locked")


def settle_score(adjudicator: Person, paper: Paper, project: str, letter: str, points: int = 20) -> None:
    """Who slipped gave one item nothing; it becomes what the other, `letter`, gave."""
    window = adjudicator.window
    adjudicator.go(f"{project}quality/")
    adjudicator.follow(paper.label)
    adjudicator.see("quality_to_settle")
    settle = window.locator("details.settle[open]")
    expect(settle).to_have_count(1)
    settle.get_by_label(f"As {letter}").check()
    settle.get_by_role("button", name="Settle this item").click()
    expect(window.locator(".page-sub")).to_contain_text(f"agreed: {points} points")
    adjudicator.see("quality_agreed")


def open_comparison(adjudicator: Person, paper: Paper, project: str) -> None:
    adjudicator.go(f"{project}agreement/")
    adjudicator.see("compare_list")
    adjudicator.follow(paper.label)
    expect(adjudicator.window.locator("h1")).to_have_text(paper.label)
    adjudicator.window.wait_for_load_state()  # the keys are listened to from then on
    adjudicator.see(f"compare-{paper.author}")


def cards(adjudicator: Person, state: str = "open") -> Any:
    return adjudicator.window.locator(f"article.difference[data-state={state}]")


def press_key(adjudicator: Person, title: str, key: str) -> Any:
    """Bring a difference into focus, and press its key."""
    card = adjudicator.window.locator("article.difference").filter(has_text=title).first
    card.focus()
    adjudicator.window.keyboard.press(key)
    return card


def take(adjudicator: Person, title: str, key: str) -> None:
    """By key: 1 the left or upper, 2 the right or lower."""
    settled = cards(adjudicator, "settled").count()
    press_key(adjudicator, title, key)
    expect(cards(adjudicator, "settled")).to_have_count(settled + 1)


def take_other(adjudicator: Person, title: str, value: str, reason: str) -> None:
    settled = cards(adjudicator, "settled").count()
    card = press_key(adjudicator, title, "3")
    card.get_by_label("The value").fill(value)
    card.get_by_label("Why").fill(reason)
    adjudicator.see("compare_other")
    card.get_by_role("button", name="Take this").click()
    expect(cards(adjudicator, "settled")).to_have_count(settled + 1)


def write_letter(adjudicator: Person, title: str, question: str, answer: str) -> None:
    card = adjudicator.window.locator("article.difference").filter(has_text=title).first
    card.get_by_text("Ask the authors").click()
    card.get_by_label("What you ask").fill(question)
    card.get_by_role("button", name="Note that they are asked").click()
    expect(card).to_contain_text("the authors are asked")
    adjudicator.see("compare_asked")
    card.get_by_label("What they answered").fill(answer)
    card.get_by_role("button", name="Note the answer").click()
    expect(card).to_contain_text(answer)


def settle_in_bulk(adjudicator: Person, letter: str) -> None:
    """Whatever a section offers to settle at once."""
    window = adjudicator.window
    while window.locator("details.bulk").count():
        window.locator("details.bulk summary").first.click()
        adjudicator.see("compare_bulk")
        window.locator("details.bulk").first.get_by_role("button", name=f"As {letter}").first.click()
        window.wait_for_load_state()


def settle_as(adjudicator: Person, letter: str) -> None:
    """One by one as that reviewer has it, a row that only the other has by leaving it out."""
    while left := cards(adjudicator).count():
        card = cards(adjudicator).first
        card.locator(f"form.decide button[value={letter}]").click()
        expect(cards(adjudicator)).to_have_count(left - 1)


def agree(adjudicator: Person) -> None:
    """Where the two differed in nothing it is agreed by itself."""
    window = adjudicator.window
    agreed = window.locator(".page-sub .study-state.is-complete")
    if not agreed.count():
        expect(window.locator("#progress")).to_contain_text("0 left")
        adjudicator.see("compare_settled")
        adjudicator.press("Agree", exact=True)
    expect(agreed).to_have_text("agreed")
    adjudicator.see("agreed")


def decide_overlaps(adjudicator: Person, project: str) -> list[str]:
    """Each pair of studies that is asked about: the same people, kept as datasets of one cohort."""
    window, decided = adjudicator.window, []
    while True:
        adjudicator.go(f"{project}datasets/")
        adjudicator.see("dataset_with_overlaps")
        asked = window.locator(".alert-warning li a")
        if not asked.count():
            return decided
        decided.append(asked.first.inner_text())
        asked.first.click()
        window.get_by_label("The same people", exact=True).check()
        window.get_by_label("Keep both: datasets of one cohort").check()
        window.get_by_label("Why").fill("The same hospital and the same numbers.")
        adjudicator.see("overlap")
        adjudicator.press("Decide")
        adjudicator.see("overlap_decided")


def freeze(person: Person, project: str) -> None:
    window = person.window
    person.go(f"{project}datasets/")
    person.see("dataset_before_freeze")
    person.press("Freeze version 1")
    expect(window.locator("main")).to_contain_text("SHA-256")
    person.see("version")


def import_studies(person: Person, name: str, data: bytes) -> None:
    """A file of a frozen version, into the project that is open; ends on the list of its studies."""
    window = person.window
    person.stage("Extraction")
    person.follow("Import studies")
    person.see("studies_import")
    window.get_by_label("Files").set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": data})
    person.press("Look at the file")
    person.see("studies_import_preview")
    person.press(re.compile("^Import [0-9]+ stud"))
    expect(window.locator("h1")).to_have_text("Extraction")
    person.see("studies_imported")


def export(person: Person, name: str) -> bytes:
    """Download a file of the version that is shown."""
    if not person.window.locator("details.export[open]").count():
        person.window.get_by_text("Download this version").click()
    person.see("exports")
    with person.window.expect_download() as arrived:
        person.follow(name)
    return arrived.value.path().read_bytes()


def launch(owner: Person, project: str, permutations: int = 0) -> None:
    """With five imputations, and as many permutations; without any it is a quick look."""
    window = owner.window
    owner.go(f"{project}analyses/")
    owner.see("analyses_empty")
    owner.follow("New analysis")
    window.get_by_label("Imputations").fill("5")
    if permutations:
        window.get_by_label("Another number").check()
        window.get_by_label("How many").fill(str(permutations))
    else:
        window.get_by_label("Quick look").check()
    expect(window.locator("#preflight")).to_contain_text("What will be analysed")
    window.wait_for_load_state("networkidle")
    owner.see("analysis_new")
    owner.press("Launch")
    expect(window.locator(".run-panel")).to_be_visible()
    owner.see("run_queued")


def see_preview_and_result(owner: Person, wait_ms: int) -> None:
    """The maps while permutations go on, and the corrected result from the same page."""
    window = owner.window
    window.get_by_role("link", name="Look at the preview").click(timeout=wait_ms)
    expect(window.locator("h1")).to_contain_text("Preview")
    window.wait_for_selector("brain-viewer[data-ready]", timeout=wait_ms)
    owner.see("preview")
    window.get_by_role("link", name="Show the corrected result").click(timeout=wait_ms)
    expect(window.locator("h1")).not_to_contain_text("Preview")
    window.wait_for_selector("brain-viewer[data-ready]", timeout=wait_ms)
    owner.see("result")


def see_result(owner: Person, wait_ms: int) -> None:
    window = owner.window
    expect(window.locator(".run-panel")).to_contain_text("Finished in", timeout=wait_ms)
    owner.see("run_done")
    owner.follow("Open result")
    window.wait_for_url(re.compile(r"/results/\d+/$"))
    expect(window.locator("h1")).to_be_visible()
    owner.see("result")


def draw_flow(owner: Person, project: str, included: int) -> str:
    """A search that found one duplicate and one report to exclude beside those included; what is said of the sums."""
    window = owner.window
    owner.go(f"{project}prisma/")
    owner.see("flow_empty")
    counted(window, "Databases", "PubMed", "records", included + 2)
    left = included + 1
    for key, number in (("duplicates", 1), ("screened", left), ("excluded", 0), ("sought", left), ("not_retrieved", 0),
                        ("assessed", left)):  # fmt: skip
        window.locator(f"#flow-{key}").fill(str(number))
    counted(window, "Excluded, by reason", "No coordinates reported", "reports", 1)
    for key in ("new_studies", "new_reports"):
        window.locator(f"#flow-{key}").fill(str(included))
    expect(window.locator(".sums h2")).to_contain_text("sums")
    owner.press("Save")
    expect(window.locator(".page-sub")).to_contain_text("Last saved")
    owner.see("flow")
    for kind in ("svg", "png", "csv"):
        assert window.request.get(f"{project}prisma/diagram.{kind}").ok, kind
    return window.locator(".sums h2").inner_text()


def counted(window: Page, box: str, name: str, unit: str, number: int) -> None:
    window.get_by_label(f"{box}, name 1").first.fill(name)
    window.get_by_label(f"{box}, number of {unit} 1").first.fill(str(number))
