"""The chain of audit entries in plain Python: each entry's hash covers its words and the hash of the entry before.

`docs/audit-trail.md` says how to compute it without Concord.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from meta_app.common.domain import canonical_json, digest
from meta_app.common.words import counted

FIRST_HASH = "0" * 64
"""What stands before the first entry of a project."""
LARGEST_EXACT = 1e15
"""From here on a whole float is stored as an integer: databases write it with all its digits."""


@dataclass(frozen=True)
class Link:
    """An entry as the chain sees it; `words` hold its number."""

    words: Mapping[str, Any]
    previous_hash: str
    hash: str

    @property
    def number(self) -> int:
        return int(self.words["number"])


def entry_hash(words: Mapping[str, Any], previous_hash: str) -> str:
    """SHA-256, as 64 hex digits, of an entry's canonical JSON with the hash of the entry before it."""
    return digest(canonical_json({**words, "previous_hash": previous_hash}))


def first_fault(links: Iterable[Link], length: int, head: str) -> str:
    """The first thing that is wrong with a chain, in words; empty if nothing is.

    Parameters
    ----------
    links : iterable of Link
        In the order of their numbers.
    length, head : int, str
        What the end of the chain says: how many entries there are, and the hash of the last.
    """
    number, before = 0, FIRST_HASH
    for link in links:
        number += 1
        if fault := _fault_of(link, number, before):
            return fault
        before = link.hash
    if number < length:
        missing = f"Entry {number + 1}" if number + 1 == length else f"Entries {number + 1} to {length}"
        return f"{missing} missing at the end: the chain has {number} of {length} that its head counts."
    if number > length:
        counts = counted(length, "entry", "entries")
        return f"Entry {length + 1} was added past the head of the chain, which counts {counts}."
    return "" if before == head else f"The head of the chain does not fit entry {number}, the last one."


def _fault_of(link: Link, number: int, before: str) -> str:
    if link.number != number:
        return f"Entry {number} is missing: after entry {number - 1} comes entry {link.number}."
    if link.previous_hash != before:
        return f"Entry {number} does not follow the entry before it."
    return "" if entry_hash(link.words, before) == link.hash else f"Entry {number} was changed after it was written."


def as_stored(value: Any) -> Any:
    """JSON values as every database gives them back, so that the hash can be computed again from what it stores.

    PostgreSQL keeps numbers as decimals: it knows no negative zero and no float beyond its digits, and neither
    database takes a number that is none, or a character of code zero.
    """
    if isinstance(value, dict):
        return {str(as_stored(key)): as_stored(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_stored(item) for item in value]
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, float):
        return _stored_number(value)
    return value


def _stored_number(value: float) -> float | int | str:
    if not math.isfinite(value):
        return str(value)
    whole = value.is_integer() and abs(value) >= LARGEST_EXACT
    return int(value) if whole else value + 0.0


@dataclass(frozen=True)
class Change:
    """One value of an entry, before and after; None where there was none."""

    name: str
    before: Any
    after: Any


def changes(before: Any, after: Any) -> list[Change]:
    """What an entry tells of, value by value; what stayed equal is left out."""
    if not isinstance(before, dict | None) or not isinstance(after, dict | None):
        return [] if before == after else [Change("", before, after)]
    old, new = before or {}, after or {}
    return [
        Change(name.replace("_", " "), old.get(name), new.get(name))
        for name in dict.fromkeys([*old, *new])
        if old.get(name) != new.get(name)
    ]
