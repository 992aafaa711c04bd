"""Audit entries in words."""

import re
from typing import Any

from django import template

from meta_app.audit.domain import Change, changes
from meta_app.audit.models import AuditEntry

CODE = re.compile(r"[a-z]+(_[a-z]+)+")
"""A stored choice: `not_extracted`."""

register = template.Library()


@register.filter
def action_words(action: str) -> str:
    """`extraction.completed` as "Extraction: completed"."""
    what, _, done = action.partition(".")
    return f"{what.replace('_', ' ').capitalize()}: {done.replace('_', ' ')}" if done else what


@register.filter
def change_lines(entry: AuditEntry) -> list[Change]:
    return [Change(line.name, _shown(line.before), _shown(line.after)) for line in changes(entry.before, entry.after)]


def _shown(value: Any) -> str | None:
    return None if value is None else _words(value)


def _words(value: Any) -> str:
    """A stored value as people read it: "not extracted", "yes", "1: label L insula, x -38"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        rows = any(isinstance(part, dict) for part in value.values())
        parts = [f"{_words(key)}{':' if rows else ''} {_words(part)}" for key, part in value.items()]
        return ("; " if rows else ", ").join(parts) or "none"
    if isinstance(value, list):
        return "; ".join(map(_words, value)) or "none"
    text = "not stated" if value is None else str(value)
    return text.replace("_", " ") if CODE.fullmatch(text) else text or "(empty)"
