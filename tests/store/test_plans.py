"""History of any length stays quick: hot queries walk an index in its order, in the years asked."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Connection, event, text

from app.actions.parts import Parts
from app.store import audit, charts, events, jobs, judging, listing, points, scores
from app.store.audit import WantedEntries
from app.store.database import become_operator, become_tenant
from app.store.events import WantedEvents
from app.store.ids import new_id
from app.store.scores import Wanted
from app.store.series import Series
from app.store.together import Statement
from tests.conftest import Installed
from tests.store.conftest import MakeSeries

SEEN = datetime(2024, 6, 1, tzinfo=UTC)
IN_2024: dict[str, Any] = {
    "start": datetime(2024, 2, 1, tzinfo=UTC),
    "end": datetime(2024, 8, 1, tzinfo=UTC),
}

Query = Callable[[Connection, Series], object]
OF_TENANT: dict[str, tuple[Query, str]] = {
    "a page of scores": (lambda c, s: scores.page(c, s, Wanted()), "scores"),
    "the next page": (lambda c, s: scores.page(c, s, Wanted(after=(SEEN,))), "scores"),
    "the newest scores": (lambda c, s: scores.page(c, s, Wanted(newest_first=True)), "scores"),
    "scores of a span": (lambda c, s: scores.page(c, s, Wanted(**IN_2024)), "scores"),
    "the newest anomalies": (
        lambda c, s: scores.anomalies(c, s.tenant_id, None, Wanted()),
        "scores",
    ),
    "the anomalies after those": (
        lambda c, s: scores.anomalies(c, s.tenant_id, None, Wanted(after=(SEEN, s.id))),
        "scores",
    ),
    "anomalies of a span": (
        lambda c, s: scores.anomalies(c, s.tenant_id, None, Wanted(**IN_2024)),
        "scores",
    ),
    "the window of a score": (lambda c, s: points.newest(c, s, 1_000), "points"),
    "a page of points": (lambda c, s: points.page(c, s.tenant_id, s.id, 1_000, SEEN), "points"),
    "the newest events": (lambda c, s: events.page(c, s.tenant_id, WantedEvents()), "events"),
    "events of a series": (
        lambda c, s: events.page(c, s.tenant_id, WantedEvents(series_id=s.id)),
        "events",
    ),
}
OF_ALL: dict[str, tuple[Query, str]] = {
    "anomalies of all tenants": (
        lambda c, _: scores.anomalies_of_all(c, None, None, Wanted()),
        "scores",
    ),
    "the audit log": (lambda c, _: audit.page(c, WantedEntries()), "audit"),
}
SPANS = ("scores of a span", "anomalies of a span")


@pytest.fixture
def opened(parts: Parts) -> Iterator[Connection]:
    """Where the planner takes an index, and its order, whenever there is one that serves."""
    with parts.database.plain() as connection:
        for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
            connection.execute(text(f"SET LOCAL enable_{way} = off"))
        yield connection


def plan(connection: Connection, ask: Callable[[], object]) -> list[dict[str, Any]]:
    """The nodes of the plan of the one statement that is executed."""
    asked: list[tuple[str, Any]] = []

    def note(_: object, __: object, statement: str, parameters: Any, *___: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)
    ((statement, parameters),) = asked
    explained = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    return list(_nodes(explained.scalar_one()[0]["Plan"]))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def refuse_slow(nodes: list[dict[str, Any]], table: str) -> None:
    scans = [node for node in nodes if str(node.get("Relation Name", "")).startswith(table)]
    assert scans
    for node in scans:
        assert node["Node Type"] in ("Index Scan", "Index Only Scan"), node
        assert "Index Cond" in node or table in ("scores", "audit"), node
    assert not [node for node in nodes if node["Node Type"] in ("Sort", "Incremental Sort")]


@pytest.mark.parametrize("what", OF_TENANT)
def test_a_tenants_history_is_read_off_an_index(
    what: str, opened: Connection, make_series: MakeSeries
) -> None:
    of = make_series()
    become_tenant(opened, of.tenant_id)
    query, table = OF_TENANT[what]
    refuse_slow(plan(opened, lambda: query(opened, of)), table)


@pytest.mark.parametrize("what", OF_ALL)
def test_the_operators_lists_are_read_off_an_index(
    what: str, opened: Connection, make_series: MakeSeries
) -> None:
    of = make_series()
    become_operator(opened)
    query, table = OF_ALL[what]
    refuse_slow(plan(opened, lambda: query(opened, of)), table)


@pytest.mark.parametrize("what", SPANS)
def test_a_span_is_looked_for_in_its_years_alone(
    what: str, opened: Connection, make_series: MakeSeries
) -> None:
    of = make_series()
    become_tenant(opened, of.tenant_id)
    query, _ = OF_TENANT[what]
    nodes = plan(opened, lambda: query(opened, of))
    scanned = {name for node in nodes if (name := node.get("Relation Name", ""))}
    assert {name for name in scanned if name.startswith("scores")} == {"scores_2024"}


OF_JUDGING = {
    judging.LOCK: ("tenant", "{rides}"),
    judging.SINCE: ("tenant", "{series}", "{2024-06-01}", "2024-06-01", "64"),
    judging.GROW: ("tenant", "{series}", "{1}", "{2024-06-01}", "{2024-06-01}", "{NULL}"),
}


@pytest.mark.parametrize("statement", OF_JUDGING, ids=lambda statement: statement.name)
def test_a_score_asks_by_indexes_alone(
    statement: Statement, opened: Connection, make_series: MakeSeries
) -> None:
    """As it is planned: once, for whatever the parameters will be."""
    of = make_series()
    become_tenant(opened, of.tenant_id)
    opened.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    opened.execute(text("SET LOCAL enable_sort = on"))  # of the few series of a request
    opened.exec_driver_sql(f"PREPARE looked_at AS {statement.sql}")
    known = {"tenant": str(of.tenant_id), "series": str(of.id), "{series}": f"{{{of.id}}}"}
    values = ", ".join(f"'{known.get(value, value)}'" for value in OF_JUDGING[statement])
    explained = opened.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at ({values})")
    nodes = _nodes(explained.scalar_one()[0]["Plan"])
    scans = [node for node in nodes if "Scan" in node["Node Type"] and "Relation Name" in node]
    opened.exec_driver_sql("DEALLOCATE looked_at")
    assert scans
    for node in scans:
        assert node["Node Type"].startswith("Index"), node
        if statement is judging.SINCE:
            assert node["Relation Name"] >= "points_2024"  # earlier years are left out


IN_MAY = ("tenant", "series", "2024-05-01", "2024-06-01")
OF_DRAWING = {
    charts.COUNT: (*IN_MAY, "100001"),
    charts.EACH: (*IN_MAY, "1"),
    charts.PARTS: (*IN_MAY, "1", "12 h", "1600-01-03", "6 h"),
    charts.SAMPLED: (*IN_MAY, "1", "12 h", "62"),
    charts.ANOMALIES: (*IN_MAY, "1", "12 h", "1600-01-03"),
}


@pytest.mark.parametrize("statement", OF_DRAWING, ids=lambda statement: statement.name)
def test_a_chart_is_drawn_by_indexes_of_its_span_alone(
    statement: Statement, opened: Connection, make_series: MakeSeries
) -> None:
    """Years outside it are never begun with, as the plan runs."""
    of = make_series()
    become_tenant(opened, of.tenant_id)
    opened.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    opened.execute(text("SET LOCAL enable_sort = on"))  # of the few parts
    opened.exec_driver_sql(f"PREPARE looked_at AS {statement.sql}")
    known = {"tenant": str(of.tenant_id), "series": str(of.id)}
    values = ", ".join(f"'{known.get(value, value)}'" for value in OF_DRAWING[statement])
    explained = opened.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE looked_at ({values})"
    )
    nodes = list(_nodes(explained.scalar_one()[0]["Plan"]))
    opened.exec_driver_sql("DEALLOCATE looked_at")
    scans = [node for node in nodes if "Scan" in node["Node Type"] and "Relation Name" in node]
    assert scans
    for node in scans:
        assert node["Node Type"].startswith("Index"), node
        is_of_a_year = node["Relation Name"].startswith(("points_", "scores_"))
        if is_of_a_year and node["Actual Loops"] and statement is not charts.ANOMALIES:
            assert node["Relation Name"].endswith("_2024"), node


# What the planner takes for a year of one tenant: another's few rows are in no sample.
MANY_ANOMALIES = """
    INSERT INTO scores (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold,
        expected, lower, upper, contributions, reason, model_version, backfilled)
    SELECT %(tenant)s, %(series)s, timestamptz '2024-01-01Z' + n * interval '1 minute', '{1}', 1,
        true, 0.9, '{1}', '{0}', '{2}', '{1}', '', 1, false FROM generate_series(1, 5000) AS n
"""
NEWEST_ANOMALIES = ("{tenant}", "-infinity", "infinity", "-infinity", "infinity", "{last}", "101")


@pytest.fixture
def beside_a_large_tenant(
    installed: Installed, make_series: MakeSeries
) -> Iterator[psycopg.Connection]:
    """As the server's role, in a transaction that is undone."""
    of = make_series()
    with psycopg.connect(installed.superuser_url) as connection:
        connection.execute(MANY_ANOMALIES, {"tenant": of.tenant_id, "series": of.id})
        connection.execute("ANALYZE scores_2024")
        connection.execute("SET LOCAL ROLE tocsin_server")
        yield connection
        connection.rollback()
        connection.execute("ANALYZE scores_2024")  # how many rows it has is not undone


def test_a_small_tenants_anomalies_are_not_looked_for_among_a_large_ones(
    beside_a_large_tenant: psycopg.Connection,
) -> None:
    """As it is planned: once, for whatever tenant will ask."""
    connection, tenant = beside_a_large_tenant, new_id()
    connection.execute(listing.BECOME.sql.replace("$1", f"'{tenant}'"))
    connection.execute(f"PREPARE looked_at AS {listing.ANOMALIES.sql}")
    known = {"{tenant}": str(tenant), "{last}": listing.LAST_ID.decode()}
    values = ", ".join(f"'{known.get(value, value)}'" for value in NEWEST_ANOMALIES)
    explained = connection.execute(f"EXPLAIN (FORMAT JSON) EXECUTE looked_at ({values})").fetchone()
    assert explained
    nodes = list(_nodes(explained[0][0]["Plan"]))
    (scan,) = [node for node in nodes if node.get("Relation Name") == "scores_2024"]
    assert scan["Index Name"] == "scores_2024_tenant_id_timestamp_series_id_idx"
    assert not [node for node in nodes if node["Node Type"] in ("Sort", "Incremental Sort")]


def test_waiting_jobs_are_found_among_all_that_are_over(parts: Parts, opened: Connection) -> None:
    opened.execute(text("SET LOCAL ROLE tocsin_jobs"))
    nodes = plan(opened, lambda: jobs.waiting(opened, 100))
    assert "jobs_active_idx" in {node.get("Index Name") for node in nodes}


def test_a_query_without_an_index_is_seen(opened: Connection) -> None:
    become_tenant(opened, UUID(int=1))
    nodes = plan(
        opened,
        lambda: opened.execute(
            text("SELECT FROM scores WHERE series_id = :id ORDER BY score LIMIT 1"),
            {"id": new_id()},
        ),
    )
    with pytest.raises(AssertionError):
        refuse_slow(nodes, "scores")
