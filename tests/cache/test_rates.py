"""How often somebody may ask, counted by Redis for all processes, or by each where it is down."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from app.cache import rates
from app.cache.rates import Bucket, Meter, Rates, Taken
from tests.conftest import Servers
from tests.service import wait_until

NOBODY = "redis://127.0.0.1:1/0"


@pytest.fixture(params=["redis", "process"])
def counting(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Rates]:
    with Redis.from_url(servers.redis_url) as redis:
        redis.flushdb()
    made = Rates(servers.redis_url if request.param == "redis" else NOBODY)
    yield made
    made.close()


class Slow(Bucket):
    """Takes `rate` requests at once, and then none for ten minutes."""

    @property
    def cost_us(self) -> float:
        return 600e6


def slow(key: str = "a", burst: int = 3) -> Bucket:
    return Slow("tenant", key, burst)


def meter(*buckets: Bucket, owner: str = "") -> Meter:
    return Meter(buckets, owner)


def taken(counting: Rates, *buckets: Bucket, times: int) -> list[Taken]:
    return [counting.take(meter(*buckets)) for _ in range(times)]


def test_a_burst_is_taken_and_then_refused_until_there_is_room(counting: Rates) -> None:
    found = taken(counting, slow(), times=4)
    assert [one.is_allowed for one in found] == [True, True, True, False]
    assert [one.levels[0].left for one in found] == [2, 1, 0, 0]
    assert 0 < found[-1].wait_s <= 600
    assert 0 < found[-1].levels[0].empty_in_s <= 1800


def test_buckets_do_not_share_their_room(counting: Rates) -> None:
    taken(counting, slow("a"), times=4)
    assert counting.take(meter(slow("b"))).is_allowed


def test_what_one_bucket_refuses_costs_no_other_anything(counting: Rates) -> None:
    taken(counting, slow("full"), times=3)
    refused = taken(counting, slow("full"), slow("other"), times=5)
    assert not any(one.is_allowed for one in refused)
    assert [one.is_allowed for one in taken(counting, slow("other"), times=3)] == [True] * 3


def test_room_comes_back_at_the_rate(counting: Rates) -> None:
    quick = Bucket("tenant", "quick", 20)
    while counting.take(meter(quick)).is_allowed:
        pass
    began = time.monotonic()
    wait_until(lambda: counting.take(meter(quick)).is_allowed, "there is room again", 5)
    assert time.monotonic() - began > 0.01


def test_a_limit_that_was_raised_acts_at_once(counting: Rates) -> None:
    taken(counting, slow("a"), times=4)
    raised = Bucket("tenant", "a", 50)
    wait_until(lambda: counting.take(meter(raised)).is_allowed, "there is room at the new rate", 5)


def test_processes_count_together(servers: Servers) -> None:
    with Redis.from_url(servers.redis_url) as redis:
        redis.flushdb()
    first, second = Rates(servers.redis_url), Rates(servers.redis_url)
    taken(first, slow(), times=2)
    assert [one.is_allowed for one in taken(second, slow(), times=2)] == [True, False]
    first.close()
    second.close()


def test_buckets_leave_redis_by_themselves(servers: Servers) -> None:
    with Redis.from_url(servers.redis_url) as redis:
        redis.flushdb()
        counting = Rates(servers.redis_url)
        counting.take(meter(Bucket("tenant", "a", 100)))
        assert 0 < redis.pttl("rate:a") <= 2000
        assert 0 < redis.pttl("edition:") <= 60_000
        counting.close()


def test_the_memory_of_a_process_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "MEMORY_BUCKETS", 2)
    counting = Rates(NOBODY)
    for key in "abc":
        taken(counting, slow(key), times=3)
    assert counting.take(meter(slow("a"))).is_allowed
    assert not counting.take(meter(slow("c"))).is_allowed
    counting.close()


def test_parallel_requests_never_get_more_than_the_burst(servers: Servers) -> None:
    with Redis.from_url(servers.redis_url) as redis:
        redis.flushdb()
    counting = Rates(servers.redis_url)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: counting.take(meter(slow(burst=50))), range(200)))
    assert sum(one.is_allowed for one in found) == 50
    counting.close()


def edition(counting: Rates, owner: str) -> bytes:
    found = counting.take(meter(slow(burst=50), owner=owner)).edition
    assert found is not None
    return found


def test_an_edition_holds_until_it_is_renewed(servers: Servers) -> None:
    counting, elsewhere = Rates(servers.redis_url), Rates(servers.redis_url)
    first = edition(counting, "owner")
    assert edition(elsewhere, "owner") == first
    assert edition(counting, "another") != first
    assert counting.take_in(first, meter(slow("own", 5), owner="owner")) is not None
    elsewhere.renew("owner")
    assert counting.take_in(first, meter(slow("own", 5), owner="owner")) is None
    assert edition(counting, "owner") != first
    counting.close()
    elsewhere.close()


def test_in_an_edition_that_is_over_nothing_is_counted(servers: Servers) -> None:
    counting = Rates(servers.redis_url)
    old = edition(counting, "owner")
    counting.renew("owner")
    with Redis.from_url(servers.redis_url) as redis:
        redis.delete("rate:uncounted")
        assert counting.take_in(old, meter(slow("uncounted"), owner="owner")) is None
        assert redis.exists("rate:uncounted", "edition:owner") == 0
    counting.close()


def test_without_redis_no_edition_is_known_to_hold() -> None:
    counting = Rates(NOBODY)
    assert counting.take(meter(slow(), owner="owner")).edition is None
    assert counting.take_in(b"any", meter(slow(), owner="owner")) is None
    counting.renew("owner")
    counting.close()
