"""Rows in Postgres's binary format arrive as they left, and only what is new is stored."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from app.actions.parts import Parts
from app.detection import Points
from app.store import points, staging
from app.store.series import Series

MakeSeries = Callable[..., Series]
EXTREMES = [0.0, 1e300, -1e300, 5e-324, 2.2250738585072014e-308, 0.1, 2.0**53 + 2, np.nan, -1.5]


def ns(text: str) -> int:
    return int(np.datetime64(text, "ns").astype(np.int64))


def every_minute(n: int, start: str = "2024-01-01") -> NDArray[np.int64]:
    return ns(start) + np.arange(n, dtype=np.int64) * 60_000_000_000


def column(*values: float) -> NDArray[np.float64]:
    return np.array(values, np.float64)[:, None]


class Uploads:
    """Put aside and stored, each upload in a transaction of its own."""

    def __init__(self, parts: Parts) -> None:
        self.database = parts.database

    def insert(
        self, of: Series, times: NDArray[np.int64], values: NDArray[np.float64], lines: int = 2
    ) -> tuple[int, staging.Conflicts]:
        with self.database.tenant(of.tenant_id) as connection:
            staging.begin(connection)
            rows = lines + np.arange(len(times), dtype=np.int64)
            staging.stage(connection, rows, of.id, times, values)
            stored = staging.insert(connection, of.tenant_id)
            return stored.get(of.id, 0), staging.conflicts(connection, of.tenant_id, 100)

    def replace(
        self, of: Series, times: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[int, int]:
        """-> replaced, stored."""
        with self.database.tenant(of.tenant_id) as connection:
            staging.begin(connection)
            rows = np.arange(len(times), dtype=np.int64)
            staging.stage(connection, rows, of.id, times, values)
            replaced = staging.replace(connection, of.tenant_id)
            stored = staging.insert(connection, of.tenant_id, last_wins=True)
            return replaced, stored.get(of.id, 0)

    def stored(self, of: Series) -> Points:
        with self.database.tenant(of.tenant_id) as connection:
            first, last = np.iinfo(np.int64).min, np.iinfo(np.int64).max
            return points.between(connection, of, int(first), int(last), 1_000_000)


@pytest.fixture
def uploads(parts: Parts) -> Uploads:
    return Uploads(parts)


@pytest.mark.parametrize("fields", [1, 2, 64])
def test_values_arrive_bit_for_bit(uploads: Uploads, make_series: MakeSeries, fields: int) -> None:
    of = make_series(fields)
    random = np.random.default_rng(fields)
    values = random.choice(EXTREMES, (500, fields)) * random.choice([1.0, 0.3], (500, fields))
    times = every_minute(500)
    assert uploads.insert(of, times, values) == (500, staging.Conflicts(0, []))
    stored = uploads.stored(of)
    assert stored.times.tolist() == times.tolist()
    assert stored.values.tobytes() == (values + 0.0).tobytes()


def test_times_from_1678_to_2262_arrive_to_the_microsecond(
    uploads: Uploads, make_series: MakeSeries
) -> None:
    texts = [
        "1678-01-01T00:00:00.000001",
        "1969-12-31T23:59:59.999999",
        "1970-01-01T00:00:00",
        "1999-12-31T23:59:59.999999",
        "2000-01-01T00:00:00.000001",
        "2024-02-29T12:00:00.123456",
        "2262-04-11T23:47:16.854775",
    ]
    of, times = make_series(), np.array([ns(t) for t in texts])
    uploads.insert(of, times, column(*range(7)))
    assert uploads.stored(of).times.tolist() == times.tolist()


def test_an_upload_of_fifty_years_lands(uploads: Uploads, make_series: MakeSeries) -> None:
    of = make_series()
    times = np.arange("1976-01", "2036-01", dtype="datetime64[M]").astype("datetime64[ns]")
    stored, _ = uploads.insert(of, times.astype(np.int64), column(*range(len(times))))
    assert stored == len(times) == 720
    assert uploads.stored(of).values[:, 0].tolist() == list(range(720))


def test_rows_of_many_series_each_go_to_their_own(
    parts: Parts, uploads: Uploads, make_series: MakeSeries
) -> None:
    one, two = make_series(), make_series()
    ids = np.array([one.id.bytes, two.id.bytes, one.id.bytes], "V16")
    with parts.database.tenant(one.tenant_id) as connection:
        staging.begin(connection)
        staging.stage(connection, np.arange(3), ids, every_minute(3), column(1, 2, 3))
        assert staging.insert(connection, one.tenant_id) == {one.id: 2, two.id: 1}
    assert uploads.stored(one).values[:, 0].tolist() == [1, 3]
    assert uploads.stored(two).values[:, 0].tolist() == [2]


def span(*minutes: int) -> staging.Span:
    return staging.Span.of(np.array(minutes, np.int64) * 60_000_000_000)


@pytest.mark.parametrize(
    ("parts_of_it", "is_ascending"),
    [
        ([(1, 2, 5)], True),
        ([(1, 2, 2)], False),
        ([(2, 1)], False),
        ([(1, 2), (3, 4)], True),
        ([(1, 2), (2, 3)], False),
        ([(3, 4), (1, 2)], False),
        ([(2, 1), (3,), (4,)], False),
    ],
)
def test_a_span_knows_whether_each_time_was_later_than_all_before(
    parts_of_it: list[tuple[int, ...]], is_ascending: bool
) -> None:
    first, *others = (span(*minutes) for minutes in parts_of_it)
    for later in others:
        first = first.then(later)
    every = [minute for minutes in parts_of_it for minute in minutes]
    ends = min(every) * 60_000_000_000, max(every) * 60_000_000_000
    assert first == staging.Span(*ends, len(every), is_ascending)


@pytest.mark.parametrize(
    ("minutes", "is_new"),
    [((0, 1), True), ((8, 9), True), ((0, 9), False), ((3, 4), False), ((1, 2), False)],
)
def test_rows_are_new_where_nothing_is_stored_between_the_first_and_the_last(
    parts: Parts,
    uploads: Uploads,
    make_series: MakeSeries,
    minutes: tuple[int, int],
    is_new: bool,
) -> None:
    of, other = make_series(), make_series()
    uploads.insert(of, every_minute(6)[2:], column(1, 2, 3, 4))
    spans = {other.id: staging.Span.of(every_minute(9))}
    times = every_minute(10)[list(minutes)]
    with parts.database.tenant(of.tenant_id) as connection:
        assert staging.is_new(connection, of.tenant_id, spans)
        spans[of.id] = staging.Span.of(times)
        assert staging.is_new(connection, of.tenant_id, spans) == is_new


def test_a_repeated_upload_stores_nothing_and_is_no_conflict(
    uploads: Uploads, make_series: MakeSeries
) -> None:
    of = make_series(2)
    values = np.array([[1.0, np.nan], [np.nan, np.nan]])
    assert uploads.insert(of, every_minute(2), values)[0] == 2
    assert uploads.insert(of, every_minute(2), values) == (0, staging.Conflicts(0, []))


def test_another_value_for_a_stored_time_is_a_conflict_that_changes_nothing(
    uploads: Uploads, make_series: MakeSeries
) -> None:
    of = make_series()
    uploads.insert(of, every_minute(3), column(1, 2, 3))
    again = uploads.insert(of, every_minute(4), column(1, 9, np.nan, 4), lines=50)
    assert again == (1, staging.Conflicts(2, [51, 52]))
    assert uploads.stored(of).values[:, 0].tolist() == [1, 2, 3, 4]


def test_of_equal_times_in_one_upload_the_first_holds(
    uploads: Uploads, make_series: MakeSeries
) -> None:
    of, time = make_series(), every_minute(1)[0]
    stored = uploads.insert(of, np.array([time, time, time]), column(1, 2, 1), lines=7)
    assert stored == (1, staging.Conflicts(1, [8]))
    assert uploads.stored(of).values[:, 0].tolist() == [1]


@pytest.mark.parametrize("is_stored", [True, False])
def test_of_equal_times_the_last_holds_where_points_are_replaced(
    uploads: Uploads, make_series: MakeSeries, is_stored: bool
) -> None:
    of, time = make_series(), every_minute(1)
    if is_stored:
        uploads.insert(of, time, column(0))
    twice = np.concatenate([time, time])
    assert uploads.replace(of, twice, column(1, 2)) == ((1, 0) if is_stored else (0, 1))
    assert uploads.stored(of).values[:, 0].tolist() == [2]


def test_replacing_by_the_same_value_replaces_nothing(
    uploads: Uploads, make_series: MakeSeries
) -> None:
    of = make_series()
    uploads.insert(of, every_minute(2), column(1, np.nan))
    assert uploads.replace(of, every_minute(2), column(1, np.nan)) == (0, 0)


def test_what_was_put_aside_is_gone_after_the_transaction(
    uploads: Uploads, make_series: MakeSeries
) -> None:
    """Else the next upload on the same connection would store it for another tenant."""
    one, two = make_series(), make_series()
    with pytest.raises(ZeroDivisionError), uploads.database.tenant(one.tenant_id) as connection:  # noqa: PT012
        staging.begin(connection)
        staging.stage(connection, np.arange(2), one.id, every_minute(2), column(1, 2))
        raise ZeroDivisionError
    with uploads.database.tenant(two.tenant_id) as connection:
        staging.begin(connection)
        assert staging.insert(connection, two.tenant_id) == {}
    assert len(uploads.stored(one)) == 0
