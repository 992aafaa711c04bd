"""The reference of the core's public names is complete and true."""

import inspect
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(
    "sdm_core" if path.parent.name == "sdm_core" else f"sdm_core.{path.parent.name}"
    for path in [ROOT / "sdm_core" / "__init__.py", *(ROOT / "sdm_core").glob("*/__init__.py")]
    if "__all__" in path.read_text(encoding="utf-8")
)


def test_the_page_is_what_the_docstrings_say():
    code = "import sys; sys.path.insert(0, 'scripts'); import build_core_api as b; sys.stdout.write(b.text())"
    environment = {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "PATH": ""}
    written = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, check=True)
    page = (ROOT / "docs" / "core-api.md").read_text(encoding="utf-8")
    assert written.stdout.decode() == page, "run: python scripts/build_core_api.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_function_and_class_says_what_it_does(package):
    module = import_module(package)
    values = {name: getattr(getattr(module, name), "py_func", getattr(module, name)) for name in module.__all__}
    silent = [name for name, value in values.items() if callable(value) and not inspect.getdoc(value)]
    assert not silent
