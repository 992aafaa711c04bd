"""The flow of a review as the sidebar shows it. Later apps register what waits at their stage, so that this app need
not know them.
"""

from collections.abc import Callable
from dataclasses import dataclass

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
_waiting: dict[str, WaitingFor] = {}


def register_waiting(stage_key: str, waiting_for: WaitingFor) -> None:
    """Called from `AppConfig.ready`: `waiting_for(membership)` answers what waits at that stage, in few queries."""
    _waiting[stage_key] = waiting_for


def review_stages(membership: Membership) -> list[tuple[Stage, Waiting | None]]:
    return [(stage, _waiting[stage.key](membership) if stage.key in _waiting else None) for stage in STAGES]
