"""`make history`: pages of 1,000 scores, and the newest 100 anomalies, of ten million scores.

Fills a throw-away installation by SQL, asks it over HTTP, and asks its database the same in plain
SQL; medians. `--scores` fills fewer.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from urllib.parse import quote

import psycopg

from benchmarks.installation import Installation, started
from benchmarks.provenance import provenance
from benchmarks.tables import Table, wide_console

RESULT = Path(__file__).parents[1] / "results" / "history.md"
SERIES = 10
ROUNDS = 30
START = datetime(2023, 1, 1, tzinfo=UTC)
FILL = """
    INSERT INTO scores (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold,
        expected, lower, upper, contributions, reason, model_version, backfilled)
    SELECT tenant_id, id, %(start)s::timestamptz + n * interval '1 minute', ARRAY[sin(n)],
        CASE WHEN n %% 1000 = 0 THEN 0.999 ELSE 0.5 END, n %% 1000 = 0, 0.99, ARRAY[sin(n - 1)],
        ARRAY[-1.0], ARRAY[1.0], ARRAY[1.0], '2.5 times the usual value for Sunday 01:00', 1, false
    FROM series, generate_series(0, %(n)s - 1) AS n WHERE name = %(name)s
"""
# As somebody would write it who has the database at hand.
PAGE = (
    "SELECT * FROM scores WHERE tenant_id = current_setting('app.tenant_id')::uuid "
    "AND series_id = %(series)s AND timestamp >= %(from)s "
)
OLDEST, NEWEST = (f"{PAGE} ORDER BY timestamp {order} LIMIT 1000" for order in ("ASC", "DESC"))
ANOMALIES = (
    "SELECT scores.*, series.name FROM scores JOIN series ON series.tenant_id = scores.tenant_id "
    "AND series.id = series_id WHERE scores.tenant_id = current_setting('app.tenant_id')::uuid "
    "AND is_anomaly ORDER BY timestamp DESC, series_id DESC LIMIT 100"
)
ROUTE = "/v1/series/s-5/scores?limit=1000"
ASKED = {
    "page of 1,000 scores, the oldest": (ROUTE, OLDEST, 0.0),
    "page of 1,000 scores, from the middle": (ROUTE, OLDEST, 0.5),
    "page of 1,000 scores, the newest": (f"{ROUTE}&order=desc", NEWEST, 0.0),
    "the newest 100 anomalies of the tenant": ("/v1/anomalies?limit=100", ANOMALIES, 0.0),
}


def median_ms(ask: Callable[[], object]) -> float:
    """Of many rounds, after one that nobody counts."""
    ask()
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - begun)
    return 1_000 * statistics.median(taken)


def fill(installation: Installation, scores: int) -> None:
    each = scores // SERIES
    for number in range(SERIES):
        name = f"s-{number}"
        installation.http.post("/v1/series", json={"name": name}).raise_for_status()
        with installation.database() as connection:
            connection.execute(FILL, {"start": START, "n": each, "name": name})
            connection.execute("UPDATE series SET points = %s WHERE name = %s", [each, name])
        print(f"{(number + 1) * each:,} scores", flush=True)
    installation.analyse()


def measured(installation: Installation, each: int) -> Table:
    rows = []
    with installation.database() as connection:
        found = connection.execute("SELECT id FROM series WHERE name = 's-5'").fetchone()
        assert found
        for what, (path, statement, share) in ASKED.items():
            since = START + timedelta(minutes=int(each * share))
            query = {"from": since.isoformat()} if share else {}
            values = {"series": found[0], "from": since}
            ours = median_ms(partial(_asked, installation, path, query))
            plain = median_ms(partial(_plain, connection, statement, values))
            rows.append((what, f"{ours:.1f}", f"{plain:.1f}", f"{ours / plain:.1f} x"))
    return Table(("question", "by the API, ms", "SQL, ms", "ratio"), tuple(rows))


def _asked(installation: Installation, path: str, query: dict[str, str]) -> None:
    answer = installation.http.get(path + "".join(f"&{k}={quote(v)}" for k, v in query.items()))
    assert answer.raise_for_status().json()["data"]


def _plain(connection: psycopg.Connection, statement: str, values: dict[str, object]) -> None:
    assert connection.execute(statement.encode(), values).fetchall()


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--scores", type=int, default=10_000_000)
    given.add_argument("--keep", action="store_true", help=f"write {RESULT.name}")
    asked = given.parse_args()
    with started() as installation:
        fill(installation, asked.scores)
        table = measured(installation, asked.scores // SERIES)
    table.show(wide_console())
    if asked.keep:
        facts = "; ".join(f"{name} {value}" for name, value in provenance().items())
        told = f"{asked.scores:,} scores in {SERIES} series; medians of {ROUNDS}."
        RESULT.write_text(f"{table.markdown()}\n\n{told}\n\n{facts}.\n")


if __name__ == "__main__":
    main()
