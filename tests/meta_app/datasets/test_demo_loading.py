"""Loading the demo: once, and no password is lost."""

import json
import stat
import sys
from io import StringIO

import pytest
from django.core.management import call_command

from meta_app.accounts.models import User
from meta_app.datasets import demo_services
from meta_app.datasets.demo_services import accounts_file, demo_load
from meta_app.projects.models import Project


@pytest.fixture
def data_dir(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    return tmp_path


def test_a_second_load_changes_nothing_and_the_command_says_so(db, data_dir):
    said, again = StringIO(), StringIO()
    call_command("load_demo", stdout=said)
    before = accounts_file().read_text()
    call_command("load_demo", stdout=again)
    assert "Loaded the demo project “Pain: 21 studies”" in said.getvalue()
    assert "Loaded" not in again.getvalue()
    assert accounts_file().read_text() == before
    assert (Project.objects.count(), User.objects.count()) == (2, 4)
    assert_every_account_opens()


def test_the_pain_project_gets_its_protocol_once_also_when_it_was_loaded_without_one(db, data_dir):
    demo_load()
    project = Project.objects.get(demo_key="pain21")
    project.protocols.all().delete()
    demo_load()
    demo_load()
    protocol = project.protocols.get()
    assert (protocol.question, protocol.eligibility) == (project.question, [])
    assert "9 to 32 in each" in protocol.population


def assert_every_account_opens():
    accounts = json.loads(accounts_file().read_text())
    assert set(accounts) == {"demo-owner", "demo-reviewer", "demo-adjudicator", "demo-viewer"}
    for name, password in accounts.items():
        assert User.objects.get(username=name).check_password(password)
    if sys.platform != "win32":
        assert stat.S_IMODE(accounts_file().stat().st_mode) == 0o600


def test_an_interrupted_load_starts_again_with_the_same_passwords(db, data_dir, monkeypatch):
    make_phn = demo_services._make_phn

    def fail(_owner):
        raise RuntimeError("killed")

    monkeypatch.setattr(demo_services, "_make_phn", fail)
    with pytest.raises(RuntimeError):
        demo_load()
    assert not accounts_file().exists()
    assert not User.objects.exists()
    written = json.loads(accounts_file().with_suffix(".new").read_text())
    monkeypatch.setattr(demo_services, "_make_phn", make_phn)
    demo_load()
    assert json.loads(accounts_file().read_text()) == written
