"""What all tests share: the throw-away data folder, and honest words when a part is missing."""

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code: no test may fail because it was slow.
settings.register_profile("concord", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("concord")


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

    tests/meta_app/audit makes the triggers again and tries them.
    """
    from importlib import import_module

    from django.db import connection

    with django_db_blocker.unblock(), connection.schema_editor() as editor:
        import_module("meta_app.audit.migrations.0002_entries_never_change").drop_triggers(None, editor)


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.get("CONCORD_TEST_ROOT", ""), ignore_errors=True)
