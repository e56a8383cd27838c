"""No query without a WHERE shows, changes or makes a row of another tenant."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from app.actions.parts import Parts
from app.store import Database, keys, sessions
from app.store.database import INSTALLATION, become_tenant

OWNED = (
    "api_keys",
    "series",
    "points",
    "scores",
    "digests",
    "replaced_scores",
    "events",
    "feedback",
    "sessions",
    "models",
    "jobs",
    "idempotency_keys",
    "webhooks",
    "webhook_deliveries",
)
READ_BY_OPERATOR = ("events", "scores", "series")
SET_KEY = text("SELECT set_config('app.key_id', :id, true)")
TABLES = (*OWNED, "tenants")  # and the audit log, which the server may only add to: test_audit


def id_column(table: str) -> str:
    return "id" if table == "tenants" else "tenant_id"


def owners(connection: Connection, table: str) -> set[Any]:
    """Whose rows a query without a WHERE sees."""
    return set(connection.scalars(text(f"SELECT {id_column(table)} FROM {table}")))


def test_this_suite_knows_every_table(superuser: psycopg.Connection) -> None:
    rows = superuser.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
        "AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'"
    )
    assert {row[0] for row in rows} == {*TABLES, "audit"}


@pytest.mark.parametrize("table", TABLES)
def test_without_a_tenant_the_server_sees_nothing(parts: Parts, owner: Any, table: str) -> None:
    with parts.database.plain() as connection:
        assert owners(connection, table) == set()


@pytest.mark.parametrize("table", TABLES)
def test_a_tenant_sees_its_own_rows_only(parts: Parts, owner: Any, other: Any, table: str) -> None:
    with parts.database.tenant(owner.id) as connection:
        assert owners(connection, table) == {owner.id}


@pytest.mark.parametrize("table", OWNED)
def test_a_tenant_cannot_delete_anothers_rows(
    parts: Parts, owner: Any, other: Any, table: str, superuser: psycopg.Connection
) -> None:
    with parts.database.tenant(owner.id) as connection:
        connection.execute(text(f"DELETE FROM {table}"))
    left = superuser.execute(f"SELECT DISTINCT tenant_id FROM {table}").fetchall()
    assert (other.id,) in left
    assert (owner.id,) not in left


@pytest.mark.parametrize("table", OWNED)
def test_a_tenant_cannot_give_its_rows_to_another(
    parts: Parts, owner: Any, other: Any, table: str
) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        parts.database.tenant(owner.id) as connection,
    ):
        connection.execute(text(f"UPDATE {table} SET tenant_id = :other"), {"other": other.id})


@pytest.mark.parametrize("table", OWNED)
def test_a_tenant_cannot_insert_for_another(
    parts: Parts, owner: Any, other: Any, table: str
) -> None:
    with (  # noqa: PT012
        pytest.raises(ProgrammingError, match="row-level security"),
        parts.database.tenant(owner.id) as connection,
    ):
        row = dict(connection.execute(text(f"SELECT * FROM {table}")).mappings().one())
        row["tenant_id"] = other.id
        names = ", ".join(f":{name}" for name in row)
        row = {k: Jsonb(v) if v == {} else v for k, v in row.items()}
        connection.execute(text(f"INSERT INTO {table} VALUES ({names})"), row)


@pytest.mark.parametrize("statement", ["UPDATE tenants SET name = ''", "DELETE FROM tenants"])
def test_a_tenant_cannot_write_tenants(parts: Parts, owner: Any, statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.tenant(owner.id) as connection,
    ):
        connection.execute(text(statement))


def test_a_pooled_connection_forgets_whose_it_was(parts: Parts, owner: Any) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    backend = text("SELECT pg_backend_pid()")
    with own.tenant(owner.id) as connection:
        before = connection.scalar(backend)
        assert owners(connection, "series")
    with own.plain() as connection:
        assert connection.scalar(backend) == before
        assert connection.scalar(text("SELECT current_setting('app.tenant_id', true)")) == ""
        assert owners(connection, "series") == set()
    own.close()


def test_a_transaction_that_failed_forgets_whose_it_was(parts: Parts, owner: Any) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    with pytest.raises(ZeroDivisionError), own.tenant(owner.id):
        raise ZeroDivisionError
    with own.plain() as connection:
        assert owners(connection, "series") == set()
    own.close()


@pytest.mark.parametrize("role", ["operator", "job_scan"])
def test_a_pooled_connection_forgets_the_role(parts: Parts, owner: Any, role: str) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    become: Callable[..., Any] = getattr(own, role)
    with become():
        pass
    with own.plain() as connection:
        assert connection.scalar(text("SELECT current_user")) == "tocsin_server"
        assert all(owners(connection, table) == set() for table in TABLES)
    own.close()


def test_a_pooled_connection_forgets_whose_key_was_shown(parts: Parts, owner: Any) -> None:
    own = Database(parts.settings.required("database_url"), connections=1)
    assert keys.presented(own, owner.key_id) is not None
    with own.plain() as connection:
        assert all(owners(connection, table) == set() for table in (*TABLES, "api_keys"))
    own.close()


@pytest.mark.parametrize("table", [*READ_BY_OPERATOR, "tenants"])
def test_the_operator_reads_all_tenants(parts: Parts, owner: Any, other: Any, table: str) -> None:
    with parts.database.operator() as connection:
        assert {owner.id, other.id} <= owners(connection, table)


@pytest.mark.parametrize("table", sorted(set(TABLES) - {*READ_BY_OPERATOR, "tenants"}))
def test_the_operator_reads_nothing_else(parts: Parts, owner: Any, table: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.operator() as connection,
    ):
        owners(connection, table)


@pytest.mark.parametrize("table", READ_BY_OPERATOR)
def test_the_operator_writes_none_of_a_tenants_rows(parts: Parts, table: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.operator() as connection,
    ):
        connection.execute(text(f"DELETE FROM {table}"))


def test_the_job_scan_sees_the_jobs_of_all(parts: Parts, owner: Any, other: Any) -> None:
    with parts.database.job_scan() as connection:
        assert {owner.id, other.id} <= owners(connection, "jobs")


SCANNED = {"jobs", "idempotency_keys", "sessions", "webhook_deliveries"}


@pytest.mark.parametrize("table", sorted(set(TABLES) - SCANNED))
def test_the_job_scan_sees_nothing_else(parts: Parts, owner: Any, table: str) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.job_scan() as connection,
    ):
        owners(connection, table)


@pytest.mark.parametrize(
    ("table", "age", "kept_from_it"),
    [
        ("idempotency_keys", "created_at = now() - interval '25 hours'", "body"),
        ("sessions", "used_at = now() - interval '13 hours'", "token_hash"),
    ],
)
def test_the_job_scan_sees_whose_rows_are_old_and_no_more(
    parts: Parts, owner: Any, other: Any, table: str, age: str, kept_from_it: str
) -> None:
    with parts.database.tenant(owner.id) as connection:
        connection.execute(text(f"UPDATE {table} SET {age}"))
    with parts.database.job_scan() as connection:
        seen = owners(connection, table)
    assert owner.id in seen
    assert other.id not in seen
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.job_scan() as connection,
    ):
        connection.execute(text(f"SELECT {kept_from_it} FROM {table}"))


def test_a_session_shows_its_own_row_and_no_other(parts: Parts, owner: Any, other: Any) -> None:
    with parts.database.tenant(owner.id) as connection:
        mine = connection.scalar(text("SELECT id FROM sessions"))
    with parts.database.plain() as connection:
        found = sessions.presented(connection, mine)
        assert found is not None
        assert (found.tenant_id, found.id) == (owner.id, mine)
        assert list(connection.scalars(text("SELECT id FROM sessions"))) == [mine]
        assert owners(connection, "series") == set()


ENDED = "UPDATE webhook_deliveries SET status = 'failed', ended_at = now()"


@pytest.mark.parametrize(
    ("change", "is_seen"),
    [(None, True), (ENDED, False), (f"{ENDED} - interval '31 days'", True)],
)
def test_the_job_scan_sees_whose_deliveries_wait_or_are_old_and_no_more(
    parts: Parts, owner: Any, change: str | None, is_seen: bool
) -> None:
    with parts.database.tenant(owner.id) as connection:
        connection.execute(text(change or "SELECT 1"))
    with parts.database.job_scan() as connection:
        assert (owner.id in owners(connection, "webhook_deliveries")) == is_seen
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.job_scan() as connection,
    ):
        connection.execute(text("SELECT data FROM webhook_deliveries"))


def test_a_key_shows_its_own_row_and_no_other(parts: Parts, owner: Any, other: Any) -> None:
    with parts.database.plain() as connection:
        connection.execute(SET_KEY, {"id": owner.key_id})
        assert list(connection.scalars(text("SELECT id FROM api_keys"))) == [owner.key_id]
        assert owners(connection, "series") == set()


def test_a_key_lets_nobody_write(parts: Parts, owner: Any) -> None:
    with parts.database.plain() as connection:
        connection.execute(SET_KEY, {"id": owner.key_id})
        changed = connection.execute(text("UPDATE api_keys SET scopes = '{admin}'"))
        assert changed.rowcount == 0


def test_the_installation_is_a_tenant_like_others(parts: Parts, owner: Any) -> None:
    with parts.database.tenant(INSTALLATION) as connection:
        assert all(owner.id not in owners(connection, table) for table in TABLES)


@pytest.mark.parametrize("table", TABLES)
def test_these_tests_would_see_a_policy_that_lets_all_through(
    superuser: psycopg.Connection, owner: Any, other: Any, table: str
) -> None:
    column = id_column(table)
    with superuser.transaction(force_rollback=True):
        superuser.execute(f"ALTER POLICY tenant ON {table} USING (true)")
        superuser.execute("SET LOCAL ROLE tocsin_server")
        superuser.execute("SELECT set_config('app.tenant_id', %s, true)", [str(owner.id)])
        seen = superuser.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall()
    assert (other.id,) in seen


def test_becoming_another_tenant_takes_the_first_ones_rows_away(
    connection: Connection, owner: Any, other: Any
) -> None:
    become_tenant(connection, owner.id)
    become_tenant(connection, other.id)
    assert owners(connection, "points") == {other.id}
