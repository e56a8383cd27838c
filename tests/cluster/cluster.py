"""Two hosts that answer, two that work, one for the database and one for the cache."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from redis import Redis
from redis.exceptions import RedisError

from tests.cluster.hosts import Host
from tests.service import Tenant, wait_until

API_PORT = 8080
READY_WITHIN_S = 120.0  # beside other tests; alone it takes some seconds
# Made once, and without connections that are kept: they would be to a host that died.
ASKING = httpx.Client(timeout=5, headers={"Connection": "close"})


@dataclass
class Cluster:
    apis: list[Host]
    workers: list[Host]
    database: Host
    cache: Host
    urls: dict[str, str]
    redis_url: str
    operator_key: str = ""

    def start(self) -> None:
        """As docs/operating.md has it, once the database and the cache have power."""
        wait_until(self._is_database_there, "the database answers")
        wait_until(self._is_cache_there, "the cache answers")
        self.workers[0].run("migrate")
        for host in (*self.apis, *self.workers):
            host.power_on()
        made = self.workers[0].run("keys", "create", "--operator", "--json")
        self.operator_key = json.loads(made)["secret"]
        self.await_ready()

    def client(self, host: Host, key: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.Client(base_url=url_of(host), headers=headers, timeout=60)

    def new_tenant(self) -> list[Tenant]:
        """The same one, as each of the hosts that answer is asked."""
        slug = f"t-{secrets.token_hex(6)}"
        with self.client(self.apis[0], self.operator_key) as operator:
            answer = operator.post("/v1/tenants", json={"slug": slug, "name": slug})
        assert answer.status_code == 201, answer.text
        key = answer.json()["api_key"]["secret"]
        return [Tenant(slug, key, self.client(host, key)) for host in self.apis]

    def rows(self, query: str) -> list[Any]:
        """By the superuser, past all walls between tenants."""
        with psycopg.connect(self.urls["superuser"], connect_timeout=5) as connection:
            return connection.execute(query).fetchall()

    @contextmanager
    def redis(self) -> Iterator["Redis"]:
        with Redis.from_url(self.redis_url, socket_connect_timeout=2, socket_timeout=2) as client:
            yield client

    def await_ready(self) -> None:
        """Both hosts that answer say so of all there is, and both others work."""
        wait_until(self._is_whole, "all hosts are ready", READY_WITHIN_S)

    def _is_whole(self) -> bool:
        return self._workers() == len(self.workers) and all(
            readiness(host).get("status") == "ready" for host in self.apis
        )

    def _workers(self) -> int:
        """How many give a sign of life; the last to do so, mostly, and cheaper to be asked."""
        try:
            with self.redis() as redis:
                known = redis.smembers("rq:workers")
                return int(redis.exists(*known)) if known else 0
        except RedisError:
            return 0

    def _is_database_there(self) -> bool:
        """Its superuser may come in, and the owner's database is made."""
        try:
            psycopg.connect(self.urls["superuser"], connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _is_cache_there(self) -> bool:
        try:
            with self.redis() as redis:
                return bool(redis.ping())
        except RedisError:
            return False


def url_of(host: Host) -> str:
    return f"http://{host.address}:{API_PORT}"


def readiness(host: Host) -> dict[str, str]:
    """What it says of the service; nothing where it does not answer."""
    try:
        found: dict[str, str] = ASKING.get(f"{url_of(host)}/readyz").json()
    except httpx.TransportError:
        return {}
    return found
