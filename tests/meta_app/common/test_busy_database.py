"""While another process writes for longer than we wait: what the API and the pages say, and that nothing is lost."""

import sqlite3

import pytest
from django.db import OperationalError, connection
from django.test import Client

from meta_app.common.exceptions import api_exception_handler, not_saved
from meta_app.common.views import server_error
from meta_app.extraction.models import Peak
from meta_app.projects.models import Project
from tests.meta_app.extraction.peak_cast import insula, make_dataset

SENTENCE = "The database is busy: nothing was saved; what you typed is kept in this page. Try again in a moment."
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def another_writer():
    """another_writer() holds the database until the test ends; we wait for it no time at all."""
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL lets several write at once")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)

    def hold():
        connection.cursor().execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")

    yield hold
    other.close()
    connection.close()


@pytest.fixture
def client_of():
    def signed_in(user):
        client = Client(raise_request_exception=False)
        client.force_login(user)
        return client

    return signed_in


def test_a_table_that_cannot_be_saved_now_is_answered_in_words_and_saved_later(
    project, reviewer, client_of, another_writer
):
    dataset, client = make_dataset(project, reviewer), client_of(reviewer)
    address = f"/api/projects/{project.pk}/extraction/datasets/{dataset.pk}/peaks/"
    body = {"version": 1, "peaks_state": "peaks", "rows": [insula()]}
    another_writer()
    response = client.put(address, body, content_type="application/json")
    assert (response.status_code, response.json()) == (503, {"error": SENTENCE, "code": "busy", "details": {}})
    connection.close()
    assert Peak.objects.count() == 0


def test_a_page_that_cannot_be_saved_now_says_what_was_kept(owner, client_of, another_writer):
    client = client_of(owner)
    another_writer()
    response = client.post("/projects/new/", {"name": "Fear in the brain", "extractors_needed": 2})
    page = response.content.decode()
    assert response.status_code == 503
    assert "Nothing was saved" in page
    assert "The database is busy. What you saved before is kept; go back" in page
    assert not Project.objects.filter(name="Fear in the brain").exists()


def sqlite_error(code, text):
    cause = sqlite3.OperationalError(text)
    cause.sqlite_errorcode = code
    error = OperationalError(text)
    error.__cause__ = cause
    return error


def test_the_api_outside_its_views_answers_in_json_too(rf):
    try:
        raise sqlite_error(sqlite3.SQLITE_BUSY_SNAPSHOT, "database is locked")
    except OperationalError:
        response = server_error(rf.put("/api/projects/1/"))
    assert (response.status_code, response.headers["Content-Type"]) == (503, "application/json")


def test_a_full_disk_is_not_called_busy():
    full = not_saved(sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full"))
    assert (full.status, full.code) == (503, "disk_full")
    assert full.message.startswith("The disk of the server is full: nothing was saved")


@pytest.mark.parametrize(
    "error",
    [sqlite_error(sqlite3.SQLITE_ERROR, "no such table: runs"), sqlite_error(sqlite3.SQLITE_CORRUPT, "malformed")],
)
def test_a_fault_that_waiting_does_not_mend_stays_a_fault_of_ours(error, rf):
    assert api_exception_handler(error, {}) is None
    try:
        raise error
    except OperationalError:
        assert server_error(rf.get("/")).status_code == 500
