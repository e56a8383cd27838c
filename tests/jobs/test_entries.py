"""Queue entries run listed functions only, and only as we signed them."""

import json
import os
import pickle
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from rq import Queue
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job as PlainJob
from rq.registry import StartedJobRegistry

from app.actions.parts import Parts
from app.jobs import JobQueue
from app.jobs.entries import FUNCTIONS, ListedJob, SigningSerializer
from app.signing import Secret
from tests.conftest import Servers
from tests.service import free_port

SECRET = Secret({1: b"1" * 32})
SERIALIZER = SigningSerializer(SECRET)
TRAIN = FUNCTIONS["train"]


@pytest.fixture
def queue(servers: Servers) -> Iterator[JobQueue]:
    made = JobQueue(servers.redis_url, SECRET)
    # Not the queue of the service's own workers.
    made.queue = Queue(
        f"test-{secrets.token_hex(4)}",
        connection=made.redis,
        serializer=made.serializer,
        job_class=ListedJob,
    )
    yield made
    made.close()


def content(function: str = TRAIN, instance: Any = None, *args: str) -> list[Any]:
    return [function, instance, list(args), {}]


def entry(redis: "Redis", data: bytes, **fields: str) -> PlainJob:
    job_id = secrets.token_hex(8)
    mapping: Any = {
        "created_at": "2024-01-01T00:00:00.000000Z",
        "status": "queued",
        "data": data,
        **fields,
    }
    redis.hset(f"rq:job:{job_id}", mapping=mapping)
    redis.expire(f"rq:job:{job_id}", 60)
    return ListedJob.fetch(job_id, connection=redis, serializer=SERIALIZER)


def test_every_listed_function_can_be_imported(redis: "Redis") -> None:
    for name in FUNCTIONS.values():
        assert callable(entry(redis, SERIALIZER.dumps(content(name))).func)


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(content("os.system", None, "true")).encode(),
        json.dumps(content()).encode(),
        pickle.dumps(("os.system", None, ("true",), {})),
        b"",
        bytes(64),
        SigningSerializer(Secret({1: b"2" * 32})).dumps(content()),
        SECRET.sign("cache", json.dumps(content()).encode()) + json.dumps(content()).encode(),
        SERIALIZER.dumps(content())[:-1],
        SERIALIZER.dumps(content()) + b" ",
    ],
)
def test_what_we_did_not_sign_is_not_read(redis: "Redis", data: bytes) -> None:
    job = entry(redis, data)
    with pytest.raises(DeserializationError):
        _ = job.func


@pytest.mark.parametrize("function", ["os.system", "workers.training.claiming.run", "train", ""])
def test_a_function_that_is_not_listed_is_refused_even_if_signed(
    redis: "Redis", function: str
) -> None:
    with pytest.raises(PermissionError):
        _ = entry(redis, SERIALIZER.dumps(content(function))).func


def test_a_method_of_an_object_is_refused(redis: "Redis") -> None:
    with pytest.raises(PermissionError):
        _ = entry(redis, SERIALIZER.dumps(content(TRAIN, {"any": "object"}))).func


def test_callbacks_that_an_entry_names_are_not_seen(redis: "Redis") -> None:
    kinds = ("success", "failure", "stopped")
    named = {f"{kind}_callback_name": "os.getcwd" for kind in kinds}
    job = entry(redis, SERIALIZER.dumps(content()), **named)
    plain = PlainJob.fetch(job.id, connection=redis, serializer=SERIALIZER)
    for kind in kinds:
        assert getattr(plain, f"{kind}_callback") is os.getcwd, "RQ itself would call it"
        assert getattr(job, f"{kind}_callback") is None


def test_an_abandoned_entry_does_not_call_what_it_names(
    redis: "Redis", queue: JobQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RQ's maintenance, in the worker's own process, calls the failure callback of such entries."""
    trace = tmp_path / "trace"
    (tmp_path / "forged_callback.py").write_text(f"def touch(*_): open({str(trace)!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    named = {"failure_callback_name": "forged_callback.touch", "status": "started"}

    def abandon(job_class: type[PlainJob]) -> str:
        job = entry(redis, SERIALIZER.dumps(content()), origin=queue.queue.name, **named)
        registry = StartedJobRegistry(queue=queue.queue, job_class=job_class)
        redis.zadd(registry.key, {f"{job.id}:1": 1})
        registry.cleanup()
        return str(job.get_status().value)

    assert abandon(ListedJob) == "failed"
    assert not trace.exists()
    abandon(PlainJob)
    assert trace.exists(), "RQ itself calls it"


@pytest.mark.parametrize(
    "fields",
    [
        {"created_at": "yesterday"},
        {"status": "no such status"},
        {"timeout": "soon"},
        {"result_ttl": "x"},
        {"retry_intervals": "{"},
        {"dependency_ids": "{"},
        {"origin": b"\xff\xfe"},
    ],
)
def test_an_entry_that_cannot_be_read_is_none(redis: "Redis", fields: dict[str, Any]) -> None:
    with pytest.raises(NoSuchJobError):
        entry(redis, SERIALIZER.dumps(content()), **fields)


def test_entries_carry_ids_alone(redis: "Redis", queue: JobQueue) -> None:
    tenant_id, job_id = uuid4(), uuid4()
    assert queue.wake("train", tenant_id, job_id) is True
    plain = PlainJob.fetch(f"{job_id}-0", connection=redis, serializer=SERIALIZER)
    assert plain.func_name == TRAIN
    assert list(plain.args) == [str(tenant_id), str(job_id)]
    assert plain.kwargs == {}
    assert 0 < redis.ttl(f"rq:job:{job_id}-0") <= 3_600


def test_the_queue_knows_which_jobs_it_forgot_and_which_nobody_will_take(
    redis: "Redis", queue: JobQueue
) -> None:
    waiting, taken, forgotten, overwritten = jobs = [(uuid4(), 2) for _ in range(4)]
    for job_id, attempt in jobs:
        queue.wake("train", uuid4(), job_id, attempt)
    redis.lrem(queue.queue.key, 1, f"{taken[0]}-2")
    redis.delete(f"rq:job:{forgotten[0]}-2")
    redis.set(f"rq:job:{overwritten[0]}-2", "not a hash")
    next_attempt = (waiting[0], 3)
    assert queue.unknown([*jobs, next_attempt]) == {forgotten, overwritten, next_attempt}
    assert queue.unlisted([waiting, taken, next_attempt]) == {taken, next_attempt}
    assert queue.unknown([]) == queue.unlisted([]) == set()


def test_without_redis_nobody_is_woken_and_nothing_fails() -> None:
    queue = JobQueue(f"redis://127.0.0.1:{free_port()}/0", SECRET)
    assert queue.wake("train", uuid4(), uuid4()) is False


def test_the_services_queue_is_the_workers(parts: Parts) -> None:
    assert parts.queue.queue.name == "tocsin"
