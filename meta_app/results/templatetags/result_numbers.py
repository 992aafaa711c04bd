"""Numbers as papers print them."""

import re

from django import template

from meta_app.common.words import minus

register = template.Library()
SMALLEST_PRINTED_P = 0.0001


@register.filter
def three_digits(value: float) -> str:
    """Three digits after the point, with a true minus sign."""
    return minus(f"{value:.3f}")


@register.filter
def compact(value: float) -> str:
    """A count or a statistic of any size: whole from 100 on, three digits after the point below."""
    whole = value == int(value) or abs(value) >= 100
    return minus(f"{value:,.0f}" if whole else f"{value:.3f}")


@register.filter
def p_value(p: float) -> str:
    """``"< 0.0001"`` or four decimals."""
    return f"< {SMALLEST_PRINTED_P}" if p < SMALLEST_PRINTED_P else f"{p:.4f}"


@register.filter
def short_hashes(text: str) -> str:
    """A text whose SHA-256 sums are cut to their first 16 digits."""
    return re.sub(r"\b([0-9a-f]{16})[0-9a-f]{48}\b", r"\1…", text)
