"""Write docs/core-api.md from the docstrings of every public name of the core: `python scripts/build_core_api.py`."""

import importlib
import inspect
import pkgutil
from pathlib import Path
from types import ModuleType

import sdm_core

TARGET = Path(__file__).resolve().parents[1] / "docs" / "core-api.md"
HEAD = """# The numeric core's public names

Written from the docstrings by `python scripts/build_core_api.py`; a test compares. Units are mm, t, Hedges' g (Fisher's
z for correlations) and voxels of the 2 mm grid unless a name says otherwise. `python -m sdm_core --help` is the command
line.
"""


def packages() -> list[ModuleType]:
    """The core and its packages that name what is public, in alphabetical order."""
    found = [sdm_core]
    for module in pkgutil.iter_modules(sdm_core.__path__, "sdm_core."):
        if module.ispkg:
            found.append(importlib.import_module(module.name))
    return [package for package in found if hasattr(package, "__all__")]


def described(package: ModuleType) -> str:
    """One section: what the package is, then each of its names."""
    entries = [_entry(name, getattr(package, name)) for name in sorted(package.__all__)]
    return "\n".join([f"\n## {package.__name__}\n", "```text", inspect.getdoc(package) or "", "```", *entries])


def _entry(name: str, value: object) -> str:
    plain = getattr(value, "py_func", value)
    if not callable(plain):
        return f"\n### {name}\n\nA value: `{_short(value)}`."
    lines = [f"\n### {name}\n", "```text", f"{name}{_signature(plain)}", "", inspect.getdoc(plain) or "", "```"]
    return "\n".join(lines + _methods(name, plain))


def _methods(name: str, value: object) -> list[str]:
    if not inspect.isclass(value) or issubclass(value, tuple | Exception):
        return []
    own = [(key, member) for key, member in vars(value).items() if not key.startswith("_")]
    shown = [(key, getattr(member, "__func__", getattr(member, "fget", member))) for key, member in own]
    texts = [(key, inspect.getdoc(member)) for key, member in shown if inspect.isfunction(member)]
    return [f"- `{name}.{key}`: {' '.join((text or '').split(chr(10) + chr(10))[0].split())}" for key, text in texts]


def _signature(value: object) -> str:
    try:
        parameters = inspect.signature(value).parameters  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    return f"({', '.join(parameters)})"


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 100 else text[:97] + "..."


def text() -> str:
    """The whole page."""
    return "\n".join([HEAD.rstrip("\n"), *map(described, packages())]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"{TARGET}: {len(TARGET.read_text(encoding='utf-8').splitlines())} lines")
