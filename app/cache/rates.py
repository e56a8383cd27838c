"""How often somebody may ask: the generic cell rate algorithm, counted for all processes in Redis.

Of each bucket only the time is kept at which it would be empty again (ITU-T I.371; "leaky bucket as
a meter"): a request moves it on by 1 / rate, and is refused where it would lie further ahead than
the burst allows. A bucket that is more than full was filled at a lower limit, and has room for one:
a limit that was raised acts at once. The clock is Redis's. Where Redis does not answer, each
process counts for itself.

Whoever is asked a lot takes requests ahead, from a bucket with much room: for a moment they go on
without asking Redis, and what was left of them goes back with the next that are counted.
"""

import hashlib
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, NamedTuple

import structlog
from redis.exceptions import NoScriptError, RedisError

from app import metrics
from app.cache.ahead import AHEAD_S, Ahead, One, Order
from app.cache.entries import connect
from app.cache.lines import Lines, bulk
from app.cache.pause import Pause
from app.metrics import numbers

MEMORY_BUCKETS = 10_000
US = 1_000_000
ROOM_FOR_ONE_AHEAD = 64  # so that what a process keeps to itself is a small part of the room

# KEYS: the edition, then buckets. ARGV: the edition that is known, if any; one to begin with; how
# many requests to take ahead, and how many to give back; how much room there has to be for each of
# them; microseconds a request and microseconds of the burst, for each of the buckets.
# -> the edition, the wait, how many were taken ahead, levels.
TAKE = """
local edition = redis.call('GET', KEYS[1]) or ''
if ARGV[1] ~= '' and ARGV[1] ~= edition then
    return {}
end
if edition == '' then
    edition = ARGV[2]
end
redis.call('SET', KEYS[1], edition, 'PX', 60000)
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local found, wait, ahead = {}, 0, tonumber(ARGV[3])
for i = 2, #KEYS do
    local cost, room = ARGV[2 * i + 2], ARGV[2 * i + 3]
    local at = math.max(tonumber(redis.call('GET', KEYS[i]) or 0) - ARGV[4] * cost, now)
    if at > now + room + 1 then
        at = now + room - cost
    end
    found[i - 1] = at
    wait = math.max(wait, at + cost - room - now)
    ahead = math.min(ahead, math.floor((now + room - at) / cost / ARGV[5]))
end
if wait > 0 then
    ahead = 0
end
for i = 2, #KEYS do
    local at = found[i - 1]
    if wait <= 0 then
        at = at + (1 + ahead) * ARGV[2 * i + 2]
        redis.call('SET', KEYS[i], string.format('%.0f', at),
            'PX', math.ceil((at - now) / 1000) + 1000)
    end
    found[i - 1] = string.format('%.0f', at - now)
end
return {edition, string.format('%.0f', wait), ahead, unpack(found)}
"""
BY_TEXT = bulk("EVAL", TAKE)
BY_DIGEST = bulk("EVALSHA", hashlib.sha1(TAKE.encode(), usedforsecurity=False).hexdigest())

log = structlog.get_logger()


@dataclass(frozen=True)
class Bucket:
    """Whose requests are counted: `rate` a second, and at most `burst` at once."""

    name: str
    key: str
    rate: float

    @cached_property
    def burst(self) -> int:
        return max(1, math.ceil(self.rate))

    @cached_property
    def policy(self) -> str:
        """As the header `RateLimit-Policy` has it: requests in a window of seconds."""
        return f'"{self.name}";q={self.burst};w={math.ceil(self.room_us / US)}'

    @cached_property
    def cost_us(self) -> float:
        return US / self.rate

    @cached_property
    def room_us(self) -> float:
        return self.burst * self.cost_us


class Level(NamedTuple):
    """What is left of a bucket: requests that it takes now, seconds until it is empty again."""

    bucket: Bucket
    left: int
    empty_in_s: float


class Taken(NamedTuple):
    """Whether the request may go on, and where not, after how many seconds it may.

    edition: the one in force; None where Redis did not answer.
    """

    levels: tuple[Level, ...]
    wait_s: float
    edition: bytes | None = None

    @property
    def is_allowed(self) -> bool:
        return self.wait_s <= 0


@dataclass(frozen=True, eq=False)
class Meter:
    """Buckets that a request is counted in together; what Redis is told of them is packed once.

    owner: whose keys and limits the edition is of.
    """

    buckets: tuple[Bucket, ...]
    owner: str = ""

    @cached_property
    def packed_keys(self) -> bytes:
        keys = [f"edition:{self.owner}", *(f"rate:{bucket.key}" for bucket in self.buckets)]
        return bulk(len(keys), *keys)

    @cached_property
    def packed_costs(self) -> bytes:
        return bulk(*(us for bucket in self.buckets for us in (bucket.cost_us, bucket.room_us)))

    def asking(self, script: bytes, known: bytes, fresh: bytes, order: Order) -> bytes:
        """The command that counts a request. script: how it names the script."""
        count = 9 + 3 * len(self.buckets)
        head = b"*%d\r\n%b%b" % (count, script, self.packed_keys)
        asked = bulk(known, fresh, order.ahead, order.back, ROOM_FOR_ONE_AHEAD)
        return head + asked + self.packed_costs


class Rates:
    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._lines = Lines(self._redis)
        self._ahead = Ahead()
        self._memory = _Memory()
        self._pause = Pause()

    def take(self, meter: Meter) -> Taken:
        """Count one request in all buckets, or, where one of them is full, in none."""
        taken = self._counted(meter, b"", secrets.token_bytes(8), Order())
        return taken or _taken(meter.buckets, *self._memory.take(meter.buckets))

    def take_in(self, edition: bytes, meter: Meter) -> Taken | None:
        """The same as long as this edition is in force; None where another is, or none can tell."""
        one = self._ahead.take(meter, edition)
        if one is not None:
            return _taken(meter.buckets, 0.0, _drained(meter, one), edition)
        return self._counted(meter, edition, b"", self._ahead.order(meter, edition))

    def _counted(self, meter: Meter, known: bytes, fresh: bytes, order: Order) -> Taken | None:
        ahead, levels_us = 0, list[float]()
        try:
            found = self._evaluated(meter, known, fresh, order)
            if not found:
                return None
            edition, wait_us, ahead, *levels = found
            levels_us = [float(us) for us in levels]
            before_us = _before(meter, levels_us, ahead)
            return _taken(meter.buckets, float(wait_us), before_us, edition)
        finally:
            self._ahead.arrived(order, ahead, levels_us)

    def _evaluated(self, meter: Meter, known: bytes, fresh: bytes, order: Order) -> Any:
        """Nothing where Redis does not answer, or another edition is in force."""
        if self._pause.holds():
            return None
        try:
            try:
                found = self._lines.ask(meter.asking(BY_DIGEST, known, fresh, order))
            except NoScriptError:
                found = self._lines.ask(meter.asking(BY_TEXT, known, fresh, order))
        except RedisError as error:
            self._lost(error)
            return None
        self._pause.end()
        return found

    def renew(self, owner: str) -> None:
        """Keys or limits of this owner changed: another edition is in force once this returns."""
        try:
            self._redis.delete(f"edition:{owner}")
        except RedisError as error:
            self._lost(error)
        time.sleep(AHEAD_S)

    def _lost(self, error: RedisError) -> None:
        self._pause.begin()
        metrics.note(numbers.UNANSWERED)
        log.warning("rates are counted by each process", error=type(error).__name__)

    def close(self) -> None:
        self._lines.close()
        self._redis.close()


class _Memory:
    """The same in this process, for the most recent buckets."""

    def __init__(self) -> None:
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = Lock()

    def take(self, buckets: Sequence[Bucket]) -> tuple[float, list[float]]:
        now = time.monotonic() * US
        with self._lock:
            found = [_found(self._full_at.get(bucket.key, 0.0), now, bucket) for bucket in buckets]
            wait = max(
                at + bucket.cost_us - bucket.room_us - now
                for at, bucket in zip(found, buckets, strict=True)
            )
            if wait <= 0:
                found = [at + b.cost_us for at, b in zip(found, buckets, strict=True)]
                for at, bucket in zip(found, buckets, strict=True):
                    self._full_at[bucket.key] = at
                    self._full_at.move_to_end(bucket.key)
                while len(self._full_at) > MEMORY_BUCKETS:
                    self._full_at.popitem(last=False)
        return wait, [at - now for at in found]


def _found(empty_at: float, now: float, bucket: Bucket) -> float:
    if empty_at > now + bucket.room_us + 1:
        return now + bucket.room_us - bucket.cost_us
    return max(empty_at, now)


def _before(meter: Meter, levels_us: Sequence[float], requests: int) -> list[float]:
    """The levels, before so many requests were counted too."""
    both = zip(levels_us, meter.buckets, strict=True)
    return [us - requests * bucket.cost_us for us, bucket in both]


def _drained(meter: Meter, one: One) -> list[float]:
    """The levels, as if the request had been counted now."""
    before = zip(_before(meter, one.levels_us, one.left), meter.buckets, strict=True)
    return [max(us - one.since_s * US, bucket.cost_us) for us, bucket in before]


def _taken(
    buckets: Sequence[Bucket],
    wait_us: float,
    ahead_us: Sequence[float],
    edition: bytes | None = None,
) -> Taken:
    levels = [
        Level(bucket, max(0, int((bucket.room_us - ahead) / bucket.cost_us + 1e-6)), ahead / US)
        for bucket, ahead in zip(buckets, ahead_us, strict=True)
    ]
    return Taken(tuple(levels), wait_us / US, edition)
