"""No address, present or to come, answers nobody or an outsider: the list is read from the URL resolver itself.

A new route needs no line here unless it is meant for people outside a project; then it must be named in `OPEN` or
`OWN`, where a reviewer of the change sees it.
"""

import re

import pytest

from meta_app.extraction.models import Group
from meta_app.projects.models import Membership, Project

from .extraction.peak_cast import make_dataset
from .routes import ROUTES

METHODS = ("get", "head", "post", "put", "patch", "delete")
OPEN = {"health/", "accounts/sign-in/", "accounts/sign-out/"}
"""For people who are not signed in."""
OWN = {
    "", "accounts/password/", "accounts/profile/", "accounts/profile/token/", "accounts/profile/token/revoke/",
    "projects/new/", "api/projects/", "api/schema/", "api/docs/",
}  # fmt: skip
"""For anyone signed in: their own account and projects, and the description of the API."""
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
TEXTS = {"name": "agreed-dataset.json", "kind": "svg"}
TOO_LARGE = 10**30


OF_PROJECTS = [route for route in ROUTES if "<int:project_id>" in route]
NUMBERED = [(route, name) for route in ROUTES for name in re.findall(r"<int:(\w+)>", route)]


def fill(route, numbers):
    return "/" + PARAMETER.sub(lambda match: str(numbers.get(match[1], TEXTS.get(match[1], 1))), route)


def send(client, method, address):
    client.raise_request_exception = False
    body = {"data": "{}", "content_type": "application/json"} if method in ("post", "put", "patch") else {}
    return getattr(client, method)(address, **body)


@pytest.fixture
def numbers(project, owner):
    """Ids that exist, so that a refusal is one of the person and not of the address."""
    dataset = make_dataset(project, owner)
    study = dataset.extraction.study
    return {
        "project_id": project.pk,
        "study_id": study.pk,
        "extraction_id": dataset.extraction_id,
        "dataset_id": dataset.pk,
        "cohort_id": dataset.cohort_id,
        "membership_id": owner.memberships.get().pk,
    }


def test_every_route_is_known_as_open_own_or_of_a_project():
    assert len(OF_PROJECTS) > 50
    assert set(ROUTES) - set(OF_PROJECTS) == OPEN | OWN


@pytest.mark.parametrize("route", sorted(set(ROUTES) - OPEN))
def test_nobody_is_refused(route, numbers, sign_in):
    client = sign_in(None)
    for method in (*METHODS, "options"):
        response = send(client, method, fill(route, numbers))
        to_sign_in = response.status_code == 302 and response.url.startswith("/accounts/sign-in/")
        assert to_sign_in or response.status_code in (401, 405), (method, response.status_code)


@pytest.mark.parametrize("route", OF_PROJECTS)
def test_an_outsider_is_told_nothing_of_a_project(route, numbers, project, outsider, sign_in):
    """The answers are those for a project that does not exist."""
    client = sign_in(outsider)
    for method in METHODS:
        real = send(client, method, fill(route, numbers))
        absent = send(client, method, fill(route, numbers | {"project_id": 987654}))
        assert real.status_code in (404, 405), (method, real.status_code)
        assert absent.status_code == real.status_code
        assert project.name not in real.text


@pytest.mark.parametrize("route", [route for route in OF_PROJECTS if route.count("<int:") > 1])
def test_ids_of_one_project_lead_nowhere_below_another(route, numbers, sign_in, outsider):
    """An owner of one project tries what another holds, below the address of her own."""
    own = Project.objects.create(name="Another review")
    Membership.objects.create(project=own, user=outsider, role="owner")
    client, groups = sign_in(outsider), list(Group.objects.values())
    for method in METHODS:
        response = send(client, method, fill(route, numbers | {"project_id": own.pk}))
        refused = response.status_code in (400, 404, 405) or route.endswith(("/role/", "/remove/"))
        assert refused, (method, response.status_code)
        assert "Cao 2017" not in response.text
    assert list(Group.objects.values()) == groups


@pytest.mark.parametrize(("route", "name"), NUMBERED)
def test_a_number_that_no_column_holds_leads_nowhere(route, name, numbers, owner, sign_in):
    client = sign_in(owner)
    for method in ("get", "post"):
        response = send(client, method, fill(route, numbers | {name: TOO_LARGE}))
        assert response.status_code in (404, 405), (method, response.status_code)
