"""A series is trained without anybody asking, and never over and over on the same data."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from app.actions import ingestion, models, retraining, training
from app.actions import series as series_actions
from app.ingest.chunk import Chunk
from app.store import jobs
from app.store.jobs import Job
from app.store.scores import Wanted, page
from app.store.series import Series
from tests.actions.conftest import QUICK, waves
from tests.service import wait_until

Account = Any
NOW = datetime(2024, 1, 1, tzinfo=UTC)
LATER_QUICK = {**QUICK, "random_state": 1}


def series(**columns: Any) -> Series:
    """Trained on 1,000 points, the last of them at NOW."""
    given: dict[str, Any] = {
        "name": "rides",
        "description": "",
        "fields": ["value"],
        "tags": [],
        "detector": {},
        "retrain": "auto",
        "retention_days": None,
        "points": 1_000,
        "first_at": NOW - timedelta(days=1),
        "last_at": NOW,
        "revision": 1,
        "model_version": 1,
        "last_version": 1,
        "tried_points": 1_000,
        "tried_to_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
    }
    empty = set(Series._fields) - given.keys() - {"tenant_id", "id"}
    rest: Any = dict.fromkeys(empty) | given | columns
    return Series(UUID(int=1), UUID(int=2), **rest)


def untrained(points: int, tried_points: int, **columns: Any) -> Series:
    none = {"model_version": None, "last_version": 0}
    return series(points=points, tried_points=tried_points, **none, **columns)


@pytest.mark.parametrize(
    ("of", "is_due"),
    [
        (untrained(63, 0), False),
        (untrained(64, 0), True),
        (untrained(64, 0, retrain="manual"), False),
        (untrained(64, 0, retrain="7d"), True),
        (untrained(64, 64), False),
        (untrained(79, 64), False),
        (untrained(80, 64), True),
        (series(), False),
        (series(points=1_249), False),
        (series(points=1_250), True),
        (series(points=9_999, retrain="manual"), False),
        (series(tried_points=64, points=163), False),
        (series(tried_points=64, points=164), True),
        (series(retrain="7d", points=9_999), False),
        (series(retrain="7d", points=1_001, last_at=NOW + timedelta(days=6.99)), False),
        (series(retrain="7d", points=1_001, last_at=NOW + timedelta(days=7)), True),
        (series(retrain="12h", points=1_001, last_at=NOW + timedelta(hours=12)), True),
        (series(retrain="9999w", points=9_999, last_at=NOW + timedelta(days=7)), False),
        (series(retrain="7d", last_at=NOW + timedelta(days=7)), False),
        (series(points=2_000, model_version=None), True),
    ],
    ids=str,
)
def test_when_a_training_is_due(of: Series, is_due: bool) -> None:
    assert retraining.is_due(of) is is_due


def test_points_just_stored_count_before_the_row_is_read_again() -> None:
    assert not retraining.is_due(series(points=1_200), added=49)
    assert retraining.is_due(series(points=1_200), added=50)
    later = int((NOW + timedelta(days=7)).timestamp() * 1e9)
    assert not retraining.is_due(series(retrain="7d"), added=1, last_ns=later - 1_000)
    assert retraining.is_due(series(retrain="7d"), added=1, last_ns=later)


def all_jobs(account: Account, name: str = "rides") -> list[Job]:
    """Oldest first."""
    return training.jobs_page(account.parts, account.id, name, None, 100)[::-1]


def work(account: Account, name: str = "rides") -> Job:
    """What a worker would do with the job that waits."""
    [waiting] = [job for job in all_jobs(account, name) if job.status == "queued"]
    mine = training.claim(account.parts, account.id, waiting.id)
    assert mine is not None
    assert training.train(account.parts, mine) is True
    return training.job_by_id(account.parts, account.id, mine.id)


def store(account: Account, chunks: Iterable[Chunk], name: str | None = "rides") -> Any:
    return ingestion.store(account.parts, account.id, chunks, name).job


def upload(account: Account, n: int, first: int = 0, name: str = "rides") -> Any:
    return store(account, [account.chunk(waves(n), first)], name)


def trained(account: Account, n: int = 200, retrain: str = "auto") -> None:
    """A series `rides` with a first model that nobody asked for."""
    account.make("rides", retrain=retrain)
    upload(account, n)
    assert work(account).status == "succeeded"


def test_an_upload_answers_with_the_training_that_it_made_due(account: Account) -> None:
    account.make("rides", retrain="auto")
    assert upload(account, 63) is None
    assert all_jobs(account) == []
    job_id = upload(account, 1, first=63)
    assert [job.id for job in all_jobs(account)] == [job_id]
    assert account.find("rides").status == "training"


def test_an_upload_answers_with_the_training_that_waits_already(account: Account) -> None:
    account.make("rides", retrain="auto")
    job_id = upload(account, 100)
    assert upload(account, 100) == job_id
    assert upload(account, 5, first=100) == job_id
    assert upload(account, 500, first=105) == job_id
    assert len(all_jobs(account)) == 1
    assert work(account).id == job_id
    assert upload(account, 100) is None


def test_an_upload_of_several_series_trains_each_that_is_due(account: Account) -> None:
    for name in ("a", "b", "short"):
        account.make(name, retrain="auto")
    sizes = {"a": 64, "b": 100, "short": 20}
    rows = [account.chunk(waves(n), name=name) for name, n in sizes.items()]
    assert store(account, rows, None) is None  # two jobs: each is among those of its series
    assert [len(all_jobs(account, name)) for name in sizes] == [1, 1, 0]
    rows = [account.chunk(waves(64), name="short")]
    assert [store(account, rows, None)] == [job.id for job in all_jobs(account, "short")]


def test_points_scored_one_by_one_are_trained_on_once_the_forest_has_enough(
    account: Account,
) -> None:
    account.make("rides", retrain="auto")
    upload(account, 12)
    values = waves(70)
    for place in range(12, 63):
        [score] = account.verdicts("rides", values[place : place + 1], [place])
        assert (score.model_version, account.find("rides").status) == (0, "collecting")
    assert all_jobs(account) == []
    account.verdicts("rides", values[63:64], [63])
    assert len(all_jobs(account)) == 1
    assert work(account).model_version == 1
    [score] = account.verdicts("rides", values[64:65], [64])
    assert (score.model_version, account.find("rides").status) == (1, "ready")


def test_growth_by_a_quarter_trains_again_and_the_old_version_stays(account: Account) -> None:
    trained(account, 400)
    account.verdicts("rides", waves(99), range(400, 499))
    assert len(all_jobs(account)) == 1
    account.verdicts("rides", waves(1), [499])
    assert len(all_jobs(account)) == 2
    assert work(account).model_version == 2
    _, versions = models.versions(account.parts, account.id, "rides", None, 10)
    assert [(model.version, model.points) for model in versions] == [(2, 500), (1, 400)]


def test_growth_counts_what_is_stored_not_what_a_model_sees(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "TRAINING_POINTS", 150)
    trained(account, 400)
    assert upload(account, 90, first=400) is None
    assert upload(account, 10, first=490) is not None


def test_manual_trains_only_when_asked(account: Account) -> None:
    account.make("rides")
    assert upload(account, 1_000) is None
    account.train("rides")
    assert upload(account, 1_000, first=1_000) is None


def test_an_interval_counts_in_the_time_of_the_data(account: Account) -> None:
    trained(account, 200, retrain="2h")
    assert upload(account, 119, first=200) is None
    job_id = upload(account, 1, first=319)
    assert job_id is not None
    assert work(account).id == job_id
    assert upload(account, 119, first=320) is None


def test_other_settings_train_at_once_where_training_is_automatic(account: Account) -> None:
    for retrain, expected in (("auto", 1), ("manual", 0), ("7d", 0)):
        account.make(retrain, retrain="manual")
        upload(account, 100, name=retrain)
        account.train(retrain)
        name = retrain
        series_actions.change(account.parts, account.id, name, {"retrain": retrain})
        series_actions.change(account.parts, account.id, name, {"description": "same detector"})
        assert len(all_jobs(account, name)) == 1
        series_actions.change(account.parts, account.id, name, {"detector": LATER_QUICK})
        assert len(all_jobs(account, name)) == 1 + expected


def test_a_series_that_becomes_automatic_is_trained_at_once(account: Account) -> None:
    account.make("rides")
    upload(account, 100)
    series_actions.change(account.parts, account.id, "rides", {"retrain": "auto"})
    assert len(all_jobs(account)) == 1


def running(account: Account) -> Job:
    [job] = all_jobs(account)
    mine = training.claim(account.parts, account.id, job.id)
    assert mine is not None
    return mine


def test_what_comes_in_while_a_training_runs_is_trained_on_next(account: Account) -> None:
    """Its worker has read the history, and the first scores are still to come."""
    account.make("rides", retrain="auto")
    upload(account, 3_000)
    job = running(account)
    with ThreadPoolExecutor(1) as pool:
        at_work = pool.submit(training.train, account.parts, job)
        wait_until(lambda: all_jobs(account)[0].model_version, "the model is there")
        assert upload(account, 1_000, first=3_000) == job.id
        assert len(all_jobs(account)) == 1
    assert at_work.result() is True
    assert [done.status for done in all_jobs(account)] == ["succeeded", "queued"]
    assert work(account).model_version == 2
    assert {done.status for done in all_jobs(account)} == {"succeeded"}
    with account.parts.database.tenant(account.id) as connection:
        assert len(page(connection, account.find("rides"), Wanted(limit=9_999))) == 4_000


def test_settings_changed_while_a_training_runs_are_trained_next(account: Account) -> None:
    account.make("rides", retrain="auto")
    upload(account, 100)
    job = running(account)
    series_actions.change(account.parts, account.id, "rides", {"detector": LATER_QUICK})
    assert len(all_jobs(account)) == 1
    assert training.train(account.parts, job) is True
    assert [done.settings for done in all_jobs(account)] == [QUICK, LATER_QUICK]
    work(account)
    assert len(all_jobs(account)) == 2


def test_missing_values_are_waited_for(account: Account) -> None:
    account.make("rides", retrain="auto")
    values = waves(400)
    values[40:300] = np.nan
    for first, last in ((0, 150), (150, 310)):
        assert store(account, [account.chunk(values[first:last], first)]) is None
        assert account.find("rides").status == "collecting"
    assert store(account, [account.chunk(values[310:], 310)]) is not None
    assert work(account).status == "succeeded"


def test_a_training_that_failed_is_not_repeated_before_more_points_came(account: Account) -> None:
    account.make("rides", retrain="auto")
    upload(account, 100)
    training.fail(account.parts, running(account), "no luck")
    assert account.find("rides").status == "failed"
    account.verdicts("rides", waves(24), range(100, 124))
    assert upload(account, 124) is None
    assert [job.status for job in all_jobs(account)] == ["failed"]
    account.verdicts("rides", [1.0], [124])
    assert [job.status for job in all_jobs(account)] == ["failed", "queued"]
    assert account.find("rides").status == "training"
    assert work(account).status == "succeeded"
    assert account.find("rides").status == "ready"


def test_after_a_roll_back_growth_counts_from_the_newest_version(account: Account) -> None:
    trained(account, 400)
    upload(account, 100, first=400)
    work(account)
    models.activate(account.parts, account.id, "rides", 1)
    assert upload(account, 124, first=500) is None
    [score] = account.verdicts("rides", [1.0], [990])
    assert score.model_version == 1
    assert len(all_jobs(account)) == 3
    work(account)
    assert account.find("rides").model_version == 3


def test_erased_points_are_growth_when_they_come_again(account: Account) -> None:
    trained(account, 400)
    series_actions.erase_points(account.parts, account.id, "rides", NOW, None)
    assert upload(account, 99) is None
    assert upload(account, 1, first=99) is not None
    assert work(account).model_version == 2


def test_what_is_undone_leaves_no_training(account: Account) -> None:
    account.make("rides", retrain="auto")

    def broken() -> Iterable[Chunk]:
        yield account.chunk(waves(100))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store(account, broken())
    assert (account.find("rides").points, all_jobs(account)) == (0, [])


def test_a_point_that_makes_no_training_due_asks_the_database_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(account)
    for asked in ("add_or_join", "under_way"):
        monkeypatch.setattr(jobs, asked, lambda *_: pytest.fail("asked"))
    account.verdicts("rides", waves(20), range(200, 220))


def test_a_version_takes_over_between_two_requests(account: Account) -> None:
    """Scoring in batches goes on while versions come; no batch is judged by two of them."""
    trained(account)
    is_over = Event()

    def batches() -> list[set[Any]]:
        seen, place = [], 1_000
        while not is_over.is_set():
            scores = account.verdicts("rides", waves(100), range(place, place + 100))
            seen.append({score.model_version for score in scores})
            place += 100
        return seen

    with ThreadPoolExecutor(2) as pool:
        judging = [pool.submit(batches)]
        for _ in range(4):
            waiting = wait_until(
                lambda: [job for job in all_jobs(account) if job.status == "queued"], "a training"
            )
            assert training.train(account.parts, claimed(account, waiting[0])) is True
        is_over.set()
        [seen] = [done.result() for done in judging]
    assert {len(versions) for versions in seen} == {1}
    order = [version for versions in seen for version in versions]
    assert order == sorted(order)
    assert len(set(order)) >= 3


def claimed(account: Account, job: Job) -> Job:
    mine = training.claim(account.parts, account.id, job.id)
    assert mine is not None
    return mine


def test_two_tenants_are_trained_apart(account: Account) -> None:
    other = replace(account, id=account.new_neighbour())
    for one in (account, other):
        one.make("rides", retrain="auto")
    upload(account, 100)
    assert (len(all_jobs(account)), all_jobs(other)) == (1, [])
    upload(other, 100)
    work(account)
    assert (account.find("rides").status, other.find("rides").status) == ("ready", "training")
