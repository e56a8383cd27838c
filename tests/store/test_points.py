"""Points and scores go in and come out the same, page by page."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from app.actions.parts import Parts
from app.detection import Points, Settings, replay
from app.store import points, scores, staging, times
from app.store.scores import Wanted
from app.store.series import Series

MakeSeries = Callable[..., Series]
START = datetime(2024, 1, 1, tzinfo=UTC)
START_NS = 1_704_067_200_000_000_000
MINUTE_NS = 60_000_000_000


def minutes(values: NDArray[np.float64]) -> Points:
    return Points.checked(START_NS + np.arange(len(values)) * MINUTE_NS, values)


def any_doubles(n: int, fields: int) -> NDArray[np.float64]:
    """Every finite bit pattern is as likely, with some that are missing."""
    random = np.random.default_rng(7)
    values = random.integers(0, 2**64, (n, fields), np.uint64).view(np.float64)
    return np.where(np.isfinite(values), values, np.nan) + 0.0


def read_all(parts: Parts, of: Series) -> Points:
    with parts.database.tenant(of.tenant_id) as connection:
        return points.newest(connection, of, 1_000_000)


@pytest.mark.parametrize("fields", [1, 3])
def test_every_way_in_stores_the_same_bits(
    parts: Parts, make_series: MakeSeries, fields: int
) -> None:
    given_points = minutes(any_doubles(2_000, fields))
    streamed, uploaded, replaced = (make_series(fields) for _ in range(3))
    with parts.database.tenant(streamed.tenant_id) as connection:
        points.add(connection, streamed, given_points)
        staging.begin(connection)
        lines = np.arange(len(given_points))
        staging.stage(connection, lines, uploaded.id, given_points.times, given_points.values)
        staging.insert(connection, uploaded.tenant_id)
        zeros = Points.checked(given_points.times, np.zeros_like(given_points.values))
        points.add(connection, replaced, zeros)
        points.replace(connection, replaced, given_points)
    for of in (streamed, uploaded, replaced):
        stored = read_all(parts, of)
        assert stored.times.tobytes() == given_points.times.tobytes()
        assert stored.values.tobytes() == given_points.values.tobytes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.integers(-9_214_560_000_000_000, 9_223_372_036_854_775))
def test_times_go_to_postgres_and_back(time_us: int) -> None:
    moment = times.to_datetime(time_us * 1_000)
    assert moment.tzinfo is UTC
    assert times.to_ns(moment) == time_us * 1_000
    assert times.to_datetimes(np.array([time_us * 1_000]))[0] == moment.replace(tzinfo=None)


def test_pages_of_points_join_to_all_of_them(parts: Parts, make_series: MakeSeries) -> None:
    of, stored = make_series(), minutes(np.arange(25.0))
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, stored)
        seen, after = [], None
        while page := points.page(connection, of.tenant_id, of.id, 10, after):
            assert len(page) <= 10
            seen += page
            after = page[-1][0]
    assert seen == [(START + timedelta(minutes=i), [float(i)]) for i in range(25)]


def test_a_span_includes_its_start_and_not_its_end(parts: Parts, make_series: MakeSeries) -> None:
    of = make_series()
    span = (START + timedelta(minutes=2), START + timedelta(minutes=5))
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, minutes(np.arange(9.0)))
        page = points.page(connection, of.tenant_id, of.id, 100, None, span)
    assert [value for _, value in page] == [[2.0], [3.0], [4.0]]


def test_the_newest_points_come_in_time_order(parts: Parts, make_series: MakeSeries) -> None:
    of = make_series()
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, minutes(np.arange(9.0)))
        newest = points.newest(connection, of, 3)
        before = points.newest(connection, of, 3, START_NS + 4 * MINUTE_NS)
    assert newest.values[:, 0].tolist() == [6, 7, 8]
    assert before.values[:, 0].tolist() == [1, 2, 3]


def test_a_history_in_pages_is_the_newest_of_one_moment(
    parts: Parts, make_series: MakeSeries
) -> None:
    of, n = make_series(), points.PAGE_POINTS + 50
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, minutes(np.arange(float(n))))
        counted = of._replace(points=n)
        pages = list(points.in_pages(connection, counted, n - 20))
    assert [len(page) for page in pages] == [points.PAGE_POINTS, 30]
    assert np.concatenate([p.values[:, 0] for p in pages]).tolist() == list(range(20, n))


def test_one_transaction_stores_points_and_scores_or_neither(
    parts: Parts, make_series: MakeSeries
) -> None:
    of, history = make_series(), minutes(np.arange(20.0))
    with pytest.raises(ZeroDivisionError), parts.database.tenant(of.tenant_id) as connection:  # noqa: PT012
        points.add(connection, of, history)
        scores.add(connection, of, history, replay(history, Settings()), 0)
        raise ZeroDivisionError
    assert len(read_all(parts, of)) == 0


@pytest.fixture
def scored(parts: Parts, make_series: MakeSeries) -> Series:
    """Points, the last of them absurd, with the fallback's scores."""
    of = make_series()
    values = np.append(np.random.default_rng(1).normal(size=30), 1e6)
    history = minutes(values)
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, history)
        scores.add(connection, of, history, replay(history, Settings()), 0)
    return of


def test_a_verdict_stands(parts: Parts, scored: Series) -> None:
    with parts.database.tenant(scored.tenant_id) as connection:
        before = scores.page(connection, scored, Wanted())
        history = points.newest(connection, scored, 100)
        verdicts = replay(history[:20], Settings())
        scores.add(connection, scored, history[:20], verdicts, model_version=9)
        assert repr(scores.page(connection, scored, Wanted())) == repr(before)  # NaN is not NaN


def test_a_score_needs_its_point(parts: Parts, make_series: MakeSeries) -> None:
    of, history = make_series(), minutes(np.arange(20.0))
    with parts.database.tenant(of.tenant_id) as connection:
        scores.add(connection, of, history, replay(history, Settings()), 0)
        assert scores.page(connection, of, Wanted()) == []


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_of_scores_join_to_all_of_them(
    parts: Parts, scored: Series, newest_first: bool
) -> None:
    seen, wanted = [], Wanted(newest_first=newest_first, limit=7)
    with parts.database.tenant(scored.tenant_id) as connection:
        while page := scores.page(connection, scored, wanted):
            seen += [score.timestamp for score in page]
            wanted = Wanted(newest_first=newest_first, limit=7, after=(page[-1].timestamp,))
    assert len(seen) == 31
    assert all((a > b) == newest_first for a, b in pairwise(seen))


def test_anomalies_are_those_scores_that_say_so(parts: Parts, scored: Series) -> None:
    with parts.database.tenant(scored.tenant_id) as connection:
        all_of_it = scores.page(connection, scored, Wanted(anomalies_only=True))
        of_tenant = scores.anomalies(connection, scored.tenant_id, scored.name, Wanted())
    assert [score.timestamp for score in all_of_it] == [START + timedelta(minutes=30)]
    assert [(s.series, s.timestamp, s.score) for s in of_tenant] == [
        (scored.name, s.timestamp, s.score) for s in all_of_it
    ]


def test_a_replaced_score_is_kept_apart_each_time(parts: Parts, scored: Series) -> None:
    with parts.database.tenant(scored.tenant_id) as connection:
        history = points.newest(connection, scored, 100)
        for version in (1, 2, 3):
            scores.keep_replaced(connection, scored, history)
            assert scores.page(connection, scored, Wanted()) == []
            scores.add(connection, scored, history, replay(history, Settings()), version)
        kept = connection.exec_driver_sql(
            "SELECT count(*), count(DISTINCT replaced_at) FROM replaced_scores "
            f"WHERE series_id = '{scored.id}' AND timestamp = '{START.isoformat()}'"
        ).one()
    assert tuple(kept) == (3, 3)
