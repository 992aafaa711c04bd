"""Looks a row's finding up in a template."""

from collections.abc import Mapping
from typing import Any

from django import template

register = template.Library()


@register.filter
def of(found: Mapping[int, Any], number: int) -> Any:
    """`{{ outdated|of:run.pk }}`: what was found of that row, or None."""
    return found.get(number)
