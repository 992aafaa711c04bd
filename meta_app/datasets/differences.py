"""How two frozen contents differ, in words: by study, dataset and field. Plain Python."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meta_app.common.domain import canonical_json
from meta_app.common.words import minus
from meta_app.datasets.domain import tidy
from meta_app.extraction.form_domain import BUILT_IN_FIELDS

FARTHEST_MOVE_MM = 20.0
"""A peak that is gone and one that came within this distance are one peak that moved."""
MOST_PEAKS_TOLD = 12
"""Of a dataset; beyond it peaks are counted."""
_WORDS: dict[tuple[str, str], str] = {
    **{(field.level, field.key): field.label for field in BUILT_IN_FIELDS},
    ("study", "year"): "Year",
    ("study", "reports"): "Reports",
    ("study", "note"): "Note",
    ("dataset", "group_a"): "Group A",
    ("dataset", "group_b"): "Group B",
    ("dataset", "cohort"): "Cohort",
}
_INSIDE = ("key", "cohorts", "groups", "datasets", "peaks", "values", "sources")
_OF_THE_PROCESS = ("extracted_by", "revision")
Item = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """One thing that differs: in which study, at which place of it, what, and from what to what.

    Something added has no `before`, something removed no `after`; `text` stands alone where there is nothing to set
    side by side.
    """

    study: str
    place: str
    what: str
    before: str = ""
    after: str = ""
    text: str = ""

    @property
    def sentence(self) -> str:
        where = ", ".join(part for part in (self.study, self.place) if part)
        if self.text:
            return f"{where}: {self.text}." if where else f"{self.text}."
        return f"{where}, {self.what}: {self.before or '(empty)'} became {self.after or '(empty)'}."


def compare_contents(before: Item, after: Item) -> list[Change]:
    """What changed from one content to another; of contents in two formats what both can tell."""
    changes = _come_and_gone("", "Report", *(_keyed(content["reports"], "key") for content in (before, after)))
    old, new = _keyed(before["studies"], "label"), _keyed(after["studies"], "label")
    for label in sorted(old.keys() | new.keys()):
        changes += _compare_study(label, old.get(label), new.get(label))
    return changes


def compare_agreements(before: Item, after: Item) -> list[Change]:
    """What changed in how the team came to it."""
    changes = []
    if before.get("project") != after.get("project"):
        changes.append(Change("", "", "", text="The project's name or source note changed"))
    if before.get("overlaps") != after.get("overlaps"):
        changes.append(Change("", "", "", text="Decisions about studies of the same people changed"))
    old, new = (_keyed(item.get("studies", ()), "label") for item in (before, after))
    for label in sorted(old.keys() & new.keys()):
        was, now = old[label], new[label]
        if was["revision"] != now["revision"]:
            changes.append(Change(label, "", "", text=f"revision {now['revision']} follows revision {was['revision']}"))
        if was.get("quality") != now.get("quality"):
            changes.append(Change(label, "", "Quality total (points)", _shown(was["quality"]), _shown(now["quality"])))
        if (was["origins"], was["peaks"]) != (now["origins"], now["peaks"]):
            changes.append(Change(label, "", "", text="values come from other choices of the adjudicator"))
    return changes


def _keyed(items: Iterable[Item], name: str) -> dict[str, Item]:
    return {str(item[name]): item for item in items}


def _come_and_gone(study: str, noun: str, old: Mapping[str, Item], new: Mapping[str, Item]) -> list[Change]:
    gone = [
        Change(study, "", noun, text=f"{noun} removed: {_name(old[key])}") for key in sorted(old.keys() - new.keys())
    ]
    come = [Change(study, "", noun, text=f"{noun} added: {_name(new[key])}") for key in sorted(new.keys() - old.keys())]
    return gone + come


def _name(item: Item) -> str:
    names = (item.get(name) for name in ("label", "reference", "title", "authors", "key"))
    return next(str(name) for name in names if name)[:120]


def _compare_study(label: str, old: Item | None, new: Item | None) -> list[Change]:
    if old == new:
        return []
    if old is None or new is None:
        present = new or old or {}
        peaks = sum(len(dataset["peaks"]) for dataset in present["datasets"])
        verb = "removed" if new is None else "added"
        size = f"{_of(len(present['datasets']), 'dataset')}, {_of(peaks, 'peak')}"
        return [Change("", "", "Study", text=f"Study {verb}: {label} ({size})")]
    changes = _compare_fields(label, "", "study", old, new)
    changes += _compare_rows(label, "cohort", old["cohorts"], new["cohorts"])
    groups = ([group for cohort in study["cohorts"] for group in cohort["groups"]] for study in (old, new))
    changes += _compare_rows(label, "group", *groups)
    changes += _compare_rows(label, "dataset", old["datasets"], new["datasets"])
    for key, was, now in _in_both(old["datasets"], new["datasets"]):
        changes += _compare_peaks(label, _short(label, key), was["peaks"], now["peaks"])
    return changes


def _compare_rows(study: str, level: str, old: Sequence[Item], new: Sequence[Item]) -> list[Change]:
    changes = _come_and_gone(study, level, _keyed(old, "key"), _keyed(new, "key"))
    for key, was, now in _in_both(old, new):
        changes += _compare_fields(study, _short(study, key), level, was, now)
    return changes


def _in_both(old: Iterable[Item], new: Iterable[Item]) -> list[tuple[str, Item, Item]]:
    was, now = _keyed(old, "key"), _keyed(new, "key")
    return [(key, was[key], now[key]) for key in sorted(was.keys() & now.keys())]


def _short(study: str, key: str) -> str:
    return key.removeprefix(f"{study} / ")


def _compare_fields(study: str, place: str, level: str, old: Item, new: Item) -> list[Change]:
    names = [name for name in sorted(old.keys() & new.keys()) if name not in (*_INSIDE, *_OF_THE_PROCESS)]
    changes = [_change(study, place, level, name, old[name], new[name]) for name in names if old[name] != new[name]]
    was, now = old.get("values"), new.get("values")
    if was is not None and now is not None:
        changed = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
        changes += [_change(study, place, level, name, was.get(name), now.get(name)) for name in changed]
    was, now = old.get("sources"), new.get("sources")
    if was is not None and now is not None:
        moved = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
        changes += [_source_change(study, place, level, name, was.get(name), now.get(name)) for name in moved]
    return changes


def _change(study: str, place: str, level: str, name: str, before: object, after: object) -> Change:
    return Change(study, place, _word(level, name), _shown(before), _shown(after))


def _source_change(study: str, place: str, level: str, name: str, before: object, after: object) -> Change:
    return Change(study, place, f"{_word(level, name)}, where it stands", _shown(before), _shown(after))


def _word(level: str, name: str) -> str:
    return _WORDS.get((level, name), name.replace("_", " ").capitalize())


def _shown(value: object) -> str:
    if value in (None, "", [], {}):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(map(_shown, value))
    if isinstance(value, int | float):
        return minus(f"{value:g}" if isinstance(value, float) else str(value))
    return str(value)


# Peaks


def _compare_peaks(study: str, place: str, old: Sequence[Item], new: Sequence[Item]) -> list[Change]:
    """Peaks that are equal are left aside; of the rest those at one place changed, and near ones moved."""
    shared = set(old[0]) & set(new[0]) if old and new else set()
    old_texts, new_texts = ([_text(peak, shared) for peak in peaks] for peaks in (old, new))
    lost, found = _without_equal(old, old_texts, new_texts), _without_equal(new, new_texts, old_texts)
    if not lost and not found:
        reordered = old_texts != new_texts
        return [Change(study, place, "Peaks", text="peaks in another order")] if reordered else []
    pairs = _pairs(lost, found)
    paired = ([id(pair[side]) for pair in pairs] for side in (0, 1))
    gone, come = (
        [peak for peak in side if id(peak) not in ids] for side, ids in zip((lost, found), paired, strict=True)
    )
    if len(pairs) + len(gone) + len(come) > MOST_PEAKS_TOLD:
        return [_counted_peaks(study, place, pairs, gone, come)]
    told = [_pair_change(study, place, was, now) for was, now in pairs]
    told += [Change(study, place, "Peak", text=f"peak removed: {_spot(peak)}") for peak in gone]
    return told + [Change(study, place, "Peak", text=f"peak added: {_spot(peak)}") for peak in come]


def _text(peak: Item, names: Collection[str]) -> str:
    return canonical_json(tidy({name: peak[name] for name in names}))


def _without_equal(peaks: Sequence[Item], texts: Sequence[str], others: Sequence[str]) -> list[Item]:
    """The peaks whose text `others` does not hold, or not as often."""
    left = Counter(others)
    rest = []
    for peak, text in zip(peaks, texts, strict=True):
        if left[text]:
            left[text] -= 1
        else:
            rest.append(peak)
    return rest


def _pairs(lost: Sequence[Item], found: Sequence[Item]) -> list[tuple[Item, Item]]:
    """The nearest first, each peak once."""
    near = sorted(
        (distance, number, other)
        for number, was in enumerate(lost)
        for other, now in enumerate(found)
        if (distance := _distance(was, now)) <= FARTHEST_MOVE_MM
    )
    pairs, taken, given = [], set(), set()
    for _distance_mm, number, other in near:
        if number not in taken and other not in given:
            taken.add(number)
            given.add(other)
            pairs.append((lost[number], found[other]))
    return pairs


def _distance(one: Item, other: Item) -> float:
    return math.dist([one[axis] for axis in "xyz"], [other[axis] for axis in "xyz"])


def _spot(peak: Item) -> str:
    name = f" {peak['label']}" if peak["label"] else ""
    return f"({', '.join(minus(f'{peak[axis]:g}') for axis in 'xyz')}) mm{name}"


def _pair_change(study: str, place: str, was: Item, now: Item) -> Change:
    distance = _distance(was, now)
    if distance:
        return Change(study, place, f"Peak moved by {distance:.1f} mm", _spot(was), _spot(now))
    names = [name for name in sorted(was.keys() & now.keys()) if was[name] != now[name]]
    before, after = (
        ", ".join(f"{_plain(name)} {_shown(peak[name]) or '(empty)'}" for name in names) for peak in (was, now)
    )
    return Change(study, place, f"Peak at {_spot(now)}", before, after)


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _counted_peaks(study: str, place: str, pairs: Sequence[tuple[Item, Item]], gone: object, come: object) -> Change:
    moved = sum(_distance(*pair) > 0 for pair in pairs)
    counts = {"added": len(come), "removed": len(gone), "moved": moved, "changed": len(pairs) - moved}  # type: ignore[arg-type]
    text = ", ".join(f"{_of(number, 'peak')} {verb}" for verb, number in counts.items() if number)
    return Change(study, place, "Peaks", text=text)


def _of(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
