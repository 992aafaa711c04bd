"""Reads: the flow of a project. Later it is computed from records; whoever draws it need not know.

Later apps register what they exclude after full text, so that this app need not know them.
"""

from collections.abc import Callable

from meta_app.projects.models import Membership, Project
from meta_app.projects.stages import Waiting
from meta_app.screening.domain import FlowCounts, LaterExclusion, parse_flow, sums, with_later_exclusions
from meta_app.screening.models import EnteredFlow

ExcludedLater = Callable[[Project], LaterExclusion | None]
_excluded_later: list[ExcludedLater] = []


def register_exclusion(excluded_later: ExcludedLater) -> None:
    """Called from `AppConfig.ready`: `excluded_later(project)` answers what is excluded after full text, and why."""
    _excluded_later.append(excluded_later)


def later_exclusions(project: Project) -> list[LaterExclusion]:
    found = (excluded_later(project) for excluded_later in _excluded_later)
    return [one for one in found if one is not None]


def drawn_counts(project: Project, counts: FlowCounts) -> FlowCounts:
    """Typed counts with what was excluded later."""
    return with_later_exclusions(counts, later_exclusions(project))


def entered_flow(project: Project) -> EnteredFlow | None:
    return EnteredFlow.objects.select_related("edited_by").filter(project=project).first()


def flow_counts(flow: EnteredFlow | None) -> FlowCounts:
    return parse_flow(flow.counts) if flow else FlowCounts()


def flow_waiting(membership: Membership) -> Waiting | None:
    """Sums of the flow that fail; None where nothing is entered yet."""
    flow = EnteredFlow.objects.filter(project_id=membership.project_id).first()
    failing = [one for one in sums(flow_counts(flow)) if one.holds is False]
    if not failing:
        return None
    return Waiting(len(failing), "sum" if len(failing) == 1 else "sums", "to mend in the flow diagram")
