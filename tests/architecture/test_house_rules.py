"""Rules of the house that the import contracts in pyproject.toml cannot see."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.template.loader import get_template

ROOT = Path(__file__).resolve().parents[2]
APPS_LEFT_TO_RIGHT = (
    "accounts",
    "audit",
    "projects",
    "library",
    "screening",
    "extraction",
    "quality",
    "agreement",
    "datasets",
    "analyses",
    "results",
)
OURS = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - {"build", "data"}
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FRONT_OF_HOUSE = [*TEMPLATES, *sorted((ROOT / "static" / "js").rglob("*.js")), *(ROOT / "static" / "css").glob("*.css")]


def tracked_files():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [ROOT / name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def text_of(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def short(path):
    return str(path.relative_to(ROOT))


def test_relations_between_tables_point_only_to_apps_on_the_left():
    """Import contracts do not see foreign keys given as text."""
    wrong = [
        f"{model._meta.label}.{field.name} -> {field.related_model._meta.label}"
        for model in apps.get_models()
        if model._meta.app_label in APPS_LEFT_TO_RIGHT
        for field in model._meta.get_fields()
        if field.is_relation and not field.auto_created and field.related_model is not None
        if field.related_model._meta.app_label in APPS_LEFT_TO_RIGHT
        if APPS_LEFT_TO_RIGHT.index(field.related_model._meta.app_label)
        > APPS_LEFT_TO_RIGHT.index(model._meta.app_label)
    ]
    assert wrong == []


def test_every_app_is_known_to_the_order_of_apps():
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("meta_app.")}
    assert ours - {"common"} == set(APPS_LEFT_TO_RIGHT)


def test_no_tracked_file_names_a_folder_of_one_machine():
    """Absolute paths of a home or a work folder make a project that runs in one place only."""
    machine = re.compile("/(?:home|Users|root|" + "work" + r")/[A-Za-z0-9._-]+|[A-Z]:\\Users\\")
    found = {
        f"{short(path)}: {match.group()}"
        for path in tracked_files()
        if "vendor" not in path.parts
        for match in machine.finditer(text_of(path))
    }
    assert found == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_template_compiles(path):
    get_template(str(path.relative_to(ROOT / "templates")))


@pytest.mark.parametrize("path", TEMPLATES, ids=short)
def test_template_holds_no_inline_script_style_or_handler(path):
    """The content security policy would refuse them in the browser, silently for the person."""
    text = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    scripts = re.findall(r"<script\b([^>]*)>", text)
    inline = [tag for tag in scripts if "src=" not in tag and 'type="application/json"' not in tag]
    assert inline == []
    assert re.findall(r"<style\b|\sstyle=|\son[a-z]+=|javascript:|\shx-on[:-]", text) == []


@pytest.mark.parametrize("path", FRONT_OF_HOUSE, ids=short)
def test_page_loads_nothing_from_another_host(path):
    loads = re.compile(
        r"""(?:src=|<link[^>]*href=|url\(|import\s*\(?\s*|from\s+|fetch\()\s*["'`]?(?:https?:)?//[\w.-]+""",
        re.IGNORECASE,
    )
    assert loads.findall(text_of(path)) == []


def direct_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    return sorted(re.match(r"[A-Za-z0-9._-]+", requirement).group() for requirement in wanted)


@pytest.mark.parametrize("name", direct_dependencies())
def test_dependency_says_what_it_is_for(name):
    lines = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith(f"| {name} |")] != []


@pytest.mark.parametrize("name", direct_dependencies())
def test_dependency_is_locked_with_hashes(name):
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(name)}(\[[^\]]*\])?==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_names_no_index_host(name):
    assert re.findall(r"https?://|file:", (ROOT / name).read_text(encoding="utf-8")) == []


def python_files(*folders):
    return sorted(
        path for folder in folders for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts
    )


@pytest.mark.parametrize("path", python_files("sdm_core", "meta_app", "bootstrap"), ids=short)
def test_module_and_its_functions_stay_readable_in_length(path):
    source = path.read_text(encoding="utf-8")
    long_functions = [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno - node.body[0].lineno >= 60 + docstring_lines(node)
    ]
    assert long_functions == []
    assert len(source.splitlines()) <= 600


def docstring_lines(function):
    first = function.body[0]
    return first.end_lineno - first.lineno + 1 if ast.get_docstring(function) is not None else 0


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_links_of_a_document_lead_to_files_that_exist(path):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


QUOTED = re.compile(r"`((?:[\w.-]+/)+[\w.-]*)(?::(\w+))?`")


@pytest.mark.parametrize("path", DOCUMENTS, ids=short)
def test_a_file_and_a_name_that_a_document_quotes_exist(path):
    quoted = [(ROOT / file, name) for file, name in QUOTED.findall(path.read_text(encoding="utf-8"))]
    ours = [(file, name) for file, name in quoted if file.relative_to(ROOT).parts[0] in OURS]
    missing = [f"{short(file)}:{name}" for file, name in ours if not file.exists() or not defines(file, name)]
    assert missing == []


def defines(file, name):
    return not name or re.search(rf"\b(?:def|class) {name}\b|^{name}\b.*=", text_of(file), re.MULTILINE) is not None
