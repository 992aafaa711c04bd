"""What all tests share: the throw-away data folder, and honest words when a part is missing."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# A busy machine is no fault of the code: no test may fail because it was slow.
settings.register_profile("concord", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("concord")


LONG_FIRST = (
    "browser",
    "sdm_core/pipeline",
    "sdm_core",
    "services",
    "meta_app/test_blinding_everywhere.py",
    "meta_app/analyses/test_whole_run.py",
    "meta_app/analyses/test_killed_worker.py",
)
"""Files and folders. Kernels are compiled and kept by the tests of the core before others start many processes, and
two of those with many processes hardly meet."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """What takes long begins first, so that at the end no test process waits for the long test of another."""
    folder = Path(__file__).parent
    places = [folder / place for place in LONG_FIRST]
    items.sort(
        key=lambda item: next((i for i, place in enumerate(places) if place in (item.path, *item.path.parents)), 99)
    )


@pytest.fixture(scope="session")
def missing_part():
    """missing_part(reason) skips, or fails where nothing may be skipped (CONCORD_NOTHING_SKIPPED=1)."""

    def skip_or_fail(reason):
        if os.environ.get("CONCORD_NOTHING_SKIPPED") == "1":
            pytest.fail(reason)
        pytest.skip(reason)

    return skip_or_fail


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """Tests with real transactions empty every table after themselves, so they need audit entries to be deletable.

    tests/meta_app/audit makes the triggers again and tries them. Django's own permissions, which nobody is given here,
    are not made anew each time: that takes longer than many of these tests.
    """
    from importlib import import_module

    from django.db import connection
    from django.db.models.signals import post_migrate

    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        import_module("meta_app.audit.migrations.0002_entries_never_change").drop_triggers(None, editor)
    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")


@pytest.fixture(scope="session")
def new_sqlite(tmp_path_factory):
    """new_sqlite(folder) puts Concord's database there, with every table and nothing in it: a copy of one made once."""
    made = tmp_path_factory.mktemp("new-sqlite")
    environment = {name: value for name, value in os.environ.items() if name != "CONCORD_DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "meta_app.settings.local", "CONCORD_DATA": str(made)}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=environment, check=True)

    def copied(folder):
        folder.mkdir(exist_ok=True)
        shutil.copy(made / "concord.sqlite3", folder)

    return copied


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.get("CONCORD_TEST_ROOT", ""), ignore_errors=True)
