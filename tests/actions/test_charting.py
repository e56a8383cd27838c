"""What a chart shows of series: what stands in the store, at its steps, however it is read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.actions import charting, drawing, ingestion
from app.actions.drawing import Wanted
from app.errors import Invalid
from app.promql import Query, parsed
from app.store.picks import Grid
from tests.actions.conftest import START_NS

Account = Any
Numbers = NDArray[np.float64]

START_MS = START_NS // 1_000_000
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
FUNCTIONS: dict[str, Callable[[Numbers], float]] = {
    "min": np.min,
    "max": np.max,
    "avg": np.mean,
    "sum": np.sum,
    "count": len,
    "last": lambda values: float(values[-1]),
}


def query(text: str) -> Query:
    found = parsed(text)
    assert isinstance(found, Query)
    return found


def drawn(
    account: Account, text: str, grid: Grid, lookback_ms: int | None = None
) -> dict[str, list[float]]:
    """By series, and field where there is one."""
    curves = charting.curves(account.parts, account.id, Wanted(query(text), grid, lookback_ms))
    return {
        "/".join(filter(None, (labels["series"], labels.get("field")))): values.tolist()
        for labels, values in curves
    }


def store(account: Account, name: str, minutes: Any, values: Any) -> None:
    """Points at these minutes after the start."""
    times = START_NS + (np.asarray(minutes, np.float64) * 60e9).astype(np.int64)
    made = replace(account.chunk(np.asarray(values, np.float64)), times=times)
    ingestion.store(account.parts, account.id, [made], name)


@pytest.fixture(params=["rows", "picks"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways of reading, whatever the series is like."""
    if request.param == "picks":
        monkeypatch.setattr(drawing, "DENSER", 0)
        monkeypatch.setattr(drawing, "SPARE_ROWS", -1)


GRIDS = [
    Grid(START_MS, MINUTE_MS, 40),
    Grid(START_MS - 30 * MINUTE_MS, 7 * MINUTE_MS, 30),
    Grid(START_MS + 30_001, 13_337, 100),
    Grid(START_MS + 90 * MINUTE_MS, MINUTE_MS, 1),
    Grid(START_MS - DAY_MS, HOUR_MS, 20),
]


@pytest.fixture
def uneven(account: Account) -> tuple[Numbers, Numbers]:
    """Minutes and values of a series that comes as it likes; some are missing."""
    random = np.random.default_rng(4)
    minutes = np.unique(random.integers(0, 120 * 60, 200)) / 60
    values = random.normal(size=len(minutes)).round(3)
    values[::7] = np.nan
    account.make("uneven")
    store(account, "uneven", minutes, values)
    return minutes, values


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("lookback_ms", [MINUTE_MS, 20 * MINUTE_MS])
@pytest.mark.usefixtures("way")
def test_each_step_shows_the_newest_point_that_is_not_too_old(
    account: Account, uneven: tuple[Numbers, Numbers], grid: Grid, lookback_ms: int
) -> None:
    minutes, values = uneven
    expected = []
    for at in (grid.times_ns - START_NS) / 60e9:
        is_seen = (minutes <= at) & (minutes > at - lookback_ms / MINUTE_MS)
        expected.append(values[is_seen][-1] if is_seen.any() else np.nan)
    found = drawn(account, "tocsin_value", grid, lookback_ms)
    shown = found.get("uneven", [np.nan] * grid.steps)
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.usefixtures("way")
def test_a_function_is_over_the_values_of_the_range(
    account: Account, uneven: tuple[Numbers, Numbers], grid: Grid, function: str
) -> None:
    minutes, values = uneven
    expected = []
    for at in (grid.times_ns - START_NS) / 60e9:
        is_within = (minutes <= at) & (minutes > at - 10) & ~np.isnan(values)
        expected.append(FUNCTIONS[function](values[is_within]) if is_within.any() else np.nan)
    found = drawn(account, f"{function}_over_time(tocsin_value[10m])", grid)
    shown = found.get("uneven", [np.nan] * grid.steps)
    np.testing.assert_allclose(shown, expected, rtol=1e-12)


@pytest.mark.usefixtures("way")
def test_a_series_that_comes_hourly_is_shown_for_an_hour_and_a_half(account: Account) -> None:
    account.make("hourly")
    hours = np.array([0, 1, 2, 4, 5])  # the fourth is missing
    store(account, "hourly", hours * 60, hours)
    grid = Grid(START_MS, HOUR_MS // 4, 24)
    shown = drawn(account, "tocsin_value", grid)["hourly"]
    ends = [0] * 4 + [1] * 4 + [2] * 6 + [np.nan] * 2 + [4] * 4 + [5] * 4
    np.testing.assert_array_equal(shown, ends)
    as_told = drawn(account, "tocsin_value", grid, HOUR_MS)["hourly"]
    np.testing.assert_array_equal(as_told, [*ends[:12], *[np.nan] * 4, *ends[16:]])


@pytest.mark.usefixtures("way")
def test_a_series_that_comes_each_minute_is_shown_for_five(account: Account) -> None:
    account.make("often")
    store(account, "often", np.arange(100), np.arange(100))
    shown = drawn(account, "tocsin_value", Grid(START_MS + 99 * MINUTE_MS, MINUTE_MS, 10))["often"]
    np.testing.assert_array_equal(shown, [99] * 5 + [np.nan] * 5)


@pytest.mark.usefixtures("way")
def test_fields_are_lines_of_their_own_and_scores_are_of_all(account: Account) -> None:
    account.make("machine", fields=("f0", "f1"))
    table = np.column_stack([np.arange(30.0), np.full(30, 7.0)])
    account.upload("machine", table)
    account.score("machine", [[30.0, np.nan]], [30])
    now = Grid(START_MS + 30 * MINUTE_MS, 1, 1)
    assert drawn(account, "tocsin_value", now) == {"machine/f0": [30.0]}
    assert drawn(account, 'tocsin_value{field="f1"}', now) == {}
    before = replace(now, start_ms=now.start_ms - MINUTE_MS)
    assert drawn(account, 'tocsin_value{field!="f0"}', before) == {"machine/f1": [7.0]}
    assert list(drawn(account, "tocsin_score", now)) == ["machine"]
    assert drawn(account, "tocsin_anomaly", now) == {"machine": [0.0]}
    assert drawn(account, "tocsin_lower", now).keys() >= {"machine/f0"}


def test_verdicts_are_shown_as_they_are_stored(account: Account) -> None:
    account.make("rides")
    account.upload("rides", np.arange(40.0) % 4)
    [usual, wild] = account.verdicts("rides", [1.0, 9e6], [40, 41])
    for metric, stored in (
        ("score", [usual.score, wild.score]),
        ("anomaly", [0.0, 1.0]),
        ("value", [1.0, 9e6]),
        ("expected", [usual.expected[0], wild.expected[0]]),
        ("lower", [usual.lower[0], wild.lower[0]]),
        ("upper", [usual.upper[0], wild.upper[0]]),
    ):
        grid = Grid(START_MS + 40 * MINUTE_MS, MINUTE_MS, 2)
        assert drawn(account, f"tocsin_{metric}", grid) == {"rides": stored}
    assert drawn(account, "tocsin_anomaly == 1", grid)["rides"][1] == 1
    late = Grid(grid.start_ms + DAY_MS, MINUTE_MS, 2)
    assert drawn(account, "tocsin_value offset 1d", late) == {"rides": [1.0, 9e6]}


def test_series_are_found_by_name_and_by_pattern(account: Account) -> None:
    for name in ("web.cpu", "web-cpu", "db.cpu"):
        account.make(name)
        account.upload(name, np.arange(3.0))
    now = Grid(START_MS + 2 * MINUTE_MS, 1, 1)
    for pattern, names in {
        '="web.cpu"': {"web.cpu"},
        '=~"web.cpu"': {"web.cpu", "web-cpu"},
        r'=~"(web\\.cpu|db\\.cpu|gone)"': {"web.cpu", "db.cpu"},
        '!~"web.*"': {"db.cpu"},
        '!=""': {"web.cpu", "web-cpu", "db.cpu"},
        '="gone"': set(),
        '="no name at all!"': set(),
    }.items():
        assert drawn(account, f"tocsin_value{{series{pattern}}}", now).keys() == names
    assert drawn(account, 'tocsin_value{other="x"}', now) == {}
    assert drawn(account, "of_somebody_else", now) == {}


def test_another_tenant_s_series_are_none(account: Account) -> None:
    account.make("rides")
    account.upload("rides", np.arange(3.0))
    stranger = replace(account, id=account.new_neighbour())
    now = Grid(START_MS + 2 * MINUTE_MS, 1, 1)
    for selector in ("tocsin_value", 'tocsin_value{series=~".*"}', 'tocsin_value{series="rides"}'):
        assert drawn(account, selector, now)
        assert drawn(stranger, selector, now) == {}
        assert list(charting.labels(account.parts, stranger.id, [selector], (None, None))) == []
    ranged = query("tocsin_value[1h]")
    assert list(charting.raw(account.parts, account.id, ranged, now.start_ms))
    assert list(charting.raw(account.parts, stranger.id, ranged, now.start_ms)) == []


def test_the_points_of_a_range_come_as_they_are(account: Account) -> None:
    account.make("rides")
    store(account, "rides", [0, 0.5, 1, 2, 3], [1, 2, np.nan, 4, 5])
    at_ms = START_MS + 2 * MINUTE_MS
    ranged = query("tocsin_value[2m]")
    [(labels, found)] = charting.raw(account.parts, account.id, ranged, at_ms)
    assert labels["series"] == "rides"
    assert ((found.times - START_NS) / 60e9).tolist() == [0.5, 2]
    assert found.values.tolist() == [2, 4]


def test_labels_are_of_what_has_points_in_the_span(account: Account) -> None:
    for name, first in (("early", 0), ("late", 1000)):
        account.make(name)
        account.upload(name, np.arange(10.0), first)
    account.make("empty")

    def names(span: tuple[int | None, int | None]) -> list[str]:
        found = charting.labels(account.parts, account.id, ["tocsin_value"], span)
        return [labels["series"] for labels in found]

    assert names((None, None)) == ["early", "late"]
    assert names((START_MS + 500 * MINUTE_MS, None)) == ["late"]
    assert names((None, START_MS + 500 * MINUTE_MS)) == ["early"]
    assert names((START_MS + 100 * MINUTE_MS, START_MS + 500 * MINUTE_MS)) == []


def test_what_would_be_too_much_is_refused(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Invalid, match="11000 points per timeseries"):
        charting.grid(0, 11_000, 1)
    assert charting.grid(0, 10_999, 1).steps == 11_000
    with pytest.raises(Invalid, match="No time"):
        charting.grid(1, 0, 1)
    account.make("rides")
    account.upload("rides", np.arange(100.0))
    grid = Grid(START_MS, MINUTE_MS, 100)
    with pytest.raises(Invalid, match="beyond all times"):
        drawn(account, "tocsin_value offset 1000y", grid)
    with pytest.raises(Invalid, match="one of the functions"):
        drawn(account, "tocsin_value[1h]", grid)
    for name, limit, text in (
        ("MOST_SAMPLES", 99, "more than 99 samples"),
        ("MOST_LOOKED_AT", 0, "more than 0 series"),
    ):
        with monkeypatch.context() as less:
            less.setattr(charting, name, limit)
            with pytest.raises(Invalid, match=text):
                drawn(account, "tocsin_value", grid)
    monkeypatch.setattr(charting, "MOST_STEPS", 99)
    with pytest.raises(Invalid, match="more than 99 points"):
        list(charting.raw(account.parts, account.id, query("tocsin_value[1d]"), grid.end_ms))
    monkeypatch.setattr(drawing, "DENSER", 0)
    monkeypatch.setattr(drawing, "SPARE_ROWS", -1)
    monkeypatch.setattr(drawing, "MOST_READ", 9_000)
    with pytest.raises(Invalid, match="hold too many points"):
        drawn(account, "max_over_time(tocsin_value[1d])", grid)
    assert drawn(account, "max_over_time(tocsin_value[10m])", grid)
