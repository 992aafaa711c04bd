"""Bring .venv to the lock: pip installs uv, uv installs exactly what the lock names, checked by hash."""

import contextlib
import errno
import hashlib
import json
import re
import subprocess
import sys
import venv
from collections.abc import Iterator

from bootstrap.locks import alone_on
from bootstrap.places import PROGRAMS, PYTHON, ROOT, VENV, WINDOWS
from bootstrap.refusals import Refusal, full_disk_sentence, refuse_full_disk, say

UV_VERSION = "0.13.9"
LOCKS = {"base": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}
STAMP = VENV / "concord-installed.json"
INSTALL_LOG = VENV / "install.log"
INSTALL_LOCK = ROOT / ".install.lock"  # beside .venv, which is wiped when it is made anew

NO_NETWORK = re.compile(
    r"name resolution|resolve host|dns error|NewConnectionError|ConnectTimeout|ReadTimeout|network is unreachable"
    r"|connection refused|error sending request|client error \(connect\)|timed out|getaddrinfo|ProxyError|tunnel",
    re.IGNORECASE,
)
NO_SPACE = re.compile(r"no space left|disk quota exceeded|os error 28|not enough space|disk is full", re.IGNORECASE)


def install(kind: str) -> None:
    """Bring .venv to the lock `kind`, "base" or "dev"; nothing is done when it is there already."""
    refuse_full_disk(ROOT)
    if read_stamp().get("kind") == "dev":
        kind = "dev"  # holds the base too; going back and forth would reinstall at every start
    wanted = {"kind": kind, "sha256": lock_sha256(kind), "python": sys.version, "uv": UV_VERSION}
    if is_installed(wanted):
        return
    with refusing_an_unwritable_project(), alone_on_installation():
        if is_installed(wanted):
            return  # by another run.py, since we looked
        if not python_answers("import pip"):
            make_venv()
        STAMP.unlink(missing_ok=True)  # an installation that is interrupted is no installation
        say("Installing the locked dependencies (once; some minutes on a slow line) ...")
        run_installer([str(PYTHON), "-m", "pip", "install", "--quiet", f"uv=={UV_VERSION}"])
        uv = PROGRAMS / ("uv.exe" if WINDOWS else "uv")
        run_installer([str(uv), "pip", "sync", "--require-hashes", "--python", str(PYTHON), str(LOCKS[kind])])
        STAMP.write_text(json.dumps(wanted), encoding="utf-8")


def is_installed(wanted: dict[str, str]) -> bool:
    return read_stamp() == wanted and python_answers("import django")


def alone_on_installation() -> contextlib.AbstractContextManager[None]:
    return alone_on(INSTALL_LOCK, "", "Another run.py is installing into .venv: start again when it is done.")


@contextlib.contextmanager
def refusing_an_unwritable_project() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        raise Refusal(
            f"Concord is not installed yet and {ROOT} cannot be written ({error.strerror}): run `python run.py setup` "
            "once as the owner of that folder."
        ) from error


def read_stamp() -> dict[str, str]:
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def lock_sha256(kind: str) -> str:
    """Hash of the lock with the line ends of the repository, whatever git made of them."""
    return hashlib.sha256(LOCKS[kind].read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def python_answers(statement: str) -> bool:
    """False when .venv is missing or broken, as after its Python was removed or the folder was moved."""
    try:
        return subprocess.call([str(PYTHON), "-c", statement], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    say("Making .venv ...")
    try:
        venv.EnvBuilder(clear=True, with_pip=True, symlinks=not WINDOWS).create(VENV)
    except subprocess.CalledProcessError as error:
        raise Refusal(
            "This Python cannot make a virtual environment: install its venv package "
            "(on Debian and Ubuntu: sudo apt install python3-venv) and start again."
        ) from error


def run_installer(command: list[str]) -> None:
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False)
    INSTALL_LOG.write_text(result.stdout, encoding="utf-8")
    if result.returncode:
        raise Refusal(why_not_installed(result.stdout))


def why_not_installed(output: str) -> str:
    if NO_SPACE.search(output):
        return full_disk_sentence(ROOT)
    if NO_NETWORK.search(output):
        return (
            "The package index cannot be reached: the first start needs the network (or a mirror, named by "
            f"PIP_INDEX_URL and UV_INDEX_URL; details in {INSTALL_LOG}); later starts need none."
        )
    return f"The dependencies could not be installed: {last_line(output)} (all of it in {INSTALL_LOG})."


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "no message"
