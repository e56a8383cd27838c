"""What went wrong: an answer that should not be, something of another's in it, a row changed."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from tests.isolation.attempts import Attempt, attempts
from tests.isolation.owners import Owner
from tests.web.asking import GUARDED

# Read off the catalog: a table that is added is looked at without being named here.
TABLES = """
    SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE attname = 'tenant_id' AND relkind IN ('r', 'p') AND NOT relispartition
    AND relnamespace = 'public'::regnamespace ORDER BY relname
"""
# Each is asked of the columns that the server may so use; without any it has no such right.
STATEMENTS = {
    "SELECT": "SELECT {first} FROM {table}",
    "UPDATE": "UPDATE {table} SET {first} = {first}",
    "DELETE": "DELETE FROM {table}",
}
COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = %(table)s::regclass AND attnum > 0
    AND NOT attisdropped AND has_column_privilege(attrelid, attnum, %(right)s) ORDER BY attnum
"""


def tables(superuser: psycopg.Connection) -> list[str]:
    return [row[0] for row in superuser.execute(TABLES)]


def of_http(mine: Owner, theirs: Owner) -> Iterator[str]:
    """Every attempt at every guarded route; -> what each came to that it should not have."""
    for attempt in attempts(GUARDED, mine, theirs):
        yield from of_attempt(attempt, mine, theirs)


def of_attempt(attempt: Attempt, mine: Owner, theirs: Owner) -> Iterator[str]:
    answer = attempt.send(mine.http)
    said = f"{attempt.method} {attempt.place} {attempt.sent()}: {answer.status_code} {answer.text}"
    if answer.status_code not in attempt.right:
        yield f"not {sorted(attempt.right)}: {said}"
    if "Idempotency-Replayed" in answer.headers:
        yield f"another's answer: {said}"
    for mark in theirs.marks:
        if mark in answer.text and mark not in attempt.sent():
            yield f"{mark} is in: {said}"


def of_statements(
    server: psycopg.Connection, superuser: psycopg.Connection, mine: Owner, theirs: Owner
) -> Iterator[str]:
    """What the server's role can do to another's rows where no query has a WHERE."""
    for table in (*tables(superuser), "tenants"):
        own = _rows(superuser, f"SELECT FROM {table} WHERE {whose(table)} = %s", [mine.id])
        for right, statement in STATEMENTS.items():
            if columns := _columns(server, table, right):
                met = _rows_met(server, statement.format(table=table, first=columns[0]), mine)
                if met > own:
                    yield f"{right} on {table} meets {met} rows, of which {own} are one's own"
        if (columns := _columns(server, table, "INSERT")) and _takes(
            server, superuser, table, columns, mine, theirs
        ):
            yield f"INSERT into {table} takes a row of another's"


def whose(table: str) -> str:
    """The column that says so."""
    return "id" if table == "tenants" else "tenant_id"


def _columns(server: psycopg.Connection, table: str, right: str) -> list[str]:
    if right == "DELETE":
        found = server.execute("SELECT has_table_privilege(%s, 'DELETE')", [table]).fetchone()
        return [whose(table)] if found and found[0] else []
    rows = server.execute(COLUMNS, {"table": table, "right": right})
    return [row[0] for row in rows]


def _rows(connection: psycopg.Connection, query: str, values: Sequence[Any] = ()) -> int:
    return connection.execute(query, values).rowcount


def _rows_met(server: psycopg.Connection, statement: str, mine: Owner) -> int:
    """As `mine`; undone at once."""
    with server.transaction(force_rollback=True):
        _become(server, mine)
        try:
            return _rows(server, statement)
        except psycopg.errors.ForeignKeyViolation:  # its own rows are held by others of its own
            return 0


def _takes(
    server: psycopg.Connection,
    superuser: psycopg.Connection,
    table: str,
    columns: list[str],
    mine: Owner,
    theirs: Owner,
) -> bool:
    """One of their rows once more: the policy refuses it before the primary key does."""
    query = f"SELECT to_jsonb(t) FROM {table} t WHERE {whose(table)} = %s LIMIT 1"
    row = superuser.execute(query, [theirs.id]).fetchone()
    assert row, f"the owners have nothing in {table}"
    named = ", ".join(columns)
    again = (
        f"INSERT INTO {table} ({named}) "
        f"SELECT {named} FROM jsonb_populate_record(NULL::{table}, %s)"
    )
    with server.transaction(force_rollback=True):
        _become(server, mine)
        try:
            server.execute(again, [Jsonb(row[0])])
        except psycopg.errors.InsufficientPrivilege as refused:
            return "row-level security" not in str(refused)
        except psycopg.errors.UniqueViolation:
            return True
    return True


def _become(server: psycopg.Connection, owner: Owner) -> None:
    server.execute("SELECT set_config('app.tenant_id', %s, true)", [owner.id])


def digest(superuser: psycopg.Connection, owner: Owner) -> dict[str, Any]:
    """Of all its rows in each table; with its row of `tenants`."""
    found = {}
    for table in (*tables(superuser), "tenants"):
        query = (
            f"SELECT count(*), md5(coalesce(string_agg(t::text, ' ' ORDER BY t::text), '')) "
            f"FROM {table} t WHERE {whose(table)} = %s"
        )
        found[table] = superuser.execute(query, [owner.id]).fetchone()
    return found
