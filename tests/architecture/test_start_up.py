"""What a web process loads before anybody has asked it for anything."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WEB = "import django; django.setup(); import meta_app.urls"


def loaded_by(code: str, package: str) -> bool:
    answer = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print({package!r} in sys.modules)"],
        cwd=ROOT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "meta_app.settings.test"},
        capture_output=True,
        text=True,
        check=True,
    )
    return answer.stdout.split()[-1] == "True"


@pytest.mark.parametrize("package", ["numba", "openpyxl"])
def test_a_web_process_leaves_alone_what_only_some_requests_need(package):
    assert not loaded_by(WEB, package)


@pytest.mark.parametrize("name", ["run", "Result", "Progress"])
def test_the_pipeline_comes_with_the_first_name_asked_of_it(name):
    assert not loaded_by("import sdm_core", "numba")
    assert loaded_by(f"from sdm_core import {name}", "numba")


@pytest.mark.parametrize("package", ["sdm_core", "sdm_core.effects", "sdm_core.inference"])
def test_every_public_name_can_be_had_and_a_wrong_one_is_refused(package):
    code = f"import {package} as core; [getattr(core, name) for name in core.__all__]"
    assert loaded_by(code, "numba")
    assert loaded_by(f"import {package} as core; assert not hasattr(core, 'runn')", package)
