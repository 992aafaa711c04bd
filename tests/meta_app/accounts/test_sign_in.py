"""Signing in: who gets in, who is slowed down, and what the page tells strangers."""

import json

import pytest
from django.conf import settings as django_settings
from django.urls import reverse

SIGN_IN = "/accounts/sign-in/"
PASSWORD = "correct horse battery"


def test_every_page_of_a_stranger_leads_to_the_sign_in_page(db, sign_in):
    for name in ("projects:my_work", "projects:project_new", "accounts:profile", "accounts:password", "api_docs"):
        response = sign_in(None).get(reverse(name))
        assert response.status_code == 302
        assert response.url.startswith(SIGN_IN)


def test_the_right_password_leads_to_my_work(owner, sign_in):
    response = sign_in(None).post(SIGN_IN, {"username": "olga", "password": PASSWORD})
    assert response.status_code == 302
    assert response.url == "/"


def test_a_wrong_password_is_answered_without_telling_which_part_is_wrong(owner, sign_in):
    known = sign_in(None).post(SIGN_IN, {"username": "olga", "password": "wrong"}).content.decode()
    unknown = sign_in(None).post(SIGN_IN, {"username": "nobody", "password": "wrong"}).content.decode()
    sentence = "This user name and password do not belong together."
    assert sentence in known
    assert sentence in unknown


def test_after_eight_wrong_passwords_even_the_right_one_is_refused_with_a_clear_page(owner, sign_in):
    client = sign_in(None)
    for _ in range(django_settings.AXES_FAILURE_LIMIT):
        client.post(SIGN_IN, {"username": "olga", "password": "wrong"})
    response = client.post(SIGN_IN, {"username": "olga", "password": PASSWORD})
    assert response.status_code == 429
    assert "Too many wrong passwords" in response.content.decode()
    assert "rests for 15 minutes" in response.content.decode()
    assert django_settings.AXES_COOLOFF_TIME * 60 == 15


def test_sign_in_never_leads_to_another_site(owner, sign_in):
    response = sign_in(None).post(
        SIGN_IN, {"username": "olga", "password": PASSWORD, "next": "https://elsewhere.example/"}
    )
    assert response.url == "/"


def test_signing_out_needs_a_post(owner, sign_in):
    client = sign_in(owner)
    assert client.get(reverse("accounts:sign_out")).status_code == 405
    assert client.post(reverse("accounts:sign_out")).url == SIGN_IN
    assert client.get("/").status_code == 302


@pytest.fixture
def demo_accounts(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / "demo_accounts.json").write_text(json.dumps({"olga": "a random secret", "gone": "another secret"}))


def test_the_page_names_demo_users_that_exist_and_never_their_passwords(demo_accounts, owner, sign_in):
    page = sign_in(None).get(SIGN_IN).content.decode()
    assert "<code>olga</code>" in page
    assert "gone" not in page
    assert "secret" not in page
    assert "demo_accounts.json" in page


def test_without_demo_accounts_the_page_says_who_makes_accounts(settings, tmp_path, db, sign_in):
    settings.DATA_DIR = tmp_path
    page = sign_in(None).get(SIGN_IN).content.decode()
    assert "demo" not in page
    assert "makes one for you" in page


def test_a_form_sent_after_the_session_ended_leads_back_to_the_page_it_stood_on(project, sign_in):
    page = f"/projects/{project.pk}/team/?from=mail"
    response = sign_in(None).post(
        f"/projects/{project.pk}/team/1/remove/", headers={"Referer": f"http://testserver{page}"}
    )
    assert response.url == f"{SIGN_IN}?next=/projects/{project.pk}/team/%3Ffrom%3Dmail"


def test_a_form_sent_from_elsewhere_leads_to_my_work(project, sign_in):
    response = sign_in(None).post("/projects/new/", headers={"Referer": "https://elsewhere.example/trap/"})
    assert response.url == f"{SIGN_IN}?next=/"


def test_a_fragment_after_the_session_ended_moves_the_whole_page_to_the_sign_in(project, sign_in):
    headers = {"HX-Request": "true", "HX-Current-URL": f"http://testserver/projects/{project.pk}/prisma/"}
    response = sign_in(None).post(f"/projects/{project.pk}/prisma/preview/", headers=headers)
    assert response.status_code == 200
    assert response.headers["HX-Redirect"] == f"{SIGN_IN}?next=/projects/{project.pk}/prisma/"
    assert response.content == b""


def test_signing_out_twice_is_no_error(owner, sign_in):
    assert sign_in(None).post(reverse("accounts:sign_out")).url == SIGN_IN
