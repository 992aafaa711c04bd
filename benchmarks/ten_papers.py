"""Three people in three browsers take ten papers from PDF to a frozen dataset and a finished analysis.

    python benchmarks/ten_papers.py [--papers 10] [--port 8210] [--data DIR] [--shots DIR] [--permutations 64]

Starts Concord by `run.py` as a user does, adds three people, and does with Chromium what they would do, the two
reviewers at the same time and the adjudicator as soon as both have locked a paper. All papers are simulated; each has
a slip of another kind. In the end what was frozen is compared with what the papers say, each file of the frozen version
is imported into a project of its own, completed and frozen there, the maps are opened, and the audit trail is checked.

Prints one JSON object: seconds by paper and by part, and what a person or an operator should not have met: messages of
the console, answers of 400 or more, pages that the idle server takes longer than 200 ms for. Exits with 1 where
something that was checked does not hold.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from playwright.sync_api import expect, sync_playwright  # noqa: E402

from tests.browser import three_people as way  # noqa: E402
from tests.browser.simulated_papers import TEN, Paper  # noqa: E402
from tests.browser.three_people import Person  # noqa: E402

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PEOPLE = {"nora": "Nora Brandt", "rosa": "Rosa Lind", "ada": "Ada Okafor"}
SLOW_MS = 200
REPLACED = ("htmx:sendAbort", "htmx:afterRequest")
"""What htmx logs where typing on makes a newer request take the place of one that is under way."""
START_SECONDS = 900
RUN_SECONDS = 1800
POOR = {"Jarvis 2023": 3}
"""How many items of quality both reviewers give nothing; 15 points are left."""
PAGES = ("", "activity/", "quality/summary/", "agreement/summary/", "extraction/", "agreement/", "quality/")
ROUND_TRIPS = ("agreed-dataset.json", "agreed-dataset.xlsx", "tables.zip", "sdm.zip", "sleuth.zip", "nimads.zip")


class Clock:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = round(self.seconds.get(name, 0) + time.monotonic() - started, 1)


class Desk:
    """A person with a browser of their own, in a thread of its own; `do` queues what they do next."""

    def __init__(self, address: str, name: str, password: str, shots: Path | None) -> None:
        self.address, self.name, self.password, self.shots = address, name, password, shots
        self.thread = ThreadPoolExecutor(1)
        self.noticed: list[str] = []
        self.waiting: list[Any] = []
        self.answers: defaultdict[str, list[float]] = defaultdict(list)
        self.person: Person = self.thread.submit(self._open).result()

    def _open(self) -> Person:
        self.playwright = sync_playwright().start()
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        self.browser = self.playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        context = self.browser.new_context(base_url=self.address, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        page.on("console", lambda message: self._notice(message.type, message.text))
        page.on("pageerror", lambda error: self._notice("error", str(error)))
        page.on("response", lambda answer: answer.status >= 400 and self._notice(str(answer.status), answer.url))
        page.on("requestfinished", self._time)
        page.on("request", lambda request: self.waiting.append(request))
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)
        return Person(page, self.name, PEOPLE[self.name], self.password, slips=self.name == "rosa", see=self._see)

    def _notice(self, kind: str, text: str) -> None:
        if kind.isdigit() or (kind == "error" and not text.startswith(REPLACED)):
            self.noticed.append(f"{kind}: {text} (on {self.person.window.url})")

    def _time(self, request: Any) -> None:
        address, times = request.url.removeprefix(self.address), request.timing
        if not address.startswith("/static/") and times["responseStart"] > 0:
            self.answers[f"{request.method} {address}"].append(times["responseStart"] - max(times["requestStart"], 0))

    def _end(self, request: Any) -> None:
        """It was answered, or given up; a request that the page before sent may be unknown."""
        if request in self.waiting:
            self.waiting.remove(request)

    def _see(self, name: str) -> None:
        target = self.shots and self.shots / f"{name}.png"
        if target and not target.exists():
            self.person.window.screenshot(path=target, full_page=True)

    def do(self, what: Callable[..., Any], *arguments: Any) -> Future:
        return self.thread.submit(self._done, what, arguments)

    def _done(self, what: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            return what(self.person, *arguments)
        except Exception:
            place = (self.shots or Path(tempfile.gettempdir())) / f"stuck-{self.name}.png"
            self.person.window.screenshot(path=place, full_page=True)
            print(f"{self.name} was stuck on {self.person.window.url}, see {place}", file=sys.stderr)
            print("Unanswered:", *(request.url for request in self.waiting), file=sys.stderr)
            raise

    def close(self) -> None:
        self.thread.submit(lambda: (self.browser.close(), self.playwright.stop())).result()
        self.thread.shutdown()


@contextmanager
def concord(data: Path, port: int) -> Iterator[str]:
    """The server with its worker, as `python run.py` starts it."""
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "run.py", "--data", str(data), "--port", str(port), "--no-demo"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout:
            if line.startswith("Concord is ready"):
                break
        else:
            raise SystemExit("Concord did not start.")
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


def manage(data: Path, *arguments: str) -> str:
    environment = os.environ | {"CONCORD_DATA": str(data), "DJANGO_SETTINGS_MODULE": "meta_app.settings.local"}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


def add_person(data: Path, name: str) -> str:
    told = manage(data, "add_person", name, "--full-name", PEOPLE[name])
    return re.search("first password: (.+)", told)[1]


# What they do


def work(person: Person, paper: Paper, project: str, clock: Clock) -> None:
    with clock(f"{person.name}: {paper.label}"):
        way.extract(person, paper, project)
        way.score(person, paper, project, POOR.get(paper.label, 0))


def adjudicate(adjudicator: Person, paper: Paper, project: str, letter: str, clock: Clock) -> None:
    """Quality first, then each difference; `letter` is who read carefully."""
    with clock(f"{adjudicator.name}: {paper.label}"):
        if paper.label not in POOR:
            way.settle_score(adjudicator, paper, project, letter)
        way.open_comparison(adjudicator, paper, project)
        if paper is TEN[0]:
            way.take_other(adjudicator, "n analysed", str(paper.n), "The abstract and the table say so.")
            way.write_letter(adjudicator, "Scanner", "Which scanner was it?", "It was a GE Signa.")
        if paper is TEN[1]:
            way.settle_in_bulk(adjudicator, letter)
        way.settle_as(adjudicator, letter)
        way.agree(adjudicator)


def review(desks: dict[str, Desk], papers: list[Paper], project: str, clock: Clock) -> None:
    """Two reviewers side by side, who begin each pair of papers from either end; the adjudicator follows."""
    nora, rosa, ada = desks.values()
    done = {(nora, paper.label): nora.do(work, paper, project, clock) for paper in papers}
    pairs = [papers[place : place + 2][::-1] for place in range(0, len(papers), 2)]
    done |= {(rosa, paper.label): rosa.do(work, paper, project, clock) for pair in pairs for paper in pair}
    settled = []
    for paper in papers:
        for desk in (nora, rosa):
            done[desk, paper.label].result()
        letter = nora.person.letters[paper.label]
        settled.append(ada.do(adjudicate, paper, project, letter, clock))
    for one in settled:
        one.result()


# What is checked


NUMBER = re.compile(r"[0-9.]+")
NOT_COMPARED = ("kind", "group_a", "group_b", "whole_brain")
"""Named otherwise in the frozen text than in the form."""


def truth(paper: Paper) -> dict[str, Any]:
    """What the frozen text has to say about a paper."""
    told = paper.answers()
    found = {
        place: float(text) if NUMBER.fullmatch(text) else text
        for place, text in told.items()
        if place.split()[1] not in NOT_COMPARED
    }  # fmt: skip
    signs = paper.peaks_state == "sign_only"
    rows = [(row[0], *map(float, row[1:4]), row[4] if signs else float(row[4]), float(row[5])) for row in paper.peaks]
    return found | {"peaks": rows, "dataset peaks_state": paper.peaks_state}


def frozen(study: dict[str, Any]) -> dict[str, Any]:
    """The same of a study of the frozen text."""
    (cohort,), (dataset,) = study["cohorts"], study["datasets"]
    groups = {group["kind"]: group for group in cohort["groups"]}
    rows = {"study": study, "cohort": cohort, "dataset": dataset, "patients": groups.pop("patients")}
    rows["controls"] = next(iter(groups.values()))
    found = {}
    for level, row in rows.items():
        flat = {**row, **row.get("values", {})}
        found |= {f"{level} {key}": value for key, value in flat.items() if not isinstance(value, dict | list)}
    signs = dataset["peaks_state"] == "sign_only"
    found["peaks"] = [
        (
            peak["label"], peak["x_reported"], peak["y_reported"], peak["z_reported"],
            ("+" if peak["sign"] > 0 else "-") if signs else peak["statistic"], peak["cluster_size"],
        )
        for peak in dataset["peaks"]
    ]  # fmt: skip
    return found


def differences(papers: list[Paper], content: dict[str, Any]) -> list[str]:
    """Where the frozen text says something else than the papers."""
    studies = {study["label"]: frozen(study) for study in content["studies"]}
    wanted = {paper.label: truth(paper) for paper in papers if paper.label not in POOR}
    wrong = [f"frozen are {sorted(studies)}"] if sorted(studies) != sorted(wanted) else []
    for label in studies.keys() & wanted.keys():
        found = studies[label]
        wrong += [
            f"{label}, {place}: the paper says {value}, frozen is {found.get(place)}"
            for place, value in wanted[label].items()
            if found.get(place) != value
        ]
    return wrong


def all_files(person: Person, selector: str) -> dict[str, bytes]:
    """What the links of a page give, by the last part of their address."""
    links = person.window.locator(selector).evaluate_all("all => all.map(one => one.getAttribute('href'))")
    files = {}
    for link in dict.fromkeys(links):
        answer = person.window.request.get(link)
        assert answer.ok, f"{link}: {answer.status}"
        files[link.rsplit("/", 1)[1]] = answer.body()
    return files


def come_back(person: Person, name: str, data: bytes, clock: Clock) -> str:
    """Import a file into a project of its own, complete and freeze it; its hash."""
    with clock(f"round trip: {name}"):
        project = way.make_project(person, f"Back from {name}", "One reviewer")
        way.import_studies(person, name, data)
        labels = person.window.locator("th[scope=row] a").all_inner_texts()
        for label in labels:
            person.go(f"{project}extraction/")
            person.follow(label)
            way.complete(person)
        way.decide_overlaps(person, project)
        way.freeze(person, project)
        return person.window.locator(".hash code").inner_text()


def unreadable(files: dict[str, bytes]) -> list[str]:
    """Files that the programs they are made for cannot open."""
    import nibabel
    from openpyxl import load_workbook

    wrong = []
    for name, data in files.items():
        try:
            if name.endswith(".nii.gz"):
                image = nibabel.Nifti1Image.from_bytes(gzip.decompress(data))
                assert image.get_fdata().shape == image.shape
            elif name.endswith(".xlsx"):
                assert load_workbook(io.BytesIO(data)).worksheets
            elif name.endswith((".docx", ".zip")):
                assert zipfile.ZipFile(io.BytesIO(data)).testzip() is None
            elif name.endswith(".json"):
                json.loads(data)
        except Exception as error:  # whatever it is, it is told
            wrong.append(f"{name}: {error!r}")
    return wrong


def slow_pages(desks: dict[str, Desk]) -> dict[str, float]:
    """What took longer than it should, asked once more of an idle server: the best of five, in ms."""
    slow = {}
    for desk in desks.values():
        found = sorted(
            asked for asked, times in desk.answers.items() if max(times) > SLOW_MS and asked.startswith("GET")
        )
        slow |= desk.do(ask_again, found).result()
    return {asked: ms for asked, ms in slow.items() if ms > SLOW_MS}


def ask_again(person: Person, asked: list[str]) -> dict[str, float]:
    best = {}
    for what in asked:
        times = []
        for _time in range(5):
            started = time.monotonic()
            person.window.request.get(what.removeprefix("GET "))
            times.append(1000 * (time.monotonic() - started))
        best[what] = round(min(times))
    return best


def walk(desks: dict[str, Desk], papers: list[Paper], permutations: int, data: Path, clock: Clock) -> dict[str, Any]:
    nora, rosa, ada = desks.values()
    for desk in desks.values():
        desk.do(way.sign_in).result()
    with clock("setting up"):
        project = nora.do(way.make_project, "Simulated review").result()
        nora.do(way.add_people, (rosa.person, "reviewer"), (ada.person, "adjudicator")).result()
        nora.do(way.write_protocol).result()
        nora.do(way.import_list, papers).result()
        nora.do(way.deal_out, ada.person).result()
    with clock("all papers"):
        review(desks, papers, project, clock)
    return conclude(desks, papers, project, permutations, data, clock)


def conclude(
    desks: dict[str, Desk], papers: list[Paper], project: str, permutations: int, data: Path, clock: Clock
) -> dict[str, Any]:
    """From agreed papers to the finished analysis, and everything that is checked."""
    nora, _rosa, ada = desks.values()
    with clock("overlaps and freezing"):
        decided = ada.do(way.decide_overlaps, project).result()
        ada.do(way.freeze, project).result()
    version = ada.do(lambda person: person.window.url).result()
    with clock("analysis"):
        nora.do(way.launch, project, permutations).result()
        nora.do(way.see_preview_and_result, 1000 * RUN_SECONDS).result()
    maps = nora.do(all_files, ".download-list a").result()
    with clock("flow diagram"):
        flow = nora.do(way.draw_flow, project, len(papers)).result()
    for page in PAGES:
        ada.do(look_at, project + page).result()
    return {"overlaps decided": decided, "flow diagram": flow} | check(desks, papers, version, maps, data, clock)


def check(
    desks: dict[str, Desk], papers: list[Paper], version: str, maps: dict[str, bytes], data: Path, clock: Clock
) -> dict[str, Any]:
    nora, _rosa, ada = desks.values()
    files = ada.do(lambda person: (person.go(version), all_files(person, ".export a"))[1]).result()
    frozen_text = files["agreed-dataset.json"]
    hashes = {name: nora.do(come_back, name, files[name], clock).result() for name in ROUND_TRIPS}
    own = hashlib.sha256(frozen_text).hexdigest()
    return {
        "frozen, other than in the papers": differences(papers, json.loads(frozen_text)),
        "files that cannot be opened": unreadable({**files, **maps}),
        "imports with another hash": [name for name, sha256 in hashes.items() if sha256 != own],
        "audit": manage(data, "check_audit").strip().splitlines(),
        "maps": sum(name.endswith(".nii.gz") for name in maps),
    }


def look_at(person: Person, address: str) -> None:
    person.go(address)
    person.window.wait_for_load_state("networkidle")
    person.see("page-" + "-".join(address.rstrip("/").split("/")[-2:]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--papers", type=int, default=len(TEN), choices=range(2, len(TEN) + 1), metavar="2 to 10")
    parser.add_argument("--port", type=int, default=8210)
    parser.add_argument("--data", type=Path, help="a new folder, which is kept; otherwise one that is thrown away")
    parser.add_argument("--shots", type=Path, help="a folder for a picture of each station, 1440 px wide")
    parser.add_argument("--permutations", type=int, default=64)
    options = parser.parse_args()
    if options.shots:
        options.shots.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        data = (options.data or Path(folder)).absolute()
        with concord(data, options.port) as address:
            passwords = {name: add_person(data, name) for name in PEOPLE}
            desks = {name: Desk(address, name, password, options.shots) for name, password in passwords.items()}
            try:
                checked = walk(desks, TEN[: options.papers], options.permutations, data, clock)
                slow = slow_pages(desks)
            finally:
                print(json.dumps({"seconds": clock.seconds, **met(desks)}, indent=1))
                for desk in desks.values():
                    desk.close()
    print(json.dumps({**checked, f"slower than {SLOW_MS} ms": slow}, indent=1, ensure_ascii=False))
    failed = [name for name, found in checked.items() if found and name.startswith(("frozen", "files", "imports"))]
    sys.exit(1 if failed else 0)


def met(desks: dict[str, Desk]) -> dict[str, Any]:
    """What was noticed in the browsers, and how long the server took while all three were at work, in ms."""
    times = [ms for desk in desks.values() for all_of_it in desk.answers.values() for ms in all_of_it]
    return {
        "answers": len(times),
        "ms_median": round(statistics.median(times)),
        "ms_95th_percentile": round(statistics.quantiles(times, n=20)[-1]),
        "noticed": [f"{desk.name}: {line}" for desk in desks.values() for line in desk.noticed],
    }


if __name__ == "__main__":
    main()
