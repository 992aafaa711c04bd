"""What happens to a person's work when they no longer review here. Later apps register it, so that this app need not
know them; each is called in the transaction of the change.
"""

from typing import Protocol

from meta_app.accounts.models import User
from meta_app.projects.models import Membership


class Leaving(Protocol):
    def __call__(self, *, membership: Membership, editor: User, leaves: bool) -> None:
        """`leaves` is false where the person only changes to a role that does not extract."""


class Holding(Protocol):
    def __call__(self, *, membership: Membership) -> None:
        """Hold the rows that the person's leaving touches until the transaction ends."""


_leaving: list[Leaving] = []
_holding: list[Holding] = []


def register_leaving(hook: Leaving, hold: Holding) -> None:
    """Called from `AppConfig.ready`."""
    _leaving.append(hook)
    _holding.append(hold)


def member_hold(membership: Membership) -> None:
    """What all apps will touch, before the first of them writes to the audit chain, which is held last.

    Whoever saves their work holds it and then the chain: the other way round the two would wait for one another.
    """
    for hold in _holding:
        hold(membership=membership)


def member_leaves(membership: Membership, editor: User, leaves: bool) -> None:
    for hook in _leaving:
        hook(membership=membership, editor=editor, leaves=leaves)
