"""Every check, then every test; all run even when one fails."""

import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from bootstrap.installation import install
from bootstrap.places import PROGRAMS, PYTHON, ROOT, Places, manage_command
from bootstrap.refusals import say

TEST_PROCESSES = 2


def check_steps() -> list[tuple[str, list[str]]]:
    """Name and command of each check; the tests themselves come after them."""
    return [
        ("formatting", program("ruff", "format", "--check", ".")),
        ("lint", program("ruff", "check", ".")),
        ("imports", program("lint-imports", "--no-logo")),
        ("types", program("mypy")),
        ("migrations", manage_command("makemigrations", "--check", "--dry-run")),
        ("API description", manage_command("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)),
    ]


def environment_of_checks(places: Places) -> dict[str, str]:
    """Each of the test processes has its part of the cores, and what one process compiles the others read."""
    environment = {**places.environment(TEST_PROCESSES), "DJANGO_SETTINGS_MODULE": "meta_app.settings.test"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Hundreds of processes are started; nothing is written beside the sources.
        environment["PYTHONPYCACHEPREFIX"] = str(places.cache / "bytecode")
    return environment


def program(name: str, *arguments: str) -> list[str]:
    return [str(PROGRAMS / name), *arguments]


def test(pytest_arguments: list[str]) -> int:
    """Run all of it; pytest's summary line is the last one printed."""
    install("dev")
    with tempfile.TemporaryDirectory(prefix="concord-checks-") as folder:
        environment = environment_of_checks(Places(folder))
        outcomes = run_checks(environment)
        passed, closing_line = run_pytest(pytest_arguments, environment)
    outcomes.append(("tests", "passed" if passed else "FAILED"))
    say("")
    for name, outcome in outcomes:
        say(f"{name:<18}{outcome}")
    say(closing_line)
    return int(any(outcome.startswith("FAILED") for _, outcome in outcomes))


def run_checks(environment: dict[str, str]) -> list[tuple[str, str]]:
    """The outcome of each; the types take as long as all others together, so two run side by side."""
    side_by_side = ThreadPoolExecutor(TEST_PROCESSES)
    try:
        running = [(name, side_by_side.submit(check, name, command, environment)) for name, command in check_steps()]
        running.append(("JavaScript", side_by_side.submit(check_javascript, environment)))
        return [(name, outcome.result()) for name, outcome in running]
    finally:
        side_by_side.shutdown(cancel_futures=True)  # After Ctrl+C no other check begins.


def check(name: str, command: list[str], environment: dict[str, str]) -> str:
    started = time.monotonic()
    result = subprocess.run(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8",
        errors="replace", check=False,
    )  # fmt: skip
    say(f"--- {name}\n{result.stdout}")
    return f"{'FAILED' if result.returncode else 'passed'} ({time.monotonic() - started:.0f} s)"


def check_javascript(environment: dict[str, str]) -> str:
    tests = sorted(str(path) for path in (ROOT / "tests" / "js").glob("**/*.test.*js"))
    node = shutil.which("node")
    if node and tests:
        return check("JavaScript", [node, "--test", "--test-reporter=dot", *tests], environment)
    if environment.get("CONCORD_NOTHING_SKIPPED") == "1":
        return "FAILED: node is missing" if tests else "FAILED: there are no JavaScript tests"
    return "skipped: node is missing; get it from nodejs.org or as your system's package nodejs"


def run_pytest(arguments: list[str], environment: dict[str, str]) -> tuple[bool, str]:
    """Stream pytest's output, but keep its closing line back for the end."""
    say("--- tests")
    shared = ["-n", str(TEST_PROCESSES), "--dist", "loadgroup", "--no-loadscope-reorder"]  # tests/conftest.py orders
    command = [str(PYTHON), "-m", "pytest", *shared, *arguments]
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8", errors="replace"
    )
    try:
        closing_line = print_all_but_the_last(process)
    finally:
        if process.poll() is None:
            process.terminate()
        code = process.wait()
    return code == 0, closing_line


def print_all_but_the_last(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    kept_back: list[str] = []
    for line in process.stdout:
        if line.strip():
            say_all(kept_back)
            kept_back = []
        kept_back.append(line.rstrip("\n"))
    return kept_back[0] if kept_back else "pytest printed nothing"


def say_all(lines: list[str]) -> None:
    for line in lines:
        say(line)
