"""A checklist of weighted items in plain Python: its shape, what must hold, and what points mean."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

from meta_app.common.words import counted

STEP: Final = 0.5
CATEGORIES: Final = {"sample": "Sample", "imaging": "Imaging methods and reporting"}
CATEGORY_POINTS: Final = 10.0
"""What the items of each category must sum to."""
LONGEST_ANCHOR: Final = 600
RESTING, VBM = "resting_fmri", "vbm"


@dataclass(frozen=True)
class Wording:
    """What an item asks, and what earns all, half and none of its points."""

    title: str
    full: str
    half: str
    zero: str


@dataclass(frozen=True)
class Item:
    """`vbm` is the wording for studies of gray matter volume, where the other one asks for the resting state."""

    key: str
    category: str
    points: float
    wording: Wording
    vbm: Wording | None = None

    @property
    def steps(self) -> tuple[float, ...]:
        return tuple(STEP * k for k in range(round(self.points / STEP) + 1))

    def wordings(self, modalities: Iterable[str]) -> list[tuple[str, Wording]]:
        """(for which studies, wording): the one that fits a study of these modalities, or both where that is open."""
        known = set(modalities)
        if self.vbm is None or known == {RESTING}:
            return [("", self.wording)]
        return [("", self.vbm)] if known == {VBM} else [("Resting state", self.wording), ("VBM", self.vbm)]

    def anchor(self, points: float) -> Literal["full", "half", "zero", ""]:
        if points in (0, self.points):
            return "full" if points else "zero"
        return "half" if points * 2 == self.points else ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def parse_items(raw: Iterable[Mapping[str, Any]]) -> tuple[Item, ...]:
    """Items as stored in `Instrument.items`."""
    return tuple(
        Item(
            key=str(item["key"]),
            category=str(item["category"]),
            points=float(item["points"]),
            wording=Wording(**item["wording"]),
            vbm=Wording(**item["vbm"]) if item.get("vbm") else None,
        )
        for item in raw
    )


def sums(items: Iterable[Item]) -> dict[str, float]:
    """Points of each category."""
    total = dict.fromkeys(CATEGORIES, 0.0)
    for item in items:
        total[item.category] = total.get(item.category, 0.0) + item.points
    return total


def highest_total(items: Iterable[Item]) -> float:
    return sum(item.points for item in items)


def instrument_problems(items: Sequence[Item], used: Iterable[str] = ()) -> dict[str, str]:
    """What is wrong with a checklist, by item and field (`key:field`) or by category.

    Parameters
    ----------
    used : iterable of str
        Keys of items that reviewers have scored: those stay, so that no points are lost.
    """
    problems: dict[str, str] = {}
    for item in items:
        problems |= {f"{item.key}:{field}": text for field, text in _item_problems(item).items()}
    for category, points in sums(items).items():
        if points != CATEGORY_POINTS:
            problems[category] = (
                f"The items of “{CATEGORIES[category]}” sum to {counted(points, 'point')}; they must sum to "
                f"{shown(CATEGORY_POINTS)}."
            )
    for key in sorted(set(used) - {item.key for item in items}):
        problems[key] = "This item has been scored, so it stays. Change its words or its points instead."
    return problems


def _item_problems(item: Item) -> dict[str, str]:
    problems = {}
    if not 0 < item.points <= CATEGORY_POINTS or item.points % STEP:
        problems["points"] = (
            f"{counted(item.points, 'point')}: use steps of {STEP}, from {STEP} to {shown(CATEGORY_POINTS)}."
        )
    if not item.wording.title.strip():
        problems["title"] = "An item needs its question."
    for field, text in asdict(item.wording).items():
        if len(text) > LONGEST_ANCHOR:
            problems[field] = f"Shorten this to {LONGEST_ANCHOR} characters."
    return problems


def shown(points: float) -> str:
    """Points as people write them: 16, 15.5."""
    return f"{points:g}"


def unscored(items: Iterable[Item], points: Mapping[str, float | None]) -> list[Item]:
    return [item for item in items if points.get(item.key) is None]


def moved_points(items: Iterable[Item], points: Mapping[str, float | None]) -> dict[str, float | None]:
    """Points of a draft under a newer version of its checklist: kept where they still fit, else to be scored again."""
    kept = {item.key: points.get(item.key) for item in items}
    return {item.key: kept[item.key] if kept[item.key] in item.steps else None for item in items}


def instrument_changes(before: Sequence[Item], after: Sequence[Item]) -> list[str]:
    """What a new version changes, in sentences."""
    old, new = {item.key: item for item in before}, {item.key: item for item in after}
    sentences = [f"Removed: {old[key].wording.title}." for key in old if key not in new]
    for key, item in new.items():
        if key not in old:
            sentences.append(f"New: {item.wording.title} ({counted(item.points, 'point')}).")
        elif item != old[key]:
            sentences.append(_change(old[key], item))
    return sentences


def _change(old: Item, new: Item) -> str:
    parts = []
    if old.points != new.points:
        parts.append(f"{counted(old.points, 'point')} became {shown(new.points)}")
    if replace(old, points=new.points) != new:
        parts.append("its words changed")
    return f"{new.wording.title}: {' and '.join(parts)}."


def exclusion_reason(total: float, cutoff: float) -> str:
    """Why a study is left out; empty where its total reaches the cut-off."""
    return f"quality score {shown(total)} below {shown(cutoff)}" if total < cutoff else ""


TRIED_CUTOFFS: Final = (14.0, 15.0, 16.0, 17.0, 18.0)


@dataclass(frozen=True)
class Tried:
    """What a cut-off would include; `change` says what differs from the one in use."""

    cutoff: float
    included: int
    excluded: tuple[str, ...]
    in_use: bool
    change: str


def sensitivity(totals: Mapping[str, float], cutoff: float) -> list[Tried]:
    """The included set of studies under cut-offs 14 to 18 and the one in use."""
    now = {label for label, total in totals.items() if total < cutoff}
    tried = []
    for value in sorted({*TRIED_CUTOFFS, cutoff}):
        out = {label for label, total in totals.items() if total < value}
        parts = []
        if now - out:
            parts.append(f"brings back {', '.join(sorted(now - out))}")
        if out - now:
            parts.append(f"also excludes {', '.join(sorted(out - now))}")
        change = "; ".join(parts) or ("in use" if value == cutoff else "the same studies")
        tried.append(Tried(value, len(totals) - len(out), tuple(sorted(out)), value == cutoff, change))
    return tried
