"""Reads: the flow of a project. Later it is computed from records; whoever draws it need not know."""

from meta_app.projects.models import Membership, Project
from meta_app.projects.stages import Waiting
from meta_app.screening.domain import FlowCounts, parse_flow, sums
from meta_app.screening.models import EnteredFlow


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
