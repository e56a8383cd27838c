"""What Redis holds is believed only if we signed it for that very key; all else is a miss."""

import secrets
from collections.abc import Iterator
from uuid import uuid4

import numpy as np
import pytest
from redis import Redis

from app.cache import Cache, models, windows
from app.cache.windows import Window
from app.detection import Points, State
from app.errors import Unavailable
from app.signing import SIGNATURE_BYTES, Secret
from tests.conftest import Servers
from tests.service import free_port

SECRET = Secret({1: b"1" * 32})
TENANT, STRANGER, SERIES = uuid4(), uuid4(), uuid4()
PAYLOAD = b"artifact" * 50


@pytest.fixture
def cache(servers: Servers) -> Iterator[Cache]:
    made = Cache(servers.redis_url, SECRET, ttl_s=100)
    yield made
    made.close()


@pytest.fixture
def key() -> str:
    return f"test:{secrets.token_hex(8)}"


def window(n: int = 5, fields: int = 2) -> Points:
    values = np.arange(n * fields, dtype=float).reshape(n, fields)
    values[0] = np.nan
    return Points.checked(np.arange(n) * 1_000, values)


A_WINDOW = Window(7, 5, 1, State(window()))


def memory() -> np.ndarray:
    held = np.zeros((4, 20))
    held[1, [3, 7]] = 0.25, 1e-300
    held[2:, 5] = np.nan
    return held


def test_what_was_put_is_got(cache: Cache, key: str) -> None:
    cache.put(key, PAYLOAD)
    assert cache.get(key) == PAYLOAD
    cache.drop(key)
    assert cache.get(key) is None


def test_windows_that_were_put_at_once_are_got_each(cache: Cache) -> None:
    given = {(TENANT, uuid4()): A_WINDOW._replace(points=n) for n in range(windows.PUT_AT_ONCE + 1)}
    windows.put(cache, given)
    got = [windows.get(cache, *one) for one in given]
    assert [window and window.points for window in got] == list(range(len(given)))


def test_clearing_forgets_models_and_windows_and_leaves_the_queue(
    cache: Cache, redis: "Redis", key: str
) -> None:
    models.put(cache, TENANT, SERIES, 1, PAYLOAD)
    windows.put(cache, {(TENANT, SERIES): A_WINDOW})
    redis.set(key, b"an entry of the queue")
    cache.clear()
    assert models.get(cache, TENANT, SERIES, 1) is None
    assert windows.get(cache, TENANT, SERIES) is None
    assert redis.get(key)


def test_what_cannot_be_cleared_is_said() -> None:
    nowhere = Cache(f"redis://127.0.0.1:{free_port()}/0", SECRET, ttl_s=100)
    with pytest.raises(Unavailable, match="cache"):
        nowhere.clear()


def test_entries_expire(cache: Cache, key: str, redis: "Redis") -> None:
    cache.put(key, PAYLOAD)
    assert 0 < redis.ttl(key) <= 100


@pytest.mark.parametrize("length", [0, 1, SIGNATURE_BYTES - 1, SIGNATURE_BYTES, 431])
def test_a_truncated_entry_is_a_miss(cache: Cache, key: str, redis: "Redis", length: int) -> None:
    cache.put(key, PAYLOAD)
    entry = redis.get(key)
    assert isinstance(entry, bytes)
    redis.set(key, entry[:length])
    assert cache.get(key) is None


def test_an_entry_with_any_bit_flipped_is_a_miss(cache: Cache, key: str, redis: "Redis") -> None:
    cache.put(key, PAYLOAD)
    entry = redis.get(key)
    assert isinstance(entry, bytes)
    for place in range(len(entry)):
        damaged = bytearray(entry)
        damaged[place] ^= 1 << place % 8
        redis.set(key, bytes(damaged))
        assert cache.get(key) is None, place


def test_an_entry_under_another_key_is_a_miss(cache: Cache, key: str, redis: "Redis") -> None:
    cache.put(key, PAYLOAD)
    redis.rename(key, f"{key}x")
    assert cache.get(f"{key}x") is None


def test_an_entry_signed_by_another_installation_is_a_miss(
    servers: Servers, cache: Cache, key: str
) -> None:
    theirs = Cache(servers.redis_url, Secret({1: b"2" * 32}), ttl_s=100)
    theirs.put(key, PAYLOAD)
    assert theirs.get(key) == PAYLOAD
    assert cache.get(key) is None


def test_an_entry_signed_for_another_purpose_is_a_miss(
    cache: Cache, key: str, redis: "Redis"
) -> None:
    redis.set(key, SECRET.sign("queue", key.encode() + b"\0" + PAYLOAD) + PAYLOAD)
    assert cache.get(key) is None


def test_an_entry_of_another_type_is_a_miss(cache: Cache, key: str, redis: "Redis") -> None:
    redis.lpush(key, b"not a string")
    assert cache.get(key) is None


def test_entries_of_the_secret_before_still_count(servers: Servers, key: str) -> None:
    before = Cache(servers.redis_url, SECRET, ttl_s=100)
    rotated = Cache(servers.redis_url, Secret({1: b"1" * 32, 2: b"2" * 32}), ttl_s=100)
    before.put(key, PAYLOAD)
    assert rotated.get(key) == PAYLOAD
    rotated.put(key, PAYLOAD)
    assert before.get(key) is None


def test_a_model_of_another_tenant_series_or_version_is_a_miss(
    cache: Cache, redis: "Redis"
) -> None:
    models.put(cache, TENANT, SERIES, 1, PAYLOAD)
    entry = redis.get(f"model:{TENANT}:{SERIES}:1")
    assert isinstance(entry, bytes)
    for tenant, series, version in (
        (STRANGER, SERIES, 1),
        (TENANT, uuid4(), 1),
        (TENANT, SERIES, 2),
    ):
        redis.set(f"model:{tenant}:{series}:{version}", entry)
        assert models.get(cache, tenant, series, version) is None
    assert models.get(cache, TENANT, SERIES, 1) == PAYLOAD


@pytest.mark.parametrize("fields", [1, 3])
def test_a_window_comes_back_bit_for_bit(cache: Cache, fields: int) -> None:
    state = State(window(30, fields), memory())
    windows.put(cache, {(TENANT, SERIES): Window(7, 2030, 2, state)})
    got = windows.get(cache, TENANT, SERIES)
    assert got is not None
    assert (got.revision, got.points, got.version) == (7, 2030, 2)
    assert got.state.recent.times.tobytes() == state.recent.times.tobytes()
    assert got.state.recent.values.tobytes() == state.recent.values.tobytes()
    assert got.state.memory.tobytes() == state.memory.tobytes()
    assert got.state.memory.shape == state.memory.shape


def test_an_empty_window_is_one_too(cache: Cache) -> None:
    windows.put(cache, {(TENANT, SERIES): Window(7, 0, 0, State(Points.empty(2)))})
    got = windows.get(cache, TENANT, SERIES)
    assert got is not None
    assert len(got.state.recent) == 0


def test_a_window_of_another_format_is_a_miss(cache: Cache) -> None:
    cache.put(f"window:{TENANT}:{SERIES}", np.array([7, 0, 1, 2, 0, 0, 0, 0]).tobytes())
    assert windows.get(cache, TENANT, SERIES) is None


def test_a_window_of_another_tenant_is_a_miss(cache: Cache, redis: "Redis") -> None:
    windows.put(cache, {(TENANT, SERIES): A_WINDOW})
    redis.rename(f"window:{TENANT}:{SERIES}", f"window:{STRANGER}:{SERIES}")
    assert windows.get(cache, STRANGER, SERIES) is None


def test_a_dropped_window_is_a_miss(cache: Cache) -> None:
    windows.put(cache, {(TENANT, SERIES): A_WINDOW})
    windows.drop(cache, TENANT, SERIES)
    assert windows.get(cache, TENANT, SERIES) is None


def test_without_redis_everything_is_a_miss_and_nothing_fails(key: str) -> None:
    cache = Cache(f"redis://127.0.0.1:{free_port()}/0", SECRET, ttl_s=100)
    cache.put(key, PAYLOAD)
    cache.drop(key)
    assert cache.get(key) is None
    assert cache.answers() is False


def test_a_redis_that_asks_for_a_password_is_one_that_is_down(
    servers: Servers, redis: "Redis", key: str
) -> None:
    redis.acl_setuser("locked", enabled=True, passwords=["+secret"], keys=["*"])
    query = "&" if "?" in servers.redis_url else "?"
    url = f"{servers.redis_url}{query}username=locked&password=wrong"
    cache = Cache(url, SECRET, ttl_s=100)
    cache.put(key, PAYLOAD)
    assert cache.get(key) is None
    assert cache.answers() is False
    redis.acl_deluser("locked")
