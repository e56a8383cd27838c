"""Charts of spans that are too long to be read as a whole."""

from datetime import timedelta

import numpy as np
import pytest

from app.actions.parts import Parts
from app.store import charts, points
from app.store.charts import Chart
from app.store.series import Series
from app.store.times import to_datetime
from tests.store.conftest import MakeSeries
from tests.store.test_points import minutes

N = 20_000


@pytest.fixture
def long(parts: Parts, make_series: MakeSeries) -> Series:
    """Its values rise from 0, one a minute."""
    of = make_series()
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, minutes(np.arange(N, dtype=np.float64)[:, None]))
    return of


def drawn(parts: Parts, of: Series, most_read: int) -> Chart:
    start = to_datetime(int(minutes(np.zeros((1, 1))).times[0]))
    end = start + timedelta(minutes=N)
    with parts.database.lent() as lent:
        return charts.drawn(lent, of, 0, start, end, 10, most_read)


def test_a_sample_lies_within_what_all_would_show(parts: Parts, long: Series) -> None:
    whole, sample = drawn(parts, long, N), drawn(parts, long, N - 1)
    assert (whole.is_sampled, sample.is_sampled) == (False, True)
    assert whole.width == sample.width
    assert [row[0] for row in whole.rows] == [row[0] for row in sample.rows]
    for (_, least, greatest, *_), (_, low, high, *_) in zip(whole.rows, sample.rows, strict=True):
        assert least == low < high < greatest
        assert high - low > 0.8 * (greatest - least)
