"""Members and roles: a project always has an owner, and people are added by the name they sign in with."""

import pytest

from meta_app.accounts.models import User
from meta_app.projects.models import Membership, Role


def team(project, tail=""):
    return f"/projects/{project.pk}/team/{tail}"


def membership(user):
    return Membership.objects.get(user=user)


def test_an_owner_adds_a_person_by_user_name(project, owner, outsider, sign_in):
    assert sign_in(owner).post(team(project), {"username": " oto ", "role": "adjudicator"}).status_code == 302
    assert membership(outsider).role == Role.ADJUDICATOR


@pytest.mark.parametrize(
    ("username", "sentence"), [("nobody", "Nobody here signs in as"), ("rosa", "is in this project already")]
)
def test_a_person_who_cannot_be_added_is_explained(project, owner, reviewer, sign_in, username, sentence):
    response = sign_in(owner).post(team(project), {"username": username, "role": "viewer"})
    assert response.status_code == 400
    assert sentence in response.content.decode()
    assert membership(reviewer).role == Role.REVIEWER


def test_a_role_that_does_not_exist_is_refused(project, owner, outsider, sign_in):
    assert sign_in(owner).post(team(project), {"username": "oto", "role": "king"}).status_code == 400
    assert not Membership.objects.filter(user=outsider).exists()


def change(client, project, member, before, after):
    return client.post(team(project, f"{member.pk}/role/"), {"role_before": before, "role": after})


def test_an_owner_changes_a_role(project, owner, reviewer, sign_in):
    assert change(sign_in(owner), project, membership(reviewer), "reviewer", "viewer").status_code == 302
    assert membership(reviewer).role == Role.VIEWER


def test_a_role_someone_else_changed_first_is_not_overwritten(project, owner, reviewer, sign_in):
    Membership.objects.filter(user=reviewer).update(role=Role.ADJUDICATOR)
    response = change(sign_in(owner), project, membership(reviewer), "reviewer", "viewer")
    assert response.status_code == 409
    assert membership(reviewer).role == Role.ADJUDICATOR


def test_the_last_owner_can_neither_step_down_nor_be_removed(project, owner, reviewer, sign_in):
    client = sign_in(owner)
    stepping_down = change(client, project, membership(owner), "owner", "viewer")
    removing = client.post(team(project, f"{membership(owner).pk}/remove/"))
    assert [stepping_down.status_code, removing.status_code] == [400, 400]
    assert "A project needs an owner" in removing.content.decode()
    assert membership(owner).role == Role.OWNER


def test_with_two_owners_one_may_leave(project, owner, reviewer, sign_in):
    Membership.objects.filter(user=reviewer).update(role=Role.OWNER)
    leaving = sign_in(owner).post(team(project, f"{membership(owner).pk}/remove/"), follow=True)
    assert leaving.redirect_chain == [("/", 302)]
    assert "You have left Pain in the brain" in leaving.content.decode()
    assert list(project.memberships.values_list("user__username", flat=True)) == ["rosa"]


def test_a_removed_person_sees_nothing_any_more_but_keeps_the_account(project, owner, reviewer, sign_in):
    sign_in(owner).post(team(project, f"{membership(reviewer).pk}/remove/"))
    assert sign_in(reviewer).get(f"/projects/{project.pk}/").status_code == 404
    assert User.objects.filter(username="rosa", is_active=True).exists()


def test_a_member_of_another_project_cannot_be_removed_through_this_one(project, owner, outsider, sign_in):
    from meta_app.projects.models import Project

    elsewhere = Project.objects.create(name="Elsewhere")
    other = Membership.objects.create(project=elsewhere, user=outsider, role=Role.OWNER)
    answer = sign_in(owner).post(team(project, f"{other.pk}/remove/"))
    assert "nothing was changed" in answer.text
    change(sign_in(owner), project, other, "owner", "viewer")
    assert membership(outsider).role == Role.OWNER


def test_the_list_takes_the_same_queries_however_many_people(project, owner, django_assert_max_num_queries, sign_in):
    for number in range(12):
        user = User.objects.create_user(f"person{number}")
        Membership.objects.create(project=project, user=user, role=Role.VIEWER)
    client = sign_in(owner)
    with django_assert_max_num_queries(20):
        assert "13 people" in client.get(team(project)).content.decode()
