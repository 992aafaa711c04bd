"""Writes: people and their API tokens."""

import secrets

from django.contrib.auth.validators import UnicodeUsernameValidator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from rest_framework.authtoken.models import Token

from meta_app.accounts.models import User
from meta_app.common.exceptions import UserError


@transaction.atomic
def token_renew(*, user: User) -> str:
    """A new API token; the one before stops working at once."""
    Token.objects.filter(user=user).delete()
    return Token.objects.create(user=user).key


@transaction.atomic
def token_revoke(*, user: User) -> bool:
    """Take the API token away; False if there was none."""
    revoked, _ = Token.objects.filter(user=user).delete()
    return revoked > 0


def person_add(*, username: str, full_name: str = "") -> tuple[User, str]:
    """A new account with a random first password, which is told once and never stored in clear.

    Raises
    ------
    UserError
        When the name is taken or cannot be a user name.
    """
    password = secrets.token_urlsafe(12)
    try:
        UnicodeUsernameValidator()(username)
        with transaction.atomic():
            return User.objects.create_user(username, full_name=full_name, password=password), password
    except ValidationError as error:
        raise UserError(f"“{username}” cannot be a user name: {' '.join(error.messages)}") from error
    except IntegrityError as error:
        raise UserError(f"There is an account “{username}” already. Choose another user name.") from error
