"""Work spread over threads.  Kernels give up the interpreter lock; each task writes only its own part."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from types import TracebackType
from typing import TypeVar

from sdm_core.compiled import default_threads

Item = TypeVar("Item")

VOXELS_PER_BLOCK = 4096
SECONDS_BETWEEN_TICKS = 1.0

Tick = Callable[[float], None]


def part_of(tick: Tick, start: float, length: float = 0.0) -> Tick:
    """Hears the share done of a part of the work and passes on that of the whole."""
    return lambda share: tick(start + length * share)


def voxel_blocks(n_voxels: int) -> list[slice]:
    """Slices that cover all voxels, the same whatever the number of threads."""
    return [slice(start, min(start + VOXELS_PER_BLOCK, n_voxels)) for start in range(0, n_voxels, VOXELS_PER_BLOCK)]


class Workers:
    """A pool of threads; `threads` defaults to the processors this process may use (or NUMBA_NUM_THREADS)."""

    def __init__(self, threads: int | None = None) -> None:
        self.threads = threads or default_threads()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="sdm_core")

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def each(self, task: Callable[[Item], object], items: Iterable[Item], tick: Tick) -> None:
        """Run a task for every item; `tick` hears the share done after each and at least every second.

        What a task or `tick` raises ends the work: tasks not yet begun are dropped.
        """
        futures = [self._pool.submit(task, item) for item in items]
        waiting = set(futures)
        try:
            while waiting:
                done, waiting = wait(waiting, SECONDS_BETWEEN_TICKS, FIRST_COMPLETED)
                for future in done:
                    future.result()
                tick(1 - len(waiting) / len(futures))
        finally:
            for future in waiting:
                future.cancel()
            wait(waiting)
