"""`manage.py add_person`: the only door for new people."""

import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from meta_app.accounts.models import User


def add(*arguments):
    out = StringIO()
    call_command("add_person", *arguments, stdout=out)
    return out.getvalue()


def test_a_new_person_can_sign_in_with_the_printed_password(db):
    printed = add("lena", "--full-name", "Lena 李")
    user = User.objects.get(username="lena")
    assert user.full_name == "Lena 李"
    assert user.check_password(re.search(r"first password: (\S+)", printed)[1])
    assert not user.is_superuser


def test_two_people_get_different_passwords(db):
    assert add("a").split("password: ")[1].split()[0] != add("b").split("password: ")[1].split()[0]


def test_a_taken_name_is_refused_and_the_account_is_left_alone(owner):
    with pytest.raises(CommandError, match="already"):
        add("olga")
    owner.refresh_from_db()
    assert owner.check_password("correct horse battery")


def test_a_name_with_a_blank_is_refused(db):
    with pytest.raises(CommandError, match="cannot be a user name"):
        add("two words")
    assert not User.objects.exists()
