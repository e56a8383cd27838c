"""Pages of millions of scores, and the newest anomalies, beside the same questions in plain SQL.

The scores are filled in by SQL, with the words and numbers that real ones have, before those that
the series were given by the service. Both are asked by turns, on a connection each that stays.
Pages are fetched by a client that does no more than that, as wrk would: the standard library's
takes .15 ms for itself, a richer one a millisecond, and the database .6 for a hundred anomalies.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import quote

import psycopg

from benchmarks.installation import Installation, bearer
from benchmarks.service import seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.scene import Scene
from benchmarks.service.timing import quantile_ms, seconds

SERIES = 10
ROUNDS = 100
RECEIVED_BYTES = 1 << 20
FINE = b"HTTP/1.1 200 "
WHOLE_HEAD = re.compile(rb"(?is).*?\r\ncontent-length: (\d+)\r\n.*?\r\n\r\n")
START = datetime(2023, 1, 1, tzinfo=UTC)
TWICE, P99_MS = Reach(most=2), Reach(most=30, unit="ms")
FILL = """
    INSERT INTO scores (tenant_id, series_id, timestamp, value, score, is_anomaly, threshold,
        expected, lower, upper, contributions, reason, model_version, backfilled)
    SELECT tenant_id, id, %(start)s::timestamptz + n * interval '1 minute', ARRAY[sin(n)],
        CASE WHEN n %% 1000 = 0 THEN 0.999 ELSE 0.5 END, n %% 1000 = 0, 0.99, ARRAY[sin(n - 1)],
        ARRAY[-1.0], ARRAY[1.0], ARRAY[1.0], '2.5 times the usual value for Sunday 01:00', 1, false
    FROM series, generate_series(0, %(n)s - 1) AS n WHERE name = %(name)s
    ON CONFLICT DO NOTHING
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


def filled(scene: Scene) -> None:
    """Let so many scores be stored of s-0 to s-9, which have models; once for all rows."""
    seeding.seeded(scene, SERIES)
    each = scene.scale.scores // SERIES
    scene.tell(f"{scene.scale.scores:,} scores are filled in")
    for place in range(SERIES):
        with scene.installation.database() as connection:
            connection.execute(FILL, {"start": START, "n": each, "name": f"s-{place}"})
    scene.installation.analyse()


def figures(scene: Scene) -> Iterator[Figure]:
    filled(scene)
    installation, each = scene.installation, scene.scale.scores // SERIES
    with installation.database() as connection:
        found = connection.execute("SELECT id FROM series WHERE name = 's-5'").fetchone()
        assert found
        for what, (path, statement, share) in ASKED.items():
            since = START + timedelta(minutes=int(each * share))
            page = f"{path}&from={quote(since.isoformat())}" if share else path
            values = {"series": found[0], "from": since}
            ours, plain = by_turns(
                asking(installation, page), partial(_plain, connection, statement, values)
            )
            p50, p99 = (quantile_ms(ours, at) for at in (0.5, 0.99))
            sql = Reference("SQL", quantile_ms(plain, 0.5), quantile_ms(plain, 0.99))
            yield Figure(what, p50, "ms", sql, TWICE, p50, p99)
            yield Figure(f"p99 of {what}", p99, "ms", reach=P99_MS)


def by_turns(*asks: Callable[[], object]) -> list[list[float]]:
    """Seconds that each took in each round, after one that nobody counts."""
    rounds = [[seconds(ask) for ask in asks] for _ in range(ROUNDS + 1)][1:]
    return [list(took) for took in zip(*rounds, strict=True)]


def asking(installation: Installation, path: str) -> Callable[[], None]:
    connection = socket.create_connection(("127.0.0.1", installation.port), timeout=300)
    headers = {"Host": "localhost", **bearer(installation.key)}
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode()

    def ask() -> None:
        connection.sendall(request)
        answer = b""
        while not (head := WHOLE_HEAD.match(answer)) or len(answer) < head.end() + int(head[1]):
            received = connection.recv(RECEIVED_BYTES)
            answer += received
            if not received or not answer.startswith(FINE):
                raise RuntimeError(f"{path} was answered by {answer[:100]!r}")

    return ask


def _plain(connection: psycopg.Connection, statement: str, values: dict[str, object]) -> None:
    assert connection.execute(statement.encode(), values).fetchall()
