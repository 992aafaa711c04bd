"""Nobody, an outsider and members without the right are refused on every page of a project."""

import pytest

from meta_app.projects.models import Membership

PAGES = ["", "protocol/", "team/", "records/", "screening/", "prisma/", "prisma/diagram.svg"]
OWNER_PAGES = ["settings/", "protocol/edit/"]


def address(project, page):
    return f"/projects/{project.pk}/{page}"


@pytest.mark.parametrize("page", PAGES + OWNER_PAGES)
def test_nobody_is_sent_to_sign_in(project, sign_in, page):
    response = sign_in(None).get(address(project, page))
    assert response.status_code == 302
    assert response.url.startswith("/accounts/sign-in/")


@pytest.mark.parametrize("page", PAGES + OWNER_PAGES)
def test_an_outsider_is_not_even_told_that_the_project_exists(project, outsider, sign_in, page):
    response = sign_in(outsider).get(address(project, page))
    assert response.status_code == 404
    assert project.name not in response.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_a_viewer_reads_every_page(project, viewer, sign_in, page):
    assert sign_in(viewer).get(address(project, page)).status_code == 200


@pytest.mark.parametrize("page", OWNER_PAGES)
@pytest.mark.parametrize("person", ["reviewer", "adjudicator", "viewer"])
def test_only_an_owner_opens_what_is_the_owners(project, sign_in, page, person, request):
    assert sign_in(request.getfixturevalue(person)).get(address(project, page)).status_code == 403


@pytest.mark.parametrize("person", ["reviewer", "adjudicator", "viewer"])
def test_only_an_owner_writes_protocol_settings_and_team(project, owner, sign_in, person, request):
    client = sign_in(request.getfixturevalue(person))
    member = Membership.objects.get(user=owner)
    posts = ["settings/", "protocol/edit/", "team/", f"team/{member.pk}/role/", f"team/{member.pk}/remove/"]
    assert [client.post(address(project, page), {}).status_code for page in posts] == [403] * len(posts)
    assert project.memberships.filter(role="owner").count() == 1


def test_an_outsider_writes_nothing(project, owner, outsider, sign_in):
    client = sign_in(outsider)
    member = Membership.objects.get(user=owner)
    posts = ["settings/", "protocol/edit/", "team/", f"team/{member.pk}/role/", f"team/{member.pk}/remove/", "prisma/"]
    assert [client.post(address(project, page), {}).status_code for page in posts] == [404] * len(posts)


def test_changing_things_needs_a_post(project, owner, sign_in):
    member = Membership.objects.get(user=owner)
    for page in (f"team/{member.pk}/role/", f"team/{member.pk}/remove/"):
        assert sign_in(owner).get(address(project, page)).status_code == 405
