"""No webhook reaches what is not public, however its address is written or looked up."""

import socket
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from app.outbound import addresses
from app.outbound.addresses import NotAllowed

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - called, not bound
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # Alibaba's metadata
    "127.0.0.1",
    "127.8.8.8",
    "168.63.129.16",  # Azure's services, in public space
    "169.254.169.254",  # metadata of most clouds
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # Oracle's metadata
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "100::1",
    "64:ff9b::7f00:1",  # 127.0.0.1 by NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2001::1",  # Teredo
    "2001:20::1",
    "2001:db8::1",
    "2002:7f00:1::",  # 127.0.0.1 by 6to4
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # Amazon's metadata
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
# As a C library reads them: all are this machine, or its network.
ODD_SPELLINGS = [
    "localhost",
    "LOCALHOST",
    "localhost.",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "0",
]


def led_to(monkeypatch: pytest.MonkeyPatch, *found: str) -> list[str]:
    """Every name leads to these addresses; -> the names that were looked up."""
    asked: list[str] = []

    def look_up(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_refused_as_a_literal_and_behind_a_name(
    monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    literal = f"[{address}]" if ":" in address else address
    with pytest.raises(NotAllowed):
        addresses.checked(f"https://{literal}/hook", ())
    led_to(monkeypatch, address)
    with pytest.raises(NotAllowed):
        addresses.looked_up("inner.example", 443, "https", ())


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_taken(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    literal = f"[{address}]" if ":" in address else address
    addresses.checked(f"https://{literal}/hook", ())
    led_to(monkeypatch, address)
    assert addresses.looked_up("example.com", 443, "https", ()) == [address]


@pytest.mark.parametrize("host", ODD_SPELLINGS)
def test_other_spellings_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises(NotAllowed):
        addresses.looked_up(host, 443, "https", ())


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1.", "a.0x1", "%31.com"]
)
def test_numbers_that_are_no_usual_address_cannot_stand_in_a_webhook(host: str) -> None:
    with pytest.raises(NotAllowed):
        addresses.checked(f"https://{host}/hook", ())


@pytest.mark.parametrize("host", ["1password.com", "0x.example", "8.8.8.8.example", "[2600::1]"])
def test_names_with_numbers_can(host: str) -> None:
    addresses.checked(f"https://{host}/hook", ())


@pytest.mark.parametrize("found", [("8.8.8.8", "10.0.0.1"), ("10.0.0.1", "8.8.8.8")])
def test_of_several_addresses_all_have_to_be_public(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]
) -> None:
    led_to(monkeypatch, *found)
    with pytest.raises(NotAllowed):
        addresses.looked_up("example.com", 443, "https", ())


def test_a_name_that_leads_nowhere_is_told_like_one_that_leads_inwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = set()
    for found in ([], ["10.0.0.1"]):
        led_to(monkeypatch, *found)
        with pytest.raises(NotAllowed) as refused:
            addresses.looked_up("inner.example", 443, "https", ())
        told.add(str(refused.value))
    assert len(told) == 1
    assert "10.0.0.1" not in told.pop()


NETWORKS = [ip_network("10.1.0.0/16"), ip_network("fd00:1::/64")]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"])
def test_a_network_of_the_setting_is_reached_by_http_too(
    monkeypatch: pytest.MonkeyPatch, scheme: str, address: str
) -> None:
    led_to(monkeypatch, address)
    assert addresses.looked_up("inner.example", 80, scheme, NETWORKS) == [address]


@pytest.mark.parametrize("address", ["10.2.0.1", "127.0.0.1", "fd00:2::1"])
def test_beside_it_nothing_else_is(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    led_to(monkeypatch, address)
    for scheme in ("http", "https"):
        with pytest.raises(NotAllowed):
            addresses.looked_up("inner.example", 80, scheme, NETWORKS)


def test_what_is_public_is_never_reached_by_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    led_to(monkeypatch, "8.8.8.8")
    with pytest.raises(NotAllowed):
        addresses.looked_up("example.com", 80, "http", NETWORKS)
    with pytest.raises(NotAllowed):
        addresses.checked("http://8.8.8.8/", NETWORKS)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "https://"),
        ("ftp://example.com/", "https://"),
        ("HTTPS//example.com", "absolute"),
        ("example.com/hook", "absolute"),
        ("https:///hook", "absolute"),
        ("https://", "absolute"),
        ("https://example.com:0/", "absolute"),
        ("https://example.com:99999/", "absolute"),
        ("https://[::1/", "absolute"),
        ("https://user:password@example.com/", "user"),
        ("https://user@example.com/", "user"),
        ("https://example.com/#part", "fragment"),
        ("https://exämple.com/", "xn--"),
        ("https://example.com/a b", "blanks"),
        ("https://example.com/\r\nX: y", "blanks"),
        ("https://example.com\\@inner/", "blanks"),
        ("https://example.com/" + "x" * 2000, "2000"),
    ],
)
def test_what_cannot_stand_in_a_webhook_is_named(url: str, why: str) -> None:
    with pytest.raises(NotAllowed, match=why):
        addresses.checked(url, ())


@pytest.mark.parametrize("literal", PUBLIC)
def test_public_says_so(literal: str) -> None:
    assert addresses.is_public(addresses._meant(ip_address(literal)))
