"""Digests are what their points and scores are, however these came, and however far they got."""

from datetime import timedelta

import numpy as np
import psycopg
import pytest
from sqlalchemy import text

from app.actions.parts import Parts
from app.detection import Points
from app.store import digests, points, series
from app.store.series import Series
from app.store.times import to_datetime
from tests.store.conftest import MakeSeries
from tests.store.digested import JUDGE, N, differing, make_all, note, recomputed, stored
from tests.store.test_points import minutes

SECOND_NS = 10**9


def test_digests_hold_what_is_least_greatest_and_expected_of_each_field(
    parts: Parts, long: Series
) -> None:
    with parts.database.tenant(long.tenant_id) as connection:
        of = make_all(connection, long)
        found = stored(connection, of)
        assert differing(found, recomputed(connection, of)) == set()
    assert of.digest_width == timedelta(hours=12)
    assert len(found) == N // 720 + 1  # the gap cuts one in two


def test_they_reach_up_to_the_stretch_of_the_newest_point(parts: Parts, long: Series) -> None:
    with parts.database.tenant(long.tenant_id) as connection:
        of = make_all(connection, long)
    assert of.digest_width is not None
    assert of.digested_until is not None
    assert of.last_at is not None
    assert of.digested_until <= of.last_at < of.digested_until + of.digest_width


def test_a_chunk_that_was_undone_is_made_again(parts: Parts, long: Series) -> None:
    """As when whoever made it is killed."""

    def begin() -> None:
        with parts.database.tenant(long.tenant_id) as connection:
            digests.make_some(connection, series.by_id(connection, long.tenant_id, long.id), 0)
            raise psycopg.OperationalError

    with parts.database.tenant(long.tenant_id) as connection:
        digests.make_some(connection, long, 0)
        before = series.by_id(connection, long.tenant_id, long.id)
    with pytest.raises(Exception, match="database"):
        begin()
    with parts.database.tenant(long.tenant_id) as connection:
        assert series.by_id(connection, long.tenant_id, long.id) == before
        of = make_all(connection, before)
        assert differing(stored(connection, of), recomputed(connection, of)) == set()


SPANS = {
    "the oldest": (None, 1_000),
    "the newest": (4_000, None),
    "some between": (1_500, 1_510),
    "over the gap": (2_900, 11_000),
    "a whole stretch": (720, 1_080),
    "all": (None, None),
    "none": (-10, -5),
}


@pytest.mark.parametrize("of_minutes", SPANS.values(), ids=SPANS)
def test_erased_points_leave_their_digests_and_all_others_stand(
    parts: Parts, long: Series, of_minutes: tuple[int | None, int | None]
) -> None:
    first_ns = int(minutes(np.zeros((1, 1))).times[0])
    start, end = (
        None if at is None else to_datetime(first_ns + at * 60 * 10**9) for at in of_minutes
    )
    with parts.database.tenant(long.tenant_id) as connection:
        of = make_all(connection, long)
        points.remove(connection, of, start, end)
        after = series.by_id(connection, of.tenant_id, of.id)
        assert after.digested_until == of.digested_until
        assert differing(stored(connection, after), recomputed(connection, after)) == set()


def test_a_change_moves_back_the_end_of_what_is_digested(parts: Parts, long: Series) -> None:
    with parts.database.tenant(long.tenant_id) as connection:
        of = make_all(connection, long)
        assert of.digested_until is not None
        digests.reset(connection, of, of.digested_until + timedelta(minutes=1))
        assert series.by_id(connection, of.tenant_id, of.id) == of
        since = of.digested_until - timedelta(days=1, minutes=7)
        digests.reset(connection, of, since)
        of = series.by_id(connection, of.tenant_id, of.id)
        assert of.digested_until == since
        assert max(stored(connection, of)) + timedelta(hours=12) <= since


def test_stretches_become_narrower_where_points_come_much_closer(
    parts: Parts, make_series: MakeSeries
) -> None:
    of = make_series()
    seldom = minutes(np.ones((1_000, 1)))
    seconds = seldom.times[-1] + SECOND_NS * np.arange(1, 9_001)
    often = Points.checked(seconds, np.ones((9_000, 1)))
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, seldom)
        of = make_all(connection, note(connection, of, 1_000))
        assert of.digest_width == timedelta(hours=6)
        points.add(connection, of, often)
        of = make_all(connection, note(connection, of, 10_000))
        assert of.digest_width == timedelta(minutes=30)
        found = stored(connection, of)
        assert differing(found, recomputed(connection, of)) == set()
    assert len(found) > 1_000 / 30


def test_stretches_are_not_made_so_narrow_for_a_moment_that_others_have_one_point(
    parts: Parts, make_series: MakeSeries
) -> None:
    of, ones = make_series(), np.ones((5_000, 1))
    slow = minutes(ones)
    quick = slow.times[100] + SECOND_NS // 100 * np.arange(1, 5_001)
    with parts.database.tenant(of.tenant_id) as connection:
        for times in (slow.times, quick):
            points.add(connection, of, Points.checked(times, ones))
        of = make_all(connection, note(connection, of, 10_000))
        assert of.digest_width == timedelta(minutes=15)
        assert differing(stored(connection, of), recomputed(connection, of)) == set()


def test_a_series_of_one_moment_is_not_behind_for_ever(
    parts: Parts, make_series: MakeSeries
) -> None:
    of = make_series()
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, minutes(np.ones((1, 1))))
        of = make_all(connection, note(connection, of, 100_000))
    with parts.database.operator() as connection:
        assert (of.tenant_id, of.id) not in digests.behind(connection, 1_000)


def test_the_largest_numbers_are_in_no_sum(parts: Parts, make_series: MakeSeries) -> None:
    of = make_series(fields=2)
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, minutes(np.full((2_000, 2), 1.7e308)))
        connection.execute(text(JUDGE), {"id": of.id})
        of = make_all(connection, note(connection, of, 2_000))
        found = list(stored(connection, of).values())
    assert {tuple(one[1]) for one in found} == {(1.7e308, 1.7e308)}
    assert all(sum(one[3]) < 2 * 360 for one in found)


def test_series_are_behind_by_several_stretches_or_not_at_all(parts: Parts, long: Series) -> None:
    def is_behind() -> bool:
        with parts.database.operator() as connection:
            return (long.tenant_id, long.id) in digests.behind(connection, 1_000, points=N)

    def digested(before_last: timedelta) -> None:
        assert long.last_at
        values = {"until": long.last_at - before_last, "id": long.id}
        with parts.database.tenant(long.tenant_id) as connection:
            until = "UPDATE series SET digested_until = :until, digest_width = '6 h' WHERE id = :id"
            connection.execute(text(until), values)

    assert is_behind()
    digested(timedelta(hours=47))
    assert not is_behind()
    digested(timedelta(hours=49))
    assert is_behind()
    with parts.database.operator() as connection:
        found = digests.behind(connection, 1_000, points=N + 1)
    assert (long.tenant_id, long.id) not in found


@pytest.mark.parametrize(
    ("points_", "span", "width"),
    [
        (1_000_000, timedelta(minutes=1_000_000), timedelta(hours=6)),
        (100_000, timedelta(seconds=100), timedelta(seconds=1)),
        (100_000, timedelta(days=100_000), timedelta(days=7)),
        (100_000, timedelta(seconds=100_000), timedelta(minutes=5)),
        (1, timedelta(0), timedelta(seconds=1)),
    ],
)
def test_a_stretch_is_a_round_time_with_some_hundred_points(
    points_: int, span: timedelta, width: timedelta
) -> None:
    assert digests.width_for(points_, span) == width


def test_a_digest_goes_with_its_series(parts: Parts, long: Series) -> None:
    with parts.database.tenant(long.tenant_id) as connection:
        of = make_all(connection, long)
        series.remove(connection, of)
        left = connection.scalar(text("SELECT count(*) FROM digests"))
    assert left == 0
