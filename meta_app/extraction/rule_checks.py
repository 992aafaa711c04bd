"""The criteria of the protocol against what was extracted: met, not met, or not to be told from it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from meta_app.extraction.models import Dataset, Extraction, Group
from meta_app.library.domain import folded
from meta_app.projects.domain import FIELDS, Rule, rules_of
from meta_app.projects.models import Protocol

State = Literal["met", "not met", "cannot be told"]
DAYS_IN_MONTH: Final = 365.25 / 12
OVERRIDES: Final = "rule_overrides"
"""Key in `Extraction.values`: reasons of the reviewer, by the key of the rule."""
ILL: Final = (Group.Kind.PATIENTS, Group.Kind.OTHER_PATIENTS, Group.Kind.SAMPLE)


@dataclass(frozen=True)
class Found:
    """What one row says: where, in words, and whether it meets the rule (None: not reported)."""

    place: str
    words: str
    meets: bool | None


@dataclass(frozen=True)
class Verdict:
    """A rule and what was found; `override` is the reviewer's reason to go on in spite of it."""

    rule: Rule
    state: State
    told: list[str]
    override: str = ""

    @property
    def stands(self) -> bool:
        return self.state == "not met" and not self.override


def project_rules(project_id: int) -> list[Rule]:
    """The rules of the newest version of the protocol."""
    newest = Protocol.objects.filter(project=project_id).order_by("-version").values_list("eligibility", flat=True)
    return rules_of(newest.first() or [])


def verdicts(extraction: Extraction, rules: Iterable[Rule]) -> list[Verdict]:
    """One verdict for each rule, from an extraction with its rows and reports at hand."""
    reasons: Mapping[str, str] = extraction.values.get(OVERRIDES) or {}
    return [_verdict(rule, list(_evidence(extraction, rule)), reasons.get(rule.key, "")) for rule in rules]


def verdict_counts(found: Sequence[Verdict]) -> dict[str, int]:
    """How many rules are met, not met (with a reason all the same), and not to be told."""
    states = Counter(verdict.state for verdict in found)
    return {
        "met": states["met"],
        "not_met": states["not met"],
        "unknown": states["cannot be told"],
        "overridden": sum(bool(verdict.override) and verdict.state == "not met" for verdict in found),
    }


def _verdict(rule: Rule, found: Sequence[Found], override: str) -> Verdict:
    against = [item for item in found if item.meets is False]
    unknown = [item for item in found if item.meets is None]
    state: State = "not met" if against else "cannot be told" if unknown or not found else "met"
    shown = against or unknown or found
    told = list(dict.fromkeys(f"{item.place}: {item.words}" for item in shown)) or ["nothing is entered yet"]
    return Verdict(rule, state, told, override)


def _evidence(extraction: Extraction, rule: Rule) -> Iterator[Found]:
    level = FIELDS[rule.field].level
    if level == "group":
        for cohort in extraction.cohorts.all():
            for group in cohort.groups.all():
                yield from _of_group(group, rule)
    elif level == "dataset":
        for dataset in extraction.datasets.all():
            yield from _of_dataset(dataset, rule)
    elif rule.field == "language":
        for report in extraction.study.reports.all():
            yield _one_of("the report", report.language, rule)
    else:
        stated = extraction.values.get(rule.field)
        yield Found("the study", str(stated) if stated else "not stated", bool(stated))


def _of_group(group: Group, rule: Rule) -> Iterator[Found]:
    """People after treatment are the same people: their age is that before. Only the ill have a duration."""
    place = str(group)
    if rule.field == "n":
        yield _number(place, group.n, rule)
    elif rule.field == "age_mean" and group.kind != Group.Kind.AFTER:
        yield _number(place, group.age_mean, rule)
    elif rule.field == "duration" and group.kind in ILL:
        yield _duration(place, group, rule)


def _of_dataset(dataset: Dataset, rule: Rule) -> Iterator[Found]:
    place = dataset.label
    if rule.field == "band":
        if dataset.modality == Dataset.Modality.RESTING:
            yield _band(place, dataset.values.get("band_low"), dataset.values.get("band_high"), rule)
    elif rule.field == "whole_brain":
        searched = dataset.values.get("whole_brain")
        words = "not stated" if searched is None else "yes" if searched else "no"
        yield Found(place, words, None if searched is None else searched == rule.wanted)
    elif rule.field == "metric":
        yield _one_of(place, dataset.metric, rule)
    elif rule.field == "space":
        unknown = dataset.space == Dataset.Space.UNKNOWN
        yield _one_of(place, "" if unknown else dataset.get_space_display(), rule)
    else:
        value = dataset.fwhm_mm if rule.field == "fwhm_mm" else dataset.values.get(rule.field)
        yield _number(place, value, rule)


def _number(place: str, value: float | None, rule: Rule) -> Found:
    if value is None:
        return Found(place, "not reported", None)
    return Found(place, f"{value:g} {rule.unit}", _holds(value, rule.operator, rule.number))


def _duration(place: str, group: Group, rule: Rule) -> Found:
    value, wanted = in_months(group.duration_mean, group.duration_unit), in_months(rule.number, rule.unit)
    if group.duration_mean is None:
        return Found(place, "not reported", None)
    if value is None or wanted is None:
        return Found(place, f"{group.duration_mean:g}, unit not stated", None)
    words = f"{group.duration_mean:g} {group.get_duration_unit_display()}"
    return Found(place, words, _holds(value, rule.operator, wanted))


def in_months(value: float | None, unit: str) -> float | None:
    """A duration in months; None where its unit is not stated."""
    days = {"days": 1.0, "weeks": 7.0, "months": DAYS_IN_MONTH, "years": 12 * DAYS_IN_MONTH}.get(unit)
    return None if value is None or days is None else value * days / DAYS_IN_MONTH


def _holds(value: float, operator: str, wanted: float) -> bool:
    near = abs(value - wanted) < 1e-9
    return {">=": value > wanted or near, ">": value > wanted and not near, "<=": value < wanted or near}.get(
        operator, value < wanted and not near
    )


def _band(place: str, low: Any, high: Any, rule: Rule) -> Found:
    if low is None or high is None:
        return Found(place, "not reported", None)
    least, most = rule.band
    within = low >= least - 1e-9 and high <= most + 1e-9
    same = abs(low - least) < 1e-9 and abs(high - most) < 1e-9
    return Found(place, f"{low:g} to {high:g} Hz", within if rule.operator == "within" else same)


def _one_of(place: str, text: str, rule: Rule) -> Found:
    if not text:
        return Found(place, "not stated", None)
    return Found(place, text, folded(text) in {folded(word) for word in rule.choices})
