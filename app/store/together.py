"""Several statements in one round trip to Postgres: libpq's pipeline, prepared once a connection.

For what each scored point asks. psycopg's own pipeline does the same with several times the work
in Python; everything else goes through SQLAlchemy.
"""

import re
import select
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from uuid import UUID

import orjson
import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import (
    DuplicatePreparedStatement,
    FeatureNotSupported,
    InvalidSqlStatementName,
    error_from_result,
)
from psycopg.pq import ExecStatus
from sqlalchemy import PoolProxiedConnection

KNOWN = "together"  # in what the pool remembers of a connection
ANSWER_S = 20.0  # longer than a lock is waited for
# A column of another type, or somebody made the session forget: only a new connection helps.
OUTDATED = (DuplicatePreparedStatement, FeatureNotSupported, InvalidSqlStatementName)
DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
# Arrays are written as JSON, ten times as quick as by hand, where Postgres reads that as the same.
NULL = b"null"
OTHER_ESCAPE = re.compile(rb'(?<!\\)(?:\\\\)*\\[^"\\]')  # as of a control character


@dataclass(frozen=True)
class Statement:
    """SQL whose parameters are `$1`, `$2`, ..., each handed over as text.

    is_binary: its rows come as they are in memory, which takes half as long to read.
    """

    name: str
    sql: str
    is_binary: bool = False


@dataclass(frozen=True)
class _Known:
    """Of one connection: how its values are read, and the names of what it has prepared."""

    transformer: Any  # psycopg's Transformer
    prepared: set[str]

    def loaded(self, result: Any) -> "Rows":
        if not result.ntuples:
            return []
        self.transformer.set_pgresult(result)
        rows: Rows = self.transformer.load_rows(0, result.ntuples, tuple)
        return rows


Ask: TypeAlias = tuple[Statement, Sequence[bytes | None]]
Command: TypeAlias = tuple[Statement, Sequence[bytes | None] | None]  # None: prepare it
Rows: TypeAlias = list[tuple[Any, ...]]

BEGIN = Statement("begin", "BEGIN")
COMMIT = Statement("commit", "COMMIT")


def run_on(
    lent: PoolProxiedConnection, asked: Sequence[Ask], within_s: float = ANSWER_S
) -> list[Rows]:
    """The rows of each; the first that fails raises psycopg's error, and none after it is done.

    lent: a connection of the pool. within_s: then the server is taken to hang, and the connection
    is given up. With nothing asked: whether the server answers.
    """
    raw: Any = lent.driver_connection
    known: _Known | None = lent.info.get(KNOWN)
    if known is None:
        known = lent.info[KNOWN] = _Known(Transformer(raw), set())
    commands = _commands(asked, known.prepared)
    try:
        results = _exchanged(raw.pgconn, commands, time.monotonic() + within_s)
        return _rows(asked, known, results)
    except OUTDATED as error:
        raw.pgconn.finish()
        raise psycopg.OperationalError("What was prepared does not hold any more") from error


def _commands(asked: Sequence[Ask], prepared: set[str]) -> Sequence[Command]:
    new: set[str] = set()
    commands: list[Command] = []
    for statement, parameters in asked:
        if statement.name not in prepared and statement.name not in new:
            new.add(statement.name)
            commands.append((statement, None))
        commands.append((statement, parameters))
    return commands


def _exchanged(pgconn: Any, commands: Sequence[Command], deadline_s: float) -> list[Any]:
    """One result for each command; whatever breaks on the way ends the connection."""
    try:
        return _piped(pgconn, commands, deadline_s)
    except BaseException:
        pgconn.finish()
        raise


def _piped(pgconn: Any, commands: Sequence[Command], deadline_s: float) -> list[Any]:
    pgconn.enter_pipeline_mode()
    for statement, parameters in commands:
        name = statement.name.encode()
        if parameters is None:
            pgconn.send_prepare(name, statement.sql.encode())
        else:
            pgconn.send_query_prepared(name, parameters, result_format=statement.is_binary)
    pgconn.pipeline_sync()
    _send(pgconn, deadline_s)
    results = list(_received(pgconn, deadline_s))
    pgconn.exit_pipeline_mode()
    return results


def _send(pgconn: Any, deadline_s: float) -> None:
    """What is received meanwhile is taken in, or both sides could wait for each other."""
    while pgconn.flush():
        if _awaited(pgconn, select.POLLIN | select.POLLOUT, deadline_s) & ~select.POLLOUT:
            pgconn.consume_input()


def _received(pgconn: Any, deadline_s: float) -> Iterator[Any]:
    """One result for each command, until the pipeline is through. None stands between two."""
    while True:
        was_none = False
        while not pgconn.is_busy():
            result = pgconn.get_result()
            if result is None and was_none:
                break
            was_none = result is None
            if result is None:
                continue
            if result.status == ExecStatus.PIPELINE_SYNC:
                return
            yield result
        _awaited(pgconn, select.POLLIN, deadline_s)
        pgconn.consume_input()


def _awaited(pgconn: Any, events: int, deadline_s: float) -> int:
    """What of the socket came about. A server that hangs still has a kernel that acknowledges what
    is sent, so that no timeout of TCP sees it."""
    poll = select.poll()
    poll.register(pgconn.socket, events)
    found = poll.poll(max(0.0, deadline_s - time.monotonic()) * 1000)
    if not found:
        raise psycopg.OperationalError("The server did not answer in time")
    return found[0][1]


def _rows(asked: Sequence[Ask], known: "_Known", results: list[Any]) -> list[Rows]:
    found: list[Rows] = []
    following = iter(results)
    for statement, _ in asked:
        if statement.name not in known.prepared:
            _refuse_failed(next(following))
            known.prepared.add(statement.name)
        found.append(known.loaded(_refuse_failed(next(following))))
    return found


def _refuse_failed(result: Any) -> Any:
    if result.status not in DONE:
        raise error_from_result(result)
    return result


def number_array(numbers: Sequence[float]) -> bytes:
    """As Postgres writes an array of numbers or booleans, with all digits of a double."""
    written = orjson.dumps(numbers)
    if NULL in written:  # JSON knows no NaN, and nothing infinite
        return _array(map(str, numbers))
    return b"{%b}" % written[1:-1]


def row_array(rows: Sequence[Sequence[float]]) -> bytes:
    """Of several arrays, which need not be of one length: each is an element, as text."""
    written = orjson.dumps(rows)
    if NULL in written or not rows:
        return _array(f'"{{{",".join(map(str, row))}}}"' for row in rows)
    return b'{"{%b}"}' % written[2:-2].replace(b"],[", b'}","{')


def text_array(texts: Sequence[str | UUID | datetime | None]) -> bytes:
    """The same of what stands in quotes."""
    written = orjson.dumps(texts)
    if b"\\" in written and OTHER_ESCAPE.search(written):
        return _array(map(_quoted, texts))
    return b"{%b}" % written[1:-1]


def _array(elements: Iterable[str]) -> bytes:
    return f"{{{','.join(elements)}}}".encode()


def _quoted(text: object) -> str:
    if text is None:
        return "NULL"
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
