"""What workers did is added up in Redis, which may forget it, be away, or hold nonsense."""

import math
from collections.abc import Iterator

import pytest
from redis import Redis

from app.cache.worked import BOUNDS_S, ENQUEUED_AGAIN, FIRST_SCORES, KEY, Worked, WorkNumbers
from tests.conftest import Servers
from tests.service import free_port

KINDS = ["train", "erase_series"]


@pytest.fixture
def numbers(servers: Servers, redis: "Redis") -> Iterator[WorkNumbers]:
    redis.delete(KEY)
    made = WorkNumbers(servers.redis_url)
    yield made
    made.close()
    redis.delete(KEY)


def read(numbers: WorkNumbers) -> Worked:
    found = numbers.read(KINDS)
    assert found is not None
    return found


def test_jobs_add_up_by_kind_outcome_and_seconds(numbers: WorkNumbers) -> None:
    for outcome, seconds in (("succeeded", 0.25), ("succeeded", 0.5), ("failed", 7.0)):
        numbers.note_job("train", outcome, seconds)
    numbers.note_job("train", "died")
    work = read(numbers).of_kind["train"]
    assert {outcome: n for outcome, n in work.ended.items() if n} == {
        "succeeded": 2,
        "failed": 1,
        "died": 1,
    }
    assert work.seconds == 7.75
    assert dict(zip(BOUNDS_S, work.within, strict=True)).items() >= {(0.5, 2), (10.0, 1), (1.0, 0)}
    assert read(numbers).of_kind["erase_series"].seconds == 0


def test_counts_add_up(numbers: WorkNumbers) -> None:
    for count in (1_000, 0, 24):
        numbers.note(FIRST_SCORES, count)
    numbers.note(ENQUEUED_AGAIN, 2)
    assert (read(numbers).first_scores, read(numbers).enqueued_again) == (1_024, 2)


@pytest.mark.parametrize("nonsense", [b"x", b"nan", b"inf", b"-5", b"", b"\xff", b"1" * 400])
def test_nonsense_counts_as_nothing(numbers: WorkNumbers, redis: "Redis", nonsense: bytes) -> None:
    redis.hset(KEY, mapping={"train seconds": nonsense, FIRST_SCORES: nonsense, "other": 1})
    found = read(numbers)
    assert math.isfinite(found.first_scores)
    assert found.of_kind["train"].seconds == found.first_scores == 0


def test_counting_goes_on_after_nonsense(numbers: WorkNumbers, redis: "Redis") -> None:
    redis.hset(KEY, "train seconds", b"x")
    for _ in range(2):
        numbers.note_job("train", "succeeded", 0.5)
    assert read(numbers).of_kind["train"].seconds == 0.5


def test_a_redis_that_is_away_costs_numbers_and_nothing_else() -> None:
    away = WorkNumbers(f"redis://127.0.0.1:{free_port()}/0")
    away.note_job("train", "succeeded", 1.0)
    assert away.read(KINDS) is None
