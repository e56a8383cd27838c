"""Erased is erased: every table and every key of Redis is searched for what was there."""

import zlib
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from redis import Redis

from app.actions import accounts, admission, erasure, idempotency, training
from app.actions import series as series_actions
from app.store import tables
from app.store.database import INSTALLATION
from tests.conftest import Installed

Account = Any
TABLES = [name for name in tables.metadata.tables if name != "audit"]


@pytest.fixture
def superuser(apart: Installed) -> Iterator[psycopg.Connection]:
    with psycopg.connect(apart.superuser_url, autocommit=True) as connection:
        yield connection


def rows_with(
    superuser: psycopg.Connection, trace: str, names: list[str] = TABLES
) -> dict[str, int]:
    """How many rows of each table have the text anywhere, those without any left out."""
    found = {}
    for name in names:
        query = f"SELECT count(*) FROM {name} t WHERE position(%s in t::text) > 0"
        row = superuser.execute(query, [trace]).fetchone()
        if row and row[0]:
            found[name] = row[0]
    return found


def keys_with(redis: "Redis", trace: str) -> list[bytes]:
    """The keys of Redis that have the text in their name or anywhere in what they hold."""
    keys: Iterator[bytes] = redis.scan_iter()
    return [key for key in keys if trace.encode() in b" ".join([key, *held(redis, key)])]


def held(redis: "Redis", key: bytes) -> list[bytes]:
    kind: Any = redis.type(key)
    read: Any = {
        b"string": lambda: [redis.get(key)],
        b"list": lambda: redis.lrange(key, 0, -1),
        b"set": lambda: redis.smembers(key),
        b"zset": lambda: redis.zrange(key, 0, -1),
        b"hash": lambda: [x for pair in redis.hgetall(key).items() for x in pair],
        b"stream": lambda: [repr(redis.xrange(key)).encode()],
    }[kind]
    return [inflated(part) for part in read() if part is not None]


def inflated(part: bytes) -> bytes:
    """RQ packs what a queue entry says."""
    try:
        return zlib.decompress(part)
    except zlib.error:
        return part


def lived_in(account: Account, name: str) -> UUID:
    """A series with points, scores, replaced ones, events that are told, a model, and it in the
    cache."""
    account.listen()
    account.make(name)
    account.upload(name, np.random.default_rng(1).normal(size=300))
    account.train(name)
    account.verdicts(name, [1.0, 2.0, 9e6], [300, 301, 302])
    account.score(name, [3.0], [301], is_replacing=True)
    account.say(name)
    account.digest(name)
    series_id: UUID = account.find(name).id
    return series_id


def test_an_erased_tenant_leaves_no_row_no_key_and_no_entry(
    account: Account, superuser: psycopg.Connection, own_redis: "Redis"
) -> None:
    parts, name, removed = account.parts, "name-of-a-series", "name-of-a-removed-one"
    lived_in(account, name)
    lived_in(account, removed)
    series_actions.remove(parts, account.id, removed)
    running = training.request(parts, account.id, name, None)
    assert training.claim(parts, account.id, running.id) is not None
    lived_in(account, "another")
    waiting = training.request(parts, account.id, "another", None)
    _, key = accounts.add_key(parts, account.id, "k", ["read"])
    assert admission.admit(parts, key) is not None
    account.sign_in()
    idempotency.claim(parts, account.id, "k", b"request")

    traces = [str(account.id), account.slug, name, removed, str(running.id), str(waiting.id)]
    assert rows_with(superuser, traces[0]).keys() == set(TABLES)
    kinds = {key.partition(b":")[0] for key in keys_with(own_redis, traces[0])}
    assert kinds == {b"window", b"model", b"rate", b"edition", b"rq"}

    job = accounts.erase_tenant(parts, account.slug)
    mine = training.claim(parts, INSTALLATION, job.id)
    assert mine is not None
    erasure.erase_tenant(parts, mine)
    for trace in traces:
        assert rows_with(superuser, trace) == {}, trace
        assert keys_with(own_redis, trace) == [], trace
    kept = rows_with(superuser, str(account.id), ["audit"])
    assert kept == {"audit": 19}
    for named in (account.slug, name, removed):
        assert rows_with(superuser, named, ["audit"]) == {}


def test_a_removed_series_leaves_neither_its_name_nor_its_model_in_the_cache(
    account: Account, superuser: psycopg.Connection, own_redis: "Redis"
) -> None:
    series_id = lived_in(account, "name-of-another-series")
    assert keys_with(own_redis, str(series_id))
    series_actions.remove(account.parts, account.id, "name-of-another-series")
    account.end_deliveries()  # what is still to be told stays
    [job] = superuser.execute(
        "SELECT id FROM jobs WHERE series_id = %s AND kind = 'erase_series'", [series_id]
    ).fetchall()
    mine = training.claim(account.parts, account.id, job[0])
    assert mine is not None
    erasure.erase_series(account.parts, mine)
    assert rows_with(superuser, "name-of-another-series") == {}
    assert rows_with(superuser, str(series_id)) == {"jobs": 1}
    assert keys_with(own_redis, str(series_id)) == []


def test_what_others_have_in_redis_stays(account: Account, own_redis: "Redis") -> None:
    neighbour = account.new_neighbour()
    parts = account.parts
    _, key = accounts.add_key(parts, neighbour, "k", ["read"])
    assert admission.admit(parts, key) is not None
    parts.queue.wake("train", neighbour, neighbour)
    before = set(keys_with(own_redis, str(neighbour)))
    assert len(before) >= 4
    parts.cache.erase(str(account.id))
    parts.queue.forget(account.id)
    assert set(keys_with(own_redis, str(neighbour))) == before
    parts.queue.forget(neighbour)
