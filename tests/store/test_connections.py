"""Trouble with Postgres is `Unavailable`, whatever it is, and is over when the trouble is."""

import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from subprocess import run

import numpy as np
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from app.actions.parts import Parts
from app.errors import Misconfigured, Unavailable
from app.store import Database, inspection, staging
from app.store.series import Series
from app.store.together import Statement, run_on
from tests.conftest import Installed, environment_of
from tests.service import wait_until

MakeSeries = Callable[..., Series]
PID = text("SELECT pg_backend_pid()")


@pytest.fixture
def database(installed: Installed) -> Iterator[Database]:
    made = Database(installed.server_url, 4)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("setting", "value"), [("tcp_keepalives_idle", "1"), ("tcp_user_timeout", "4000")]
)
def test_the_server_is_asked_to_notice_soon_that_we_are_gone(
    installed: Installed, database: Database, setting: str, value: str
) -> None:
    is_local = "@/" in installed.server_url  # a socket has no such thing
    with database.plain() as connection:
        assert connection.scalar(text(f"SHOW {setting}")) == ("0" if is_local else value)


def terminate(superuser: psycopg.Connection, connection: Connection) -> None:
    """As a restart of the server does to each connection."""
    superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [connection.scalar(PID)])


def test_a_pool_heals_when_its_connections_were_cut(
    database: Database, superuser: psycopg.Connection
) -> None:
    with ExitStack() as stack:
        held = [stack.enter_context(database.plain()) for _ in range(4)]
        pids = [connection.scalar(PID) for connection in held]
    for pid in pids:
        superuser.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    for _ in range(8):
        with database.plain() as connection:
            assert connection.scalar(PID) not in pids


def test_a_connection_cut_in_a_transaction_is_unavailable_once(
    database: Database, superuser: psycopg.Connection
) -> None:
    with pytest.raises(Unavailable), database.plain() as connection:  # noqa: PT012
        terminate(superuser, connection)
        connection.execute(text("SELECT 1"))
    with database.plain() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_a_connection_cut_before_the_commit_is_unavailable(
    database: Database, superuser: psycopg.Connection
) -> None:
    with pytest.raises(Unavailable), database.plain() as connection:
        terminate(superuser, connection)


def test_a_connection_cut_during_copy_is_unavailable(
    database: Database, superuser: psycopg.Connection, make_series: MakeSeries
) -> None:
    of, n = make_series(), 100_000
    with pytest.raises(Unavailable), database.tenant(of.tenant_id) as connection:  # noqa: PT012
        staging.begin(connection)
        terminate(superuser, connection)
        staging.stage(connection, np.arange(n), of.id, np.arange(n) * 1_000, np.ones((n, 1)))
    with database.tenant(of.tenant_id) as connection:
        assert connection.scalar(text("SELECT count(*) FROM points")) == 0


def test_a_copy_that_takes_too_long_is_unavailable(
    database: Database, make_series: MakeSeries
) -> None:
    """COPY goes past SQLAlchemy, which would have turned its error into one of its own."""
    of, n = make_series(), 500_000
    with pytest.raises(Unavailable), database.tenant(of.tenant_id) as connection:  # noqa: PT012
        staging.begin(connection)
        connection.execute(text("SET LOCAL statement_timeout = 20"))
        staging.stage(connection, np.arange(n), of.id, np.arange(n) * 1_000, np.ones((n, 1)))


def test_a_lock_that_does_not_come_in_time_is_unavailable(database: Database) -> None:
    with database.plain() as holder:
        holder.execute(text("SELECT pg_advisory_xact_lock(77)"))
        with pytest.raises(Unavailable), database.plain() as connection:  # noqa: PT012
            connection.execute(text("SET LOCAL lock_timeout = 20"))
            connection.execute(text("SELECT pg_advisory_xact_lock(77)"))


def test_a_statement_that_takes_too_long_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable), database.plain() as connection:  # noqa: PT012
        connection.execute(text("SET LOCAL statement_timeout = 20"))
        connection.execute(text("SELECT pg_sleep(60)"))


def test_a_connection_that_idled_too_long_in_a_transaction_is_unavailable(
    database: Database,
) -> None:
    with pytest.raises(Unavailable), database.plain() as connection:  # noqa: PT012
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 20"))
        raw = connection.connection.driver_connection
        assert raw is not None
        assert select.select([raw.fileno()], [], [], 30)[0], "the server says farewell"
        run_on(connection.connection, [(Statement("one", "SELECT 1"), ())])


def test_a_transaction_that_failed_before_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable), database.plain() as connection:  # noqa: PT012
        with pytest.raises(ProgrammingError):
            connection.execute(text("SELECT nowhere"))
        run_on(connection.connection, [(Statement("one", "SELECT 1"), ())])


@pytest.fixture
def read_only(empty_database: Installed) -> Iterator[Callable[[str], None]]:
    """Says `on` or `off` for the sessions that begin from then on."""
    with psycopg.connect(empty_database.owner_url, autocommit=True) as owner:
        name = sql.Identifier(empty_database.name)
        statement = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")

        def say(state: str) -> None:
            owner.execute(statement.format(name, sql.SQL(state)))

        yield say


@pytest.mark.parametrize("way", ["SQLAlchemy", "together"])
def test_what_a_read_only_server_refuses_is_unavailable_and_it_is_read_all_the_same(
    parts: Parts, empty_database: Installed, read_only: Callable[[str], None], way: str
) -> None:
    read_only("on")
    database = Database(empty_database.server_url, 1)
    writing = "CREATE TABLE new ()"
    write: dict[str, Callable[[Connection], object]] = {
        "SQLAlchemy": lambda connection: connection.execute(text(writing)),
        "together": lambda connection: run_on(
            connection.connection, [(Statement("new", writing), ())]
        ),
    }
    with pytest.raises(Unavailable, match="ReadOnly"), database.plain() as connection:
        write[way](connection)
    with database.plain() as connection:
        assert inspection.is_read_only(connection)
    database.close()


def test_a_pool_of_a_server_that_takes_writes_again_does_so_too(
    parts: Parts, empty_database: Installed, read_only: Callable[[str], None]
) -> None:
    read_only("on")
    database = Database(empty_database.server_url, 1)

    def takes_writes() -> bool:
        with database.plain() as connection:
            return not inspection.is_read_only(connection)

    assert not takes_writes()
    read_only("off")
    wait_until(takes_writes, "sessions from before made way")
    database.close()


def test_of_two_in_a_deadlock_one_goes_on(database: Database) -> None:
    both_hold_one = threading.Barrier(2)
    outcomes = []

    def take(first: int, second: int) -> None:
        try:
            with database.plain() as connection:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({first})"))
                both_hold_one.wait()
                connection.execute(text(f"SELECT pg_advisory_xact_lock({second})"))
        except Unavailable:
            outcomes.append("refused")
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=take, args=order) for order in ((81, 82), (82, 81))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done", "refused"]


def test_a_pool_without_a_free_connection_is_unavailable(installed: Installed) -> None:
    database = Database(installed.server_url, 1)
    with database.plain(), pytest.raises(Unavailable), database.plain():
        pass
    database.close()


def test_a_port_where_nobody_listens_is_unavailable() -> None:
    with socket.socket() as bound:  # but not listening
        bound.bind(("127.0.0.1", 0))
        database = Database(f"postgresql://u:p@127.0.0.1:{bound.getsockname()[1]}/d", 1)
        with pytest.raises(Unavailable), database.plain():
            pass


@pytest.mark.timeout(30)
def test_a_server_that_takes_the_call_and_says_nothing_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        database = Database(f"postgresql://u:p@127.0.0.1:{silent.getsockname()[1]}/d", 1)
        with pytest.raises(Unavailable), database.plain():
            pass


def test_a_wrong_password_is_unavailable_and_not_shown(installed: Installed) -> None:
    wrong_url = installed.server_url.replace("only-for-tests", "mistyped")
    if is_let_in(wrong_url):
        pytest.skip("this server trusts everybody and asks for no password")
    database = Database(wrong_url, 1)
    with pytest.raises(Unavailable) as raised, database.plain():
        pass
    assert "mistyped" not in raised.value.detail


def is_let_in(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


def superuser_url(installed: Installed) -> str:
    return installed.superuser_url


def owner_url(installed: Installed) -> str:
    return installed.owner_url


@pytest.mark.parametrize("url_of", [superuser_url, owner_url])
def test_a_role_that_the_walls_do_not_hold_is_refused(
    installed: Installed, url_of: Callable[[Installed], str]
) -> None:
    database = Database(url_of(installed), 1)
    for _ in range(2):
        with pytest.raises(Misconfigured, match="TOCSIN_DATABASE_URL: the role"), database.plain():
            pass
    database.close()


def test_a_role_that_bypasses_row_security_is_refused(
    installed: Installed, superuser: psycopg.Connection
) -> None:
    superuser.execute("CREATE ROLE bypassing LOGIN BYPASSRLS PASSWORD 'only-for-tests'")
    database = Database(installed.servers.url("bypassing", installed.name), 1)
    with pytest.raises(Misconfigured, match="bypassing"), database.plain():
        pass
    database.close()
    superuser.execute("DROP ROLE bypassing")


def test_the_server_does_not_start_as_the_owner(parts: Parts, installed: Installed) -> None:
    environment = {**environment_of(parts.settings), "TOCSIN_DATABASE_URL": installed.owner_url}
    started = run(
        [sys.executable, "-c", "import app.wsgi"],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    assert started.returncode != 0
    assert "the role tocsin_test_owner is a superuser" in started.stderr
