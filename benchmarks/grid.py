"""The coordinate grid with many peaks: opening, scrolling, typing and saving, on SIMULATED rows.

    python benchmarks/grid.py [--rows 2000]

Starts a server of its own on a throw-away data folder and a Chromium. Prints one JSON object in milliseconds: `save`
and `check` are the whole answer of the server to a small edit of the table, without the network, by the clock and by
the processor (other work on the machine lengthens the first more); `opening` lasts until the rows can be edited;
`jump` is the time of a frame while scrolling through all rows 400 px (13 rows) a frame, `wheel` that of a frame while a
wheel turns by 100 px a notch, 20 notches a second; `key` lasts from two keys (one that opens the cell, and Enter) until
the value is drawn.
"""

import argparse
import importlib
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "meta_app.settings.local"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
REPEATS = 5
SCROLL = """async () => {
    const scroller = document.querySelector(".grid-scroller");
    const frames = [];
    for (let top = 0, last = performance.now(); top < scroller.scrollHeight; top += 400) {
        scroller.scrollTop = top;
        await new Promise(requestAnimationFrame);
        frames.push(performance.now() - last);
        last = performance.now();
    }
    return frames;
}"""
RECORD = """() => {
    globalThis.frames = [];
    let last = performance.now();
    const next = () => {
        frames.push(performance.now() - last);
        last = performance.now();
        requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
}"""
NOTCHES, NOTCHES_A_SECOND = 120, 20
TYPE = """async () => {
    const table = document.querySelector(".grid-table");
    const times = [];
    for (let place = 0; place < 15; place += 1) {
        const start = performance.now();
        table.dispatchEvent(new KeyboardEvent("keydown", {key: "7", bubbles: true}));
        const editor = document.querySelector(".grid-editor");
        editor.value = String(place);
        editor.dispatchEvent(new KeyboardEvent("keydown", {key: "Enter", bubbles: true}));
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - start);
    }
    return times;
}"""


def simulated_rows(count: int) -> list[dict[str, str]]:
    import numpy as np

    from sdm_core.spaces import load_mask, voxel_to_mm

    rng, mask = np.random.default_rng(4), load_mask("gray_matter")
    places = voxel_to_mm(mask.indices[rng.integers(0, mask.size, count)]).astype(int)
    heights = rng.uniform(3.4, 6, count) * rng.choice([1, -1], count)
    return [
        {"label": f"Region {number}", "x": str(x), "y": str(y), "z": str(z), "statistic": f"{t:.2f}", "kind": "t"}
        for number, ((x, y, z), t) in enumerate(zip(places, heights, strict=True))
    ]


def made_dataset(rows: list[dict[str, str]]) -> Any:
    from meta_app.accounts.models import User
    from meta_app.extraction.peak_services import peaks_save
    from meta_app.projects.models import Membership, Project, Role
    from tests.meta_app.extraction.peak_cast import make_dataset

    project = Project.objects.create(name="Simulated")
    author = User.objects.create_user("author")
    Membership.objects.create(project=project, user=author, role=Role.REVIEWER)
    dataset = make_dataset(project, author)
    return peaks_save(dataset=dataset, version=dataset.version, peaks_state="peaks", rows=rows)


def milliseconds(work: Callable[[int], Any]) -> dict[str, float]:
    times, processor = [], []
    for number in range(REPEATS):
        start, start_processor = time.perf_counter(), time.process_time()
        work(number)
        times.append(1000 * (time.perf_counter() - start))
        processor.append(1000 * (time.process_time() - start_processor))
    return summary(times) | {"processor": round(statistics.median(processor), 1)}


def summary(times: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(times), 1), "longest": round(max(times), 1)}


def server_times(dataset: Any, rows: list[dict[str, str]]) -> dict[str, Any]:
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(dataset.extraction.author)
    address = f"/api/projects/{dataset.extraction.study.project_id}/extraction/datasets/{dataset.pk}/peaks/"
    version = dataset.version

    def save(number: int) -> None:
        nonlocal version
        rows[len(rows) // 2]["note"] = f"edit {number}"
        body = {"peaks_state": "peaks", "rows": rows, "version": version}
        answer = client.put(address, json.dumps(body), content_type="application/json")
        version = answer.json()["version"]

    def check(_number: int) -> None:
        body = json.dumps({"peaks_state": "peaks", "rows": rows})
        assert client.post(f"{address}check/", body, content_type="application/json").status_code == 200

    return {"save": milliseconds(save), "check": milliseconds(check), "cookie": client.cookies["sessionid"].value}


def browser_times(port: int, dataset: Any, cookie: str) -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    site = f"http://127.0.0.1:{port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(base_url=site, viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": cookie, "url": site}])
        page = context.new_page()
        start = time.perf_counter()
        page.goto(f"/projects/{dataset.extraction.study.project_id}/extraction/datasets/{dataset.pk}/")
        page.wait_for_selector("coordinate-grid[data-ready]")
        opening = round(1000 * (time.perf_counter() - start))
        page.wait_for_timeout(3000)
        jumps, wheel = page.evaluate(SCROLL), turned_wheel(page)
        keys = page.evaluate(TYPE)
        page.wait_for_selector("coordinate-grid[data-saving=saved]")
        browser.close()
    return {"opening": opening, "jump": summary(jumps), "wheel": summary(wheel), "key": summary(keys)}


def turned_wheel(page: Any) -> list[float]:
    page.evaluate("document.querySelector('.grid-scroller').scrollTop = 0")
    page.locator(".grid-scroller").hover()
    page.evaluate(RECORD)
    for _ in range(NOTCHES):
        page.mouse.wheel(0, 100)
        page.wait_for_timeout(1000 / NOTCHES_A_SECOND)
    frames: list[float] = page.evaluate("frames")
    return frames


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_for(port: int) -> None:
    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit("The server did not start.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--server-only", action="store_true", help="without the browser")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CONCORD_DATA"] = folder
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", verbosity=0)
        importlib.import_module("meta_app.wsgi")
        rows = simulated_rows(asked.rows)
        dataset = made_dataset(rows)
        times = server_times(dataset, rows)
        cookie = times.pop("cookie")
        if not asked.server_only:
            times |= with_server(dataset, cookie)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    machine = {"processors": os.cpu_count(), "system": platform.platform(), "load_average": load}
    print(json.dumps({"rows": asked.rows, "unit": "ms", **times, "machine": machine}, indent=1))


def with_server(dataset: Any, cookie: str) -> dict[str, Any]:
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "wsgi",
        "--port",
        str(port),
        "--no-ws",
        "--log-level",
        "error",
    ]
    server = subprocess.Popen([*command, "meta_app.wsgi:application"], cwd=ROOT)
    try:
        wait_for(port)
        return browser_times(port, dataset, cookie)
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
