"""The cast: owner, reviewer, adjudicator and viewer of one project, and an outsider with an account."""

import pytest
from django.test import Client

from meta_app.accounts.models import User
from meta_app.projects.models import Membership, Project, Role


@pytest.fixture
def project(db):
    return Project.objects.create(name="Pain in the brain")


def person(username, project=None, role=None):
    user = User.objects.create_user(username, password="correct horse battery")
    if project:
        Membership.objects.create(project=project, user=user, role=role)
    return user


@pytest.fixture
def owner(project):
    return person("olga", project, Role.OWNER)


@pytest.fixture
def reviewer(project):
    return person("rosa", project, Role.REVIEWER)


@pytest.fixture
def second_reviewer(project):
    return person("ren", project, Role.REVIEWER)


@pytest.fixture
def adjudicator(project):
    return person("ada", project, Role.ADJUDICATOR)


@pytest.fixture
def viewer(project):
    return person("vic", project, Role.VIEWER)


@pytest.fixture
def outsider(db):
    return person("oto")


@pytest.fixture
def sign_in():
    """sign_in(user) answers a client signed in as that user; sign_in(None) one of nobody."""

    def signed_in(user=None):
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return signed_in
