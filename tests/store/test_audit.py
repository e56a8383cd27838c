"""The audit log can be added to by the server, read by the operator, and changed by nobody."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app.actions.parts import Parts
from app.store import audit
from app.store.audit import COMMAND_LINE, Actor, Entry, WantedEntries
from app.store.ids import new_id
from tests.conftest import Installed

CHANGES = (
    "UPDATE audit SET details = '{}'",
    "UPDATE audit SET at = now()",
    "DELETE FROM audit",
    "TRUNCATE audit",
)


def log_of(parts: Parts, tenant_id: UUID, **wanted: Any) -> list[Entry]:
    with parts.database.operator() as connection:
        return audit.page(connection, WantedEntries(tenant_id=tenant_id, **wanted))


def add(parts: Parts, tenant_id: UUID, subject: str) -> None:
    with parts.database.tenant(tenant_id) as connection:
        audit.add(connection, tenant_id, COMMAND_LINE, "key.revoked", subject)


@pytest.mark.parametrize("statement", [*CHANGES, "SELECT FROM audit"])
def test_the_server_neither_reads_nor_changes_nor_removes_a_row(
    parts: Parts, owner: Any, statement: str
) -> None:
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.tenant(owner.id) as connection,
    ):
        connection.execute(text(statement))


@pytest.mark.parametrize("role", ["operator", "job_scan"])
@pytest.mark.parametrize("statement", [*CHANGES, "INSERT INTO audit DEFAULT VALUES"])
def test_no_other_role_of_the_server_writes_it(parts: Parts, role: str, statement: str) -> None:
    become: Callable[..., Any] = getattr(parts.database, role)
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        become() as connection,
    ):
        connection.execute(text(statement))


def test_the_time_of_a_row_is_the_database_s(parts: Parts, owner: Any) -> None:
    row = "INSERT INTO audit (tenant_id, id, at, action, actor_kind) VALUES (:t, :t, now(), '', '')"
    with (
        pytest.raises(ProgrammingError, match="permission denied"),
        parts.database.tenant(owner.id) as connection,
    ):
        connection.execute(text(row), {"t": owner.id})


def test_a_row_for_another_tenant_is_refused(parts: Parts, owner: Any, other: Any) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        parts.database.tenant(owner.id) as connection,
    ):
        audit.add(connection, other.id, COMMAND_LINE, "key.revoked", None)


def test_without_a_tenant_no_row_is_added(parts: Parts, owner: Any) -> None:
    with (
        pytest.raises(ProgrammingError, match="row-level security"),
        parts.database.plain() as connection,
    ):
        audit.add(connection, owner.id, COMMAND_LINE, "key.revoked", None)


def test_this_would_see_a_policy_that_lets_all_through(
    superuser: psycopg.Connection, owner: Any, other: Any
) -> None:
    row = "INSERT INTO audit (tenant_id, id, action, actor_kind) VALUES (%s, %s, '', '')"
    with superuser.transaction(force_rollback=True):
        superuser.execute("ALTER POLICY tenant ON audit USING (true)")
        superuser.execute("SET LOCAL ROLE tocsin_server")
        superuser.execute("SELECT set_config('app.tenant_id', %s, true)", [str(owner.id)])
        superuser.execute(row, [other.id, new_id()])


def test_an_entry_reads_as_it_was_written(parts: Parts, owner: Any) -> None:
    by = Actor("key", owner.key_id, "192.0.2.1", "a-request")
    details = {"changed": ["detector"]}
    with parts.database.tenant(owner.id) as connection:
        audit.add(connection, owner.id, by, "series.changed", owner.series.id, details)
    newest = log_of(parts, owner.id)[0]
    assert (newest.action, newest.subject) == ("series.changed", str(owner.series.id))
    assert (newest.actor_kind, newest.actor) == ("key", owner.key_id)
    assert (newest.from_address, newest.request_id) == ("192.0.2.1", "a-request")
    assert (newest.tenant, newest.series, newest.details) == (owner.slug, "rides", details)


def test_what_is_gone_has_no_name_and_keeps_its_id(parts: Parts) -> None:
    tenant_id, series_id = uuid4(), uuid4()
    with parts.database.tenant(tenant_id) as connection:
        audit.add(connection, tenant_id, COMMAND_LINE, "series.created", series_id)
    (entry,) = log_of(parts, tenant_id)
    assert (entry.tenant, entry.series) == (None, None)
    assert (entry.tenant_id, entry.subject) == (tenant_id, str(series_id))


def test_acts_of_one_transaction_are_in_their_order(parts: Parts) -> None:
    tenant_id = uuid4()
    with parts.database.tenant(tenant_id) as connection:
        for number in range(20):
            audit.add(connection, tenant_id, COMMAND_LINE, "key.revoked", str(number))
    assert [entry.subject for entry in log_of(parts, tenant_id)] == [
        str(n) for n in range(19, -1, -1)
    ]


def test_pages_of_the_same_time_lose_nothing(parts: Parts, superuser: psycopg.Connection) -> None:
    tenant_id = uuid4()
    for number in range(5):
        superuser.execute(
            "INSERT INTO audit (tenant_id, id, at, action, actor_kind, subject) "
            "VALUES (%s, %s, '2024-05-01Z', 'key.revoked', 'cli', %s)",
            [tenant_id, new_id(), str(number)],
        )
    seen: list[Entry] = []
    while page := log_of(
        parts, tenant_id, limit=2, after=(seen[-1].at, seen[-1].id) if seen else None
    ):
        seen += page
    assert sorted(entry.subject or "" for entry in seen) == list("01234")
    assert [entry.id for entry in seen] == sorted((entry.id for entry in seen), reverse=True)


def test_it_is_narrowed_by_action_and_time(parts: Parts) -> None:
    tenant_id = uuid4()
    add(parts, tenant_id, "first")
    add(parts, tenant_id, "second")
    second, first = log_of(parts, tenant_id)
    assert (first.subject, second.subject) == ("first", "second")
    assert log_of(parts, tenant_id, start=second.at) == [second]
    assert log_of(parts, tenant_id, end=second.at) == [first]
    assert log_of(parts, tenant_id, action="key.revoked") == [second, first]
    assert log_of(parts, tenant_id, action="key.created") == []


def test_what_is_undone_leaves_no_row(parts: Parts) -> None:
    tenant_id = uuid4()

    def fail_after_adding() -> None:
        with parts.database.tenant(tenant_id) as connection:
            audit.add(connection, tenant_id, COMMAND_LINE, "key.revoked", None)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_adding()
    assert log_of(parts, tenant_id) == []


def test_the_owner_removes_old_rows_as_the_documents_say(
    parts: Parts, installed: Installed, superuser: psycopg.Connection
) -> None:
    tenant_id = uuid4()
    add(parts, tenant_id, "new")
    superuser.execute(
        "INSERT INTO audit (tenant_id, id, at, action, actor_kind, subject) "
        "VALUES (%s, %s, now() - interval '3 years', 'key.revoked', 'cli', 'old')",
        [tenant_id, new_id()],
    )
    document = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    (statements,) = re.findall(r"```sql\n(BEGIN;\nALTER TABLE audit.*?)```", document, re.DOTALL)
    with psycopg.connect(installed.owner_url, autocommit=True) as owner:
        owner.execute(statements)
    assert [entry.subject for entry in log_of(parts, tenant_id)] == ["new"]
