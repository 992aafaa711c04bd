"""Numbers as papers print them."""

from django import template

register = template.Library()
SMALLEST_PRINTED_P = 0.0001


@register.filter
def minus(value: float) -> str:
    """A number with a true minus sign."""
    return f"{value:g}".replace("-", "−")


@register.filter
def p_value(p: float) -> str:
    """``"< 0.0001"`` or four decimals."""
    return f"< {SMALLEST_PRINTED_P}" if p < SMALLEST_PRINTED_P else f"{p:.4f}"
