"""What workers do. The work is imported when it is done: it brings the compiler, which a web process does without."""

from meta_app.common.tasks import task


@task
def run_execute(run_id: int) -> None:
    """queued, or running with an expired lease -> permuting or done; permuting with all blocks done -> done."""
    from meta_app.analyses import execution

    for block_id in execution.run_execute(run_id):
        block_execute.enqueue(block_id)


@task
def block_execute(block_id: int) -> None:
    """A waiting block, or one whose lease has expired -> done or failed; the last one sends for the conclusion."""
    from meta_app.analyses import block_execution

    concluding = block_execution.block_execute(block_id)
    if concluding is not None:
        run_execute.enqueue(concluding)
