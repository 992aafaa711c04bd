"""A real Chromium against a real server. `site` is its address, `page` a fresh 1440 px window, `phone` a 390 px one."""

import json
import os
import shutil
from pathlib import Path

import pytest
from django.test import Client

# Playwright keeps an event loop in this thread; the tests use the database from it, one call at a time.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

SYSTEM_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-sync"]
HOW_TO_GET_IT = "no Chromium found; get one with: sudo apt install chromium, or: .venv/bin/playwright install chromium"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One process runs all browser tests, so that one Chromium is enough."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def chromium(missing_part):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, SYSTEM_CHROMIUM)), None)
        own = playwright.chromium.executable_path
        if not found and not Path(own).exists():
            missing_part(HOW_TO_GET_IT)
        browser = playwright.chromium.launch(executable_path=found or own, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture
def site(live_server):
    return live_server.url


@pytest.fixture
def open_window(chromium, site):
    """open_window(width, height, colour_scheme) opens a window of its own, with its own cookies."""
    contexts = []

    def opened(width=1440, height=900, colour_scheme="light"):
        context = chromium.new_context(
            base_url=site, viewport={"width": width, "height": height}, color_scheme=colour_scheme
        )
        contexts.append(context)
        return context.new_page()

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def enter_as(site):
    """enter_as(window, user) signs the user in without the sign-in page, and answers the window."""

    def entered(window, user):
        client = Client()
        client.force_login(user)
        window.context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
        return window

    return entered


@pytest.fixture
def page(open_window):
    return open_window()


@pytest.fixture
def phone(open_window):
    return open_window(width=390, height=844)


@pytest.fixture
def axe_problems():
    from axe_playwright_python.sync_playwright import Axe

    def serious(window):
        found = Axe().run(window).response["violations"]
        return [
            f"{rule['id']}: {json.dumps([node['html'][:120] for node in rule['nodes']])}"
            for rule in found
            if rule["impact"] in ("serious", "critical")
        ]

    return serious
