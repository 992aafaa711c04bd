"""Reads."""

import json

from django.conf import settings
from rest_framework.authtoken.models import Token

from meta_app.accounts.models import User

DEMO_ACCOUNTS = "demo_accounts.json"


def demo_user_names() -> list[str]:
    """The user names of the demo accounts, without their passwords; empty where this server has none."""
    try:
        accounts = json.loads((settings.DATA_DIR / DEMO_ACCOUNTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return list(User.objects.filter(username__in=list(accounts), is_active=True).values_list("username", flat=True))


def api_token(user: User) -> Token | None:
    return Token.objects.filter(user=user).first()
