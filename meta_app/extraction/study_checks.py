"""What may be wrong with a whole extraction: its groups and, dataset by dataset, what `checks` says of the peaks."""

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from meta_app.extraction import checks
from meta_app.extraction.domain import Problem
from meta_app.extraction.form_checks import Asked, form_problems
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.selectors import whole_extractions


@dataclass(frozen=True)
class Found:
    """A problem and the row it speaks of, so that the page can lead there."""

    problem: Problem
    cohort: Cohort | None = None
    dataset: Dataset | None = None
    group: Group | None = None

    @property
    def anchor(self) -> str:
        """The id, on the page of the study, of what the problem speaks of."""
        level, row = next(
            ((level, row) for level in ("group", "dataset", "cohort") if (row := getattr(self, level))), ("study", None)
        )
        name = f"{level}-{row.pk}" if row else level
        return f"{name}-{self.problem.field}" if self.problem.field and self.in_settings else name

    @property
    def blocks(self) -> bool:
        return self.problem.level != "warning"

    @property
    def in_settings(self) -> bool:
        """Mended among the answers rather than among the peaks."""
        return self.problem.row is None and self.problem.field != "peaks_state"


@dataclass(frozen=True)
class Alike:
    """The same sentence about several rows: told once, with the way to each."""

    problem: Problem
    found: list[Found]


def grouped(found: Iterable[Found]) -> list[Alike]:
    alike: dict[tuple[str, str, str], Alike] = {}
    for item in found:
        key = (item.problem.level, item.problem.message, item.problem.mend)
        alike.setdefault(key, Alike(item.problem, [])).found.append(item)
    return list(alike.values())


def extraction_problems(extraction: Extraction) -> list[Found]:
    """All problems, blocking ones first. Reads the extraction afresh, in one query for each kind of row."""
    whole = whole_extractions(Extraction.objects.filter(pk=extraction.pk)).get()
    found = [Found(item.problem, **_row_of(item)) for item in form_problems(whole)]
    found += [item for cohort in whole.cohorts.all() for item in _cohort_problems(cohort)]
    for dataset in whole.datasets.all():
        found += [Found(problem, dataset=dataset) for problem in checks.dataset_problems(dataset)]
    if not whole.datasets.all():
        found.append(
            Found(
                _error(whole.study.label, "There is no dataset yet.", "Add each contrast in each metric as a dataset.")
            )
        )
    return sorted(found, key=lambda item: not item.blocks)


def _row_of(asked: Asked) -> dict[str, Any]:
    name = type(asked.row).__name__.lower()
    return {name: asked.row} if name != "extraction" else {}


def _cohort_problems(cohort: Cohort) -> Iterable[Found]:
    groups = list(cohort.groups.all())
    if not groups:
        mend = "Add the people who were analysed, or delete the cohort."
        yield Found(_error(cohort.label, "This cohort has no group.", mend), cohort=cohort)
    for group in groups:
        yield from (Found(problem, group=group) for problem in _group_problems(group, f"{cohort.label}, {group}"))


def _group_problems(group: Group, place: str) -> Iterable[Problem]:
    if group.n is not None and group.n_female is not None and group.n_female > group.n:
        message = f"{group.n_female} women of {group.n} people."
        yield _error(place, message, "Correct one of the two numbers.", "n_female")
    if looks_like_standard_error(group.n, group.age_sd):
        real = group.age_sd * math.sqrt(group.n)
        message = f"The SD of age, {group.age_sd:g}, looks like a standard error: times √{group.n} it is {real:.1f}."
        yield _warning(place, message, "Look for “SEM” in the paper, and enter the SD.", "age_sd")
    if group.duration_unit == Group.DurationUnit.UNSTATED:
        mend = "Look in the text and tables of the report for its unit."
        yield _warning(place, "The unit of the duration is not stated.", mend, "duration_unit")


def looks_like_standard_error(n: int | None, sd: float | None) -> bool:
    """A spread of age too small for adults, that becomes a usual one when it is taken as that of the mean (years)."""
    return n is not None and n >= 8 and sd is not None and 0 < sd < 3 and 4 <= sd * math.sqrt(n) <= 20


def _error(place: str, message: str, mend: str, field: str | None = None) -> Problem:
    return Problem("error", place, message, mend, field=field)


def _warning(place: str, message: str, mend: str, field: str | None = None) -> Problem:
    return Problem("warning", place, message, mend, field=field)


def problems_digest(found: Iterable[Found]) -> str:
    """Names a list of problems, so that a reviewer accepts what was read and nothing else."""
    lines = sorted(f"{item.problem.place}|{item.problem.row}|{item.problem.message}" for item in found)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def warning_ticks(found: Iterable[Found]) -> dict[str, Alike]:
    """The warnings that each need a tick, by the digest that the tick sends."""
    warnings = grouped(item for item in found if not item.blocks)
    return {problems_digest(alike.found): alike for alike in warnings}


def t_threshold(p_one_tailed: float, df: float) -> float:
    """The t that a one-tailed p stands for; ValueError when p is not between 0 and 0.5 or df below 1."""
    if not (math.isfinite(p_one_tailed) and 0 < p_one_tailed < 0.5):
        raise ValueError("p must lie between 0 and 0.5 (one-tailed: half of a two-tailed p).")
    if not df >= 1:
        raise ValueError("The degrees of freedom must be at least 1.")
    return checks.t_threshold_from_p(p_one_tailed, df)
