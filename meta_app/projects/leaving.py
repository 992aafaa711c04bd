"""What happens to a person's work when they no longer review here. Later apps register it, so that this app need not
know them; each is called in the transaction of the change.
"""

from typing import Protocol

from meta_app.accounts.models import User
from meta_app.projects.models import Membership


class Leaving(Protocol):
    def __call__(self, *, membership: Membership, editor: User, leaves: bool) -> None:
        """`leaves` is false where the person only changes to a role that does not extract."""


_leaving: list[Leaving] = []


def register_leaving(hook: Leaving) -> None:
    """Called from `AppConfig.ready`."""
    _leaving.append(hook)


def member_leaves(membership: Membership, editor: User, leaves: bool) -> None:
    for hook in _leaving:
        hook(membership=membership, editor=editor, leaves=leaves)
