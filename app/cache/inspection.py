"""What is to be known of a Redis before it is relied on."""

from dataclasses import dataclass
from typing import Any

from redis.exceptions import RedisError

from app.cache.entries import connect
from app.errors import Unavailable


@dataclass(frozen=True)
class RedisFacts:
    """`name` is Redis or Valkey; `eviction` is what it drops when its memory is full."""

    name: str
    version: str
    eviction: str


def inspect(url: str) -> RedisFacts:
    """Raises Unavailable where it does not answer, or wants another password."""
    redis = connect(url)
    try:
        info: dict[str, Any] = redis.info()
    except RedisError as error:
        raise Unavailable(f"Redis does not answer: {error}") from None
    finally:
        redis.close()
    is_valkey = "valkey_version" in info
    return RedisFacts(
        "Valkey" if is_valkey else "Redis",
        str(info.get("valkey_version") or info.get("redis_version") or "unknown"),
        str(info.get("maxmemory_policy") or "unknown"),
    )
