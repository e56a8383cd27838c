"""What a request answers is what it stored, and it is stored all at once or not at all."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from app.actions.parts import Parts
from app.detection import Points, Verdicts
from app.store import judging, points, scores, series
from app.store.ids import new_id
from app.store.judging import Known, Writes
from app.store.scores import Marks, Score
from app.store.series import Series
from app.store.times import to_datetime

MakeSeries = Callable[..., Series]
START_NS = 1_714_521_600_000_000_000
MINUTE_NS = 60_000_000_000
ODD = (0.1, -0.0, 1e-300, -1e300, np.nan, 2.0**53 + 1, 1 / 3)


def times(n: int, first: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    return START_NS + (first + np.arange(n, dtype=np.int64)) * MINUTE_NS


def verdicts(n: int, fields: int, reasons: Sequence[str]) -> Verdicts:
    random = np.random.default_rng(n)
    wide = [random.normal(size=(n, fields)) for _ in range(4)]
    wide[0][0, 0] = np.nan
    return Verdicts(
        score=random.random(n),
        strength=random.random(n),
        threshold=np.full(n, 0.9),
        is_anomaly=random.random(n) > 0.5,
        expected=wide[0],
        lower=wide[1],
        upper=wide[2],
        contributions=wide[3],
        reasons=tuple(reasons),
        model_based=random.random(n) > 0.5,
    )


def store(parts: Parts, of: Series, given: Points, judged: Verdicts) -> dict[int, Score]:
    marks = Marks([True] + [False] * (len(given) - 1), [new_id()] + [None] * (len(given) - 1))
    with parts.database.judging() as transaction:
        judging.begin(transaction, of.tenant_id, [of.name])
        writes = Writes(of.tenant_id)
        answered = writes.judged(of, given, judged, marks)
        writes.grown(of, len(given), int(given.times[0]), int(given.times[-1]), {"quiet": 3})
        writes.flush(transaction, commits=True)
    return answered


@pytest.mark.parametrize("fields", [1, 3])
def test_scores_are_answered_as_they_are_read_later(
    parts: Parts, make_series: MakeSeries, fields: int
) -> None:
    of = make_series(fields)
    given = Points(times(7), np.array([ODD] * fields).T + 0.0)
    reasons = ["", 'with "quotes"', "back\\slash", "NULL", "{braces, commas}", "naïve ⚠", "\n"]
    answered = store(parts, of, given, verdicts(7, fields, reasons))
    with parts.database.tenant(of.tenant_id) as connection:
        stored = scores.at(connection, of, given.times)
        assert points.at(connection, of, given.times).values.tobytes() == given.values.tobytes()
    assert [repr(one) for one in stored] == [repr(one) for one in answered.values()]


def test_the_row_of_the_series_grows_with_its_points(parts: Parts, make_series: MakeSeries) -> None:
    of = make_series()
    for first in (0, 3):
        given = Points(times(3, first), np.ones((3, 1)))
        store(parts, of, given, verdicts(3, 1, ["a", "b", "c"]))
    with parts.database.tenant(of.tenant_id) as connection:
        grown = series.by_id(connection, of.tenant_id, of.id)
    assert (grown.points, grown.counted_points, grown.revision) == (6, 6, 0)
    assert grown.first_at == to_datetime(START_NS)
    assert grown.last_at == to_datetime(START_NS + 5 * MINUTE_NS)
    assert grown.watch == {"quiet": 3}


def test_points_before_the_newest_change_the_revision(
    parts: Parts, make_series: MakeSeries
) -> None:
    of = make_series()
    for first in (3, 0):
        store(parts, of, Points(times(2, first), np.ones((2, 1))), verdicts(2, 1, ["a", "b"]))
    with parts.database.tenant(of.tenant_id) as connection:
        assert series.by_id(connection, of.tenant_id, of.id).revision == 1


def test_what_is_not_flushed_is_not_stored(parts: Parts, make_series: MakeSeries) -> None:
    of = make_series()
    with parts.database.judging() as transaction:
        judging.begin(transaction, of.tenant_id, [of.name])
        given = Points(times(1), np.ones((1, 1)))
        Writes(of.tenant_id).judged(of, given, verdicts(1, 1, ["a"]), Marks.none(1))
    with parts.database.tenant(of.tenant_id) as connection:
        assert points.count(connection, of) == 0


def test_points_since_those_that_are_known_are_read_in_time_order(
    parts: Parts, make_series: MakeSeries
) -> None:
    of = make_series()
    store(parts, of, Points(times(5), np.arange(5.0)[:, None]), verdicts(5, 1, list("abcde")))
    with parts.database.judging() as transaction:
        known = Known(of.id, to_datetime(START_NS + MINUTE_NS))
        begun = judging.begin(transaction, of.tenant_id, [of.name], [known])
    assert begun.since[of.name].values[:, 0].tolist() == [2.0, 3.0, 4.0]


def test_points_of_a_series_that_has_the_name_no_more_are_not_taken(
    parts: Parts, make_series: MakeSeries
) -> None:
    of, removed = make_series(), make_series()
    with parts.database.judging() as transaction:
        known = Known(removed.id, to_datetime(START_NS))
        assert judging.begin(transaction, of.tenant_id, [of.name], [known]).since == {}


def test_another_tenants_series_is_not_found_by_its_name(
    parts: Parts, make_series: MakeSeries, other: Any
) -> None:
    of = make_series()
    with parts.database.judging() as transaction:
        assert judging.begin(transaction, other.id, [of.name]).locked == {}


def test_a_series_is_held_to_the_end_of_the_transaction(
    parts: Parts, make_series: MakeSeries
) -> None:
    of = make_series()
    with parts.database.judging() as transaction:
        judging.begin(transaction, of.tenant_id, [of.name])
        with parts.database.tenant(of.tenant_id) as second:
            taken = second.scalars(
                text("SELECT id FROM series WHERE id = :id FOR UPDATE SKIP LOCKED"), {"id": of.id}
            )
            assert taken.all() == []
