from collections.abc import Iterator

import pytest

from app.client import Tocsin
from tests.service import Service, Tenant


@pytest.fixture
def client(service: Service, tenant: Tenant) -> Iterator[Tocsin]:
    """With the key of a new tenant."""
    with Tocsin(service.url, tenant.key) as made:
        yield made


@pytest.fixture
def operator(service: Service) -> Iterator[Tocsin]:
    with Tocsin(service.url, service.operator_key) as made:
        yield made
