"""Numbers as papers print them."""

from django import template

from meta_app.common.words import minus

register = template.Library()
register.filter(minus)
