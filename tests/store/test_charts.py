"""Charts of spans that are too long to be read as a whole show what all points would."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.actions.parts import Parts
from app.store import charts, digests, series
from app.store.charts import Chart
from app.store.series import Series
from tests.store.digested import N, make_all

# As somebody would ask who may read all of it.
PLAIN = text("""
    SELECT greatest(date_bin(:width, timestamp, :origin), :start),
        min(least), max(least), avg(expected), min(lower), max(upper)
    FROM (SELECT points.timestamp, nullif(points.value[:field], 'NaN') AS least,
            nullif(expected[:field], 'NaN') AS expected, nullif(lower[:field], 'NaN') AS lower,
            nullif(upper[:field], 'NaN') AS upper
        FROM points LEFT JOIN scores USING (tenant_id, series_id, timestamp)
        WHERE series_id = :id AND timestamp >= :start AND timestamp < :end) AS numbers
    GROUP BY 1 HAVING min(least) IS NOT NULL ORDER BY 1
""")
START = datetime.fromisoformat("2024-01-01T00:00Z")
END = START + timedelta(days=5, minutes=N)
STRETCH = timedelta(hours=12)
MOST_READ = 1_500  # of 720 in a stretch
SPANS = {
    "all": (START, END),
    "beyond both ends": (START - timedelta(days=90), END + timedelta(days=400)),
    "from within a stretch to within another": (
        START + timedelta(hours=3, microseconds=1),
        END - timedelta(hours=20, seconds=1),
    ),
    "whole stretches": (START + STRETCH, START + 4 * STRETCH),
    "within the gap and behind it": (START + timedelta(days=4), END),
    "so few that they are read": (START + timedelta(hours=5), START + timedelta(hours=29)),
}


@pytest.fixture
def digested(parts: Parts, long: Series) -> Series:
    with parts.database.tenant(long.tenant_id) as connection:
        return make_all(connection, long)


def drawn(
    parts: Parts, of: Series, span: tuple[datetime, datetime], n: int, field: int = 0
) -> Chart:
    with parts.database.lent() as lent:
        return charts.drawn(lent, of, field, *span, n, MOST_READ)


def plain(parts: Parts, of: Series, chart: Chart, origin: datetime, field: int = 0) -> list[Any]:
    asked = {"id": of.id, "field": field + 1, "start": chart.start, "end": chart.end}
    with parts.database.tenant(of.tenant_id) as connection:
        rows = connection.execute(PLAIN, {**asked, "width": chart.width, "origin": origin})
        return [tuple(row) for row in rows]


def refuse_others(parts: Parts, of: Series, chart: Chart, field: int = 0) -> None:
    """Parts of whole stretches are counted from the origin of all, others from the start."""
    assert chart.width is not None
    is_whole = of.digest_width is not None and not chart.width % of.digest_width
    origin = digests.ORIGIN if is_whole else chart.start
    for (at, *row), (time, *other) in zip(
        chart.rows, plain(parts, of, chart, origin, field), strict=True
    ):
        assert at == time
        assert row == pytest.approx(other, rel=1e-9)


@pytest.mark.parametrize("field", [0, 1])
@pytest.mark.parametrize("n", [3, 7, 40])
@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
def test_parts_are_what_all_points_show(
    parts: Parts, digested: Series, span: tuple[datetime, datetime], n: int, field: int
) -> None:
    chart = drawn(parts, digested, span, n, field)
    assert not chart.is_sampled
    assert 0 < len(chart.rows) <= n
    refuse_others(parts, digested, chart, field)


def test_what_came_after_the_digests_is_read(parts: Parts, digested: Series) -> None:
    with parts.database.tenant(digested.tenant_id) as connection:
        digests.reset(connection, digested, END - timedelta(hours=17, minutes=3))
        of = series.by_id(connection, digested.tenant_id, digested.id)
    chart = drawn(parts, of, (START, END), 8)
    assert not chart.is_sampled
    refuse_others(parts, of, chart)


def test_a_digest_that_is_not_right_any_more_is_not_looked_at(
    parts: Parts, digested: Series
) -> None:
    """Also by who has read the series' row before."""
    with parts.database.tenant(digested.tenant_id) as connection:
        digests.reset(connection, digested, START + timedelta(days=2))
        wrong = "UPDATE digests SET least = '{-1e6,-1e6}' WHERE from_at >= :since"
        connection.execute(text(wrong), {"since": START + timedelta(days=2)})
    refuse_others(parts, digested, drawn(parts, digested, (START, END), 8))


def test_a_year_that_was_emptied_shows_no_digests(parts: Parts, digested: Series) -> None:
    gone = "DELETE FROM points WHERE series_id = :id AND timestamp < :end"
    with parts.database.tenant(digested.tenant_id) as connection:
        for table in ("points", "scores"):
            span = {"id": digested.id, "end": START + timedelta(hours=30)}
            connection.execute(text(gone.replace("points", table)), span)
    chart = drawn(parts, digested, (START, END), 8)
    refuse_others(parts, digested, chart)


@pytest.mark.parametrize("parts_", range(1, 30))
def test_parts_are_whole_stretches_and_no_more_than_asked_for(parts_: int) -> None:
    end = START + timedelta(days=11, hours=5)
    for start in (START, START + timedelta(hours=7)):
        width = charts._whole(STRETCH, start, end, parts_)
        assert width % STRETCH == timedelta(0)
        assert digests.floor(start, width) + parts_ * width >= end


def test_without_digests_a_sample_lies_within_what_all_would_show(
    parts: Parts, long: Series
) -> None:
    sample = drawn(parts, long, (START, END), 10)
    assert sample.is_sampled
    whole = plain(parts, long, sample, START)
    assert [row[0] for row in whole] == [row[0] for row in sample.rows]
    for (_, least, greatest, *_), (_, low, high, *_) in zip(whole, sample.rows, strict=True):
        assert least <= low <= high <= greatest
        assert high - low > 0.5 * (greatest - least)


def test_digests_far_behind_are_a_sample_too(parts: Parts, digested: Series) -> None:
    with parts.database.tenant(digested.tenant_id) as connection:
        digests.reset(connection, digested, START + timedelta(hours=13))
        of = series.by_id(connection, digested.tenant_id, digested.id)
    assert drawn(parts, of, (START, END), 8).is_sampled
    assert not drawn(parts, of, (START, START + timedelta(hours=20)), 8).is_sampled


def test_the_widest_numbers_are_drawn(parts: Parts, digested: Series) -> None:
    """Their sum would be none."""
    widest = "UPDATE scores SET expected = '{1.7e308,-1.7e308}' WHERE series_id = :id"
    with parts.database.tenant(digested.tenant_id) as connection:
        connection.execute(text(widest), {"id": digested.id})
        digests.reset(connection, digested, START)
        of = make_all(connection, series.by_id(connection, digested.tenant_id, digested.id))
    assert {row[3] for row in drawn(parts, of, (START, END), 8).rows} == {None}


def test_a_chart_of_another_tenants_series_is_empty(parts: Parts, digested: Series) -> None:
    stranger = digested._replace(tenant_id=digested.id)
    chart = drawn(parts, stranger, (START, END), 8)
    assert (chart.rows, chart.anomalies) == ([], [])
