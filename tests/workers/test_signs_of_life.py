"""Who asks whether workers are there is told the truth, also of one that was killed."""

import signal
from dataclasses import replace

from redis import Redis

from app.actions import health
from app.actions.parts import Parts
from tests.service import Service, wait_until
from workers.main import SIGN_OF_LIFE_S


def test_readiness_knows_whether_a_worker_lives(
    workless: Service, parts: Parts, redis: "Redis"
) -> None:
    started_long_ago = replace(parts, made_at_s=parts.made_at_s - health.WORKERS_START_WITHIN_S)

    def told() -> str:
        return health.readiness(started_long_ago).parts["workers"]

    redis.flushdb()
    assert told().startswith("none")
    workless.start_worker()
    wait_until(lambda: told() == "ok", "the worker is known")
    [name] = redis.smembers("rq:workers")
    wait_until(lambda: 0 < redis.ttl(name) <= SIGN_OF_LIFE_S, "its sign of life runs out soon")
    workless.stop("worker", signal.SIGKILL)
    redis.expire(name, 0)  # as that time passes
    assert told().startswith("none")


def test_a_worker_is_known_again_after_redis_was_emptied(
    workless: Service, parts: Parts, redis: "Redis"
) -> None:
    redis.flushdb()
    worker = workless.start_worker()
    wait_until(lambda: parts.queue.workers() == 1, "the worker is known")
    redis.flushdb()
    assert parts.queue.workers() == 0
    wait_until(lambda: parts.queue.workers() == 1, "its next sign of life says so again")
    assert health.readiness(parts).parts["workers"] == "ok"
    assert worker.poll() is None
