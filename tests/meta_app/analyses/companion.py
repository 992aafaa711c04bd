"""A Celery worker for tests of blocks: a small mask, blocks out of order, and none begun before all workers are there.

Each prepares its own arrays, as workers on machines of their own do.
"""

import os
import random
import time
from pathlib import Path

import numpy as np

from sdm_core.spaces import SHAPE, Mask, mm_to_voxel

PEAK = (40.0, 18.0, 2.0)


def box(name="box"):
    """A small mask around a simulated peak, whatever mask is asked for."""
    volume = np.zeros(SHAPE, dtype=bool)
    i, j, k = mm_to_voxel(PEAK).astype(int)
    volume[i - 6 : i + 7, j - 6 : j + 7, k - 6 : k + 7] = True
    return Mask.from_volume(volume, name)


def main():
    data, me = Path(os.environ["CONCORD_DATA"]), str(os.getpid())
    os.environ["CONCORD_PREPARED"] = str(data / "prepared" / me)
    import django

    django.setup()
    from celery.__main__ import main as celery

    from meta_app.analyses import block_execution, execution
    from sdm_core.pipeline import stages

    stages.load_mask = box
    execution.run_execute = shuffled(execution.run_execute)
    block_execution.block_execute = together(block_execution.block_execute, data, me)
    (data / "companions").mkdir(exist_ok=True)
    (data / "companions" / me).touch()
    celery()


def shuffled(run_execute):
    def execute(run_id):
        blocks = run_execute(run_id)
        random.Random(run_id).shuffle(blocks)
        return blocks

    return execute


def together(block_execute, data, me):
    """Wait, with a block in hand, until every other worker has one of the same run: none computes all of them."""

    def execute(block_id):
        from meta_app.analyses.models import RunBlock

        met = data / "met" / str(RunBlock.objects.get(pk=block_id).run_id)
        met.mkdir(parents=True, exist_ok=True)
        (met / me).touch()
        while len(list(met.iterdir())) < len(list((data / "companions").iterdir())):
            time.sleep(0.02)
        return block_execute(block_id)

    return execute


if __name__ == "__main__":
    main()
