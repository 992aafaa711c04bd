"""Which studies may have scanned the same people: told by numbers that are equal, never by a score alone."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any, Final, Literal

from meta_app.extraction.models import Cohort, Extraction, Group
from meta_app.library.domain import folded, read_authors

Strength = Literal["same", "perhaps", "copied"]
WORDS: Final[dict[str, str]] = {
    "same": "These look like the same people.",
    "perhaps": "Some of these may be the same people.",
    "copied": "The people differ, but these numbers are equal. Were they copied from one paper or row to the other?",
}
SPREADS: Final = (("age", "age", "years"), ("education", "education", "years"), ("duration", "duration", ""))
CLOSE: Final = 0.051
"""Means that differ by less are equal as printed with one decimal."""


@dataclass(frozen=True)
class Sample:
    """What an extraction says about whom a study scanned."""

    extraction: Extraction
    groups: tuple[Group, ...]
    authors: dict[str, str]
    places: dict[str, str]

    @property
    def study_id(self) -> int:
        return self.extraction.study_id

    @property
    def label(self) -> str:
        return self.extraction.study.label


@dataclass(frozen=True)
class Likeness:
    """Two studies, how alike they are, and what is equal, in words."""

    first: Sample
    second: Sample
    strength: Strength
    evidence: list[str]
    cohorts: tuple[int, int] | None

    @property
    def words(self) -> str:
        return WORDS[self.strength]

    @property
    def key(self) -> tuple[int, int]:
        return self.first.study_id, self.second.study_id


def sample_of(extraction: Extraction) -> Sample:
    """Reads what `selectors.whole_extractions` has fetched, and the reports of the study."""
    groups = tuple(group for cohort in extraction.cohorts.all() for group in cohort.groups.all())
    names = [author for report in extraction.study.reports.all() for author in read_authors(report.authors)]
    scanners = {dataset.values.get("scanner") for dataset in extraction.datasets.all()}
    places = {
        "the scanner": " + ".join(sorted(filter(None, scanners))),
        "the site": extraction.values.get("site") or "",
        "the time of recruitment": extraction.values.get("recruited") or "",
    }
    authors = {folded(author.printed): author.printed for author in names}
    return Sample(extraction, groups, authors, {name: str(text) for name, text in places.items() if text})


def likenesses(samples: Iterable[Sample]) -> list[Likeness]:
    """The pairs that share a number or a place, strongest first; each pair has the older study first."""
    by_key: defaultdict[Any, list[Sample]] = defaultdict(list)
    for sample in samples:
        for key in set(_keys(sample)):
            by_key[key].append(sample)
    pairs = {}
    for alike in by_key.values():
        for one, other in combinations(sorted(alike, key=lambda sample: sample.study_id), 2):
            pairs.setdefault((one.study_id, other.study_id), (one, other))
    found = [likeness for one, other in pairs.values() if (likeness := compare(one, other)) is not None]
    order = list(WORDS)
    return sorted(found, key=lambda item: (order.index(item.strength), item.first.label, item.second.label))


def _keys(sample: Sample) -> Iterator[tuple[Any, ...]]:
    for group in sample.groups:
        for stem, _name, _unit in SPREADS:
            mean, sd = _spread(group, stem)
            if mean is not None and sd is not None:
                yield from product([stem], _tenths(mean), _tenths(sd))
    if "the site" in sample.places and "the time of recruitment" in sample.places:
        yield tuple(folded(sample.places[name]) for name in ("the site", "the time of recruitment"))


def _tenths(value: float) -> tuple[int, int]:
    """The tenths around a number: two numbers that are close share one of them."""
    return math.floor(value * 10), math.ceil(value * 10)


def _spread(group: Group, stem: str) -> tuple[float | None, float | None]:
    return getattr(group, f"{stem}_mean"), getattr(group, f"{stem}_sd")


def compare(first: Sample, second: Sample) -> Likeness | None:
    """What two studies have in common; None where it is no more than chance brings about."""
    equal = [found for one in first.groups for other in second.groups if (found := _equal_groups(one, other))]
    places = [
        f"Both name {name}: {text}."
        for name, text in first.places.items()
        if folded(second.places.get(name, "")) == folded(text)
    ]
    common = [printed for key, printed in first.authors.items() if key in second.authors]
    authors = [f"Common author{'s' if len(common) > 1 else ''}: {', '.join(common[:6])}."] if common else []
    strength = _strength(equal, len(places), bool(common))
    if strength is None:
        return None
    shown = [found for found in equal if found.strength == strength] or equal
    best = max(shown, key=lambda found: found.weight) if shown else None
    return Likeness(
        first,
        second,
        strength,
        [found.sentence for found in shown] + ([] if strength == "copied" else places) + authors,
        (best.one.cohort_id, best.other.cohort_id) if best else None,
    )


@dataclass(frozen=True)
class _Equal:
    one: Group
    other: Group
    spreads: tuple[str, ...]
    size: bool
    sentence: str

    @property
    def weight(self) -> int:
        return 3 * ("age" in self.spreads) + len(self.spreads) + 2 * self.size

    @property
    def strength(self) -> Strength:
        if self.size and "age" in self.spreads:
            return "same"
        return "perhaps" if self.size and self.spreads else "copied"


def _equal_groups(one: Group, other: Group) -> _Equal | None:
    """Groups of one kind with the same size and a spread, or of any kinds with a spread that chance rarely repeats."""
    spreads = tuple(stem for stem, _name, _unit in SPREADS if _same_spread(one, other, stem))
    women = (one.n_female, other.n_female)
    size = one.kind == other.kind and one.n is not None and one.n == other.n and (None in women or len({*women}) == 1)
    particular = any(_is_particular(one, stem) for stem in spreads)
    if not spreads or not (size or particular):
        return None
    return _Equal(one, other, spreads, size, _sentence(one, other, spreads, size))


def _same_spread(one: Group, other: Group, stem: str) -> bool:
    pairs = zip(_spread(one, stem), _spread(other, stem), strict=True)
    return all(a is not None and b is not None and abs(a - b) < CLOSE for a, b in pairs)


def _is_particular(group: Group, stem: str) -> bool:
    """Mean and SD with two decimals that are not round: 5.12 ± 6.17, but not 62 ± 8 or 60.5 ± 7.2."""
    return all(value is not None and abs(value * 10 - round(value * 10)) > 1e-9 for value in _spread(group, stem))


def _sentence(one: Group, other: Group, spreads: Sequence[str], size: bool) -> str:
    facts = []
    if size:
        women = f", {one.n_female} of them women" if one.n_female is not None and other.n_female is not None else ""
        facts.append(f"{one.n} people{women}")
    for stem, name, unit in SPREADS:
        if stem in spreads:
            mean, sd = _spread(one, stem)
            facts.append(f"{name} {mean:g} ± {sd:g} {unit or _duration_units(one, other)}".strip())
    names = str(one) if str(one) == str(other) else f"{one} and {other}"
    return f"{names}: {', '.join(facts)} in both."


def _duration_units(one: Group, other: Group) -> str:
    """The unit of both, or the two that the equal numbers are in."""
    told = dict.fromkeys(group.get_duration_unit_display() for group in (one, other) if group.duration_unit)
    return " and ".join(told)


def _strength(equal: Sequence[_Equal], places: int, common: bool) -> Strength | None:
    strengths = {found.strength for found in equal}
    if "same" in strengths:
        return "same"
    if "perhaps" in strengths or (places >= 2 and common) or places == 3:
        return "perhaps"
    return "copied" if strengths else None


def cohort_of(sample: Sample, cohort_id: int) -> Cohort | None:
    return next((cohort for cohort in sample.extraction.cohorts.all() if cohort.pk == cohort_id), None)
