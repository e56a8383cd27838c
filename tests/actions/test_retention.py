"""What a series keeps no longer is erased by itself; what is newer stays, and is judged on."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from app.actions import accounts, ingestion, retention, retraining, scoring, series
from app.actions.asked import Answer, Asked
from app.actions.parts import Parts, assemble
from app.errors import Unavailable
from app.ingest.chunk import Chunk
from app.settings import Settings
from app.store import events, migrations, points, scores
from app.store import retention as stored_retention
from app.store.events import WantedEvents
from app.store.scores import Wanted
from app.store.series import Series
from app.store.times import to_ns
from tests.actions.conftest import Account, waves
from tests.conftest import Installed
from workers import upkeep

HOUR_NS = 3_600_000_000_000
KEPT_DAYS = 10
HOURS = 480  # twenty days
TRAINED = 150


def hours_until_now(n: int) -> np.ndarray:
    """Times, the newest half an hour ago: none of them becomes too old while a test runs."""
    now = int(datetime.now(UTC).timestamp()) + 1_800
    return (now - 3_600 * np.arange(n, 0, -1, dtype=np.int64)) * 1_000_000_000


def upload(account: Account, name: str, times: np.ndarray, values: np.ndarray) -> None:
    rows = np.arange(2, 2 + len(times), dtype=np.int64)
    chunk = Chunk(rows, None, times, ("value",), values.reshape(-1, 1), (), len(times))
    ingestion.store(account.parts, account.id, [chunk], name)


def ask(account: Account, name: str, times: np.ndarray, values: np.ndarray) -> Answer:
    asked = Asked(times, values.reshape(-1, 1), np.arange(len(times)), ("value",))
    return scoring.score(account.parts, account.id, {name: asked})


@dataclass
class Stored:
    points: list[datetime]
    scores: list[datetime]
    replaced: list[datetime]
    events: list[datetime]


def stored(account: Account, of: Series) -> Stored:
    with account.parts.database.tenant(account.id) as connection:
        replaced = connection.scalars(
            text("SELECT timestamp FROM replaced_scores WHERE series_id = :id"), {"id": of.id}
        ).all()
        return Stored(
            [at for at, _ in points.page(connection, account.id, of.id, 10_000)],
            [score.timestamp for score in scores.page(connection, of, Wanted(limit=10_000))],
            list(replaced),
            [
                event.started_at
                for event in events.page(connection, account.id, WantedEvents(series_id=of.id))
            ],
        )


@pytest.fixture
def watched(account: Account) -> Series:
    """Twenty days of hours with a model, scores, events in both halves, and a replaced score."""
    times, values = hours_until_now(HOURS), waves(HOURS)[:, 0]
    account.make("rides")
    upload(account, "rides", times[:TRAINED], values[:TRAINED])
    account.train("rides")
    wild = values[TRAINED:].copy()
    wild[[20, 270]] = 60.0, 950.0
    assert not ask(account, "rides", times[TRAINED:], wild).errors
    for place in (160, 470):
        asked = Asked(times[[place]], np.array([[1.0]]), np.arange(1), ("value",))
        scoring.score(account.parts, account.id, {"rides": asked}, is_replacing=True)
    return account.find("rides")


def keep(account: Account, days: int | None, name: str = "rides") -> None:
    series.change(account.parts, account.id, name, {"retention_days": days})


def erase_all(parts: Parts) -> None:
    while retention.erase_some(parts):
        pass


def test_what_is_older_goes_with_scores_and_events_and_what_is_newer_stays(
    account: Account, watched: Series
) -> None:
    before = stored(account, watched)
    assert all((before.points, before.scores, before.replaced, len(before.events) > 1))
    keep(account, KEPT_DAYS)
    erase_all(account.parts)
    kept_from = datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    after = stored(account, watched)
    for name, moments in vars(after).items():
        expected = [at for at in vars(before)[name] if at >= kept_from]
        assert moments == expected, name
        assert expected, name
        assert len(expected) < len(vars(before)[name]), name
    of = account.find("rides")
    assert of.points == len(after.points)
    assert of.first_at == after.points[0]
    assert of.last_at == watched.last_at


def test_the_model_goes_on_judging_by_what_is_left(account: Account, watched: Series) -> None:
    keep(account, KEPT_DAYS)
    erase_all(account.parts)
    news = hours_until_now(1) + HOUR_NS
    (score,) = ask(account, "rides", news, np.array([950.0])).scores.values()
    assert score.model_version == 1
    assert score.is_anomaly


def test_a_series_that_keeps_all_of_it_loses_nothing(account: Account, watched: Series) -> None:
    before = stored(account, watched)
    erase_all(account.parts)
    assert stored(account, watched) == before
    assert account.find("rides").revision == watched.revision


def test_batches_come_to_the_same(
    account: Account, watched: Series, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH_POINTS", 7)
    keep(account, KEPT_DAYS)
    turns = 0
    while retention.erase_some(account.parts):
        turns += 1
    assert turns >= (HOURS - 24 * KEPT_DAYS) // 7
    of = account.find("rides")
    assert of.points == 24 * KEPT_DAYS == len(stored(account, of).points)


def test_a_window_that_moves_on_is_trained_again(account: Account, watched: Series) -> None:
    """As many points as ever, but others: growth counts what came since the last training."""
    keep(account, KEPT_DAYS)
    series.change(account.parts, account.id, "rides", {"retrain": "auto"})
    with account.parts.database.tenant(account.id) as connection:
        connection.execute(
            text("UPDATE series SET tried_points = points WHERE id = :id"), {"id": watched.id}
        )
    assert not retraining.is_due(account.find("rides"))
    erase_all(account.parts)
    of = account.find("rides")
    assert of.tried_points == of.points == 24 * KEPT_DAYS
    with account.parts.database.tenant(account.id) as connection:
        # A hundred hours later: so many came, and so many of the old ones went.
        connection.execute(
            text("UPDATE series SET tried_points = tried_points - 100 WHERE id = :id"),
            {"id": watched.id},
        )
    assert retraining.is_due(account.find("rides"))


def test_a_series_that_was_removed_meanwhile_is_no_trouble(
    account: Account, watched: Series
) -> None:
    keep(account, KEPT_DAYS)
    with account.parts.database.operator() as connection:
        assert (account.id, watched.id) in stored_retention.outdated(connection, 1_000)
    series.remove(account.parts, account.id, "rides")
    retention._erase_oldest(account.parts, account.id, watched.id)
    with account.parts.database.operator() as connection:
        assert (account.id, watched.id) not in stored_retention.outdated(connection, 1_000)


def test_upkeep_erases_until_nothing_is_left_and_then_rests(
    account: Account, watched: Series
) -> None:
    eraser = upkeep.Eraser(account.parts)
    keep(account, KEPT_DAYS)
    while eraser.turn():
        pass
    assert account.find("rides").points == 24 * KEPT_DAYS
    keep(account, 1)
    assert eraser.turn() == 0  # the hour has not passed


@dataclass
class Apart:
    account: Account
    owner_url: str

    def rows(self, table: str) -> int:
        with psycopg.connect(self.owner_url) as owner:
            owner.execute(stored_retention.READ_ALL)
            (count,) = owner.execute(f"SELECT count(*) FROM {table}".encode()).fetchall()
        return int(count[0])


@pytest.fixture
def alone_in_it(
    empty_database: Installed, tmp_path: Path, alone_settings: Settings, alone: Parts
) -> Iterator[Apart]:
    """An installation of one series, with points in 2015, 2016 and this year, and their scores."""
    migrations.upgrade(empty_database.owner_url, empty_database.server_url)
    copyfile(alone_settings.secret_path, tmp_path / "secret")
    settings = Settings(
        data_dir=tmp_path,
        database_url=empty_database.server_url,
        redis_url=alone_settings.redis_url,
    )
    parts = assemble(settings)
    account = Account(parts, accounts.add_tenant(parts, "acme", "", {})[0].id, "acme")
    account.make("rides")
    old = to_ns(datetime(2015, 12, 20, tzinfo=UTC)) + np.arange(HOURS, dtype=np.int64) * HOUR_NS
    upload(account, "rides", np.concatenate([old, hours_until_now(100)]), waves(HOURS + 100)[:, 0])
    account.train("rides")
    yield Apart(account, empty_database.owner_url)
    parts.close()


def test_a_year_that_nobody_keeps_is_emptied_at_once_and_the_series_are_set_right(
    alone_in_it: Apart,
) -> None:
    account, of = alone_in_it.account, alone_in_it.account.find("rides")
    keep(account, KEPT_DAYS)
    assert stored_retention.empty_years(alone_in_it.owner_url) == [2015, 2016]
    assert alone_in_it.rows("points") == alone_in_it.rows("scores") == 100
    assert stored_retention.empty_years(alone_in_it.owner_url) == []
    erase_all(account.parts)
    after = account.find("rides")
    assert after.points == 100 == len(stored(account, after).points)
    assert after.first_at == stored(account, after).points[0]
    assert all(at >= after.first_at for at in stored(account, of).events)


def test_one_series_that_keeps_all_of_it_keeps_the_years(alone_in_it: Apart) -> None:
    account = alone_in_it.account
    keep(account, KEPT_DAYS)
    account.make("kept")
    assert stored_retention.empty_years(alone_in_it.owner_url) == []
    keep(account, 5_000, "kept")  # as long as nobody needs those years
    assert stored_retention.empty_years(alone_in_it.owner_url) == []
    assert alone_in_it.rows("points") == HOURS + 100


def test_a_year_that_is_being_read_is_put_off(alone_in_it: Apart) -> None:
    keep(alone_in_it.account, KEPT_DAYS)
    with alone_in_it.account.parts.database.tenant(alone_in_it.account.id) as reader:
        reader.execute(text("SELECT count(*) FROM points"))
        with pytest.raises(Unavailable):
            stored_retention.empty_years(alone_in_it.owner_url)
    assert stored_retention.empty_years(alone_in_it.owner_url) == [2015, 2016]
