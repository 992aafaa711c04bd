"""Settings of the test run: a throw-away data folder for each test process; PostgreSQL or Redis as anywhere."""

import os
import tempfile

root = os.environ.setdefault("CONCORD_TEST_ROOT", tempfile.mkdtemp(prefix="concord-test-"))
# Processes that a test starts inherit both variables, so they share the folder of their test process.
os.environ["CONCORD_DATA"] = os.path.join(root, os.environ.get("PYTEST_XDIST_WORKER", "main"))  # noqa: PTH118

from meta_app.settings.base import *  # noqa: E402, F403
from meta_app.settings.base import DATA_DIR, DATABASES, database_url  # noqa: E402

if not database_url:
    # A file, as in use: threads and processes that share SQLite in memory lock whole tables against each other.
    DATABASES["default"]["TEST"] = {"NAME": DATA_DIR / "test.sqlite3"}
    DATA_DIR.mkdir(parents=True, exist_ok=True)

DEBUG = False
SECRET_KEY = "for tests only, never in production"  # noqa: S105
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Otherwise each test client reads through all static files before it asks anything.
WHITENOISE_AUTOREFRESH = True
