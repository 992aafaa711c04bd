"""What a worker asks of the numeric core: the pooled maps, blocks of permutations, and the conclusion.

Only workers import this module: it brings the compiler, which a web process does without. Every stage starts from the
frozen question alone. The large arrays that blocks need are made on each machine and kept in a cache on its own disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

import sdm_core
from meta_app.analyses.engine import INPUTS, Question, core_specification, notices_of, prepared_tables
from meta_app.common.domain import canonical_json
from meta_app.common.exceptions import UserError
from sdm_core.errors import InputError, Stopped
from sdm_core.inference import NullMaxima
from sdm_core.io import (
    Prepared,
    PreparedCache,
    maxima_from_bytes,
    maxima_to_bytes,
    write_result,
    write_sdm_folder,
)
from sdm_core.pipeline.permutations import PermutationTest, assignments_of, blocks_parts, gathered
from sdm_core.pipeline.prepared import key_of, prepared_parts
from sdm_core.pipeline.progress import Reporter
from sdm_core.pipeline.run import Preview, conclude, opened, pooled_maps, prepare
from sdm_core.pipeline.stages import Analysis, Floats

__all__ = ["Begun", "Block", "Stopped", "check_key", "compute", "compute_block", "compute_conclusion"]

Report = Callable[[str, float], None]
ShouldStop = Callable[[], bool]
GIGABYTE = 1024**3


@dataclass(frozen=True)
class Begun:
    """The blocks of permutations that are left to be computed, and the key of what they depend on."""

    blocks: int
    key: str


@dataclass(frozen=True)
class Block:
    """What a block left, the key of what it depends on, and the sha256 of the arrays it was computed from."""

    maxima: bytes
    key: str
    prepared_sha256: str


@dataclass(frozen=True)
class Stage:
    """An analysis with everything its stages need."""

    analysis: Analysis
    reporter: Reporter
    prepared: Prepared

    @property
    def key(self) -> str:
        return key_of(blocks_parts(self.analysis))

    def preview(self) -> Preview:
        """The pooled maps, from the cache if they are there."""
        if not self.analysis.specification.permutations:
            return pooled_maps(self.analysis, self.reporter)
        return pooled_maps(self.analysis, self.reporter, self.prepared)

    def test(self) -> PermutationTest:
        return prepare(self.analysis, self.preview(), self.reporter, self.prepared)


def compute(question: Question, folder: Path, report: Report, should_stop: ShouldStop) -> Begun | None:
    """Write the pooled maps, tables and run.json into `folder`, and the tables analysed as an SDM folder.

    ``python -m sdm_core run FOLDER/inputs`` with the settings of run.json makes the same maps from it.

    Returns
    -------
    Begun or None
        What is left to do before the conclusion; None without permutations.

    Raises
    ------
    UserError
        If the rows cannot be analysed; `details["problems"]` names each place and its mend.
    Stopped
        If `should_stop` answered True; nothing was written.
    """
    _close()
    with _stage(question, report, should_stop) as stage:
        _write(question, stage, stage.preview(), folder)
        if not stage.analysis.specification.permutations:
            return None
        return Begun(assignments_of(stage.analysis).n_blocks, stage.key)


def compute_block(question: Question, number: int, should_stop: ShouldStop) -> Block:
    """The maxima of one block of permutations; UserError and Stopped as for `compute`."""
    stage, test = _open_test(question, should_stop)

    def tick(_: float) -> None:
        if should_stop():
            raise Stopped("The block was stopped before its end.")

    return Block(maxima_to_bytes(test.block(number, tick)), stage.key, stage.prepared.digest)


def compute_conclusion(
    question: Question, blocks: Sequence[bytes], key: str, folder: Path, report: Report, should_stop: ShouldStop
) -> None:
    """Write everything that `compute` writes and what the permutations add, from the maxima of all blocks in order.

    Raises
    ------
    UserError
        If the blocks were made from other inputs or by other software than is here now.
    Stopped
        If `should_stop` answered True; nothing was written.
    """
    _close()
    with _stage(question, report, should_stop) as stage:
        check_key(stage.key, key)
        maxima = gathered(assignments_of(stage.analysis), dict(enumerate(map(maxima_from_bytes, blocks))))
        preview, ranked = stage.preview(), None
        if stage.analysis.specification.permutation_algebra != "exact":
            ranked = stage.test().ranked(preview.pooled.z)
        _write(question, stage, preview, folder, maxima, ranked)


def check_key(own: str, wanted: str) -> None:
    """Raise UserError unless blocks of both keys belong together."""
    if own != wanted:
        raise UserError(
            "This worker has other software (sdm_core, numpy, scipy, numba or kind of processor) than the one that "
            "began the run, so its permutations could differ. Install the same version on every machine and retry; "
            "after an upgrade, launch the analysis anew."
        )


def _write(
    question: Question,
    stage: Stage,
    preview: Preview,
    folder: Path,
    maxima: NullMaxima | None = None,
    ranked: Floats | None = None,
) -> None:
    prepared, doubts = prepared_tables(question)
    result = conclude(stage.analysis, preview, stage.reporter, datetime.now(UTC), maxima=maxima, ranked=ranked)
    concord = {**question.provenance, "filters": question.specification["filters"], "preflight": doubts}
    write_result(replace(result, provenance={**result.provenance, "concord": concord}), folder)
    write_sdm_folder(folder / INPUTS, prepared.studies, prepared.peaks)


@contextmanager
def _stage(question: Question, report: Report, should_stop: ShouldStop) -> Iterator[Stage]:
    prepared, _ = prepared_tables(question)
    cache = PreparedCache(settings.PREPARED_DIR, settings.PREPARED_LIMIT_GB * GIGABYTE)
    specification = core_specification(question)
    # Blocks are counted, not timed: of the permutations only that there are some is a matter of this progress.
    reporter = Reporter(_forward(report), should_stop, min(specification.permutations, 1))
    try:
        with opened(prepared.studies, prepared.peaks, specification, reporter) as analysis:
            yield Stage(analysis, reporter, cache.of(key_of(prepared_parts(analysis)), should_stop))
    except InputError as error:
        problems = [notice.as_dict() for notice in notices_of(error)]
        raise UserError("The core refused the datasets.", {"problems": problems}) from error


def _forward(report: Report) -> Callable[[sdm_core.Progress], None]:
    def forward(progress: sdm_core.Progress) -> None:
        report(progress.message if progress.fraction < 1 else "Writing maps and tables", progress.fraction)

    return forward


_open: dict[str, tuple[ExitStack, Stage, PermutationTest]] = {}
"""The test of which this process last computed a block: to open one takes seconds, and blocks come in a row."""


def _open_test(question: Question, should_stop: ShouldStop) -> tuple[Stage, PermutationTest]:
    name = canonical_json([question.provenance, question.specification])
    if name not in _open:
        _close()
        with ExitStack() as stack:
            stage = stack.enter_context(_stage(question, lambda *_: None, should_stop))
            test = stage.test()
            _open[name] = stack.pop_all(), stage, test
    _, stage, test = _open[name]
    return stage, test


def _close() -> None:
    while _open:
        _, (stack, _, _) = _open.popitem()
        stack.close()
