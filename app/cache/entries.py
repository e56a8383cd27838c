"""Signed entries in Redis: one that is missing, damaged or forged is a miss, as is a dead Redis."""

from collections.abc import Mapping
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from app import metrics
from app.cache.lines import Lines, command
from app.cache.pause import Pause
from app.errors import Unavailable
from app.metrics import numbers
from app.signing import SIGNATURE_BYTES, Secret

CONNECT_TIMEOUT_S = 0.5
ANSWER_TIMEOUT_S = 1.0
KINDS = ("model", "window")  # what the keys of entries begin with
SCANNED_AT_ONCE = 1_000

log = structlog.get_logger()


def connect(url: str) -> "Redis":
    return Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        socket_timeout=ANSWER_TIMEOUT_S,
        retry=Retry(NoBackoff(), 1),
    )


class Cache:
    def __init__(self, url: str, secret: Secret, ttl_s: int) -> None:
        self._redis = connect(url)
        self._lines = Lines(self._redis)
        self._secret = secret
        self._ttl_s = ttl_s
        self._pause = Pause()

    def get(self, key: str) -> bytes | None:
        entry = self._asked(("GET", key))
        return self._opened(key, entry) if isinstance(entry, bytes) else None

    def put(self, key: str, payload: bytes) -> None:
        self.put_all({key: payload})

    def put_all(self, entries: Mapping[str, bytes]) -> None:
        """In one round trip."""
        lifetime = "EX", self._ttl_s
        self._asked(
            *(("SET", key, self._sealed(key, one), *lifetime) for key, one in entries.items())
        )

    def drop(self, key: str) -> None:
        self._asked(("DEL", key))

    def erase(self, owner: str) -> None:
        """Every entry whose key names this tenant, or tenant and series; its rates too.

        Raises `Unavailable`: what is to be erased is not left to its time to live.
        """
        self._erase_matching(f"*:{owner}*")

    def clear(self) -> None:
        """Every entry there is; raises `Unavailable` likewise."""
        for kind in KINDS:
            self._erase_matching(f"{kind}:*")

    def _erase_matching(self, pattern: str) -> None:
        try:
            keys = list(self._redis.scan_iter(pattern, SCANNED_AT_ONCE))
            for first in range(0, len(keys), SCANNED_AT_ONCE):
                self._redis.unlink(*keys[first : first + SCANNED_AT_ONCE])
        except RedisError as error:
            raise Unavailable(f"The cache does not answer: {type(error).__name__}") from error

    def answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except RedisError:
            return False

    def close(self) -> None:
        self._lines.close()
        self._redis.close()

    def _sealed(self, key: str, payload: bytes) -> bytes:
        """The signature covers the key, so an entry of one tenant is none of another's."""
        return self._secret.sign("cache", key.encode() + b"\0" + payload) + payload

    def _opened(self, key: str, entry: bytes) -> bytes | None:
        signature, payload = entry[:SIGNATURE_BYTES], entry[SIGNATURE_BYTES:]
        if self._secret.holds("cache", key.encode() + b"\0" + payload, signature):
            return payload
        metrics.note(numbers.REFUSED)
        log.warning("cache entry refused: its signature does not hold", key=key)
        return None

    def _asked(self, *commands: tuple[str | bytes | int, ...]) -> Any:
        """The answer to the last; None where Redis does not answer, or did not a moment ago."""
        if self._pause.holds():
            return None
        try:
            answer = self._lines.ask(*(command(*words) for words in commands))
        except RedisError as error:
            self._pause.begin()
            metrics.note(numbers.UNANSWERED)
            log.warning("cache does not answer", error=type(error).__name__)
            return None
        self._pause.end()
        return answer
