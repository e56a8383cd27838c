"""What a client is made of: an address, a key, and nothing heavy."""

import subprocess
import sys

import pytest

from app.client import NotConfigured, Tocsin
from tests.service import Service, Tenant

HEAVY = ("httpx", "numpy", "pandas", "pydantic", "sqlalchemy", "psycopg", "redis", "structlog")


def test_address_and_key_are_those_of_the_environment(
    service: Service, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_URL", f"{service.url}/")
    monkeypatch.setenv("TOCSIN_API_KEY", tenant.key)
    with Tocsin() as client:
        me = client.get_me()
    assert me.tenant is not None
    assert me.tenant.slug == tenant.slug


@pytest.mark.parametrize(
    ("url", "key", "wrong"),
    [
        (None, "k", "TOCSIN_URL"),
        ("http://127.0.0.1", None, "TOCSIN_API_KEY"),
        ("127.0.0.1:8080", "k", "must begin with http"),
        ("http://host:port", "k", "is no address"),
        ("http://", "k", "is no address"),
        ("http://user:password@host", "k", "must have no user"),
        ("http://127.0.0.1", "kéy", "characters that no key has"),
        ("http://127.0.0.1", "k\n", "characters that no key has"),
    ],
)
def test_without_either_the_error_says_which_to_set(
    url: str | None, key: str | None, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TOCSIN_URL", raising=False)
    monkeypatch.delenv("TOCSIN_API_KEY", raising=False)
    with pytest.raises(NotConfigured, match=wrong):
        Tocsin(url, key)


def test_a_key_is_not_shown() -> None:
    with Tocsin("http://127.0.0.1", "tcs_secret") as client:
        assert repr(client) == "Tocsin('http://127.0.0.1')"
        assert "secret" not in repr(vars(client))


def test_it_stands_on_its_own() -> None:
    code = (
        "import sys, app.client;"
        f"print([m for m in {HEAVY} if m in sys.modules],"
        "[m for m in sys.modules if m.startswith('app.') and not m.startswith('app.client')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
