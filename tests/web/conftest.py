"""Keys of every kind, made once: these tests are refused before they could change anything."""

from collections.abc import Iterator

import httpx
import pytest

from tests.service import Service, Tenant

Clients = dict[str, httpx.Client]


@pytest.fixture(scope="session")
def owner(service: Service) -> Iterator[Tenant]:
    """A tenant without any series."""
    made = service.new_tenant()
    yield made
    made.http.close()


@pytest.fixture(scope="session")
def clients(service: Service, owner: Tenant) -> Iterator[Clients]:
    """By what the key may do; `nobody` has none."""
    made = {"nobody": service.client(), "operator": service.client(service.operator_key)}
    for scope in ("read", "write", "admin"):
        answer = owner.http.post("/v1/keys", json={"name": scope, "scopes": [scope]})
        made[scope] = service.client(answer.json()["secret"])
    yield made
    for client in made.values():
        client.close()
