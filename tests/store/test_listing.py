"""A page in one round trip is what the same question asked step by step gives."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, text

from app.actions.parts import Parts
from app.api import shown
from app.detection import Points, Settings, replay
from app.errors import NotFound
from app.store import listing, points, scores
from app.store.database import become_tenant
from app.store.scores import Score, Wanted
from app.store.series import Series
from app.store.together import Statement
from tests.store.conftest import MakeSeries, Owner

BEGIN = datetime(2023, 12, 31, 23, 45, tzinfo=UTC)
MINUTE_NS = 60_000_000_000
TIMES = [BEGIN + timedelta(minutes=minutes) for minutes in (-9, 0, 14, 15, 16, 31, 90)]


def judged(parts: Parts, of: Series, seed: int) -> None:
    """Half an hour over New Year with spikes, and a gap of one field."""
    values = np.random.default_rng(seed).normal(size=(31, len(of.fields)))
    values[[14, 20, 30]] += 1e6
    values[25, 0] = np.nan
    times = int(BEGIN.timestamp()) * 10**9 + np.arange(31, dtype=np.int64) * MINUTE_NS
    history = Points(times, values)
    with parts.database.tenant(of.tenant_id) as connection:
        points.add(connection, of, history)
        scores.add(connection, of, history, replay(history, Settings()), 3)


@pytest.fixture
def series(parts: Parts, make_series: MakeSeries) -> list[Series]:
    """Two of one tenant with points of the same times, of one field and of several."""
    made = [make_series(1), make_series(3)]
    for seed, of in enumerate(made):
        judged(parts, of, seed)
    return made


def some(random: np.random.Generator) -> Wanted:
    def perhaps(value: Any) -> Any:
        return value if random.random() < 0.5 else None

    return Wanted(
        start=perhaps(TIMES[random.integers(len(TIMES))]),
        end=perhaps(TIMES[random.integers(len(TIMES))]),
        min_score=perhaps(float(random.random())),
        anomalies_only=bool(random.integers(2)),
        newest_first=bool(random.integers(2)),
        limit=int(random.choice([1, 5, 1000])),
    )


def page(parts: Parts, of: Series, wanted: Wanted) -> list[Score]:
    with parts.database.lent() as lent:
        return listing.page(lent, of.tenant_id, of.name, wanted)


def anomalies(parts: Parts, of: Series, wanted: Wanted) -> list[Score]:
    with parts.database.lent() as lent:
        return listing.anomalies(lent, of.tenant_id, wanted)


def test_pages_of_a_series_are_those_of_a_plain_query(parts: Parts, series: list[Series]) -> None:
    random = np.random.default_rng(1)
    found = 0
    for place in range(100):
        of, wanted = series[place % 2], some(random)
        if random.random() < 0.5:
            wanted = replace(wanted, after=(TIMES[random.integers(len(TIMES))],))
        with parts.database.tenant(of.tenant_id) as connection:
            plain = scores.page(connection, of, wanted)
        assert repr(page(parts, of, wanted)) == repr(plain)  # NaN is not NaN
        found += len(plain)
    assert found


def test_pages_of_anomalies_are_those_of_a_plain_query(parts: Parts, series: list[Series]) -> None:
    random = np.random.default_rng(2)
    found = 0
    for _ in range(100):
        of, wanted = series[0], some(random)
        if random.random() < 0.5:
            place = TIMES[random.integers(len(TIMES))], series[random.integers(2)].id
            wanted = replace(wanted, after=place)
        with parts.database.tenant(of.tenant_id) as connection:
            plain = scores.anomalies(connection, of.tenant_id, None, wanted)
        told = map(shown.score_of_series, plain)  # they come without what this leaves out
        assert repr([*map(shown.score_of_series, anomalies(parts, of, wanted))]) == repr([*told])
        found += len(plain)
    assert found


def test_who_asks_sees_his_own_alone(parts: Parts, series: list[Series], owner: Owner) -> None:
    with parts.database.lent() as lent:
        with pytest.raises(NotFound):
            listing.page(lent, owner.id, series[0].name, Wanted())
        (own,) = listing.anomalies(lent, owner.id, Wanted())
    assert own.tenant_id == owner.id


def test_afterwards_the_connection_is_nobodys(parts: Parts, series: list[Series]) -> None:
    with parts.database.lent() as lent:
        assert listing.page(lent, series[0].tenant_id, series[0].name, Wanted())
        raw = lent.driver_connection
        assert raw is not None
        assert raw.execute("SELECT count(*) FROM scores").fetchone() == (0,)
        assert raw.execute("SHOW plan_cache_mode").fetchone() == ("auto",)


@pytest.fixture
def opened(parts: Parts) -> Iterator[Connection]:
    """Where the planner takes an index, and its order, whenever there is one that serves."""
    with parts.database.plain() as connection:
        for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        yield connection


IN_2024 = ("2024-02-01", "2024-08-01", "0.5")
ASKED: dict[Statement, tuple[str, ...]] = {
    **dict.fromkeys(listing.PAGES.values(), ("tenant", "name", *IN_2024, "100")),
    listing.ANOMALIES: ("tenant", *IN_2024, "2024-06-01", "tenant", "100"),
}


@pytest.mark.parametrize("statement", ASKED, ids=lambda statement: statement.name)
def test_a_page_is_read_off_an_index(
    statement: Statement, opened: Connection, make_series: MakeSeries
) -> None:
    """As it is planned: once, for whatever the parameters will be."""
    of = make_series()
    become_tenant(opened, of.tenant_id)
    opened.exec_driver_sql(f"PREPARE looked_at AS {statement.sql}")
    known = {"tenant": str(of.tenant_id), "name": of.name}
    values = ", ".join(f"'{known.get(value, value)}'" for value in ASKED[statement])
    explained = opened.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at ({values})")
    nodes = list(_nodes(explained.scalar_one()[0]["Plan"]))
    opened.exec_driver_sql("DEALLOCATE looked_at")
    scans = [node for node in nodes if node.get("Relation Name", "").startswith("scores")]
    assert {node["Relation Name"] for node in scans} <= {"scores_2024", "scores_default"}
    assert all(node["Node Type"] == "Index Scan" and "Index Cond" in node for node in scans)
    assert not [node for node in nodes if node["Node Type"] in ("Sort", "Incremental Sort")]


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)
