"""Two reviewers type in parallel while the server is killed and the network goes away; nothing may be lost.

    python benchmarks/two_reviewers.py [--minutes 60] [--port 8199] [--seed 1]

Three browsers: two reviewers extract the same made-up study (simulated values), the adjudicator looks at the list of
studies. Each reviewer types one value after another into the editor, and sometimes reloads the page with the
cursor still in a field. At random the server is killed and started again,
or a browser loses its network. In the end every value typed last into a field is looked up in the database.

Prints one JSON object: what was typed, the faults, the answers of saves in ms, what was lost, and whether the
adjudicator ever saw one of the values.
"""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

KEYS = ("n", "n_female", "n_enrolled", "age_mean", "age_sd", "education_mean", "education_sd", "medication")
PEOPLE = {"n_female": (10, 50), "n": (50, 80), "n_enrolled": (80, 99)}
"""Ranges that never contradict each other, so that nothing typed is refused."""
KEY_MS = 40
REST_MS = 200
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FAULT_EVERY_SECONDS = (20, 60)
OFFLINE_SECONDS = (2, 8)


class Server:
    """The web server of the embedded default."""

    def __init__(self, port: int) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", port))  # two servers that share a port would answer in turn
        self.port, self.process = port, None
        self.address = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        command = ["-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.port), "--no-ws"]
        self.process = subprocess.Popen(
            [sys.executable, *command, "--blocking-threads", "4", "meta_app.wsgi:application"], cwd=ROOT,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        for _attempt in range(300):
            try:
                urllib.request.urlopen(f"{self.address}/health/", timeout=2)
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit("The server did not start.")

    def kill(self) -> None:
        """As power loss does: no farewell to anybody."""
        os.killpg(self.process.pid, 9)
        self.process.wait()


class Reviewer:
    """A person at a browser, who remembers what was typed last into each field."""

    def __init__(self, page: Any, name: str, address: str, groups: list[int], chance: random.Random) -> None:
        self.page, self.name, self.address, self.groups, self.chance = page, name, address, groups, chance
        self.typed: dict[tuple[int, str], str] = {}
        self.keystrokes = self.reloads = 0
        self.offline_until = 0.0

    def open(self) -> None:
        self.page.goto(self.address)
        self.page.wait_for_selector("#answers[data-ready]")

    def type_value(self, server_is_up: bool = True) -> None:
        group, key = self.chance.choice(self.groups), self.chance.choice(KEYS)
        text = self._text(key)
        control = self.page.locator(f"#group-{group}-{key}-control")
        control.click()
        control.press("ControlOrMeta+a")
        self.page.keyboard.type(text, delay=KEY_MS)
        self.typed[group, key] = text
        self.keystrokes += len(text)
        if self.chance.random() < 0.8:
            self.page.keyboard.press("Tab")
        elif self.chance.random() < 0.3 and server_is_up and not self.offline_until:
            self.reloads += 1
            self.open()

    def _text(self, key: str) -> str:
        if key == "medication":
            return f"{self.name} {self.chance.randrange(10**6)} mg"
        if key in PEOPLE:
            return str(self.chance.randrange(*PEOPLE[key]))
        return f"{self.chance.uniform(10, 90):.2f}"

    def lose_network(self, seconds: float) -> None:
        self.page.context.set_offline(True)
        self.offline_until = time.monotonic() + seconds

    def regain_network(self) -> None:
        if self.offline_until and time.monotonic() > self.offline_until:
            self.page.context.set_offline(False)
            self.offline_until = 0.0

    def all_saved(self, seconds: float = 60) -> bool:
        self.page.context.set_offline(False)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if self.page.locator("#saving-state").inner_text().startswith(("Saved", "All saved", "✓")):
                return True
            self.page.wait_for_timeout(200)
        return False


def prepare() -> dict[str, Any]:
    """A project with one study that A and B have begun, each with a cohort of two groups."""
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from meta_app.accounts.models import User
    from meta_app.extraction.models import Study
    from meta_app.extraction.services import cohort_create, extraction_start, study_create
    from meta_app.projects.models import Membership, Project, Role
    from meta_app.projects.permissions import Place

    project = Project.objects.create(name="Simulated review", extractors_needed=2)
    people, drafts = {}, {}
    for name, role in (("anna", Role.REVIEWER), ("ben", Role.REVIEWER), ("ada", Role.ADJUDICATOR)):
        user = User.objects.create_user(name, password="correct horse battery")
        people[name] = Place(project, Membership.objects.create(project=project, user=user, role=role))
    drafts["anna"] = study_create(place=people["anna"], label="Simulated 2026", year=2026, report={})
    drafts["ben"] = extraction_start(place=people["ben"], study=Study.objects.get())
    groups = {}
    for name, draft in drafts.items():
        kinds = [{"kind": kind, "label": ""} for kind in ("patients", "controls")]
        cohort = cohort_create(extraction=draft, version=draft.version, values={"label": "Cohort"}, groups=kinds)
        groups[name] = list(cohort.groups.values_list("pk", flat=True))
    return {"project": project.pk, "study": Study.objects.get().pk, "groups": groups}


@contextmanager
def three_pages(server: Server) -> Iterator[dict[str, Any]]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browsers = [
            playwright.chromium.launch(executable_path=found, args=["--no-sandbox"]) for _person in range(3)
        ]  # fmt: skip
        pages = {}
        for name, browser in zip(("anna", "ben", "ada"), browsers, strict=True):
            page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
            page.goto(f"{server.address}/accounts/sign-in/")
            page.fill("input[name=username]", name)
            page.fill("input[name=password]", "correct horse battery")
            page.click("button[type=submit]")
            page.wait_for_url(f"{server.address}/")
            pages[name] = page
        yield pages
        for browser in browsers:
            browser.close()


def fault(server: Server, reviewers: list[Reviewer], chance: random.Random, faults: dict[str, int]) -> None:
    if chance.random() < 0.5:
        server.kill()
        faults["server killed"] += 1
        for reviewer in reviewers:
            reviewer.type_value(server_is_up=False)
        server.start()
    else:
        faults["network lost"] += 1
        chance.choice(reviewers).lose_network(chance.uniform(*OFFLINE_SECONDS))


def told(page: Any, address: str, reviewers: list[Reviewer]) -> list[str]:
    """What the adjudicator's pages show of the reviewers' texts."""
    try:
        page.goto(address, timeout=5000)
    except Exception:  # the server may be down just now
        return []
    text = page.content()
    return [value for reviewer in reviewers for value in reviewer.typed.values() if "mg" in value and value in text]


def work(server: Server, pages: dict[str, Any], made: dict[str, Any], minutes: float, chance: random.Random) -> dict:
    base = f"{server.address}/projects/{made['project']}"
    address = f"{base}/extraction/{made['study']}/"
    reviewers = [Reviewer(pages[name], name, address, made["groups"][name], chance) for name in ("anna", "ben")]
    milliseconds: list[float] = []
    for reviewer in reviewers:
        reviewer.page.on("requestfinished", lambda request: note_time(request, milliseconds))
        reviewer.open()
    faults, leaks = {"server killed": 0, "network lost": 0}, []
    end = time.monotonic() + 60 * minutes
    next_fault = time.monotonic() + chance.uniform(*FAULT_EVERY_SECONDS)
    while time.monotonic() < end:
        for reviewer in reviewers:
            reviewer.regain_network()
            reviewer.type_value()
            reviewer.page.wait_for_timeout(REST_MS)
        if time.monotonic() > next_fault:
            fault(server, reviewers, chance, faults)
            leaks += told(pages["ada"], chance.choice([f"{base}/extraction/", address, f"{base}/activity/"]), reviewers)
            next_fault = time.monotonic() + chance.uniform(*FAULT_EVERY_SECONDS)
    settled = [reviewer.all_saved() for reviewer in reviewers]
    return {
        "minutes": minutes,
        "values typed": sum(len(reviewer.typed) for reviewer in reviewers),
        "keystrokes": sum(reviewer.keystrokes for reviewer in reviewers),
        "reloads while typing": sum(reviewer.reloads for reviewer in reviewers),
        **faults,
        "pages that say all is saved": sum(settled),
        "what the others say": [
            [*reviewer.page.locator("#saving-state, .answer-mark").all_inner_texts()]
            for reviewer, is_settled in zip(reviewers, settled, strict=True)
            if not is_settled
        ],
        "lost": [loss for reviewer in reviewers for loss in losses(reviewer)],
        "seen by the adjudicator": leaks,
        "saves": len(milliseconds),
        "save_ms_median": round(statistics.median(milliseconds), 1),
        "save_ms_95th_percentile": round(statistics.quantiles(milliseconds, n=20)[-1], 1),
    }


def note_time(request: Any, milliseconds: list[float]) -> None:
    if request.method == "PATCH" and request.timing["responseEnd"] > 0:
        milliseconds.append(request.timing["responseEnd"])


def losses(reviewer: Reviewer) -> list[str]:
    """Fields whose last typed value is not the stored one."""
    from meta_app.extraction.models import Group

    stored = {group.pk: group for group in Group.objects.filter(pk__in=reviewer.groups)}
    lost = []
    for (group, key), text in reviewer.typed.items():
        row = stored[group]
        value = getattr(row, key) if hasattr(row, key) else row.values.get(key)
        same = value == text if key == "medication" else value is not None and float(value) == float(text)
        if not same:
            lost.append(f"{reviewer.name}, group {group}, {key}: typed {text}, stored {value}")
    return lost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--port", type=int, default=8199)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {
            "CONCORD_DATA": folder,
            "DJANGO_SETTINGS_MODULE": "meta_app.settings.local",
            "DJANGO_ALLOW_ASYNC_UNSAFE": "true",
            "PYTHONPATH": str(ROOT),
        }
        made = prepare()
        server = Server(options.port)
        server.start()
        try:
            with three_pages(server) as pages:
                print(json.dumps(work(server, pages, made, options.minutes, random.Random(options.seed)), indent=1))
        finally:
            server.kill()


if __name__ == "__main__":
    main()
