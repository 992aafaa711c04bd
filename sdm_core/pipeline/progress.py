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
# Stages of the permutation test; seconds of fifty studies' thousand permutations against those of all stages above.
PERMUTATION_STAGES = {
    "subjects": (0.2, "Imputing subject images"),
    "permutations": (0.01, "Permutations"),
}
SECONDS_BETWEEN_REPORTS = 0.2


@dataclass(frozen=True)
class Progress:
    """Where a run is: the stage's key, the share of the whole run done (0 to 1), and words for a person."""

    stage: str
    fraction: float
    message: str


def stages(permutations: int) -> dict[str, tuple[float, str]]:
    """Every stage's share of the whole and its words, in order; the longer the test, the less the others."""
    if not permutations:
        return STAGES
    (subjects, drawing), (each, permuting) = PERMUTATION_STAGES.values()
    added = {"subjects": (subjects, drawing), "permutations": (each * permutations, permuting)}
    *before, last = STAGES.items()
    whole = 1 + sum(weight for weight, _ in added.values())
    ordered = dict([*before, *added.items(), last])
    return {name: (weight / whole, words) for name, (weight, words) in ordered.items()}


class Reporter:
    """Keeps the time of every stage, tells of progress now and then, and raises Stopped when asked to."""

    def __init__(
        self,
        progress: Callable[[Progress], None] | None,
        should_stop: Callable[[], bool] | None,
        permutations: int = 0,
    ) -> None:
        self._progress, self._should_stop = progress, should_stop
        self._stages = stages(permutations)
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
            weights = list(self._stages.values())
            before = sum(weight for weight, _ in weights[: list(self._stages).index(self._stage)])
            weight, message = self._stages[self._stage]
            self._progress(Progress(self._stage, before + weight * share, message))

    def tick_if_slow(self, share: float) -> None:
        """As `tick`, but for work that is done in no time on most runs: silent when all is done."""
        if share < 1:
            self.tick(share)

    def finish(self) -> None:
        """Tell of the end."""
        if self._progress is not None:
            self._progress(Progress("clusters", 1.0, "Done"))
