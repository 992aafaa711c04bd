"""How far a run is, for the caller; and the caller's wish to stop it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sdm_core.errors import Stopped

# Share of the whole that each stage takes for fifty studies, and what it is called.
STAGES = {
    "compile": (0.01, "Compiling the kernels (first run only)"),
    "bounds": (0.09, "Bounds of the effects from peaks and thresholds"),
    "likelihood": (0.38, "Most likely effects"),
    "imputation": (0.50, "Imputing and pooling"),
    "clusters": (0.02, "Clusters"),
}
SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True)
class Progress:
    """Where a run is: the stage's key, the share of the whole run done (0 to 1), and words for a person."""

    stage: str
    fraction: float
    message: str


class Reporter:
    """Keeps the time of every stage, tells of progress now and then, and raises Stopped when asked to."""

    def __init__(self, progress: Callable[[Progress], None] | None, should_stop: Callable[[], bool] | None) -> None:
        self._progress, self._should_stop = progress, should_stop
        self._stage, self._last = "compile", -float("inf")
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, *, announce: bool = True) -> Iterator[None]:
        """Begin a stage; `announce` False keeps silent until it has taken a second."""
        self._stage, began = name, time.perf_counter()
        if announce:
            self.tick(0.0, at_once=True)
        yield
        self.seconds[name] = round(time.perf_counter() - began, 3)

    def tick(self, share: float, *, at_once: bool = False) -> None:
        """Share of the present stage done."""
        if self._should_stop is not None and self._should_stop():
            raise Stopped("The run was stopped before its end; nothing was written.")
        now = time.perf_counter()
        if self._progress is not None and (at_once or now - self._last >= SECONDS_BETWEEN_REPORTS):
            self._last = now
            before = sum(weight for weight, _ in list(STAGES.values())[: list(STAGES).index(self._stage)])
            weight, message = STAGES[self._stage]
            self._progress(Progress(self._stage, before + weight * share, message))

    def tick_if_slow(self, share: float) -> None:
        """As `tick`, but for work that is done in no time on most runs: silent when all is done."""
        if share < 1:
            self.tick(share)

    def finish(self) -> None:
        """Tell of the end."""
        if self._progress is not None:
            self._progress(Progress("clusters", 1.0, "Done"))
