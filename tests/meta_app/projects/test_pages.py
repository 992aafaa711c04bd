"""My work, a new project, its overview and settings."""

import re

import pytest

from meta_app.extraction.models import Assignment, Study
from meta_app.projects.models import Membership, Project, Role
from meta_app.projects.stages import STAGES, Waiting, _waiting, register_waiting


@pytest.fixture
def two_runs_wait(monkeypatch):
    monkeypatch.setattr("meta_app.projects.stages._waiting", dict(_waiting))
    register_waiting("analyses", lambda membership: Waiting(2, "runs", "in progress"))


def test_a_person_in_no_project_is_told_what_to_do(outsider, sign_in):
    page = sign_in(outsider).get("/").content.decode()
    assert "You are in no project yet" in page
    assert "/projects/new/" in page


def test_my_work_lists_what_waits_with_its_unit(project, owner, sign_in, two_runs_wait):
    page = sign_in(owner).get("/").content.decode()
    assert "<b>2</b> <span>runs</span>" in page
    assert "in progress" in page


def test_studies_that_one_may_start_are_told_beside_what_one_has_to_do(project, reviewer, adjudicator, sign_in):
    for label in ("Cao 2017", "Hong 2019", "Liu 2020"):
        study = Study.objects.create(project=project, label=label, extractors_needed=2)

    def told(user, address):
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", sign_in(user).get(address).text))

    for address in ("/", f"/projects/{project.pk}/"):
        assert told(reviewer, address).count(" 3 studies free to start") == 2  # at Extraction and at Quality
        assert "free to start" not in told(adjudicator, address)
    Assignment.objects.create(study=study, position="A", reviewer=reviewer, assigned_by=reviewer)
    page = told(reviewer, "/")
    assert "1 study to extract, 2 studies free to start" in page
    assert "1 study to score or settle, 2 studies free to start" in page
    stages = sign_in(reviewer).get(f"/api/projects/{project.pk}/").json()["stages"]
    free = {stage["key"]: (stage["count"], stage["free"]) for stage in stages if stage["free"]}
    assert free == {"extraction": (1, 2), "quality": (1, 2)}


def test_the_sidebar_is_the_flow_of_the_review_in_order_and_says_what_comes_later(project, viewer, sign_in):
    page = sign_in(viewer).get(f"/projects/{project.pk}/").content.decode()
    sidebar = page[page.index('class="stage-list"') : page.index("</ol>")]
    places = [sidebar.index(f">{stage.title}<") for stage in STAGES]
    assert places == sorted(places)
    assert sidebar.count(">later<") == sum(stage.later for stage in STAGES)


def test_a_new_project_proposes_two_reviewers_for_each_study(outsider, sign_in):
    page = sign_in(outsider).get("/projects/new/")
    (chosen,) = [choice for choice in page.context["form"]["extractors_needed"] if "checked" in str(choice)]
    assert chosen.choice_label == "Two reviewers, blind to each other"


def test_who_makes_a_project_owns_it(outsider, sign_in):
    typed = {"name": "Pain", "question": "", "extractors_needed": "2", "source_note": ""}
    response = sign_in(outsider).post("/projects/new/", typed)
    project = Project.objects.get(name="Pain")
    assert response.url == f"/projects/{project.pk}/"
    assert project.extractors_needed == 2
    assert list(project.memberships.values_list("user", "role")) == [(outsider.pk, Role.OWNER)]


@pytest.mark.parametrize("wrong", [{"name": ""}, {"extractors_needed": "3"}, {"extractors_needed": ""}])
def test_a_project_without_name_or_with_three_extractors_is_not_made(outsider, sign_in, wrong):
    typed = {"name": "Pain", "extractors_needed": "1", "question": "kept text"} | wrong
    response = sign_in(outsider).post("/projects/new/", typed)
    assert response.status_code == 400
    assert "kept text" in response.content.decode()
    assert not Project.objects.exists()


def settings_of(project, **values):
    return {"name": project.name, "extractors_needed": "1", "question": "", "source_note": "", "version": 1} | values


def test_settings_are_saved_as_a_browser_sends_their_form_back(project, owner, sign_in):
    Project.objects.filter(pk=project.pk).update(version=3)
    client, address = sign_in(owner), f"/projects/{project.pk}/settings/"
    page = client.get(address)
    sent = {field.html_name: field.value() for field in page.context["form"]}
    assert f'name="version" value="{sent["version"]}"' in page.content.decode()
    assert client.post(address, sent | {"question": "Where?"}).status_code == 302
    project.refresh_from_db()
    assert (project.question, project.version) == ("Where?", 4)


def test_settings_are_saved_once_per_version(project, owner, sign_in):
    client, address = sign_in(owner), f"/projects/{project.pk}/settings/"
    assert client.post(address, settings_of(project, name="First tab")).status_code == 302
    stale = client.post(address, settings_of(project, name="Second tab"))
    assert stale.status_code == 409
    assert "First tab" in stale.content.decode()
    assert "Second tab" in stale.content.decode()
    project.refresh_from_db()
    assert (project.name, project.version) == ("First tab", 2)


def test_a_name_with_markup_is_shown_as_text(owner, project, sign_in):
    Project.objects.filter(pk=project.pk).update(name="<script>alert(1)</script>")
    page = sign_in(owner).get(f"/projects/{project.pk}/").content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_switcher_lists_only_projects_of_mine(project, owner, sign_in):
    Project.objects.create(name="Somebody else's")
    page = sign_in(owner).get("/").content.decode()
    assert project.name in page
    assert "Somebody else" not in page


def test_my_work_takes_a_bounded_number_of_queries_per_project(owner, sign_in, django_assert_max_num_queries):
    for number in range(4):
        project = Project.objects.create(name=f"Review {number}")
        Membership.objects.create(project=project, user=owner, role=Role.OWNER)
    client = sign_in(owner)
    with django_assert_max_num_queries(6 + 5 * 10):
        client.get("/")
