"""One model comes out of a training, and a worker that lost the job changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.actions import series as series_actions
from app.actions import training
from app.actions.parts import Parts
from app.errors import Invalid, Unavailable
from app.store import jobs, models
from app.store.jobs import Job
from app.store.scores import Wanted, page
from app.store.transaction import Transaction
from tests.service import wait_until

Account = Any
N = 200


def waves(n: int = N) -> NDArray[np.float64]:
    noise = np.random.default_rng(3).normal(size=n)
    return np.asarray(10 * np.sin(np.arange(n) / 20) + noise)


def ready(account: Account, name: str = "rides") -> None:
    account.make(name)
    account.upload(name, waves())


def artifacts(account: Account, name: str = "rides") -> list[bytes]:
    of = account.find(name)
    with account.parts.database.tenant(account.id) as connection:
        versions = models.page(connection, account.id, of.id, None, 100)
        asked, owner = Transaction.of(connection), (account.id, of.id)
        return [models.artifact(asked, *owner, model.version) for model in versions]


def renew_as_over(account: Account, job: Job) -> None:
    """As if its worker had been cut off for longer than its lease."""
    with account.parts.database.tenant(account.id) as connection:
        assert jobs.renew(connection, job, 0.0, -1.0)


def test_a_training_leaves_one_model_scores_and_a_job_that_succeeded(account: Account) -> None:
    ready(account)
    job = account.train("rides")
    assert (job.status, job.model_version, job.progress, job.error) == ("succeeded", 1, 1.0, None)
    of = account.find("rides")
    assert (of.model_version, of.status) == (1, "ready")
    with account.parts.database.tenant(account.id) as connection:
        stored = page(connection, of, Wanted(limit=1_000))
    assert len(stored) == N
    assert all(score.backfilled for score in stored)


def test_the_same_data_and_settings_give_the_same_bytes(account: Account) -> None:
    ready(account)
    ready(account, "other")
    account.train("rides")
    account.train("rides")
    account.train("other")
    second, first = artifacts(account)
    assert first == second == artifacts(account, "other")[0]


def test_training_again_leaves_the_verdicts_that_were_given(account: Account) -> None:
    ready(account)
    account.train("rides")
    account.verdicts("rides", [500.0], [N])
    of = account.find("rides")
    with account.parts.database.tenant(account.id) as connection:
        before = page(connection, of, Wanted(limit=1_000))
    account.train("rides")
    with account.parts.database.tenant(account.id) as connection:
        assert repr(page(connection, of, Wanted(limit=1_000))) == repr(before)


def test_a_worker_that_lost_the_job_changes_nothing(account: Account) -> None:
    ready(account)
    zombie = account.add_job("rides", lease_s=-1.0)
    heir = training.claim(account.parts, account.id, zombie.id)
    assert heir is not None
    assert training.train(account.parts, zombie) is False
    assert artifacts(account) == []
    assert account.find("rides").model_version is None
    assert training.train(account.parts, heir) is True
    assert training.train(account.parts, zombie) is False
    assert len(artifacts(account)) == 1


def test_a_worker_that_lost_the_job_cannot_fail_it(account: Account) -> None:
    ready(account)
    zombie = account.add_job("rides", lease_s=-1.0)
    heir = training.claim(account.parts, account.id, zombie.id)
    assert heir is not None
    training.fail(account.parts, zombie, "too late")
    assert training.job_by_id(account.parts, account.id, heir.id).status == "running"


def test_of_two_that_finish_at_once_one_has_made_the_model(account: Account) -> None:
    ready(account)
    for expected in (1, 2, 3):
        zombie = account.add_job("rides", lease_s=-1.0)
        heir = training.claim(account.parts, account.id, zombie.id)
        with ThreadPoolExecutor(2) as pool:
            outcomes = list(
                pool.map(lambda job: training.train(account.parts, job), (zombie, heir))
            )
        assert outcomes == [False, True]
        assert len(artifacts(account)) == expected


def test_the_lease_is_renewed_while_the_work_goes_on(account: Account) -> None:
    account.make("rides")
    account.upload("rides", waves(3_000))
    job = account.add_job("rides", lease_s=1.5)
    with ThreadPoolExecutor(1) as pool:
        at_work = pool.submit(training.train, account.parts, job)
        claims = []
        while not at_work.done():
            claims.append(training.claim(account.parts, account.id, job.id))
    assert at_work.result() is True
    assert set(claims) == {None}


def test_too_few_values_fail_the_job_and_say_so(account: Account) -> None:
    account.make("sparse")
    values = np.full(100, np.nan)
    values[:40] = waves(40)
    account.upload("sparse", values)
    job = account.add_job("sparse")
    assert training.train(account.parts, job) is True
    failed = training.job_by_id(account.parts, account.id, job.id)
    assert failed.status == "failed"
    assert failed.error is not None
    assert "40 points" in failed.error
    assert account.find("sparse").status == "failed"


def test_settings_that_are_not_valid_fail_the_job_and_say_so(account: Account) -> None:
    ready(account)
    series_actions.change(account.parts, account.id, "rides", {"detector": {"n_estimators": 0}})
    job = account.add_job("rides")
    training.train(account.parts, job)
    failed = training.job_by_id(account.parts, account.id, job.id)
    assert failed.status == "failed"


def test_too_short_a_history_is_refused_at_once(account: Account) -> None:
    account.make("short")
    account.upload("short", waves(63))
    with pytest.raises(Invalid, match="63 points"):
        training.request(account.parts, account.id, "short", None)


def test_a_series_removed_while_it_is_trained_leaves_no_model_and_a_clear_end(
    account: Account,
) -> None:
    account.make("rides")
    account.upload("rides", waves(8_000))
    job = account.add_job("rides")
    series_id = account.find("rides").id

    def stored() -> Job:
        return training.job_by_id(account.parts, account.id, job.id)

    with ThreadPoolExecutor(1) as pool:
        at_work = pool.submit(training.train, account.parts, job)
        wait_until(lambda: stored().progress > 0, "the training is under way")
        series_actions.remove(account.parts, account.id, "rides")
    assert at_work.result() is True
    ended = stored()
    assert ended.status == "failed"
    assert ended.error is not None
    assert "There is no series" in ended.error
    with account.parts.database.tenant(account.id) as connection:
        assert models.page(connection, account.id, series_id, None, 10) == []


def test_training_and_scoring_and_uploading_at_once_do_not_block_each_other(
    account: Account, alone: Parts
) -> None:
    ready(account)
    account.train("rides")
    values = np.random.default_rng(4).normal(size=400)

    def train(_: int) -> str:
        return str(account.train("rides").status)

    def score(i: int) -> str:
        try:
            account.verdicts("rides", values[i : i + 1], [N + i])
        except Unavailable:  # as clients are told on a busy machine: ask again
            return score(i)
        return "succeeded"

    def upload(i: int) -> str:
        account.upload("rides", values[:5], first=10_000 + 5 * i)
        return "succeeded"

    with ThreadPoolExecutor(8) as pool:
        trainings = pool.submit(lambda: [train(i) for i in range(4)])
        rest = [pool.submit(score if i % 4 else upload, i) for i in range(200)]
        assert [done.result() for done in rest] == ["succeeded"] * 200
        assert trainings.result() == ["succeeded"] * 4
    assert account.find("rides").model_version == 5
