"""What workers do."""

from meta_app.analyses import execution
from meta_app.common.tasks import task


@task
def run_execute(run_id: int) -> None:
    """queued, or running with an expired lease -> done, failed or cancelled."""
    execution.run_execute(run_id)
