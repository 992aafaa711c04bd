"""What three people do in their browsers, from an empty server to a launched analysis. All papers are simulated."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, expect

from tests.meta_app.library.papers import make_pdf

PASSWORD = "correct horse battery"
SAVED = re.compile(r"Saved \d\d:\d\d")
SAID_N = "patients with PHN were analysed after exclusions"
HEAD = "Region\tx\ty\tz\tT\tVoxels"
PEAKS = (
    ("L insula", -38, 12, -4, 4.52, 120),
    ("R thalamus", 12, -18, 8, 5.1, 85),
    ("R precentral gyrus", 44, -8, 48, -4.07, 66),
    ("L precuneus", -8, -58, 44, -3.91, 203),
    ("R insula", 40, 18, 2, 4.2, 44),
)
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
class Paper:
    """A simulated paper and what each reviewer takes from it; `b` names what B enters otherwise."""

    author: str
    year: int
    number: int
    n: int = 18
    b: dict[str, Any] = field(default_factory=dict)
    a_peaks: tuple[tuple[Any, ...], ...] = PEAKS
    b_peaks: tuple[tuple[Any, ...], ...] = PEAKS

    @property
    def label(self) -> str:
        return f"{self.author} {self.year}"

    @property
    def title(self) -> str:
        return f"Simulated paper {self.number}: resting-state activity in postherpetic neuralgia"

    @property
    def record(self) -> str:
        lines = ("TY  - JOUR", f"AU  - {self.author}, S", f"TI  - {self.title}", "JO  - Journal of Simulated Results",
                 f"PY  - {self.year}", "LA  - English", "ER  - ")  # fmt: skip
        return "\n".join(lines)

    @property
    def pdf(self) -> bytes:
        return make_pdf(
            ["SIMULATED PAPER, made for a test of Concord", self.title, f"{self.author} S, {self.year}"],
            ["Participants", f"{self.n} {SAID_N}.", f"{self.n + 2} healthy controls took part.",
             "Results", HEAD.replace("\t", "   "), *("   ".join(map(str, row)) for row in self.a_peaks)],
        )  # fmt: skip

    def answers(self, position: str) -> dict[str, str]:
        """What a reviewer types, by `level key`; groups are patients and controls."""
        n = self.n
        typed = {
            "study design": "case_control", "study diagnostic_criteria": "IASP criteria", "study site": "Simulated",
            "cohort label": "PHN and HC",
            "patients n": str(n), "patients n_female": str(n // 2), "patients age_mean": f"{60 + self.number}.4",
            "patients age_sd": "8.2", "patients duration_mean": "14.5", "patients duration_sd": "9.1",
            "patients duration_unit": "months",
            "controls n": str(n + 2), "controls n_female": str(n // 2 + 1),
            "controls age_mean": f"{59 + self.number}.1",
            "controls age_sd": "7.9",
            "dataset label": "ReHo", "dataset modality": "resting_fmri", "dataset metric": "ReHo",
            "dataset scanner": "GE Signa", "dataset field_strength": "3", "dataset software": "spm",
            "dataset fwhm_mm": "6", "dataset space": "mni", "dataset whole_brain": "yes",
            "dataset correction": "AlphaSim", "dataset t_threshold": "3.1",
        }  # fmt: skip
        return typed | (self.b if position == "B" else {})

    def peaks(self, position: str) -> str:
        rows = self.a_peaks if position == "A" else self.b_peaks
        return "\n".join([HEAD, *("\t".join(map(str, row)) for row in rows)])


@dataclass
class Person:
    window: Page
    name: str
    full_name: str
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
    person.window.get_by_label("Password").fill(PASSWORD)
    person.press("Sign in")
    expect(person.window.locator("h1")).to_have_text("My work")
    person.see("my_work_first")


def make_project(owner: Person, name: str) -> str:
    window = owner.window
    owner.follow("New project")
    owner.see("project_new")
    window.get_by_label("Name").fill(name)
    window.get_by_label("Question").fill("Which regions are more or less active in postherpetic neuralgia?")
    window.get_by_label("Two reviewers").check()
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


def upload_paper(person: Person, paper: Paper) -> None:
    person.window.locator("pdf-pane input[type=file]").set_input_files(
        {"name": f"{paper.author}-simulated.pdf", "mimeType": "application/pdf", "buffer": paper.pdf}
    )
    expect(person.window.locator("[data-page='1'] .pdf-text")).to_contain_text("SIMULATED PAPER")


def extract(person: Person, paper: Paper, position: str, project: str) -> None:
    """From "Start my extraction" to "locked", as a reviewer types it; A has the paper beside the form."""
    window = person.window
    person.go(f"{project}extraction/")
    person.follow(paper.label)
    person.see("study_before_start")
    person.press("Start my extraction")
    window.wait_for_selector("#answers[data-ready]")
    person.see("study_started")
    if position == "A":
        upload_paper(person, paper)
    person.press("Add a cohort")
    expect(window.locator(".group-name")).to_have_count(2)
    window.locator("[data-add=dataset]").click()
    expect(window.locator("details.dataset")).to_have_count(1)
    fill_answers(person, paper.answers(position))
    quote(person, paper)
    person.see("study_typed")
    person.follow("Enter the peaks of ReHo")
    paste_peaks(person, paper.peaks(position))
    person.follow(f"Back to {paper.label}")
    complete(person, paper)


def fill_answers(person: Person, answers: dict[str, str]) -> None:
    window = person.window
    patients, controls = window.locator(".group-name").evaluate_all("all => all.map(one => one.dataset.group)")
    rows = {
        "study": "study",
        "cohort": window.locator("article.cohort").get_attribute("id"),
        "patients": f"group-{patients}",
        "controls": f"group-{controls}",
        "dataset": window.locator("details.dataset").get_attribute("id"),
    }
    for place, value in answers.items():
        level, key = place.split()
        control = window.locator(f"[id='{rows[level]}-{key}-control']")
        if control.evaluate("node => node.matches('select')"):
            control.select_option(value)
        else:
            control.fill(value)
    window.keyboard.press("Tab")
    expect(window.locator("#saving-state")).to_have_text(SAVED)


def quote(person: Person, paper: Paper) -> None:
    """Selects the sentence of the paper while n of the patients is in focus."""
    window = person.window
    n = window.locator(".group-table [data-key=n] input").first
    window.locator("pdf-pane").get_by_label("Page", exact=True).fill("2")
    window.keyboard.press("Enter")
    expect(window.locator("[data-page='2'] .pdf-text")).to_contain_text(SAID_N)
    n.focus()
    window.evaluate(SELECT_WORDS, f"{paper.n} {SAID_N}")
    person.press("Use as quote")
    expect(window.locator(".group-table [data-key=n] .source-marker").first).to_have_text("p. 2")
    expect(window.locator("#saving-state")).to_have_text(SAVED)


def paste_peaks(person: Person, text: str) -> None:
    window = person.window
    window.wait_for_selector("coordinate-grid[data-ready]")
    person.press("Enter peaks")
    window.locator("table.grid-table").focus()
    window.evaluate(PASTE, text)
    person.see("grid_preview")
    person.press(re.compile(r"^Insert \d+ rows?"))
    window.wait_for_selector("coordinate-grid[data-saving=saved]")
    person.see("grid")


def complete(person: Person, paper: Paper) -> None:
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


def score(person: Person, paper: Paper, position: str, project: str) -> None:
    """All points for each item; B gives the first item none."""
    window = person.window
    person.go(f"{project}quality/")
    person.see("quality_list")
    person.follow(paper.label)
    person.press("Start my score")
    window.wait_for_selector("quality-item[data-key]")
    for number, item in enumerate(window.locator("quality-item").all()):
        points = item.get_by_role("radio").all()
        highest = max(points, key=lambda radio: float(radio.get_attribute("value") or 0))
        lowest = min(points, key=lambda radio: float(radio.get_attribute("value") or 0))
        (lowest if position == "B" and number == 0 else highest).check()
    expect(window.locator("#score-open")).to_have_text("0")
    expect(window.locator("#score-state")).to_have_text("All saved")
    person.see("quality_scored")
    person.press("Complete and lock")
    expect(window.locator(".page-sub")).to_contain_text(re.compile("complete|agreed|to settle"))
    person.see("quality_locked")


def settle_score(adjudicator: Person, paper: Paper, project: str) -> None:
    window = adjudicator.window
    adjudicator.go(f"{project}quality/")
    adjudicator.follow(paper.label)
    adjudicator.see("quality_to_settle")
    settle = window.locator("details.settle[open]")
    expect(settle).to_have_count(1)
    settle.get_by_label("As A").check()
    settle.get_by_role("button", name="Settle this item").click()
    expect(window.locator(".page-sub")).to_contain_text("agreed: 20 points")
    adjudicator.see("quality_agreed")


def open_comparison(adjudicator: Person, paper: Paper, project: str) -> None:
    adjudicator.go(f"{project}agreement/")
    adjudicator.see("compare_list")
    adjudicator.follow(paper.label)
    expect(adjudicator.window.locator("h1")).to_have_text(paper.label)
    adjudicator.window.wait_for_load_state()  # the keys are listened to from then on
    adjudicator.see("compare")


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


def take_the_rest(adjudicator: Person, letter: str = "A") -> None:
    """In bulk, section by section, and what is single by key."""
    window = adjudicator.window
    while window.locator("details.bulk").count():
        window.locator("details.bulk summary").first.click()
        window.locator("details.bulk").first.get_by_role("button", name=f"As {letter}").first.click()
        window.wait_for_load_state()
    while left := cards(adjudicator).count():
        cards(adjudicator).first.focus()
        window.keyboard.press("1")
        expect(cards(adjudicator)).to_have_count(left - 1)


def agree(adjudicator: Person) -> None:
    window = adjudicator.window
    expect(window.locator("#progress")).to_contain_text(re.compile("0 left|No difference"))
    adjudicator.see("compare_settled")
    adjudicator.press("Agree", exact=True)
    expect(window.locator(".page-sub")).to_contain_text("agreed")
    adjudicator.see("agreed")


def freeze(adjudicator: Person, project: str) -> None:
    window = adjudicator.window
    adjudicator.go(f"{project}datasets/")
    adjudicator.see("dataset_before_freeze")
    adjudicator.press("Freeze version 1")
    expect(window.locator("main")).to_contain_text("SHA-256")
    adjudicator.see("version")


def export(person: Person, name: str) -> bytes:
    """Download a file of the version that is shown."""
    if not person.window.locator("details.export[open]").count():
        person.window.get_by_text("Download this version").click()
    person.see("exports")
    with person.window.expect_download() as arrived:
        person.follow(name)
    return arrived.value.path().read_bytes()


def launch(owner: Person, project: str) -> None:
    """A quick look with five imputations."""
    window = owner.window
    owner.go(f"{project}analyses/")
    owner.see("analyses_empty")
    owner.follow("New analysis")
    window.get_by_label("Imputations").fill("5")
    window.get_by_label("Quick look").check()
    expect(window.locator("#preflight")).to_contain_text("What will be analysed")
    owner.see("analysis_new")
    owner.press("Launch")
    expect(window.locator(".run-panel")).to_be_visible()
    owner.see("run_queued")


def see_result(owner: Person, wait_ms: int) -> None:
    window = owner.window
    expect(window.locator(".run-panel")).to_contain_text("Finished in", timeout=wait_ms)
    owner.see("run_done")
    owner.follow("Open result")
    window.wait_for_url(re.compile(r"/results/\d+/$"))
    expect(window.locator("h1")).to_be_visible()
    owner.see("result")
