"""Whose request it is, on a server behind reverse proxies."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str:
    """Address that the outermost of our own proxies saw; what stands left of it a client may have made up.

    Each proxy adds on the right of X-Forwarded-For whom it heard from, so the entry sought is as far from the right
    as there are proxies. A request with fewer entries, or with something else there, counts as the last proxy's own.
    """
    entries = [entry.strip() for entry in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    last_hop = request.META["REMOTE_ADDR"]
    if not 0 < settings.PROXIES <= len(entries):
        return last_hop
    try:
        return str(ip_address(entries[-settings.PROXIES]))
    except ValueError:
        return last_hop
