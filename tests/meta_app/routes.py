"""Every address of the site, as the URL resolver has them."""

from django.urls import URLResolver, get_resolver


def routes_of(patterns, before=""):
    for entry in patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes_of(entry.url_patterns, route)
        else:
            yield route


ROUTES = sorted(set(routes_of(get_resolver().url_patterns)))
