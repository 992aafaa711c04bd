"""The projects API, and the documentation of the whole API."""

import json

from meta_app.projects.models import Project
from meta_app.projects.stages import STAGES


def test_nobody_gets_401_and_an_outsider_404(project, outsider, sign_in):
    assert sign_in(None).get(f"/api/projects/{project.pk}/").status_code == 401
    refused = sign_in(outsider).get(f"/api/projects/{project.pk}/")
    assert refused.status_code == 404
    assert set(refused.json()) == {"error", "code", "details"}


def test_a_member_reads_role_and_stages(project, viewer, sign_in):
    answer = sign_in(viewer).get(f"/api/projects/{project.pk}/").json()
    assert (answer["id"], answer["name"], answer["role"]) == (project.pk, "Pain in the brain", "viewer")
    assert [stage["key"] for stage in answer["stages"]] == [stage.key for stage in STAGES]
    assert all((stage["count"] is None) == (stage["unit"] is None) for stage in answer["stages"])


def test_the_list_holds_only_projects_of_mine(project, owner, sign_in):
    Project.objects.create(name="Not mine")
    answer = sign_in(owner).get("/api/projects/").json()
    assert [entry["name"] for entry in answer["results"]] == ["Pain in the brain"]
    assert sign_in(None).get("/api/projects/").status_code == 401


def test_the_documentation_needs_a_sign_in_and_holds_no_inline_script(owner, sign_in):
    assert sign_in(None).get("/api/docs/").status_code == 302
    assert sign_in(None).get("/api/schema/").status_code == 401
    response = sign_in(owner).get("/api/docs/")
    page = response.content.decode()
    assert 'id="swagger-ui"' in page
    assert "<style" not in page
    assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=') + page.count(
        "<script defer"
    ) + page.count("<script data-")
    assert "'unsafe-inline'" not in response.headers["Content-Security-Policy"]


def test_the_schema_describes_the_projects(owner, sign_in):
    schema = json.loads(sign_in(owner).get("/api/schema/?format=json").content)
    assert "/api/projects/{project_id}/" in schema["paths"]
