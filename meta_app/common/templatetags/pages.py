"""The addresses of the pages of a list."""

from typing import Any

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def page_address(context: dict[str, Any], number: int, parameter: str) -> str:
    """The query of this page with the number of another page; what else it asks for stays."""
    query = context["request"].GET.copy()
    query[parameter or "page"] = str(number)
    return f"?{query.urlencode()}"
