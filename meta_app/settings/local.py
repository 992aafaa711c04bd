"""The embedded default: one machine, SQLite, filesystem broker; `run.py` starts it."""

import secrets

from meta_app.settings.base import *  # noqa: F403
from meta_app.settings.base import DATA_DIR
from meta_app.settings.environment import Path, read_flag, read_list


def kept_secret(path: Path) -> str:
    """A random key made once and readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text()


DEBUG = read_flag("CONCORD_DEBUG")
SECRET_KEY = kept_secret(DATA_DIR / "secret_key")
ALLOWED_HOSTS = read_list("CONCORD_HOSTS", "localhost,127.0.0.1,[::1]")
STATIC_ROOT = None  # static files are served from where they lie; nothing is collected
