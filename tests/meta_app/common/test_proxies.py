"""Behind a reverse proxy: who is slowed down after wrong passwords, and who is not."""

import pytest
from django.test import Client

from meta_app.common.proxies import client_address

PROXY = "172.18.0.1"
SIGN_IN = "/accounts/sign-in/"


@pytest.fixture(autouse=True)
def behind_one_proxy(settings):
    settings.PROXIES = 1
    settings.AXES_CLIENT_IP_CALLABLE = "meta_app.common.proxies.client_address"


@pytest.fixture
def address_of(rf):
    def address(forwarded=None):
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        return client_address(rf.get("/", headers=headers, REMOTE_ADDR=PROXY))

    return address


def sign_in_from(forwarded, password):
    typed = {"username": "olga", "password": password}
    return Client(REMOTE_ADDR=PROXY, headers={"X-Forwarded-For": forwarded}).post(SIGN_IN, typed)


def test_a_stranger_who_guesses_wrong_locks_a_name_for_himself_alone(owner, settings):
    for _ in range(settings.AXES_FAILURE_LIMIT):
        sign_in_from("203.0.113.9", "wrong")
    assert sign_in_from("203.0.113.9", "correct horse battery").status_code == 429
    assert sign_in_from("198.51.100.4", "correct horse battery").status_code == 302


def test_a_made_up_entry_on_the_left_does_not_begin_the_count_anew(owner, settings):
    for number in range(settings.AXES_FAILURE_LIMIT):
        sign_in_from(f"10.0.0.{number}, 203.0.113.9", "wrong")
    assert sign_in_from("10.0.0.99, 203.0.113.9", "correct horse battery").status_code == 429


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("1.1.1.1, 2.2.2.2,203.0.113.9", "203.0.113.9"),
        ("2001:DB8::1", "2001:db8::1"),
        (None, PROXY),
        ("", PROXY),
        ("unknown", PROXY),
        ("203.0.113.9, ' or 1=1", PROXY),
    ],
)
def test_the_right_most_entry_counts_and_what_is_no_address_is_the_proxys(address_of, forwarded, address):
    assert address_of(forwarded) == address


def test_with_two_proxies_the_outer_one_is_believed(address_of, settings):
    settings.PROXIES = 2
    assert address_of("1.1.1.1, 203.0.113.9, 10.0.0.2") == "203.0.113.9"
    assert address_of("203.0.113.9") == PROXY


def test_without_a_proxy_the_header_is_anybodys_and_counts_for_nothing(address_of, settings):
    settings.PROXIES = 0
    assert address_of("1.1.1.1") == PROXY
