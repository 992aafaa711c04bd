"""The reference of the core's command line and public names is complete and true."""

import argparse
import dataclasses
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import GenericAlias

import pytest

from sdm_core import AnalysisSpecification
from sdm_core.__main__ import command_parser

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "core-api.md").read_text(encoding="utf-8")
COMMANDS = ["run", "at", "check", "tfce", "conjunction", "contrast", "overlap", "template build"]
WITHOUT_NAMES = {"compiled", "commands", "specification"}
"""Kernels' compiler and the command line, which nobody imports; the specification is sdm_core's own."""


def _module(path):
    return ".".join(part for part in path.relative_to(ROOT).with_suffix("").parts if part != "__init__")


PUBLIC = sorted(
    _module(path)
    for pattern in ("*.py", "*/__init__.py")
    for path in (ROOT / "sdm_core").glob(pattern)
    if path.name != "__main__.py" and _module(path).removeprefix("sdm_core.") not in WITHOUT_NAMES
)


def test_the_page_is_what_the_docstrings_say():
    code = "import sys; sys.path.insert(0, 'scripts'); import build_core_api as b; sys.stdout.write(b.text())"
    environment = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PATH": ""}
    written = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    assert written.stdout.decode() == PAGE, "run: python scripts/build_core_api.py"


def test_the_page_has_every_command_module_and_package():
    sections = re.findall(r"^## (sdm_core\S*)$", PAGE, re.MULTILINE)
    assert sections == PUBLIC
    assert re.findall(r"^### python -m sdm_core (.+)$", PAGE, re.MULTILINE) == COMMANDS


@pytest.mark.parametrize("package", PUBLIC)
def test_every_public_function_class_and_method_says_what_it_does(package):
    module = import_module(package)
    values = {name: getattr(getattr(module, name), "py_func", getattr(module, name)) for name in module.__all__}
    told = {name: value for name, value in values.items() if callable(value) and not isinstance(value, GenericAlias)}
    for name, value in list(told.items()):
        told |= _methods(name, value) if inspect.isclass(value) else {}
    assert values
    assert not [name for name, value in told.items() if not _words(name, value)]


def _methods(name, value):
    own = {key: member for key, member in vars(value).items() if not key.startswith("_")}
    plain = {key: getattr(member, "__func__", getattr(member, "fget", member)) for key, member in own.items()}
    return {f"{name}.{key}": member for key, member in plain.items() if inspect.isfunction(member)}


def _words(name, value):
    """Its own docstring, not the list of fields that a dataclass gives itself."""
    return value.__doc__ and not value.__doc__.startswith(f"{name}(")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_says_what_it_is(command):
    parser = command_parser()
    for word in command.split():
        parser = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices[word]
    assert len(parser._actions) > 1
    assert not [action.dest for action in parser._actions if not action.help]


def test_every_choice_of_an_analysis_is_an_option_of_run():
    options = vars(command_parser().parse_args(["run", "FOLDER", "--out", "OUT"]))
    options["compatibility"] = options["compat"]
    default = AnalysisSpecification()
    told = {field.name: getattr(default, field.name) for field in dataclasses.fields(default) if field.name != "mask"}
    assert told == {name: options[name] for name in told}
