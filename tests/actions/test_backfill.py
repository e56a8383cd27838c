"""The first scores of a history: those of a replay, given once, and in the way of nobody."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.actions import backfill, series, training
from app.detection import Points, Settings, replay
from app.store.jobs import Job
from app.store.points import between
from app.store.scores import Score, Wanted, page
from app.store.times import to_datetime
from tests.actions.conftest import MINUTE_NS, QUICK, START_NS, waves
from tests.service import wait_until

Account = Any
N = 300


def uploaded(account: Account, n: int = N) -> Points:
    """The history of a new series `rides`."""
    account.make("rides")
    account.upload("rides", waves(n))
    of = account.find("rides")
    with account.parts.database.tenant(account.id) as connection:
        return between(connection, of, START_NS, START_NS + n * MINUTE_NS, n)


def stored(account: Account) -> list[Score]:
    of = account.find("rides")
    with account.parts.database.tenant(account.id) as connection:
        return page(connection, of, Wanted(limit=100_000))


def run(account: Account, job: Job, history: Points) -> bool:
    return backfill.run(account.parts, job, account.find("rides"), history, 1, lambda _: None)


def numbers(scores: list[Score]) -> NDArray[np.float64]:
    return np.array([[s.score, s.expected[0], s.lower[0], s.upper[0]] for s in scores])


def test_the_first_scores_are_those_of_a_replay(account: Account) -> None:
    history = uploaded(account)
    assert account.train("rides").status == "succeeded"
    verdicts = replay(history, Settings.from_json(QUICK))
    columns = (verdicts.score, verdicts.expected[:, 0], verdicts.lower[:, 0], verdicts.upper[:, 0])
    np.testing.assert_array_equal(numbers(stored(account)), np.stack(columns, axis=1))
    assert [score.reason for score in stored(account)] == list(verdicts.reasons)
    assert all(score.backfilled for score in stored(account))


def test_a_series_is_ready_and_scored_live_while_its_history_is_judged(account: Account) -> None:
    n = 4_000
    uploaded(account, n)
    job = account.add_job("rides")

    def now() -> Job:
        return training.job_by_id(account.parts, account.id, job.id)

    with ThreadPoolExecutor(1) as pool:
        at_work = pool.submit(training.train, account.parts, job)
        wait_until(lambda: now().model_version, "the model is there")
        assert now().status == "running"
        assert account.find("rides").status == "ready"
        [live] = account.verdicts("rides", [5.0], [n])
        [late] = account.verdicts("rides", waves(n)[-1:], [n - 1])
        assert now().status == "running", "the history is too short for this test"
    assert at_work.result() is True
    assert (live.model_version, late.model_version) == (1, 1)
    scores = stored(account)
    assert len(scores) == n + 1
    assert [score.timestamp for score in scores if not score.backfilled] == [
        late.timestamp,
        live.timestamp,
    ]
    assert repr(scores[-2:]) == repr([late, live])


def test_only_what_has_no_score_is_scored_when_a_model_is_trained_again(account: Account) -> None:
    uploaded(account)
    account.train("rides")
    [live] = account.verdicts("rides", [5.0], [N])
    before = stored(account)
    account.upload("rides", waves(50), first=N + 1)
    account.train("rides")
    after = stored(account)
    assert repr(after[: N + 1]) == repr(before)
    assert repr(after[N]) == repr(live)
    assert [(s.model_version, s.backfilled) for s in after[N + 1 :]] == [(2, True)] * 50


def test_a_value_that_was_replaced_or_erased_since_is_not_scored_by_the_old_one(
    account: Account,
) -> None:
    history = uploaded(account)
    job = account.add_job("rides")
    account.upload("rides", np.array([99.0]), first=7, on_conflict="replace")
    gone = to_datetime(START_NS + 9 * MINUTE_NS), to_datetime(START_NS + 12 * MINUTE_NS)
    series.erase_points(account.parts, account.id, "rides", *gone)
    assert run(account, job, history)
    minutes = {(score.timestamp - to_datetime(START_NS)).seconds // 60 for score in stored(account)}
    assert set(range(N)) - minutes == {7, 9, 10, 11}


def test_a_worker_that_lost_the_job_gives_no_score(account: Account) -> None:
    history = uploaded(account)
    zombie = account.add_job("rides", lease_s=-1.0)
    heir = training.claim(account.parts, account.id, zombie.id)
    assert heir is not None
    assert not run(account, zombie, history)
    assert stored(account) == []
    assert run(account, heir, history)
    assert len(stored(account)) == N
