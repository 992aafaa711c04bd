"""What may be wrong with a whole extraction: its label, its people and, dataset by dataset, what `checks` says.

Only what cannot be is an error. The rest are questions to the reviewer, who may know better.
"""

import hashlib
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from meta_app.extraction import checks
from meta_app.extraction.domain import Problem
from meta_app.extraction.form_checks import Asked, form_problems
from meta_app.extraction.models import Cohort, Dataset, Extraction, Group
from meta_app.extraction.rule_checks import in_months, project_rules, verdicts
from meta_app.extraction.selectors import whole_extractions
from meta_app.library.domain import label_question


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
    found += _study_problems(whole)
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


def _study_problems(extraction: Extraction) -> Iterable[Found]:
    study = extraction.study
    for report in study.reports.all():
        if question := label_question(study.label, report.authors):
            mend = "Name the study after the first author’s family name, or leave it if the report says so."
            yield Found(_warning(study.label, question, mend, "label"))
    for verdict in verdicts(extraction, project_rules(study.project_id)):
        if verdict.stands:
            message = f"The protocol asks: {verdict.rule.sentence}. Found: {'; '.join(verdict.told)}."
            mend = "Check the value; or say among the criteria why the study is taken all the same."
            yield Found(_warning(study.label, message, mend))
    for dataset in extraction.datasets.all():
        low, high = dataset.values.get("band_low"), dataset.values.get("band_high")
        if low is not None and high is not None and low >= high:
            message = f"The frequency band goes from {low:g} to {high:g} Hz."
            problem = _error(dataset.label, message, "Exchange or correct the two ends.", "band_low")
            yield Found(problem, dataset=dataset)


def _cohort_problems(cohort: Cohort) -> Iterable[Found]:
    groups = list(cohort.groups.all())
    if not groups:
        mend = "Add the people who were analysed, or delete the cohort."
        yield Found(_error(cohort.label, "This cohort has no group.", mend), cohort=cohort)
    for group in groups:
        yield from (Found(problem, group=group) for problem in _group_problems(group, f"{cohort.label}, {group}"))
    for guard in COHORT_GUARDS:
        for group, field, message, mend in guard(groups):
            yield Found(_warning(f"{cohort.label}, {group}", message, mend, field), group=group)


def _group_problems(group: Group, place: str) -> Iterable[Problem]:
    if group.n is not None and group.n_female is not None and group.n_female > group.n:
        message = f"{group.n_female} women of {group.n} people."
        yield _error(place, message, "Correct one of the two numbers.", "n_female")
    for guard in GROUP_GUARDS:
        for field, message, mend in guard(group):
            yield _warning(place, message, mend, field)


# What is asked about one group: field, question, what to do

Question = tuple[str, str, str]
MEASURES: Final = (("age", "age", "years"), ("education", "education", "years"), ("duration", "the duration", ""))
"""Stem of the columns, name in a sentence, unit; the duration has a column for its unit."""
LIKELY: Final = {"age": (3.0, 4.0, 20.0), "education": (1.0, 1.5, 8.0)}
"""In years: an SD below the first looks small, and times the root of n it looks usual between the other two."""
LEAST_N_FOR_SE: Final = 8
USUAL_RATIO: Final = (0.35, 0.7, 4.0)
"""The same for durations, as parts of the mean: they are skewed, so their SD is rarely below a third of it."""
OLDEST, LONGEST_SCHOOLING = 110, 25
SKEWED: Final = "If the paper gives median and quartiles, enter those; otherwise nothing to do."
_PERCENT: Final = re.compile(r"(\d+(?:[.,](\d+))?)\s*[%％]")
_WHOLE: Final = re.compile(r"\b(?:all|total|whole|overall)\b|全部|全体|合计|总", re.IGNORECASE)


def _spread_questions(group: Group) -> Iterable[Question]:
    """SDs that may be standard errors, and SDs above their mean."""
    for stem, name, unit in MEASURES:
        mean, sd = getattr(group, f"{stem}_mean"), getattr(group, f"{stem}_sd")
        unit = unit or _duration_unit(group)
        if looks_like_standard_error(group.n, sd, mean, stem):
            real = f"{sd * math.sqrt(group.n):.1f} {unit}".strip()
            message = f"Is the SD of {name}, {sd:g} {unit}, a standard error? Times √{group.n} it is {real}."
            yield f"{stem}_sd", " ".join(message.split()), "Look for “SEM” or “SE” in the paper, and enter the SD."
        elif mean is not None and sd is not None and sd > mean > 0:
            message = f"The SD of {name} ({sd:g}) is above its mean ({mean:g}). Is it skewed?"
            yield (
                f"{stem}_sd",
                message,
                SKEWED,
            )


def looks_like_standard_error(n: int | None, sd: float | None, mean: float | None = None, stem: str = "age") -> bool:
    """A spread too small for people, that becomes a usual one when it is taken as that of the mean."""
    if n is None or n < LEAST_N_FOR_SE or not sd or sd < 0:
        return False
    if stem in LIKELY:
        small, least, most = LIKELY[stem]
        return sd < small and least <= sd * math.sqrt(n) <= most
    if not mean or mean < 0:
        return False
    small, least, most = USUAL_RATIO
    return sd / mean < small and least <= sd * math.sqrt(n) / mean <= most


def _duration_unit(group: Group) -> str:
    stated = group.duration_unit and group.duration_unit != Group.DurationUnit.UNSTATED
    return group.get_duration_unit_display() if stated else ""


def _duration_questions(group: Group) -> Iterable[Question]:
    if group.duration_unit == Group.DurationUnit.UNSTATED:
        mend = "Look in the text and tables of the report for its unit."
        yield "duration_unit", "The unit of the duration is not stated. Is it days, weeks, months or years?", mend
    years = in_months(group.duration_mean, group.duration_unit)
    if years is not None and group.age_mean is not None and years / 12 > group.age_mean:
        message = f"An illness of {group.duration_mean:g} {_duration_unit(group)} at {group.age_mean:g} years of age?"
        yield "duration_unit", message, "Check the number and its unit."


def _people_questions(group: Group) -> Iterable[Question]:
    reported = str(group.sources.get("n_female", {}).get("reported", ""))
    if (percent := _PERCENT.search(reported)) and group.n:
        value, decimals = float(percent[1].replace(",", ".")), len(percent[2] or "")
        if value > 100 or not percentage_fits(value, group.n, decimals):
            message = f"No number of women of {group.n} people is {percent[1]} %."
            yield "n_female", message, "Check n: were people excluded after this percentage was computed?"
    for stem, most in (("age", OLDEST), ("education", LONGEST_SCHOOLING)):
        mean = getattr(group, f"{stem}_mean")
        if mean is not None and mean > most:
            yield f"{stem}_mean", f"Is {mean:g} years the mean {stem}?", "Check the decimal point and the unit."


def percentage_fits(percent: float, n: int, decimals: int = 0) -> bool:
    """Whether some whole number of n people is this percentage, as rounded."""
    nearest = round(percent * n / 100)
    tolerance = 0.5 * 10**-decimals + 1e-9
    return any(0 <= k <= n and abs(100 * k / n - percent) <= tolerance for k in (nearest - 1, nearest, nearest + 1))


def _scale_questions(group: Group) -> Iterable[Question]:
    for scale in group.values.get("scales") or ():
        mean, sd, lowest, highest = (scale.get(key) for key in ("mean", "sd", "lowest", "highest"))
        name = scale.get("name") or "The scale"
        if mean is not None and highest is not None and mean > highest:
            message = f"{name} has a mean of {mean:g}, above its highest value, {highest:g}. Is it scored 0 to 100?"
            yield "scales", message, "Correct the mean or the ends of the scale."
        elif mean is not None and lowest is not None and mean < lowest:
            message = f"{name} has a mean of {mean:g}, below its lowest value, {lowest:g}. Is it a change?"
            yield "scales", message, "Enter the values before and after, not their difference."
        if mean is not None and sd is not None and sd > mean > 0:
            message = f"The SD of {name} ({sd:g}) is above its mean ({mean:g}). Is it skewed?"
            yield "scales", message, SKEWED


GROUP_GUARDS: Final = (_people_questions, _spread_questions, _duration_questions, _scale_questions)


# What is asked about the groups of a cohort beside each other: group, field, question, what to do

QuestionOf = tuple[Group, str, str, str]
FEW: Final = 0.5
"""A group below this part of the next smaller one is asked about."""


def _size_questions(groups: list[Group]) -> Iterable[QuestionOf]:
    sized = [group for group in groups if group.n]
    for group in sized:
        before = next((other for other in sized if other.kind == Group.Kind.PATIENTS), None)
        others = [other.n for other in sized if other is not group and other.kind != group.kind]
        if group.kind == Group.Kind.AFTER and before is not None and group.n > before.n:
            message = f"{group.n} people after treatment, but {before.n} before. Is one of the numbers wrong?"
            yield group, "n", message, "Nobody can be added after treatment; check both numbers."
        elif len(others) >= 1 and group.n < FEW * min(others):
            message = f"{group.n} people, fewer than half of every other group ({min(others)} or more). Is that right?"
            yield group, "n", message, "Nothing to do if this is what the paper says."


def _total_questions(groups: list[Group]) -> Iterable[QuestionOf]:
    """A whole whose parts, of the same kind, do not add up to it."""
    for whole in groups:
        parts = [other for other in groups if other is not whole and other.kind == whole.kind]
        if not _WHOLE.search(whole.label) or len(parts) < 2:
            continue
        for field, unit in (("n", "people"), ("n_female", "women")):
            told, values = getattr(whole, field), [getattr(part, field) for part in parts]
            if told is not None and None not in values and sum(values) != told:
                message = f"The parts have {sum(values)} {unit}, the whole {told}."
                yield whole, field, message, "Check which number was analysed, or whether a part is missing."


def _treatment_questions(groups: list[Group]) -> Iterable[QuestionOf]:
    """A scale that rises after treatment: before and after may be exchanged."""
    befores = [group for group in groups if group.kind == Group.Kind.PATIENTS]
    for group in groups:
        for name, (before, after) in _before_and_after(group, befores).items():
            if before is not None and after is not None and after > before:
                message = f"{name} rises from {before:g} before to {after:g} after treatment. Are they exchanged?"
                yield group, "scales", message, "Nothing to do if more is better on this scale, or people got worse."


def _before_and_after(group: Group, befores: list[Group]) -> dict[str, tuple[float | None, float | None]]:
    own = _scale_means(group)
    if group.kind == Group.Kind.AFTER:
        first = _scale_means(befores[0]) if befores else {}
        return {
            name: (_first(first.get(name, {}), "before", ""), _first(told, "after", "")) for name, told in own.items()
        }
    return {name: (told.get("before"), told.get("after")) for name, told in own.items()}


def _first(told: dict[str, float], *whens: str) -> float | None:
    return next((told[when] for when in whens if when in told), None)


def _scale_means(group: Group) -> dict[str, dict[str, float]]:
    """Mean of each scale by when it was taken: "before", "after" or, where that is not told, ""."""
    means: dict[str, dict[str, float]] = {}
    for scale in group.values.get("scales") or ():
        if scale.get("mean") is not None:
            when = str(scale.get("when") or "").lower()
            moment = "after" if _AFTER.search(when) else "before" if _BEFORE.search(when) else ""
            means.setdefault(str(scale.get("name") or "The scale"), {}).setdefault(moment, scale["mean"])
    return means


_BEFORE: Final = re.compile(r"\b(?:before|pre|baseline)|治疗前|术前|基线")
_AFTER: Final = re.compile(r"\b(?:after|post|follow)|治疗后|术后|随访")

COHORT_GUARDS: Final = (_size_questions, _total_questions, _treatment_questions)


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
