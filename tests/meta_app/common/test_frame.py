"""What every page keeps: a strict content policy, error pages that help, forms with labels."""

import json
import re
from pathlib import Path

import pytest
from django import forms
from django.conf import settings
from django.test import Client
from django.urls import reverse

from meta_app.common.forms import LinesField, StyledForm
from meta_app.common.views import server_error

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR / "templates")))
def test_no_template_holds_inline_scripts_or_styles_that_the_policy_refuses(path: Path):
    text = re.sub(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert not re.search(r"<style\b", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son\w+\s*=\s*[\"']", text)
    assert not [tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag]


def test_the_policy_allows_no_inline_code_and_no_other_site(db):
    policy = Client().get(reverse("accounts:sign_in")).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy
    assert "http" not in policy


def test_a_wrong_address_says_so_and_leads_back(owner, sign_in):
    response = sign_in(owner).get("/no/such/page/")
    assert response.status_code == 404
    assert "Nothing here" in response.content.decode()
    assert "Back to my work" in response.content.decode()


def test_a_wrong_address_inside_a_project_leads_back_to_it(project, owner, sign_in):
    text = sign_in(owner).get(f"/projects/{project.pk}/extraction/999999/").content.decode()
    assert "Back to the project" in text
    assert f'href="/projects/{project.pk}/"' in text


def test_more_than_a_page_may_send_is_refused_in_words(owner, sign_in, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = sign_in(owner).post("/projects/new/", {"name": "Pain" * 100})
    assert response.status_code == 413
    assert "send it in parts" in response.content.decode()


def test_a_missing_right_says_which_role_lacks_it(project, viewer, sign_in):
    response = sign_in(viewer).get(f"/projects/{project.pk}/settings/")
    assert response.status_code == 403
    assert (
        "Your role here, viewer, does not include this. An owner can change it under Team." in response.content.decode()
    )


def test_an_expired_form_keeps_its_text_in_the_browser_and_says_so(owner):
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    response = client.post("/projects/new/", {"name": "Pain"})
    assert response.status_code == 403
    assert "This page has expired" in response.content.decode()


def test_the_page_for_our_own_faults_needs_no_database(rf):
    response = server_error(rf.get("/"))
    assert response.status_code == 500
    assert "What you saved is kept" in response.content.decode()
    assert "Go back and try again" in response.content.decode()


def test_a_fault_of_ours_is_told_in_json_where_json_was_asked_for(rf):
    response = server_error(rf.put("/api/projects/1/"))
    assert (response.status_code, response.headers["Content-Type"]) == (500, "application/json")
    told = json.loads(response.content)
    assert told["error"].startswith("Something broke on our side. What you saved is kept: try again")
    assert told["code"] == "server_error"


def test_a_line_list_drops_blank_lines_and_shows_one_to_a_line():
    class Rules(StyledForm, forms.Form):
        rules = LinesField(required=False)

    form = Rules({"rules": " n >= 10 \n\n全脑分析\n"})
    assert form.is_valid()
    assert form.cleaned_data["rules"] == ["n >= 10", "全脑分析"]
    assert "n &gt;= 10\n全脑分析" in str(Rules(initial={"rules": ["n >= 10", "全脑分析"]})["rules"])
    assert 'class="form-control"' in str(form["rules"])


def test_health_is_open_to_anyone(db):
    assert Client().get("/health/").json() == {"status": "ok"}


def test_every_time_is_given_so_that_the_reader_sees_his_own():
    """Only the component that the script rewrites prints times; an option holds text alone."""
    printing = [path.name for path in TEMPLATES if "|date:" in path.read_text(encoding="utf-8")]
    assert sorted(printing) == ["_time.html", "run_new.html"]


def test_pages_are_not_kept_by_the_browser_so_that_back_shows_what_is_stored(project, owner, sign_in):
    assert sign_in(owner).get(f"/projects/{project.pk}/extraction/")["Cache-Control"] == "private, no-store"
