"""The flow of a review as the sidebar shows it. Later apps register what waits at their stage, so that this app need
not know them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from meta_app.projects.models import Membership


@dataclass(frozen=True)
class Waiting:
    """What waits for one person at a stage; `count` never appears without its `unit`."""

    count: int
    unit: str
    text: str = ""
    free: int = 0
    """Studies with a place that nobody holds and this person may take."""

    def __bool__(self) -> bool:
        """Whether there is anything to do or to begin."""
        return bool(self.count or self.free)


@dataclass(frozen=True)
class Stage:
    key: str
    title: str
    url_name: str
    later: bool = False


STAGES = (
    Stage("protocol", "Protocol", "projects:protocol"),
    Stage("records", "Records", "library:records", later=True),
    Stage("screening", "Screening", "screening:screening", later=True),
    Stage("extraction", "Extraction", "extraction:studies"),
    Stage("agreement", "Compare", "agreement:studies"),
    Stage("quality", "Quality", "quality:scores"),
    Stage("dataset", "Dataset", "datasets:versions"),
    Stage("analyses", "Analyses", "analyses:runs"),
    Stage("results", "Results", "results:results"),
    Stage("prisma", "PRISMA", "screening:prisma"),
)

WaitingFor = Callable[[Membership], Waiting | None]
FreeFor = Callable[[Membership], int]
_waiting: dict[str, WaitingFor] = {}
_free: dict[str, FreeFor] = {}


def register_waiting(stage_key: str, waiting_for: WaitingFor, free_for: FreeFor | None = None) -> None:
    """Called from `AppConfig.ready`, with what counts the work of a membership at that stage, each in one query.

    Parameters
    ----------
    waiting_for : callable
        What waits for this person; asked by the sidebar of every page.
    free_for : callable, optional
        How many studies this person may begin there; asked where work is offered.
    """
    _waiting[stage_key] = waiting_for
    if free_for:
        _free[stage_key] = free_for


def review_stages(membership: Membership, *, with_free: bool = False) -> list[tuple[Stage, Waiting | None]]:
    return [(stage, _at_stage(stage.key, membership, with_free)) for stage in STAGES]


def _at_stage(key: str, membership: Membership, with_free: bool) -> Waiting | None:
    waiting = _waiting[key](membership) if key in _waiting else None
    if waiting is None or not with_free or key not in _free:
        return waiting
    return replace(waiting, free=_free[key](membership))
