"""Workers may die at any moment: one model comes out all the same, soon, and only one."""

import os
import signal
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psutil  # type: ignore[import-untyped]
import pytest
from redis import Redis

from app.actions.parts import Parts
from app.jobs.queue import QUEUE
from app.store import jobs
from app.store.jobs import MOST_ATTEMPTS
from tests.service import Service, free_port, wait_until

Watch = Callable[[int], Any]
LONG_OVER_S = -100.0  # a lease whose end, and the pause after it, have passed
LONG, SHORT = 4_000, 100  # points of a history that trains for seconds, and for a blink


def children(worker: Any) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(worker.pid).children(recursive=True)
    return found


def at_work(service: Service) -> dict[int, list[psutil.Process]]:
    """What lives below each worker that has such."""
    below = {worker.pid: children(worker) for worker in service.processes.values()}
    living = {pid: [one for one in found if not is_dead(one)] for pid, found in below.items()}
    return {pid: found for pid, found in living.items() if found}


def is_dead(process: psutil.Process) -> bool:
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def died_trainings(parts: Parts) -> float:
    worked = parts.work_numbers.read(["train"])
    assert worked is not None
    return worked.of_kind["train"].ended["died"]


def wait_until_enqueued(redis: "Redis", job_id: UUID) -> None:
    key, entry = f"rq:queue:{QUEUE}", f"{job_id}-0"
    wait_until(lambda: redis.lpos(key, entry) is not None, f"{key} has {entry}")


@pytest.mark.parametrize("again", ["another worker", "the same command"])
def test_a_worker_killed_in_a_training_is_replaced_by_another(
    workless: Service, watch: Watch, again: str
) -> None:
    watched = watch(LONG)
    worker = workless.start_worker()
    if again == "another worker":
        workless.start_worker("other")
    job_id = watched.request()
    watched.wait_until_under_way(job_id)
    # Where the queue named the job twice, the other worker's horse sees that and goes.
    wait_until(lambda: len(at_work(workless)) == 1, "one worker has the job")
    [(pid, horses)] = at_work(workless).items()
    os.kill(pid, signal.SIGKILL)
    killed_at = time.monotonic()
    wait_until(lambda: all(is_dead(horse) for horse in horses), "its work horse dies with it")
    if again == "the same command":
        worker.wait()
        workless.start_worker()
    job = watched.wait_until_over(job_id)
    print(f"killed worker: done {time.monotonic() - killed_at:.1f} s later")
    assert (job.status, job.attempt, job.error) == ("succeeded", 2, None)
    assert watched.versions() == [1]


def test_a_work_horse_killed_in_a_training_is_replaced_by_the_same_worker(
    workless: Service, watch: Watch
) -> None:
    watched = watch(LONG)
    died = died_trainings(watched.parts)
    worker = workless.start_worker()
    job_id = watched.request()
    watched.wait_until_under_way(job_id)
    [horse] = children(worker)
    horse.kill()
    killed_at = time.monotonic()
    job = watched.wait_until_over(job_id)
    assert died_trainings(watched.parts) == died + 1
    print(f"killed work horse: done {time.monotonic() - killed_at:.1f} s later")
    assert (job.status, job.attempt) == ("succeeded", 2)
    assert watched.versions() == [1]
    assert worker.poll() is None


def test_a_worker_killed_after_its_model_took_over_is_replaced_at_the_first_scores(
    workless: Service, watch: Watch
) -> None:
    watched = watch(LONG)
    worker = workless.start_worker()
    job_id = watched.request()
    wait_until(lambda: watched.scored() > 0, "the first scores are under way")
    [horse] = children(worker)
    horse.kill()
    assert not watched.job(job_id).is_over, "the history is too short for this test"
    assert watched.versions() == [1]
    job = watched.wait_until_over(job_id)
    assert (job.status, job.attempt, job.model_version) == ("succeeded", 2, 1)
    assert watched.versions() == [1]
    assert watched.scored() == LONG


def test_a_worker_asked_to_stop_finishes_its_training_first(
    workless: Service, watch: Watch
) -> None:
    watched = watch(LONG)
    worker = workless.start_worker()
    job_id = watched.request()
    watched.wait_until_under_way(job_id)
    worker.terminate()
    assert worker.wait(60) == 0
    job = watched.job(job_id)
    assert (job.status, job.attempt) == ("succeeded", 1)


def test_an_idle_worker_asked_to_stop_stops(workless: Service, watch: Watch) -> None:
    watched = watch(SHORT)
    worker = workless.start_worker()
    watched.wait_until_over(watched.request())
    worker.terminate()
    assert worker.wait(60) == 0


def test_jobs_that_wait_come_back_after_a_flush(
    workless: Service, watch: Watch, redis: "Redis"
) -> None:
    watched = watch(SHORT)
    job_id = watched.request()
    redis.flushdb()
    wait_until_enqueued(redis, job_id)
    workless.start_worker()
    assert watched.wait_until_over(job_id).status == "succeeded"


def test_a_flush_in_a_training_changes_nothing(
    workless: Service, watch: Watch, redis: "Redis"
) -> None:
    watched = watch(LONG)
    worker = workless.start_worker()
    job_id = watched.request()
    watched.wait_until_under_way(job_id)
    redis.flushdb()
    job = watched.wait_until_over(job_id)
    assert (job.status, job.attempt) == ("succeeded", 1)
    again = watched.wait_until_over(watched.request())
    assert (again.status, worker.poll()) == ("succeeded", None)
    assert watched.versions() == [2, 1]


@pytest.mark.parametrize("took", ["started", "forked"])
def test_a_worker_that_died_between_taking_and_claiming_is_replaced(
    workless: Service, watch: Watch, redis: "Redis", took: str
) -> None:
    watched = watch(SHORT)
    job_id = watched.request()
    entry = f"{job_id}-0"
    assert redis.lrem(f"rq:queue:{QUEUE}", 0, entry) == 1
    if took == "started":
        redis.hset(f"rq:job:{entry}", "status", "started")
    redis.zadd(f"rq:executions:{entry}", {"execution": time.time() + 100})
    wait_until_enqueued(redis, job_id)
    workless.start_worker()
    assert watched.wait_until_over(job_id).status == "succeeded"


def test_a_worker_that_cannot_reach_the_database_leaves_the_job_to_others(
    workless: Service, watch: Watch, redis: "Redis"
) -> None:
    watched = watch(SHORT)
    right_url = workless.environment["TOCSIN_DATABASE_URL"]
    workless.environment["TOCSIN_DATABASE_URL"] = f"postgresql://u@127.0.0.1:{free_port()}/d"
    workless.start_worker("lost")
    job_id = watched.request()
    entry = f"rq:job:{job_id}-0"
    wait_until(lambda: not redis.exists(entry), "the worker took the entry and gave it up")
    workless.stop("lost", signal.SIGKILL)
    workless.environment["TOCSIN_DATABASE_URL"] = right_url
    workless.start_worker()
    job = watched.wait_until_over(job_id)
    assert (job.status, job.attempt) == ("succeeded", 1)


def kill_at_attempt(watched: Any, job_id: UUID, worker: Any, attempt: int) -> None:
    def horses() -> list[psutil.Process]:
        return children(worker) if watched.job(job_id).attempt == attempt else []

    for horse in wait_until(horses, f"attempt {attempt}"):
        horse.kill()


def test_a_job_that_kills_every_worker_is_given_up(
    workless: Service, watch: Watch, parts: Parts
) -> None:
    watched = watch(LONG)
    job_id = watched.request()
    with parts.database.tenant(watched.tenant_id) as connection:
        for _ in range(MOST_ATTEMPTS - 2):
            jobs.claim(connection, watched.tenant_id, job_id, lease_s=LONG_OVER_S, trainings=4)
    worker = workless.start_worker()
    kill_at_attempt(watched, job_id, worker, MOST_ATTEMPTS - 1)
    with parts.database.tenant(watched.tenant_id) as connection:  # as if the pause was over
        jobs.renew(connection, watched.job(job_id), 0.0, LONG_OVER_S)
    kill_at_attempt(watched, job_id, worker, MOST_ATTEMPTS)
    job = watched.wait_until_over(job_id)
    assert (job.status, job.attempt) == ("failed", MOST_ATTEMPTS)
    assert job.error == "Every worker that tried it died or lost its connection"
    assert watched.versions() == []
    assert worker.poll() is None
