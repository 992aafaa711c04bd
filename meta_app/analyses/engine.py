"""The only door from here to the numeric core.

An agreed dataset comes in as rows; what a paper printed (z, p, r or F, a sign alone) becomes t; the core checks,
computes and writes. Nothing of the core's own types leaves this module but numbers, texts and files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import sdm_core
from meta_app.analyses.domain import (
    Estimate,
    Filters,
    Included,
    Model,
    Notice,
    Preflight,
    estimate_permutations,
    estimate_preview,
    filters_of,
    gathered,
    review,
    sign_only,
    specification_content,
    threshold_source,
    units_of,
)
from meta_app.common.exceptions import UserError
from meta_app.datasets.domain import WITHOUT_HEIGHT, DatasetRow, PeakRow, Snapshot, select
from sdm_core.effects import effective_thresholds, t_from_f, t_from_p, t_from_r, t_from_z
from sdm_core.effects.peak_statistics import sign_only_rules
from sdm_core.errors import InputError, Problem
from sdm_core.io import read_map as core_read_map
from sdm_core.resources import MEBIBYTE, resources_needed
from sdm_core.spaces import load_mask
from sdm_core.spaces.labels import label_at
from sdm_core.specification import AnalysisSpecification
from sdm_core.studies import PeakTable, StudyTable, parse_peaks, parse_studies

CORE_VERSION: str = sdm_core.__version__

__all__ = ["CORE_VERSION", "Question", "core_content", "inspect", "model_of", "preflight"]

_LOST_DF = {"one_sample": 1, "two_sample": 2, "correlation": 2}
_SIGNS = {1: "p", -1: "n"}
INPUTS = "inputs"
LONGEST_NAME = 56
"""Names become file names, which hold 255 bytes: characters of up to four, and an ending."""
_SETTINGS = {"estimator": "Between-study variance", "permutations": "Permutations", "fwe_p": "Corrected p"}
"""What the pages call the core's settings."""
_NOT_SAID_TWICE = frozenset({"t_thr"})
"""Fields whose missing values the pre-flight sums up itself."""


@dataclass(frozen=True)
class Question:
    """Everything an answer depends on, and what names it in the provenance."""

    snapshot: Snapshot
    specification: Mapping[str, Any]
    seed: int
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Prepared:
    """Tables for the core (None where a row has an error), and everything doubtful about the rows."""

    studies: StudyTable | None
    peaks: PeakTable | None
    included: tuple[Included, ...]
    notices: tuple[Notice, ...]


def core_content(filters: Filters, model: Model) -> dict[str, Any]:
    """The frozen question of a model that the core accepts.

    Raises
    ------
    UserError
        Naming each setting that the core refuses.
    """
    try:
        specification = _specification(model)
    except InputError as error:
        raise UserError("The settings cannot be used.", _by_field(error)) from error
    return specification_content(filters, specification.to_dict(), model.correction if model.permutations else "")


def _specification(model: Model) -> AnalysisSpecification:
    settings = asdict(model)
    del settings["correction"]
    return AnalysisSpecification(**settings)


def model_of(content: Mapping[str, Any]) -> Model:
    """The model settings of a frozen question; what an older one does not name is as the core had it then."""
    core = AnalysisSpecification.from_dict(content["core"])
    own = {"correction": content.get("report", {}).get("correction", Model.correction)}
    return Model(**{name: getattr(core, name) for name in asdict(Model()) if name not in own}, **own)


def _by_field(error: InputError) -> dict[str, list[str]]:
    details: dict[str, list[str]] = {}
    for problem in error.problems:
        details.setdefault(problem.field or problem.place, []).append(f"{problem.message} {problem.mend}".strip())
    return details


def preflight(snapshot: Snapshot, filters: Filters, model: Model) -> Preflight:
    """What a run would analyse, and every doubt about it, without computing."""
    rows = select(snapshot, filters)
    return inspect(rows, model)


def inspect(rows: Sequence[DatasetRow], model: Model) -> Preflight:
    prepared = prepare(rows, model.sign_peaks) if rows else Prepared(None, None, (), ())
    notices = (*review(prepared.included, model), *_refusals(model), *gathered(prepared.notices))
    return Preflight(units_of(prepared.included), prepared.included, notices, estimate(rows, model))


def estimate(rows: Sequence[DatasetRow], model: Model) -> Estimate:
    """Time, memory and disk of a run of these rows."""
    subjects = sum((row.n1 or 0) + (row.n2 or 0) for row in rows)
    voxels, test = load_mask(AnalysisSpecification().mask).size, model.permutations
    size = {"studies": len(rows), "subjects": subjects, "imputations": model.imputations}
    needed = resources_needed(**size, voxels=voxels, permutations=test)
    preview = estimate_preview(len(rows), model.imputations)
    permuting = estimate_permutations(len(rows), subjects, model.imputations, test, voxels)
    return Estimate(preview + permuting, needed.memory / MEBIBYTE, needed.disk / MEBIBYTE, preview)


def _refusals(model: Model) -> list[Notice]:
    """What the core says against the settings themselves."""
    try:
        _specification(model)
    except InputError as error:
        problems = [replace(problem, place=_SETTINGS.get(problem.field, problem.place)) for problem in error.problems]
        return _notices(problems, {})
    return []


def core_specification(question: Question) -> AnalysisSpecification:
    """All choices of a frozen question, its run's seed among them."""
    return AnalysisSpecification.from_dict({**question.specification["core"], "seed": question.seed})


def prepared_tables(question: Question) -> tuple[Prepared, list[dict[str, str]]]:
    """The frozen rows as tables of the core, and every doubt about them.

    Raises
    ------
    UserError
        If the rows cannot be analysed; `details["problems"]` names each place and its mend.
    """
    filters, model = filters_of(question.specification), model_of(question.specification)
    rows = select(question.snapshot, filters)
    prepared = prepare(rows, model.sign_peaks)
    doubts = [notice.as_dict() for notice in (*review(prepared.included, model), *prepared.notices)]
    if prepared.studies is None or prepared.peaks is None:
        errors = [doubt for doubt in doubts if doubt["level"] == "error"]
        raise UserError("The datasets cannot be analysed as they are.", {"problems": errors})
    return prepared, doubts


def notices_of(error: InputError) -> list[Notice]:
    """What the core refused, in words for a page."""
    return _notices(error.problems, {})


def prepare(rows: Sequence[DatasetRow], sign_peaks: str = "pool") -> Prepared:
    """Rows of an agreed dataset as the core's tables; problems are collected, none is raised."""
    names = core_names(row.key for row in rows)
    keys = {name: key for key, name in names.items()}
    studies, problems = parse_studies([_study_cells(row, names[row.key]) for row in rows])
    known = set(studies.names) if studies else set()
    cells, conversions = _peak_cells(rows, names, known)
    peaks = None
    if studies:
        peaks, more = parse_peaks(cells, studies)
        problems = [*problems, *more]
    problems = [problem for problem in (*problems, *conversions) if problem.field not in _NOT_SAID_TWICE]
    if any(problem.level == "error" for problem in problems):
        peaks = None
    thresholds, heights = _thresholds(studies, peaks), _heights(studies, peaks, sign_peaks)
    included = tuple(_included(row, thresholds.get(names[row.key]), heights.get(names[row.key], {})) for row in rows)
    return Prepared(studies if peaks is not None else None, peaks, included, tuple(_notices(problems, keys)))


def core_names(keys: Iterable[str]) -> dict[str, str]:
    """A name the core accepts (letters, digits, _ . -) for each key, no two alike."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        base = "".join(sign if sign.isalnum() or sign in "_.-" else "_" for sign in key.replace(" / ", "."))
        base = base[:LONGEST_NAME]
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}-{number}"
        taken.add(name)
        names[key] = name
    return names


def _study_cells(row: DatasetRow, name: str) -> dict[str, object]:
    return {
        "study": name,
        "design": row.design,
        "n1": row.n1,
        "n2": row.n2 if row.design == "two_sample" else None,
        "t_thr": row.t_threshold,
        "threshold": "" if row.threshold_kind == "unknown" else row.threshold_kind,
        "no_peaks": row.peaks_state == "no_peaks",
    }


def _peak_cells(
    rows: Sequence[DatasetRow], names: Mapping[str, str], known: set[str]
) -> tuple[list[dict[str, object]], list[Problem]]:
    """Peaks in MNI mm with a t or a sign; a statistic without a t is a problem of its own."""
    cells, problems = [], []
    for row in rows:
        if names[row.key] not in known:
            continue
        for number, peak in enumerate(row.peaks, start=1):
            place = f"{row.key}, peak {number}"
            try:
                statistic = _SIGNS[peak.sign] if row.peaks_state in WITHOUT_HEIGHT else _t_or_sign(peak, _df(row))
            except ValueError as error:
                mend = "Correct the statistic or its kind; choose a sign only if the paper gives no more."
                problems.append(Problem(place, f"{error}", mend, study=names[row.key], row=number, field="statistic"))
                statistic = _SIGNS[peak.sign]
            cells.append(
                {"study": names[row.key], "x": peak.x, "y": peak.y, "z": peak.z, "statistic": statistic, "place": place}
            )
    return cells, problems


def _df(row: DatasetRow) -> int:
    return (row.n1 or 0) + ((row.n2 or 0) if row.design == "two_sample" else 0) - _LOST_DF[row.design]


def _t_or_sign(peak: PeakRow, df: int) -> float | str:
    """The t of a peak, with the sign that the reviewer gave it; its sign alone where no statistic was reported.

    A p value of a peak is read as one-tailed, as the programs print it; from 0.5 on it contradicts its sign.
    """
    if peak.statistic is None or peak.statistic_kind == "none":
        return _SIGNS[peak.sign]
    conversions: dict[str, Callable[[float], Any]] = {
        "t": float,
        "z": lambda value: t_from_z(value, df),
        "p": lambda value: t_from_p(value, df),
        "r": lambda value: t_from_r(value, df),
        "F": t_from_f,
    }
    if peak.statistic_kind == "p" and peak.statistic >= 0.5:
        raise ValueError(f"p = {peak.statistic:g} is no one-tailed p of a peak: it lies below 0.5.")
    if peak.statistic_kind in ("t", "z", "r") and peak.statistic < 0 < peak.sign:
        raise ValueError(f"{peak.statistic_kind} = {peak.statistic:g} contradicts the positive sign.")
    t = peak.sign * abs(float(conversions[peak.statistic_kind](peak.statistic)))
    if not math.isfinite(t) or t == 0:
        raise ValueError(f"{peak.statistic_kind} = {peak.statistic:g} has no t value.")
    return t


def _thresholds(studies: StudyTable | None, peaks: PeakTable | None) -> dict[str, float]:
    if studies is None or peaks is None:
        return {}
    values, _ = effective_thresholds(studies, peaks)
    return {name: float(value) for name, value in zip(studies.names, values, strict=True)}


def _heights(studies: StudyTable | None, peaks: PeakTable | None, sign_peaks: str) -> dict[str, Counter[str]]:
    """What gives the sign-only peaks of each study their height, by the core's own rule."""
    if studies is None or peaks is None:
        return {}
    counts: dict[str, Counter[str]] = {name: Counter() for name in studies.names}
    for study, rule in zip(peaks.study_index, sign_only_rules(studies, peaks, sign_peaks), strict=True):
        if rule:
            counts[studies.names[study]][rule] += 1
    return counts


def _included(row: DatasetRow, threshold: float | None, heights: Mapping[str, int]) -> Included:
    taken = threshold if row.t_threshold is None else row.t_threshold
    return Included(row, taken, "" if taken is None else threshold_source(row), sign_only(row), heights)


def _notices(problems: Iterable[Problem], keys: Mapping[str, str]) -> list[Notice]:
    """Problems of the core in the words of the agreed dataset."""
    notices = []
    for problem in problems:
        place = problem.place
        if problem.study in keys:
            place = place.replace(f"study {problem.study}", keys[problem.study])
        text = f"{problem.message[:1].upper()}{problem.message[1:].rstrip('.')}."
        notices.append(Notice(problem.level, place, text, problem.mend))
    return notices


def read_map(path: Path) -> tuple[Any, Any]:
    """Values (float32) and affine (4, 4) of a map file; raises the core's InputError if it cannot be read."""
    return core_read_map(path)


def label_text(mm: Sequence[float]) -> str:
    """The anatomical name of an MNI coordinate in mm."""
    return label_at(mm).text
