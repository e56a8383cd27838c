"""Which addresses webhooks may call: public ones over HTTPS, and networks that the setting names.

A name is looked up when it is called, and the call goes to the address that was looked at: what a
name led to before, or leads to a moment later, does not matter. Where one of its addresses may not
be called, none of them is.
"""

import re
import socket
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Networks: TypeAlias = Sequence[Network]

MOST_CHARACTERS = 2_000
# What resolvers and libraries take for an IPv4 address, each in its way: 127.1, 0x7f.1, 2130706433.
NUMERIC = re.compile(r"(^|\.)(0x[0-9a-f]*|[0-9]+)\.?$|%")
IPV6_UNICAST = IPv6Network("2000::/3")  # all of IPv6 that is public lies in it
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address stands in the last 32 bits
# Public by the registries of IANA, or by older versions of Python, and no place for a receiver.
NEVER = [
    ip_network(network)
    for network in (
        "168.63.129.16/32",  # Azure's own services, as seen from each of its machines
        "192.0.0.0/24",  # protocol assignments, among them Oracle's metadata
        "192.88.99.0/24",  # 6to4 relays
        "2001::/23",  # protocol assignments, among them Teredo and ORCHID
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
]


class NotAllowed(Exception):
    """What may not be called; the text is for the tenant, and tells nothing of inner names."""


def checked(url: str, networks: Networks) -> SplitResult:
    """Its parts, if it may stand in a webhook; a name is looked up when it is called, not here."""
    if len(url) > MOST_CHARACTERS:
        raise NotAllowed(f"must have {MOST_CHARACTERS} characters at most")
    if not url.isascii() or not url.isprintable() or set(url) & set(' "<>\\^`{|}'):
        raise NotAllowed("must be ASCII without blanks: escape others, and write xn--… for names")
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise NotAllowed("must be an absolute URL such as https://example.com/hook")
    _refuse_parts(parts, networks)
    return parts


def _refuse_parts(parts: SplitResult, networks: Networks) -> None:
    if parts.scheme != "https" and not (parts.scheme == "http" and networks):
        raise NotAllowed("must begin with https://")
    if "@" in parts.netloc:
        raise NotAllowed("must hold no user or password: it is shown in lists")
    if parts.fragment:
        raise NotAllowed("must have no fragment (#…)")
    literal = _literal(parts.hostname or "")
    if literal is None and NUMERIC.search(parts.hostname or ""):
        raise NotAllowed("must name an address as four decimal numbers, or by a name")
    if literal is not None and not _may_be_called(literal, parts.scheme, networks):
        raise NotAllowed("names an address that may not be called")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def looked_up(host: str, port: int, scheme: str, networks: Networks) -> list[str]:
    """The addresses behind a name now, all of which may be called. Raises `NotAllowed`, with the
    same text for a name that leads nowhere: which inner names there are is nobody's business."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    literals = list(dict.fromkeys(str(address[0]) for *_, address in found))
    if not literals or not all(
        _may_be_called(ip_address(literal), scheme, networks) for literal in literals
    ):
        raise NotAllowed("the name leads to no address that may be called")
    return literals


def _may_be_called(address: Address, scheme: str, networks: Networks) -> bool:
    address = _meant(address)
    if any(address in network for network in networks):
        return True
    return scheme == "https" and is_public(address)


def _meant(address: Address) -> Address:
    """The IPv4 address that some of IPv6 stand for."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in IPV6_UNICAST:
        return False
    is_odd = address.is_multicast or any(address in network for network in NEVER)
    return address.is_global and not is_odd
