"""Settings of the test run; PostgreSQL or Redis by the same variables as anywhere."""

import os
import tempfile

os.environ.setdefault("CONCORD_DATA", tempfile.mkdtemp(prefix="concord-test-"))

from meta_app.settings.base import *  # noqa: E402, F403

DEBUG = False
SECRET_KEY = "for tests only, never in production"  # noqa: S105
ALLOWED_HOSTS = ["*"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
