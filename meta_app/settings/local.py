"""The embedded default: one machine, SQLite, filesystem broker; `run.py` starts it."""

import os
import secrets
import tempfile

from django.core.files import locks

from meta_app.settings.base import *  # noqa: F403
from meta_app.settings.base import DATA_DIR
from meta_app.settings.environment import Path, read_flag, read_list


def kept_secret(path: Path) -> str:
    """A random key made once and readable by its owner only; processes that start together agree on one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not holds_a_key(path):
        with path.with_name("secret_key.lock").open("a") as held:
            locks.lock(held, locks.LOCK_EX)
            if not holds_a_key(path):
                write_whole(path, secrets.token_urlsafe(50))
    return path.read_text(encoding="utf-8").strip()


def holds_a_key(path: Path) -> bool:
    return path.exists() and bool(path.read_text(encoding="utf-8").strip())


def write_whole(path: Path, text: str) -> None:
    """The file appears with all of its text or not at all, though the disk fills up or the process is killed."""
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    draft = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


DEBUG = read_flag("CONCORD_DEBUG")
SECRET_KEY = kept_secret(DATA_DIR / "secret_key")
ALLOWED_HOSTS = read_list("CONCORD_HOSTS", "localhost,127.0.0.1,[::1]")
STATIC_ROOT = None  # static files are served from where they lie; nothing is collected
