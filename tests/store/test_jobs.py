"""A job belongs to one worker at a time, and only its last owner can end it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.actions.parts import Parts
from app.errors import NotFound
from app.store import jobs
from app.store.ids import new_id
from app.store.jobs import MOST_ATTEMPTS, QUICK_ATTEMPTS, Job
from app.store.series import Series

MakeSeries = Callable[..., Series]
LONG_S, OVER_S = 60.0, -1.0  # a lease that holds, and one that is over as it begins
LONG_OVER_S = -100.0  # likewise, and the pause after it has passed too


@pytest.fixture
def of(make_series: MakeSeries) -> Series:
    return make_series()


@pytest.fixture
def job(parts: Parts, of: Series) -> Job:
    return add(parts, of)[0]


def add(parts: Parts, of: Series) -> tuple[Job, bool]:
    with parts.database.tenant(of.tenant_id) as connection:
        return jobs.add_or_join(connection, of.tenant_id, "train", of.id, of.name, {})


def claim(parts: Parts, job: Job, lease_s: float = LONG_S, trainings: int = 4) -> Job | None:
    with parts.database.tenant(job.tenant_id) as connection:
        return jobs.claim(connection, job.tenant_id, job.id, lease_s, trainings)


def claimed(parts: Parts, job: Job, lease_s: float = LONG_S) -> Job:
    mine = claim(parts, job, lease_s)
    assert mine is not None
    return mine


def finish(parts: Parts, job: Job, error: str | None = None) -> bool:
    with parts.database.tenant(job.tenant_id) as connection:
        return jobs.finish(connection, job, error=error)


def renew(parts: Parts, job: Job, progress: float = 0.0) -> bool:
    with parts.database.tenant(job.tenant_id) as connection:
        return jobs.renew(connection, job, progress, LONG_S)


def stored(parts: Parts, job: Job) -> Job:
    with parts.database.tenant(job.tenant_id) as connection:
        return jobs.by_id(connection, job.tenant_id, job.id)


def waiting_ids(parts: Parts) -> list[object]:
    with parts.database.job_scan() as connection:
        return [row.id for row in jobs.waiting(connection, 10_000)]


def test_a_second_request_joins_the_job_under_way(parts: Parts, of: Series, job: Job) -> None:
    assert add(parts, of) == (job, False)
    mine = claimed(parts, job)
    assert add(parts, of) == (mine, False)


def test_after_the_end_a_request_makes_a_new_job(parts: Parts, of: Series, job: Job) -> None:
    finish(parts, claimed(parts, job))
    again, is_new = add(parts, of)
    assert is_new
    assert again.id != job.id


def test_many_requests_at_once_and_ends_between_them_all_get_a_job(
    parts: Parts, of: Series
) -> None:
    def request(_: int) -> Job:
        job, _is_new = add(parts, of)
        mine = claim(parts, job)
        if mine is not None:
            finish(parts, mine)
        return job

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(request, range(200)))
    assert len({job.id for job in got}) > 1


def test_of_many_workers_one_has_the_job(parts: Parts, job: Job) -> None:
    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(lambda _: claim(parts, job), range(16)))
    assert len([mine for mine in claims if mine is not None]) == 1


def test_a_tenant_has_no_more_trainings_at_once_than_it_may(
    parts: Parts, make_series: MakeSeries, of: Series, job: Job
) -> None:
    another, _ = add(parts, make_series())
    first = claim(parts, job, trainings=1)
    assert first is not None
    assert claim(parts, another, trainings=1) is None
    finish(parts, first)
    assert claim(parts, another, trainings=1) is not None


def test_a_training_whose_worker_died_holds_no_place(
    parts: Parts, make_series: MakeSeries, of: Series, job: Job
) -> None:
    another, _ = add(parts, make_series())
    claimed(parts, job, OVER_S)
    assert claim(parts, another, trainings=1) is not None


def test_a_job_with_a_living_lease_is_nobody_elses(parts: Parts, job: Job) -> None:
    claimed(parts, job)
    assert claim(parts, job) is None
    assert job.id not in waiting_ids(parts)


def test_a_job_whose_lease_ran_out_waits_again(parts: Parts, job: Job) -> None:
    assert job.id in waiting_ids(parts)
    claimed(parts, job, OVER_S)
    assert job.id in waiting_ids(parts)


def test_who_lost_the_job_can_neither_renew_nor_end_it(parts: Parts, job: Job) -> None:
    zombie, heir = claimed(parts, job, OVER_S), claimed(parts, job)
    assert heir.attempt == zombie.attempt + 1
    assert renew(parts, zombie) is False
    assert finish(parts, zombie) is False
    assert finish(parts, zombie, "late") is False
    assert stored(parts, job).status == "running"
    assert finish(parts, heir) is True
    assert finish(parts, heir) is False


def test_a_late_worker_whom_nobody_replaced_may_still_end_the_job(parts: Parts, job: Job) -> None:
    assert finish(parts, claimed(parts, job, OVER_S)) is True


def test_progress_only_grows_and_a_new_attempt_begins_at_none(parts: Parts, job: Job) -> None:
    mine = claimed(parts, job)
    renew(parts, mine, 0.7)
    renew(parts, mine, 0.2)
    assert stored(parts, job).progress == 0.7
    with parts.database.tenant(job.tenant_id) as connection:
        jobs.renew(connection, mine, 0.0, OVER_S)
    assert claimed(parts, job).progress == 0


def test_a_job_that_ended_cannot_be_claimed(parts: Parts, job: Job) -> None:
    finish(parts, claimed(parts, job))
    assert claim(parts, job) is None
    assert stored(parts, job).progress == 1
    assert job.id not in waiting_ids(parts)


@pytest.mark.parametrize(
    ("attempts", "pause_s"),
    [(QUICK_ATTEMPTS - 1, 0), (QUICK_ATTEMPTS, 10), (QUICK_ATTEMPTS + 1, 20), (9, 60)],
)
def test_a_job_that_took_workers_down_is_given_time_longer_and_longer(
    parts: Parts, job: Job, attempts: int, pause_s: int
) -> None:
    for _ in range(attempts):
        last = claimed(parts, job, LONG_OVER_S)
    with parts.database.tenant(job.tenant_id) as connection:
        jobs.renew(connection, last, 0.0, 5.0 - pause_s)
    assert claim(parts, job) is None
    assert job.id not in waiting_ids(parts)
    assert stored(parts, job).status == "running"
    with parts.database.tenant(job.tenant_id) as connection:
        jobs.renew(connection, last, 0.0, -pause_s - 1.0)
    assert job.id in waiting_ids(parts)
    assert claimed(parts, job).attempt == attempts + 1


def test_a_job_that_took_every_worker_down_is_given_up(parts: Parts, job: Job) -> None:
    for _ in range(MOST_ATTEMPTS - 1):
        claimed(parts, job, LONG_OVER_S)
    last = claimed(parts, job, LONG_S)
    with parts.database.tenant(job.tenant_id) as connection:
        assert jobs.give_up(connection, job.tenant_id, job.id) is None, "it is still under way"
        jobs.renew(connection, last, 0.0, OVER_S)
    assert claim(parts, job) is None
    with parts.database.tenant(job.tenant_id) as connection:
        given_up = jobs.give_up(connection, job.tenant_id, job.id)
    assert given_up == stored(parts, job)
    assert given_up.status == "failed"
    assert given_up.error is not None
    assert "Every worker that tried it" in given_up.error
    assert job.id not in waiting_ids(parts)


def test_pages_of_jobs_are_newest_first(parts: Parts, of: Series) -> None:
    made = []
    for _ in range(5):
        job, _ = add(parts, of)
        finish(parts, claimed(parts, job))
        made.append(job.id)
    with parts.database.tenant(of.tenant_id) as connection:
        first = jobs.page(connection, of.tenant_id, of.id, None, 3)
        rest = jobs.page(connection, of.tenant_id, of.id, first[-1].id, 3)
    assert [job.id for job in first + rest] == made[::-1]


def test_a_job_of_another_tenant_is_no_job(parts: Parts, job: Job, make_series: MakeSeries) -> None:
    with parts.database.tenant(new_id()) as connection:
        with pytest.raises(NotFound):
            jobs.by_id(connection, job.tenant_id, job.id)
        assert jobs.claim(connection, job.tenant_id, job.id, LONG_S, trainings=4) is None
        assert jobs.finish(connection, job) is False


def test_ids_sort_by_the_time_they_were_made() -> None:
    ids = [new_id() for _ in range(2_000)]
    assert len(set(ids)) == 2_000
    milliseconds = [i.int >> 80 for i in ids]
    assert milliseconds == sorted(milliseconds)
    assert all(i.version == 7 for i in ids)
