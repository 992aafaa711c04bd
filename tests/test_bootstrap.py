"""run.py before anything is installed: what it refuses, in one sentence each, and what it installs when."""

import ast
import contextlib
import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from bootstrap import commands, installation, refusals
from bootstrap.command_line import main
from bootstrap.commands import answers
from bootstrap.locks import alone_on_data
from bootstrap.places import Places
from bootstrap.refusals import MEGABYTE, Refusal
from bootstrap.supervision import Supervisor, web_child

ROOT = Path(__file__).resolve().parents[1]
Usage = namedtuple("Usage", "total used free")


def run_py(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "run.py", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_sentence(text):
    assert len(text.strip().splitlines()) == 1
    assert "Traceback" not in text


def test_an_old_python_can_read_run_py():
    source = (ROOT / "run.py").read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 4))
    assert not any(isinstance(node, ast.JoinedStr) for node in ast.walk(tree))


def test_an_old_python_is_refused_before_newer_syntax_is_read():
    code = "import sys, runpy; sys.version_info = (3, 8, 1); runpy.run_path('run.py', run_name='__main__')"
    refused = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Concord needs Python 3.11 or newer and this is Python 3.8:")
    assert_one_sentence(refused.stderr)


@pytest.mark.parametrize("path", sorted((ROOT / "bootstrap").glob("*.py")), ids=lambda path: path.name)
def test_the_bootstrap_imports_the_standard_library_alone(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module.partition(".")[0])
    assert names - set(sys.stdlib_module_names) - {"bootstrap"} == set()


def test_a_busy_port_is_named_with_one_to_take_instead(tmp_path):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        refused = run_py("--port", str(port), "--data", str(tmp_path / "data"))
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Port {port} is in use by another program: choose another with --port")
    assert_one_sentence(refused.stderr)
    assert not (tmp_path / "data").exists()


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    refused = run_py("setup", "--data", str(tmp_path / "file" / "data"))
    assert refused.returncode == 1
    assert f"Concord cannot write to the data folder {tmp_path / 'file' / 'data'}" in refused.stderr
    assert_one_sentence(refused.stderr)


def test_a_full_disk_is_refused_and_a_nearly_full_one_told(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**12, 10**12, 500 * MEGABYTE))
    refusals.refuse_full_disk(tmp_path)
    assert f"Only 500 MB are free on the disk of {tmp_path}" in capsys.readouterr().out
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**12, 10**12, MEGABYTE))
    with pytest.raises(Refusal, match=r"The disk of .* is full"):
        refusals.refuse_full_disk(tmp_path)


def test_a_disk_that_fills_up_on_the_way_is_one_sentence_and_exit_code_1(monkeypatch, capsys, tmp_path):
    def no_space(places):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Places, "make", no_space)
    assert main(["setup", "--data", str(tmp_path)]) == 1
    assert "is full" in capsys.readouterr().err


def test_a_second_concord_on_one_data_folder_is_refused_and_told_who_has_it(tmp_path):
    places = Places(tmp_path)
    with alone_on_data(places, "http://127.0.0.1:8000"):
        refused = run_py("setup", "--data", str(tmp_path))
    assert refused.returncode == 1
    assert f"(process {os.getpid()}, http://127.0.0.1:8000) is using the data folder {tmp_path}" in refused.stderr
    assert_one_sentence(refused.stderr)


def test_a_data_folder_is_free_again_when_its_concord_was_killed(tmp_path):
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from bootstrap.locks import *\n"
        "with alone_on_data(Places(sys.argv[2]), 'killed soon'): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(ROOT), str(tmp_path)], stdout=subprocess.PIPE)
    assert holder.stdout.readline().strip() == b"held"
    with pytest.raises(Refusal), alone_on_data(Places(tmp_path), "too early"):
        pass
    holder.kill()
    holder.communicate()
    with alone_on_data(Places(tmp_path), "next"):
        assert Places(tmp_path).lock.read_text(encoding="utf-8").endswith("next")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
def test_a_new_data_folder_is_closed_to_others_and_one_that_was_there_keeps_its_rights(tmp_path):
    (tmp_path / "shared").mkdir(mode=0o755)
    for name in ("new", "shared"):
        Places(tmp_path / name).make()
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("new", "shared")] == [0o700, 0o755]


def test_the_server_is_asked_directly_where_a_proxy_is_set(monkeypatch):
    class Healthy(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with HTTPServer(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.handle_request).start()
        assert answers(f"http://127.0.0.1:{server.server_port}")


def test_the_address_that_is_printed_is_the_one_the_server_listens_on(monkeypatch, tmp_path, capsys):
    class Stopped(Supervisor):
        def check(self):
            raise KeyboardInterrupt

    told = []
    monkeypatch.setattr(commands, "install", lambda kind: None)
    monkeypatch.setattr(commands, "prepare", lambda *given: None)
    monkeypatch.setattr(commands, "wait_until_ready", lambda supervisor, address: told.append(address))
    monkeypatch.setattr(commands, "background_children", lambda workers: [])
    monkeypatch.setattr(commands, "Supervisor", Stopped)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert main(["serve", "--port", str(port), "--data", str(tmp_path)]) == 0
    listens_on = web_child(port).command[web_child(port).command.index("--host") + 1]
    assert told == [f"http://{listens_on}:{port}"]
    assert f"Concord is ready: http://{listens_on}:{port}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port", "0"], "a port is a number from 1 to 65535"),
        (["--port", "http"], "a port is a number from 1 to 65535"),
        (["--workers", "0"], "the number of workers is a number from 1 to 64"),
        (["launch"], "invalid choice"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused(arguments, complaint, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.fixture
def venv_of_this_test(monkeypatch, tmp_path):
    """Installation into a folder of the test; answers the list of installer commands that would have run."""
    commands = []
    monkeypatch.setattr(installation, "VENV", tmp_path)
    monkeypatch.setattr(installation, "STAMP", tmp_path / "stamp.json")
    monkeypatch.setattr(installation, "INSTALL_LOG", tmp_path / "install.log")
    monkeypatch.setattr(installation, "INSTALL_LOCK", tmp_path / "install.lock")
    monkeypatch.setattr(installation, "LOCKS", {"base": tmp_path / "base.lock", "dev": tmp_path / "dev.lock"})
    monkeypatch.setattr(installation, "run_installer", commands.append)
    monkeypatch.setattr(installation, "python_answers", lambda statement: True)
    for name in ("base", "dev"):
        (tmp_path / f"{name}.lock").write_text(f"the {name} lock")
    return commands


def synced(commands):
    return [Path(command[-1]).name for command in commands if "sync" in command]


def test_the_lock_is_installed_once_with_its_hashes_checked(venv_of_this_test):
    installation.install("base")
    installation.install("base")
    assert synced(venv_of_this_test) == ["base.lock"]
    assert venv_of_this_test[0][-1] == f"uv=={installation.UV_VERSION}"
    assert "--require-hashes" in venv_of_this_test[1]


def test_a_second_first_start_wipes_nothing_of_the_one_that_is_installing(venv_of_this_test, monkeypatch):
    made = []
    monkeypatch.setattr(installation, "python_answers", lambda statement: False)
    monkeypatch.setattr(installation, "make_venv", lambda: made.append("wiped"))
    with (
        installation.alone_on_installation(),
        pytest.raises(Refusal, match=r"Another run\.py is installing into \.venv"),
    ):
        installation.install("base")
    assert (made, venv_of_this_test) == ([], [])


def test_the_lock_of_the_installation_outlives_a_wiped_venv():
    assert installation.VENV not in installation.INSTALL_LOCK.parents


def test_what_another_start_installed_meanwhile_is_not_installed_again(venv_of_this_test, monkeypatch):
    @contextlib.contextmanager
    def after_another_start():
        with monkeypatch.context() as patched:
            patched.setattr(installation, "alone_on_installation", contextlib.nullcontext)
            installation.install("base")
        yield

    monkeypatch.setattr(installation, "alone_on_installation", after_another_start)
    installation.install("base")
    assert synced(venv_of_this_test) == ["base.lock"]


def test_a_project_folder_that_cannot_be_written_is_named_with_who_may(venv_of_this_test, monkeypatch):
    def read_only():
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(installation, "alone_on_installation", read_only)
    with pytest.raises(Refusal, match=r"cannot be written \(Read-only file system\): run `python run\.py setup`"):
        installation.install("base")


def test_a_changed_lock_is_installed_again(venv_of_this_test):
    installation.install("base")
    installation.LOCKS["base"].write_text("a newer base lock")
    installation.install("base")
    assert synced(venv_of_this_test) == ["base.lock", "base.lock"]


def test_what_the_tests_need_stays_installed_when_concord_is_served(venv_of_this_test):
    installation.install("base")
    installation.install("dev")
    installation.install("base")
    assert synced(venv_of_this_test) == ["base.lock", "dev.lock"]


def test_line_ends_made_by_git_do_not_make_another_lock(venv_of_this_test):
    installation.LOCKS["base"].write_bytes(b"one\ntwo\n")
    before = installation.lock_sha256("base")
    installation.LOCKS["base"].write_bytes(b"one\r\ntwo\r\n")
    assert installation.lock_sha256("base") == before


def test_a_failed_installation_is_tried_again_at_the_next_start(venv_of_this_test, monkeypatch):
    def refused(command):
        raise Refusal("no")

    with monkeypatch.context() as patched:
        patched.setattr(installation, "run_installer", refused)
        with pytest.raises(Refusal):
            installation.install("base")
    installation.install("base")
    assert synced(venv_of_this_test) == ["base.lock"]
    assert json.loads(installation.STAMP.read_text())["kind"] == "base"


def test_an_interrupted_upgrade_is_installed_anew_even_for_the_version_before(venv_of_this_test, monkeypatch):
    def interrupted(command):
        raise KeyboardInterrupt

    installation.install("base")
    installation.LOCKS["base"].write_text("a newer base lock")
    with monkeypatch.context() as patched:
        patched.setattr(installation, "run_installer", interrupted)
        with pytest.raises(KeyboardInterrupt):
            installation.install("base")
    installation.LOCKS["base"].write_text("the base lock")
    installation.install("base")
    assert synced(venv_of_this_test) == ["base.lock", "base.lock"]


@pytest.mark.parametrize("installer", ["pip", "uv"])
def test_without_a_network_the_first_start_says_so_in_one_sentence(installer, monkeypatch, tmp_path):
    nowhere = "http://127.0.0.1:9/simple"
    monkeypatch.setattr(installation, "INSTALL_LOG", tmp_path / "install.log")
    for name in ("PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    commands = {
        "pip": [sys.executable, "-m", "pip", "install", "--target", str(tmp_path / "t"), "uv==0.0.1"],
        "uv": [
            str(installation.PROGRAMS / "uv"),
            "pip",
            "install",
            "--target",
            str(tmp_path / "t"),
            "--no-cache",
            "six",
        ],
    }
    if installer == "uv" and not Path(commands["uv"][0]).exists():
        pytest.skip("uv is not in .venv: these tests run from an environment of another make")
    with pytest.raises(Refusal, match="The package index cannot be reached") as refused:
        installation.run_installer(commands[installer])
    assert_one_sentence(str(refused.value))


def test_a_disk_that_fills_up_during_the_installation_is_named_as_such():
    said = "error: Failed to extract archive\n  Caused by: No space left on device (os error 28)"
    assert "is full" in installation.why_not_installed(said)


def test_another_failure_of_the_installer_keeps_its_own_last_words():
    said = "Resolving\nerror: Hash mismatch for numpy.\n"
    assert "error: Hash mismatch for numpy (" in installation.why_not_installed(said)
