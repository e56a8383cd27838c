"""Where a request came from."""

from functools import lru_cache
from ipaddress import ip_address

from app.web.framework import Request


def client(request: Request, trusted_proxies: int) -> str | None:
    """The address that the outermost trusted proxy saw; without one, that of the connection."""
    return believed(
        request.env.get("REMOTE_ADDR"), request.env.get("HTTP_X_FORWARDED_FOR"), trusted_proxies
    )


def believed(connected: str | None, forwarded: str | None, trusted_proxies: int) -> str | None:
    """Each proxy adds one address at the end; what stands before these anybody may have written."""
    seen = (forwarded or "").split(",")
    if trusted_proxies and len(seen) >= trusted_proxies:
        return _address(seen[-trusted_proxies]) or _address(connected)
    return _address(connected)


@lru_cache(1_000)
def _address(text: str | None) -> str | None:
    try:
        return str(ip_address((text or "").strip()))
    except ValueError:
        return None
