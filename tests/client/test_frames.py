"""pandas in and out."""

import asyncio
import math
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from app.client import AsyncTocsin, Tocsin
from app.client.answers import Event, Score, SeriesScore
from app.client.frames import checked, points, table
from tests.service import Service, Tenant

HOURS = pd.date_range("2024-01-01", periods=60, freq="h", tz="UTC", name="timestamp")
RNG = np.random.default_rng(0)
MULTI = pd.DataFrame({"temperature": RNG.normal(size=60), "pressure": RNG.normal(size=60)}, HOURS)


def test_what_goes_in_comes_out(client: Tocsin) -> None:
    client.create_series("multi", fields=list(MULTI.columns))
    holed = MULTI.mask(MULTI > 1)
    client.upload("multi", holed)
    out = client.list_points("multi").frame()
    same = out[list(holed.columns)]
    pd.testing.assert_frame_equal(same, holed, check_freq=False, check_index_type=False)
    assert str(out.index.dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize(
    "index",
    [
        HOURS.tz_localize(None),
        HOURS.tz_convert("Europe/Berlin"),
        HOURS.as_unit("s"),
        HOURS + pd.Timedelta(1, "us"),
    ],
    ids=["naive is UTC", "of a zone", "in seconds", "with microseconds"],
)
def test_times_are_understood_however_they_are_kept(index: pd.DatetimeIndex) -> None:
    given = [point["timestamp"] for point in points(pd.DataFrame({"value": 1.0}, index))]
    utc = index.tz_localize("UTC") if index.tz is None else index
    assert (pd.to_datetime(pd.Series(given), utc=True, format="ISO8601") == utc).all()


@pytest.mark.parametrize(
    "times",
    [
        ["2023-12-31T23:00:00Z", "2024-01-02"],
        ["2024-01-01T00:00:00+01:00", "2024-01-02"],
        pd.Series([datetime(2023, 12, 31, 23), datetime(2024, 1, 2)], dtype="object"),
        pd.Series(pd.to_datetime(["2023-12-31T23:00", "2024-01-02T00:00"])),
    ],
)
def test_times_may_be_a_column(times: Any) -> None:
    frame = pd.DataFrame({"timestamp": times, "value": [1, 2]})
    assert [point["timestamp"] for point in points(frame)] == [
        "2023-12-31T23:00:00Z",
        "2024-01-02T00:00:00Z",
    ]


def test_points_are_given_in_the_order_of_time() -> None:
    frame = pd.DataFrame({"value": [2.0, 1.0]}, index=HOURS[[5, 3]])
    assert [point["value"] for point in points(frame)] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("frame", "wrong"),
    [
        (pd.DataFrame({"value": [1.0]}), "needs a DatetimeIndex"),
        (pd.DataFrame({"timestamp": [1700000000], "value": [1.0]}), r"pd\.to_datetime"),
        (pd.DataFrame({"value": [1.0, 2.0]}, [HOURS[0], pd.NaT]), "no time at row 2"),
        (pd.DataFrame({"value": ["many"]}, HOURS[:1]), "column value holds something else"),
        (pd.DataFrame({"value": [True]}, HOURS[:1]), "column value holds true and false"),
        (pd.DataFrame([[1, 2]], HOURS[:1], ["a", "a"]), "a column twice"),
        (pd.DataFrame({"series": ["a"]}, HOURS[:1]), "no column of values"),
    ],
)
def test_a_frame_that_cannot_be_understood_is_refused(frame: pd.DataFrame, wrong: str) -> None:
    with pytest.raises((TypeError, ValueError), match=wrong):
        checked(frame)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "Float64", "float32", "object"])
def test_numbers_of_any_kind_are_doubles(dtype: Any) -> None:
    frame = pd.DataFrame({"value": pd.array([1, 2], dtype=dtype)}, HOURS[:2])
    assert [point["value"] for point in points(frame)] == [1.0, 2.0]
    assert checked(frame)["value"].dtype == "float64"


def test_a_missing_number_is_none_and_an_infinite_one_is_refused() -> None:
    missing = pd.DataFrame({"value": pd.array([None, 1], dtype="Int64")}, HOURS[:2])
    assert [point["value"] for point in points(missing)] == [None, 1.0]
    with pytest.raises(ValueError, match=r"points\[1\]\.value: value must be finite"):
        list(points(pd.DataFrame({"value": [1, math.inf]}, HOURS[:2])))


def test_scores_and_events_are_tables_by_time(client: Tocsin) -> None:
    client.create_series("multi", fields=list(MULTI.columns), retrain="manual")
    client.upload("multi", MULTI)
    absurd = (MULTI.iloc[:3] * 0 + 1e9).set_axis(HOURS[-1] + pd.to_timedelta([1, 2, 3], "h"))
    judged = client.score_points("multi", absurd)
    frame = judged.frame()
    assert list(frame.index) == list(absurd.index)
    assert set(frame.columns) >= {"temperature", "expected.pressure", "contributions.temperature"}
    assert frame["is_anomaly"].all()
    history = client.list_scores("multi").frame()
    pd.testing.assert_frame_equal(history, frame)
    anomalies = client.list_anomalies(series="multi").frame()
    assert list(anomalies.index) == list(frame.index[::-1])
    assert set(anomalies["series"]) == {"multi"}
    events = client.list_events().frame()
    assert list(events["peak.timestamp"]) == [frame["score"].idxmax()]
    assert events["end"].isna().all()


def test_a_table_of_nothing_has_its_columns() -> None:
    for kind in (Score, SeriesScore, Event):
        empty = table(kind, [])
        assert len(empty) == 0
        assert str(empty.index.dtype).startswith("datetime64")
        assert "reason" in empty.columns


def test_what_was_said_of_an_event_has_columns_of_its_own(client: Tocsin) -> None:
    client.create_series("rides", retrain="manual")
    client.upload("rides", [(60 * minute, 1.0) for minute in range(20)])
    client.score_points("rides", [(60 * minute, 1e9) for minute in range(20, 22)])
    (event,) = client.list_events()
    assert client.list_events().frame()["feedback.label"].tolist() == [None]
    client.set_event_feedback(event.id, "normal", "a parade")
    frame = client.list_events().frame()
    assert frame["feedback.label"].tolist() == ["normal"]
    assert str(frame["feedback.at"].dtype) == "datetime64[us, UTC]"
    said = client.list_feedback("rides").frame()
    assert (list(said.index), said["note"].tolist()) == ([event.start], ["a parade"])


def test_a_field_called_like_a_column_of_scores_has_another_name() -> None:
    score = {"timestamp": "2024-01-01T00:00:00Z", "value": {"score": 1.0, "b": None}, "score": 0.5}
    frame = table(Score, [score])
    assert frame["score"].tolist() == [0.5]
    assert frame["value.score"].tolist() == [1.0]
    assert frame["b"].dtype == "float64"


def test_a_client_that_lets_others_go_on_has_the_same_tables(
    service: Service, tenant: Tenant, client: Tocsin
) -> None:
    client.ensure_series("multi", fields=list(MULTI.columns))
    client.upload("multi", MULTI)

    async def read() -> pd.DataFrame:
        async with AsyncTocsin(service.url, tenant.key) as asking:
            return await asking.list_points("multi").frame()

    pd.testing.assert_frame_equal(asyncio.run(read()), client.list_points("multi").frame())
