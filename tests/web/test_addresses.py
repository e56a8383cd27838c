"""Whose address counts: what trusted proxies wrote, and nothing that a client could have."""

import pytest

from app.web.addresses import believed

NEAR = "10.0.0.9"


@pytest.mark.parametrize(
    ("forwarded", "trusted_proxies", "address"),
    [
        (None, 0, NEAR),
        ("192.0.2.1", 0, NEAR),
        (None, 1, NEAR),
        ("192.0.2.1", 1, "192.0.2.1"),
        ("198.51.100.6, 192.0.2.1", 1, "192.0.2.1"),
        ("198.51.100.6, 192.0.2.1, 10.0.0.1", 2, "192.0.2.1"),
        ("192.0.2.1", 2, NEAR),
        ("198.51.100.6,  2001:DB8::1 ", 1, "2001:db8::1"),
        ("192.0.2.1, unknown", 1, NEAR),
        ("192.0.2.1:80", 1, NEAR),
        ("", 1, NEAR),
    ],
)
def test_the_address_is_the_one_that_the_outermost_trusted_proxy_saw(
    forwarded: str | None, trusted_proxies: int, address: str
) -> None:
    assert believed(NEAR, forwarded, trusted_proxies) == address


@pytest.mark.parametrize("connected", [None, "", "a-socket"])
def test_a_connection_without_an_address_has_none(connected: str | None) -> None:
    assert believed(connected, "192.0.2.1", 0) is None
