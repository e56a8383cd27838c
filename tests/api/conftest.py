"""Tenants whose every answer is held against the OpenAPI document, and one with a history."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.actions.parts import Parts
from tests.api.contract import Contract
from tests.api.histories import QUICK, at, csv, usual
from tests.service import Service, Tenant


@pytest.fixture(scope="session")
def contract(service: Service) -> Contract:
    with service.client() as anybody:
        return Contract(anybody.get("/openapi.json").json())


@pytest.fixture
def tenant(tenant: Tenant, contract: Contract) -> Tenant:
    contract.watch(tenant.http)
    return tenant


@pytest.fixture
def stranger(stranger: Tenant, contract: Contract) -> Tenant:
    contract.watch(stranger.http)
    return stranger


@pytest.fixture
def operator(service: Service, contract: Contract) -> Iterator[httpx.Client]:
    with contract.watch(service.client(service.operator_key)) as client:
        yield client


Holding = Callable[..., httpx.Client]


@pytest.fixture
def holding(service: Service, contract: Contract) -> Iterator[Holding]:
    """A client with a new key of a tenant, of these scopes."""
    opened = []

    def make(tenant: Tenant, *scopes: str) -> httpx.Client:
        body = {"name": "another", "scopes": list(scopes)}
        key = tenant.http.post("/v1/keys", json=body).json()["secret"]
        client = contract.watch(service.client(key))
        opened.append(client)
        return client

    yield make
    for client in opened:
        client.close()


@pytest.fixture(scope="session")
def watched(service: Service, contract: Contract) -> Iterator[Tenant]:
    """A tenant with a trained series `rides` of 120 points, three scores and an anomaly among them.

    For tests that only read.
    """
    tenant = service.new_tenant()
    contract.watch(tenant.http)
    tenant.make_series("rides", detector=QUICK, tags=["taxi"])
    tenant.upload("rides", csv(120))
    tenant.train("rides")
    values = {120: usual(120), 121: usual(121), 122: 9000.0}
    points = [{"timestamp": at(hour), "value": value} for hour, value in values.items()]
    assert tenant.http.post("/v1/series/rides/score", json={"points": points}).is_success
    yield tenant
    tenant.http.close()


Rows = Callable[..., list[Any]]


@pytest.fixture
def rows(parts: Parts) -> Rows:
    """Rows of a tenant by SQL, for what no route shows."""

    def ask(tenant: Tenant, statement: str, **values: Any) -> list[Any]:
        with parts.database.operator() as connection:
            found = connection.execute(
                text("SELECT id FROM tenants WHERE slug = :slug"), {"slug": tenant.slug}
            )
            tenant_id = found.scalar_one()
        with parts.database.tenant(tenant_id) as connection:
            return list(connection.execute(text(statement), values))

    return ask
