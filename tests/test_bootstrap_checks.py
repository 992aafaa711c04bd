"""`python run.py test` runs everything, hides nothing, and ends with pytest's own summary line."""

import os
import re
import sys
import time

import pytest

from bootstrap import checks
from bootstrap.places import Places

PASSES = [sys.executable, "-c", ""]
FAILS = [sys.executable, "-c", "raise SystemExit(1)"]


@pytest.fixture
def run_checks(monkeypatch, tmp_path, capfd):
    """run_checks(steps, test_source) answers the exit code and the printed lines."""
    monkeypatch.setattr(checks, "install", lambda kind: None)
    monkeypatch.setattr(checks, "PYTHON", sys.executable)
    monkeypatch.setattr(checks, "ROOT", tmp_path)
    monkeypatch.delenv("CONCORD_NOTHING_SKIPPED", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def ran(steps, test_source):
        monkeypatch.setattr(checks, "check_steps", lambda: steps)
        (tmp_path / "test_one.py").write_text(test_source)
        (tmp_path / "pytest.ini").write_text("[pytest]")
        code = checks.test(["-n", "0", "-p", "no:cacheprovider", "-p", "no:django", "-c", str(tmp_path / "pytest.ini")])
        return code, capfd.readouterr().out.splitlines()

    return ran


def test_a_failed_check_fails_all_but_the_others_still_run(run_checks):
    code, lines = run_checks([("first", FAILS), ("second", PASSES)], "def test_it(): pass")
    assert code == 1
    assert any(re.match(r"first +FAILED", line) for line in lines)
    assert any(re.match(r"second +passed", line) for line in lines)
    assert re.fullmatch(r"=* ?1 passed in .*", lines[-1])


def test_a_failed_test_fails_all_and_the_last_line_is_pytests(run_checks):
    code, lines = run_checks([("first", PASSES)], "def test_it(): assert False")
    assert code == 1
    assert any(re.match(r"tests +FAILED", line) for line in lines)
    assert re.fullmatch(r"=* ?1 failed in .*", lines[-1])


def test_what_a_check_says_is_printed_in_one_piece_below_its_name(run_checks):
    says = [(name, [sys.executable, "-c", f"print('{name} one'); print('{name} two')"]) for name in ("first", "second")]
    _code, lines = run_checks(says, "def test_it(): pass")
    for name, _command in says:
        place = lines.index(f"--- {name}")
        assert lines[place + 1 : place + 3] == [f"{name} one", f"{name} two"]


def test_after_ctrl_c_no_other_check_begins(monkeypatch):
    begun = []

    def check(name, command, environment):
        begun.append(name)
        if name == "first":
            raise KeyboardInterrupt
        time.sleep(0.2)

    monkeypatch.setattr(checks, "check", check)
    monkeypatch.setattr(checks, "check_steps", lambda: [(name, PASSES) for name in ("first", *range(20))])
    with pytest.raises(KeyboardInterrupt):
        checks.run_checks({})
    assert len(begun) < 6


def test_all_is_well_when_everything_passed(run_checks):
    code, lines = run_checks([("first", PASSES)], "def test_it(): pass")
    assert code == 0
    assert re.fullmatch(r"=* ?1 passed in .*", lines[-1])


def test_who_wants_no_bytecode_beside_the_sources_still_has_it_compiled_once(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environment = checks.environment_of_checks(Places(tmp_path))
    assert "PYTHONDONTWRITEBYTECODE" not in environment
    assert environment["PYTHONPYCACHEPREFIX"].startswith(str(tmp_path))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    assert "PYTHONPYCACHEPREFIX" not in checks.environment_of_checks(Places(tmp_path))


def test_the_test_processes_share_the_cores(monkeypatch, tmp_path):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    assert checks.environment_of_checks(Places(tmp_path))["OPENBLAS_NUM_THREADS"] == "4"


def test_javascript_tests_without_node_are_skipped_with_the_command_that_gets_it(monkeypatch):
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)
    assert checks.check_javascript({}).startswith("skipped: node is missing; get it from")


def test_where_nothing_may_be_skipped_a_missing_node_fails(monkeypatch):
    monkeypatch.setattr(checks.shutil, "which", lambda name: None)
    assert checks.check_javascript({"CONCORD_NOTHING_SKIPPED": "1"}).startswith("FAILED")
