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


def pytest_unconfigure(config):
    if not hasattr(config, "workerinput"):
        shutil.rmtree(os.environ.get("CONCORD_TEST_ROOT", ""), ignore_errors=True)
