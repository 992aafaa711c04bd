"""Typed readers of environment variables that fail loudly, naming the variable and the mend."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off", ""}


def read_text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def read_required(name: str) -> str:
    value = read_text(name)
    if not value:
        raise ImproperlyConfigured(f"Set the environment variable {name}: it has no safe default.")
    return value


def read_flag(name: str, default: bool = False) -> bool:
    word = read_text(name, "1" if default else "0").lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ImproperlyConfigured(f"{name} must be 1 or 0, not {word!r}.")


def read_integer(name: str, default: int) -> int:
    text = read_text(name, str(default))
    try:
        return int(text)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {text!r}.") from error


def read_list(name: str, default: str = "") -> list[str]:
    return [word.strip() for word in read_text(name, default).split(",") if word.strip()]


def read_path(name: str, default: Path) -> Path:
    return Path(read_text(name) or default).expanduser().resolve()
