"""Write docs/core-api.md from the core's command line and the docstrings of all its public names:
`python scripts/build_core_api.py`.
"""

import argparse
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias, ModuleType
from typing import Any

import sdm_core
from sdm_core.__main__ import command_parser

TARGET = Path(__file__).resolve().parents[1] / "docs" / "core-api.md"
HEAD = """# The numeric core: command line and public names

Written from the help texts and docstrings by `python scripts/build_core_api.py`; a test compares. Units are mm, t,
Hedges' g (Fisher's z for correlations) and voxels of the 2 mm grid unless a name says otherwise.
"""


def commands(parser: argparse.ArgumentParser, words: str = "") -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Every command and what it does."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield from commands(action.choices[choice.dest], choice.help or "")
            return
    yield parser, words


def command_line() -> str:
    """The section of the commands."""
    lines = ["\n## The command line"]
    for parser, words in commands(command_parser()):
        options = [action for action in parser._actions if not isinstance(action, argparse._HelpAction)]
        lines += [f"\n### {parser.prog}\n", f"{words[0].upper()}{words[1:]}.\n", *map(_option, options)]
    return "\n".join(lines)


def _option(action: argparse.Action) -> str:
    choices = "|".join(map(str, action.choices)) if action.choices else ""
    value = "" if action.nargs == 0 else choices or action.metavar or action.dest.upper().replace("_", "-")
    value = f"[{value}]" if action.nargs == "?" else value
    name = f"{', '.join(action.option_strings)} {value}".strip()
    needed = " Required." if action.required and action.option_strings else ""
    default = f" Default: {action.default}." if action.default not in (None, False, "", (), []) else ""
    return f"- `{name}`: {action.help}.{needed}{default}"


def packages() -> list[ModuleType]:
    """The core and its modules and packages that name what is public, in alphabetical order."""
    names = [module.name for module in pkgutil.iter_modules(sdm_core.__path__, "sdm_core.")]
    found = [sdm_core, *(importlib.import_module(name) for name in names if not name.endswith("__main__"))]
    return [package for package in found if hasattr(package, "__all__")]


def described(package: ModuleType) -> str:
    """One section: what the package is, then each of its names."""
    entries = [_entry(name, getattr(package, name)) for name in sorted(package.__all__)]
    return "\n".join([f"\n## {package.__name__}\n", "```text", inspect.getdoc(package) or "", "```", *entries])


def _entry(name: str, value: object) -> str:
    plain = getattr(value, "py_func", value)
    if not callable(plain) or isinstance(plain, GenericAlias) or plain is Any:
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
    return "\n".join([HEAD.rstrip("\n"), command_line(), *map(described, packages())]) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"{TARGET}: {len(TARGET.read_text(encoding='utf-8').splitlines())} lines")
