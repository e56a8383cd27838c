"""How often somebody may ask: the generic cell rate algorithm, counted for all processes in Redis.

Of each bucket only the time is kept at which it would be empty again (ITU-T I.371; "leaky bucket as
a meter"): a request moves it on by 1 / rate, and is refused where it would lie further ahead than
the burst allows. A bucket that is more than full was filled at a lower limit, and has room for one:
a limit that was raised acts at once. The clock is Redis's. Where Redis does not answer, each
process counts for itself.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import structlog
from redis.exceptions import RedisError

from app.cache.entries import PAUSE_S, connect

MEMORY_BUCKETS = 10_000
US = 1_000_000

# KEYS: buckets. ARGV: microseconds a request and microseconds of the burst, for each of them.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local found, wait = {}, 0
for i, key in ipairs(KEYS) do
    found[i] = math.max(tonumber(redis.call('GET', key) or 0), now)
    if found[i] > now + ARGV[2 * i] + 1 then
        found[i] = now + ARGV[2 * i] - ARGV[2 * i - 1]
    end
    wait = math.max(wait, found[i] + ARGV[2 * i - 1] - ARGV[2 * i] - now)
end
for i, key in ipairs(KEYS) do
    if wait <= 0 then
        found[i] = found[i] + ARGV[2 * i - 1]
        redis.call('SET', key, string.format('%.0f', found[i]),
            'PX', math.ceil((found[i] - now) / 1000) + 1000)
    end
    found[i] = string.format('%.0f', found[i] - now)
end
return {string.format('%.0f', wait), unpack(found)}
"""

log = structlog.get_logger()


@dataclass(frozen=True)
class Bucket:
    """Whose requests are counted: `rate` a second, and at most `burst` at once."""

    name: str
    key: str
    rate: float

    @property
    def burst(self) -> int:
        return max(1, math.ceil(self.rate))

    @property
    def cost_us(self) -> float:
        return US / self.rate

    @property
    def room_us(self) -> float:
        return self.burst * self.cost_us


@dataclass(frozen=True)
class Level:
    """What is left of a bucket: requests that it takes now, seconds until it is empty again."""

    bucket: Bucket
    left: int
    empty_in_s: float


@dataclass(frozen=True)
class Taken:
    """Whether the request may go on, and where not, after how many seconds it may."""

    levels: tuple[Level, ...]
    wait_s: float

    @property
    def is_allowed(self) -> bool:
        return self.wait_s <= 0


class Rates:
    def __init__(self, url: str) -> None:
        self._redis = connect(url)
        self._script = self._redis.register_script(TAKE)
        self._memory = _Memory()
        self._paused_until = 0.0

    def take(self, buckets: Sequence[Bucket]) -> Taken:
        """Count one request in all buckets, or, where one of them is full, in none."""
        if time.monotonic() >= self._paused_until:
            try:
                return self._counted(buckets)
            except RedisError as error:
                self._paused_until = time.monotonic() + PAUSE_S
                log.warning("rates are counted by each process", error=type(error).__name__)
        return _taken(buckets, *self._memory.take(buckets))

    def _counted(self, buckets: Sequence[Bucket]) -> Taken:
        costs = [x for bucket in buckets for x in (bucket.cost_us, bucket.room_us)]
        wait_us, *ahead_us = self._script([f"rate:{bucket.key}" for bucket in buckets], costs)
        return _taken(buckets, float(wait_us), [float(us) for us in ahead_us])

    def close(self) -> None:
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


def _taken(buckets: Sequence[Bucket], wait_us: float, ahead_us: Sequence[float]) -> Taken:
    levels = tuple(
        Level(bucket, max(0, int((bucket.room_us - ahead) / bucket.cost_us + 1e-6)), ahead / US)
        for bucket, ahead in zip(buckets, ahead_us, strict=True)
    )
    return Taken(levels, wait_us / US)
