"""What the text of a setting may be, and what it means."""

from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

# What notices may be sent by: each calls fixed hosts of its service, mail the operator's server.
NOTICE_SCHEMES = ("discord", "gchat", "mailto", "pover", "slack", "tgram")


def listed(given: str) -> list[str]:
    return [one.strip() for one in given.split(",") if one.strip()]


def networks(given: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(one) for one in listed(given)]
    except ValueError as error:
        raise ValueError(f"must be networks such as 10.1.0.0/16, 10.2.0.5/32: {error}") from None


def _are_networks(given: str) -> str:
    networks(given)
    return given


def _are_schemes(given: str) -> str:
    if unknown := sorted(set(listed(given)) - set(NOTICE_SCHEMES)):
        raise ValueError(f"must be among {', '.join(NOTICE_SCHEMES)}, not {unknown[0]}")
    return given


def _url(*beginnings: str) -> Callable[[SecretStr], SecretStr]:
    """A rule. A password with a bare / or @ cuts a URL in the wrong places; the error must not show
    it."""

    def check(url: SecretStr) -> SecretStr:
        if not url.get_secret_value().startswith(beginnings):
            raise ValueError(f"must begin with {_alternatives(beginnings)}")
        try:
            _ = urlsplit(url.get_secret_value()).port
        except ValueError:
            raise ValueError(
                "is no URL: is the port a number, and is the password percent-encoded?"
            ) from None
        return url

    return check


def _alternatives(words: tuple[str, ...]) -> str:
    *before, last = words
    return f"{', '.join(before)} or {last}" if before else last


NetworkList = Annotated[str, AfterValidator(_are_networks)]
SchemeList = Annotated[str, AfterValidator(_are_schemes)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_url("postgresql://", "postgres://"))]
RedisUrl = Annotated[SecretStr, AfterValidator(_url("redis://", "rediss://", "unix://"))]
HttpUrl = Annotated[SecretStr, AfterValidator(_url("http://", "https://"))]
MailUrl = Annotated[SecretStr, AfterValidator(_url("mailto://", "mailtos://"))]
