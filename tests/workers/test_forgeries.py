"""Who can write to Redis can make no worker run what we did not sign, and none of them end."""

import json
import pickle
import secrets
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from redis import Redis
from rq.job import Job as PlainJob

from app.actions.parts import Parts
from app.jobs.entries import FUNCTIONS
from app.jobs.queue import QUEUE
from tests.service import Service, wait_until

Watch = Callable[[int], Any]
SHORT = 100
TRAIN = FUNCTIONS["train"]


class Calls(ThreadingHTTPServer):
    """An address that counts who calls it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.count = 0

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert isinstance(self.server, Calls)
            self.server.count += 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def calls() -> Iterator[Calls]:
    server = Calls()
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """What `forged.touch` would leave behind."""
    return tmp_path / "trace"


@pytest.fixture
def worker(workless: Service, trace: Path) -> Any:
    """One that could import the forger's module."""
    code = f"def touch(*_, **__): open({str(trace)!r}, 'w').close()"
    (trace.parent / "forged.py").write_text(code)
    workless.environment["PYTHONPATH"] += f":{trace.parent}"
    return workless.start_worker()


def push(redis: "Redis", data: bytes, **fields: Any) -> bytes:
    """An entry, as RQ itself would lay it out."""
    job_id = secrets.token_hex(8)
    mapping: Any = {
        "created_at": "2024-01-01T00:00:00.000000Z",
        "enqueued_at": "2024-01-01T00:00:00.000000Z",
        "origin": QUEUE,
        "status": "queued",
        "timeout": 60,
        "data": data,
        **fields,
    }
    redis.hset(f"rq:job:{job_id}", mapping=mapping)
    redis.lpush(f"rq:queue:{QUEUE}", job_id)
    return job_id.encode()


def wait_until_taken(redis: "Redis", job_id: bytes) -> None:
    """Until a worker has had the entry, and is done with it."""

    def is_over() -> bool:
        left = redis.lpos(f"rq:queue:{QUEUE}", job_id.decode()) is not None
        between = redis.lpos(f"rq:queue:{QUEUE}:intermediate", job_id.decode()) is not None
        status = redis.hget(b"rq:job:" + job_id, "status")
        return not left and (status in (None, b"failed", b"finished") or not between)

    wait_until(is_over, "the entry was taken")


def listed() -> list[Any]:
    return [TRAIN, None, [str(uuid4()), str(uuid4())], {}]


def test_unsigned_entries_and_unlisted_functions_never_run(
    worker: Any, watch: Watch, parts: Parts, redis: "Redis", trace: Path
) -> None:
    watched = watch(SHORT)
    call: list[Any] = ["forged.touch", None, [], {}]
    signed = parts.queue.serializer.dumps
    for data in (
        json.dumps(call).encode(),
        pickle.dumps(tuple(call)),
        bytes(32) + json.dumps(call).encode(),
        parts.secret.sign("cache", json.dumps(call).encode()) + json.dumps(call).encode(),
        signed(call),
        signed(["touch", "forged", [], {}]),
        signed(["os.system", None, [f"touch {trace}"], {}]),
        b"",
    ):
        wait_until_taken(redis, push(redis, data))
    assert watched.wait_until_over(watched.request()).status == "succeeded"
    assert not trace.exists()
    assert worker.poll() is None


def test_callbacks_and_webhooks_that_an_entry_names_never_run(
    worker: Any, watch: Watch, parts: Parts, redis: "Redis", trace: Path, calls: Calls
) -> None:
    watched = watch(SHORT)
    address = f"http://127.0.0.1:{calls.server_port}/"
    hooks = [{"url": address, "job_status": status} for status in ("finished", "failed")]
    forged = {
        "success_callback_name": "forged.touch",
        "failure_callback_name": "forged.touch",
        "stopped_callback_name": "forged.touch",
        "webhooks": json.dumps(hooks),
    }
    good = parts.queue.serializer.dumps(listed())
    bad = parts.queue.serializer.dumps(["forged.touch", None, [], {}])
    for data in (good, bad):
        job_id = push(redis, data, **forged)
        wait_until_taken(redis, job_id)
    assert watched.wait_until_over(watched.request()).status == "succeeded"
    assert not trace.exists()
    assert calls.count == 0
    # RQ itself would have called it.
    plain = PlainJob.fetch(push(redis, good, **forged).decode(), connection=redis)
    plain.send_webhooks("finished")
    assert calls.count == 1


UNREADABLE: list[dict[str, Any]] = [
    {"created_at": "yesterday"},
    {"status": "no such status"},
    {"timeout": "soon"},
    {"retry_intervals": "{"},
    {"data": b""},
    {"retries_left": 3, "retry_intervals": "[0, 0, 0]"},
    {"repeats_left": 3, "repeat_intervals": "[0, 0, 0]"},
    {"origin": "elsewhere"},
    {"dependency_ids": json.dumps(["absent"])},
]


def test_a_worker_goes_on_over_entries_that_cannot_be_read(
    workless: Service, watch: Watch, parts: Parts, redis: "Redis"
) -> None:
    watched = watch(SHORT)
    worker = workless.start_worker()
    good = parts.queue.serializer.dumps(listed())
    pushed = [push(redis, **{"data": good, **fields}) for fields in UNREADABLE]
    waiting = f"rq:queue:{QUEUE}"
    wait_until(lambda: not set(pushed) & set(redis.lrange(waiting, 0, -1)), "all were taken")
    assert watched.wait_until_over(watched.request()).status == "succeeded"
    assert worker.poll() is None


def test_a_queue_of_another_type_does_not_end_a_worker(
    workless: Service, watch: Watch, redis: "Redis"
) -> None:
    watched = watch(SHORT)
    redis.delete(f"rq:queue:{QUEUE}")
    redis.set(f"rq:queue:{QUEUE}", "not a list")
    worker = workless.start_worker()
    job_id = watched.request()
    redis.delete(f"rq:queue:{QUEUE}")
    assert watched.wait_until_over(job_id).status == "succeeded"
    assert worker.poll() is None
