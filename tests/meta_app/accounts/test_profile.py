"""A person's own profile, password and API token."""

from django.urls import reverse
from rest_framework.authtoken.models import Token

PROFILE = "/accounts/profile/"


def test_a_changed_name_is_what_others_see(owner, sign_in):
    assert sign_in(owner).post(PROFILE, {"full_name": "Olga Novak", "email": ""}).url == PROFILE
    owner.refresh_from_db()
    assert str(owner) == "Olga Novak"


def test_a_bad_address_is_refused_and_the_typed_name_stays(owner, sign_in):
    response = sign_in(owner).post(PROFILE, {"full_name": "Olga Novak", "email": "not an address"})
    assert response.status_code == 400
    assert 'value="Olga Novak"' in response.content.decode()


def test_a_new_token_is_shown_once_and_opens_the_api(owner, project, sign_in):
    client = sign_in(owner)
    page = client.post(reverse("accounts:token_renew")).content.decode()
    key = Token.objects.get(user=owner).key
    assert key in page
    assert key not in client.get(PROFILE).content.decode()
    answer = sign_in(None).get(f"/api/projects/{project.pk}/", headers={"Authorization": f"Token {key}"})
    assert answer.status_code == 200


def test_a_replaced_or_revoked_token_is_refused_at_once(owner, project, sign_in):
    client = sign_in(owner)
    client.post(reverse("accounts:token_renew"))
    old = Token.objects.get(user=owner).key
    client.post(reverse("accounts:token_renew"))
    new = Token.objects.get(user=owner).key
    client.post(reverse("accounts:token_revoke"))
    assert old != new
    for key in (old, new):
        answer = sign_in(None).get(f"/api/projects/{project.pk}/", headers={"Authorization": f"Token {key}"})
        assert answer.status_code == 401


def test_tokens_are_made_and_revoked_by_post_only(owner, sign_in):
    for name in ("accounts:token_renew", "accounts:token_revoke"):
        assert sign_in(owner).get(reverse(name)).status_code == 405
        assert sign_in(None).post(reverse(name)).status_code == 302


def test_a_changed_password_counts_and_a_common_one_is_refused(owner, sign_in):
    client = sign_in(owner)
    address = reverse("accounts:password")
    typed = {"old_password": "correct horse battery", "new_password1": "password123", "new_password2": "password123"}
    assert "too common" in client.post(address, typed).content.decode()
    typed |= {"new_password1": "staple peak voxel", "new_password2": "staple peak voxel"}
    assert client.post(address, typed).url == PROFILE
    owner.refresh_from_db()
    assert owner.check_password("staple peak voxel")


def test_a_changed_password_takes_the_api_token_away_and_says_so(owner, sign_in):
    Token.objects.create(user=owner)
    typed = {"old_password": "correct horse battery"} | dict.fromkeys(
        ("new_password1", "new_password2"), "staple peak voxel"
    )
    answer = sign_in(owner).post(reverse("accounts:password"), typed, follow=True)
    assert "Your API token is revoked" in answer.text
    assert not Token.objects.filter(user=owner).exists()
