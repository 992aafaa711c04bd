"""The key of one machine: made once, whole or not at all, the same for every process."""

import errno
import os
import subprocess
import sys

import pytest
from django.conf import settings

from meta_app.settings import local
from meta_app.settings.local import kept_secret


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data" / "secret_key"


def test_the_key_is_made_once_and_kept(path):
    key = kept_secret(path)
    assert len(key) >= 50
    assert kept_secret(path) == key


@pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
def test_only_its_owner_can_read_the_key(path):
    kept_secret(path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("left", ["", "\n"])
def test_an_empty_file_is_no_key_and_is_made_anew(path, left):
    path.parent.mkdir()
    path.write_text(left)
    assert len(kept_secret(path)) >= 50


def test_a_key_that_was_put_there_stays(path):
    path.parent.mkdir()
    path.write_text("a key of the administrator\n")
    assert kept_secret(path) == "a key of the administrator"


def test_a_full_disk_leaves_no_file_that_looks_like_a_key(path, monkeypatch):
    def no_space(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(local.os, "fsync", no_space)
        with pytest.raises(OSError, match="No space left"):
            kept_secret(path)
    assert not path.exists()
    assert [file.name for file in path.parent.iterdir()] == ["secret_key.lock"]
    assert len(kept_secret(path)) >= 50


@pytest.mark.parametrize("empty_file", [False, True])
def test_processes_that_start_together_agree_on_one_key(tmp_path, empty_file):
    if empty_file:
        (tmp_path / "secret_key").touch()
    code = "import sys; sys.stdin.read(1); from meta_app.settings.local import SECRET_KEY; print(SECRET_KEY)"
    environment = {**os.environ, "CONCORD_DATA": str(tmp_path), "CONCORD_DATABASE_URL": ""}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": settings.BASE_DIR}
    started = [subprocess.Popen([sys.executable, "-c", code], env=environment, **pipes) for _ in range(4)]
    for process in started:
        process.stdin.write("go")
        process.stdin.flush()
    keys = {process.communicate()[0].strip() for process in started}
    assert keys == {(tmp_path / "secret_key").read_text()}
