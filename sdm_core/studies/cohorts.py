"""Which datasets share people, and what to do about it.

A column ``cohort`` of the study table names the sample of people that a dataset measured; empty cells are samples of
their own.  Datasets of one cohort are not independent, which a meta-analysis takes them to be.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sdm_core.errors import Problem
from sdm_core.studies.peaks import PeakTable
from sdm_core.studies.selection import take_studies
from sdm_core.studies.table import StudyTable

COLUMN: Final = "cohort"
KEEP_ALL, KEEP_ONE, AVERAGE = "keep_all", "keep_one", "average"
HANDLINGS: Final = (KEEP_ALL, KEEP_ONE, AVERAGE)


def cohort_names(studies: StudyTable) -> tuple[str, ...]:
    """The cohort of each study, "" where none is given."""
    if COLUMN in studies.labels:
        return studies.labels[COLUMN]
    numbers = studies.covariates.get(COLUMN, np.full(len(studies), np.nan))
    return tuple("" if np.isnan(number) else f"{number:g}" for number in numbers.tolist())


def members_of(studies: StudyTable) -> dict[str, list[int]]:
    """Places of the studies of each cohort, by its name; a study without a cohort is one by its own name.

    Keys are in the order of their first study.
    """
    members: dict[tuple[bool, str], list[int]] = {}
    for i, (cohort, study) in enumerate(zip(cohort_names(studies), studies.names, strict=True)):
        members.setdefault((bool(cohort), cohort or study), []).append(i)
    named = {name for given, name in members if given}
    return {name if given or name not in named else f"{name} (dataset)": own for (given, name), own in members.items()}


def shared_cohorts(studies: StudyTable) -> dict[str, list[str]]:
    """Names of the studies of every cohort that more than one study has."""
    return {name: [studies.names[i] for i in own] for name, own in members_of(studies).items() if len(own) > 1}


def cohort_warnings(studies: StudyTable, handling: str) -> list[Problem]:
    """One warning for each cohort that several studies share; `handling` is one of HANDLINGS."""
    return [
        Problem(
            f"cohort {name}",
            f"is shared by {', '.join(studies.names[i] for i in own)}",
            _what_is_done(studies, own, handling),
            level="warning",
            field=COLUMN,
        )
        for name, own in members_of(studies).items()
        if len(own) > 1
    ]


def _what_is_done(studies: StudyTable, own: list[int], handling: str) -> str:
    if handling == KEEP_ONE:
        return f"Only {studies.names[largest_of(studies, own)]} is analysed."
    return "Their mean is analysed." if handling == AVERAGE else "All of them are analysed as if independent."


def largest_of(studies: StudyTable, own: list[int]) -> int:
    """Of some studies, the place of the one with the most people; of several, the first."""
    return max(own, key=lambda i: (studies.n1[i] + studies.n2[i], -i))


def keep_largest(studies: StudyTable, peaks: PeakTable) -> tuple[StudyTable, PeakTable]:
    """One study of each cohort, and their peaks: the one with the most people; of several, the first."""
    kept = np.zeros(len(studies), dtype=bool)
    kept[[largest_of(studies, own) for own in members_of(studies).values()]] = True
    return take_studies(studies, peaks, kept)


def averages(studies: StudyTable) -> npt.NDArray[np.float64]:
    """Weights that average the studies of each cohort, shape (n_cohorts, n_studies); rows sum to 1."""
    members = members_of(studies)
    weights = np.zeros((len(members), len(studies)))
    for row, own in zip(weights, members.values(), strict=True):
        row[own] = 1 / len(own)
    return weights


def cohort_counts(studies: StudyTable) -> dict[str, Any]:
    """Numbers with their units: datasets, cohorts, and people, those of a cohort counted once (its largest dataset)."""
    people, members = studies.n1 + studies.n2, members_of(studies)
    designs = sorted(set(studies.design))
    return {
        "datasets": len(studies),
        "cohorts_counted": len(members),
        "cohorts": sorted(set(filter(None, cohort_names(studies)))),
        "people": int(sum(max(people[own]) for own in members.values())),
        "people_of_all_datasets": int(people.sum()),
        "designs": {design: studies.design.count(design) for design in designs},
        "shared_cohorts": shared_cohorts(studies),
    }
