"""Where the service is, who asks, and how patiently."""

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.client.errors import NotConfigured
from app.client.retries import Retries

if TYPE_CHECKING:
    import ssl

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Configuration:
    """timeout_s: of each wait for bytes of an answer; of an upload, whose answer comes when all of
    it is stored, it is upload_timeout_s."""

    url: str
    api_key: str = field(repr=False)
    retries: Retries
    timeout_s: float
    connect_timeout_s: float
    upload_timeout_s: float
    connections: int
    ssl_context: "ssl.SSLContext | None"

    @property
    def is_on_this_host(self) -> bool:
        return urlsplit(self.url).hostname in LOOPBACK


def address(given: str | None) -> str:
    """What was given, or `TOCSIN_URL`."""
    url = given if given is not None else os.environ.get("TOCSIN_URL", "")
    if not url:
        raise NotConfigured("There is no address to talk to: give a url, or set TOCSIN_URL")
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port
    except ValueError as error:
        raise NotConfigured(f"{url} is no address: {error}") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise NotConfigured("The address must have no user, password or query: a key is its own")
    if not is_whole:
        raise NotConfigured(f"{url} is no address: it must begin with http:// or https://")
    return url.rstrip("/")


def key(given: str | None) -> str:
    """What was given, or `TOCSIN_API_KEY`; an empty one asks without."""
    text = given if given is not None else os.environ.get("TOCSIN_API_KEY", "")
    if given is None and not text:
        raise NotConfigured("There is no key: give an api_key, or set TOCSIN_API_KEY")
    if not text.isascii() or not text.isprintable():
        raise NotConfigured("The key holds characters that no key has: copy it anew")
    return text
