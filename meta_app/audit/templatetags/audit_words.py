"""Audit entries in words."""

import json
from typing import Any

from django import template

from meta_app.audit.domain import Change, changes
from meta_app.audit.models import AuditEntry

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
    if value is None:
        return None
    return value or "(empty)" if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
