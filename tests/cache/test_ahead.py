"""A process that is asked a lot takes requests ahead: never more than there is room for, and none
beyond a change of keys or limits."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from app.cache.ahead import Ahead, Order
from app.cache.rates import ROOM_FOR_ONE_AHEAD, Meter, Rates, Taken
from tests.cache.test_rates import Slow
from tests.conftest import Servers
from tests.service import wait_until

BURST = 2_000
MUCH = 10**6


def meter(burst: int = BURST) -> Meter:
    return Meter((Slow("tenant", "a", burst),), "owner")


@pytest.fixture
def redis(servers: Servers) -> Iterator["Redis"]:
    with Redis.from_url(servers.redis_url) as client:
        client.flushdb()
        yield client


@pytest.fixture
def pair(servers: Servers, redis: "Redis") -> Iterator[tuple[Rates, Rates]]:
    """Of two processes."""
    first, second = Rates(servers.redis_url), Rates(servers.redis_url)
    yield first, second
    first.close()
    second.close()


def edition(counting: Rates) -> bytes:
    found = counting.take(Meter((Slow("tenant", "other", MUCH),), "owner")).edition
    assert found is not None
    return found


def asked(redis: "Redis") -> int:
    return int(redis.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"])


def is_allowed(counting: Rates, known: bytes, of: Meter) -> bool:
    found = counting.take_in(known, of)
    assert found is not None
    return found.is_allowed


def test_a_process_that_is_asked_a_lot_asks_redis_seldom(
    pair: tuple[Rates, Rates], redis: "Redis"
) -> None:
    counting, _ = pair
    known, of, before = edition(counting), meter(MUCH), asked(redis)
    assert all(is_allowed(counting, known, of) for _ in range(2_000))
    assert asked(redis) - before < 500


def test_processes_that_take_ahead_never_get_more_than_the_burst(
    pair: tuple[Rates, Rates],
) -> None:
    known, meters = edition(pair[0]), (meter(), meter())

    def ask(number: int) -> bool:
        return is_allowed(pair[number % 2], known, meters[number % 2])

    with ThreadPoolExecutor(8) as pool:
        allowed = sum(pool.map(ask, range(2 * BURST)))
    kept_back = 2 * BURST / ROOM_FOR_ONE_AHEAD
    assert BURST - kept_back <= allowed <= BURST


def test_what_was_not_used_goes_back(pair: tuple[Rates, Rates]) -> None:
    counting, _ = pair
    known, of = edition(counting), meter()
    used = sum(is_allowed(counting, known, of) for _ in range(100))
    lot = counting._ahead._lots[of]
    wait_until(lambda: lot.until_s < time.monotonic(), "what is left is over")
    after = counting.take_in(known, of)
    assert after is not None
    assert after.levels[0].left == BURST - used - 1


def test_levels_are_those_of_requests_that_were_counted_one_by_one(
    pair: tuple[Rates, Rates],
) -> None:
    counting, _ = pair
    known, of = edition(counting), meter()
    found = [counting.take_in(known, of) for _ in range(300)]
    assert [one.levels[0].left for one in found if one] == [BURST - 1 - i for i in range(300)]


def test_where_there_is_little_room_nothing_is_taken_ahead(
    pair: tuple[Rates, Rates], redis: "Redis"
) -> None:
    counting, other = pair
    known, of, before = edition(counting), meter(ROOM_FOR_ONE_AHEAD - 1), asked(redis)
    for _ in range(20):
        assert is_allowed(counting, known, of)
    assert asked(redis) - before == 20
    left = ROOM_FOR_ONE_AHEAD - 1 - 20
    elsewhere = meter(ROOM_FOR_ONE_AHEAD - 1)
    assert sum(is_allowed(other, known, elsewhere) for _ in range(100)) == left


def test_once_a_change_is_made_nothing_goes_on_in_the_old_edition(
    pair: tuple[Rates, Rates],
) -> None:
    """Whoever revokes a key has his answer after that, and may rely on it."""
    counting, changing = pair
    known, of = edition(counting), meter(MUCH)
    changed, late = threading.Event(), list[Taken | None]()

    def ask_on() -> None:
        while len(late) < 100:
            was_changed = changed.is_set()
            found = counting.take_in(known, of)
            if was_changed:
                late.append(found)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_on)
        lots = counting._ahead._lots
        wait_until(lambda: of in lots and lots[of].taken > 10, "requests are taken ahead")
        changing.renew("owner")
        changed.set()
        asking.result()
    assert late == [None] * 100


def test_of_those_who_find_nothing_left_one_takes_the_next() -> None:
    ahead, of = Ahead(), meter()
    first = ahead.order(of, b"edition")
    assert ahead.order(of, b"edition") == Order()
    ahead.arrived(first, 2, [5.0])
    taken = [ahead.take(of, b"edition") for _ in range(3)]
    assert [one and one[:2] for one in taken] == [(1, [5.0]), (0, [5.0]), None]
    assert ahead.order(of, b"edition").ahead == 5


def test_another_edition_begins_with_nothing() -> None:
    ahead, of = Ahead(), meter()
    ahead.arrived(ahead.order(of, b"old"), 2, [5.0])
    assert ahead.take(of, b"new") is None
    assert ahead.order(of, b"new")[:2] == (0, 0)
