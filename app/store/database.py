"""Connections to Postgres, each inside one transaction that knows whose it is.

The server's role sees no row until a transaction says for whom it reads: a tenant (`tenant`), one
key that has yet to be recognised (`keys.presented`), the operator (`operator`) or the scan for
what waits (`job_scan`). Row-level security does the rest; a WHERE that is forgotten leaks nothing.
"""

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import orjson
import psycopg
from sqlalchemy import Connection, Engine, PoolProxiedConnection, create_engine, event, text
from sqlalchemy.exc import (
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    InvalidatePoolError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Misconfigured, Unavailable
from app.store.outage import Outage
from app.store.together import run_on
from app.store.transaction import Transaction

Taken = TypeVar("Taken")

INSTALLATION = UUID(int=0)  # the tenant that stands for the installation itself: the operator's
# Where the server's host is gone, a request waits for the ping and then for a new connection. One
# that waits for an answer notices by keep-alives, since nothing of its own is unacknowledged.
PING_TIMEOUT_MS = 800
KEEPALIVE_S = 1
CONNECT_TIMEOUT_S = 2
READ_ONLY_S = 1.0  # a session stays so when its database no longer is, so a new one is made then
IDLE_S = 0.5  # from then on a connection of the pool is asked before it is relied on
POOL_TIMEOUT_S = 3
SESSION_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=120000 -c lock_timeout=15000 "
    "-c idle_in_transaction_session_timeout=120000 "
    # The other way round: a server that lost us lets go of our locks after seconds, not minutes.
    "-c tcp_keepalives_idle=1 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3 "
    "-c tcp_user_timeout=4000"
)
POWERS = (
    "SELECT current_user, rolsuper OR rolbypassrls OR EXISTS ("
    "SELECT FROM pg_class WHERE relname = 'tenants' AND relowner = pg_roles.oid) "
    "FROM pg_roles WHERE rolname = current_user"
)
SET_TENANT = text("SELECT set_config('app.tenant_id', :tenant, true)")

RAW_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError)  # COPY goes past SQLAlchemy
PASSING = (  # for psycopg they are internal errors, as what will never work
    psycopg.errors.ReadOnlySqlTransaction,  # a standby, or what managed servers do on a full disk
    psycopg.errors.InFailedSqlTransaction,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
)
READ_ONLY_REPORTS = (b"default_transaction_read_only", b"in_hot_standby")


def engine(url: str, connections: int) -> Engine:
    scheme, rest = url.split("://", 1)
    assert scheme in {"postgresql", "postgres"}, scheme
    made = create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=connections,
        max_overflow=0,
        pool_use_lifo=True,  # few connections in use, whose servers have all they need at hand
        pool_timeout=POOL_TIMEOUT_S,
        json_deserializer=orjson.loads,
        connect_args={
            "prepare_threshold": None,  # of what is asked often, `together` keeps what it prepared
            "connect_timeout": CONNECT_TIMEOUT_S,
            "tcp_user_timeout": PING_TIMEOUT_MS,
            "keepalives_idle": KEEPALIVE_S,
            "keepalives_interval": KEEPALIVE_S,
            "options": SESSION_OPTIONS,
        },
    )
    event.listen(made, "connect", _refuse_powerful_role)
    event.listen(made, "connect", _note_start)
    event.listen(made, "checkin", _note_return)
    event.listen(made, "checkout", _refuse_dead)
    event.listen(made, "checkout", _refuse_read_only)
    return made


def _note_start(_: object, record: Any) -> None:
    record.info["made_at"] = time.monotonic()


def _note_return(_: object, record: Any) -> None:
    record.info["returned_at"] = time.monotonic()


def _refuse_dead(raw: psycopg.Connection, record: Any, lent: PoolProxiedConnection) -> None:
    """A ping costs as much as a question: only what lay idle is asked, or has news, as the
    farewell of a server that went. The pool then throws it away, and makes another."""
    returned_at = record.info.get("returned_at")
    if returned_at is None:
        return
    is_idle = time.monotonic() - returned_at > IDLE_S
    if not raw.closed and not is_idle and not select.select([raw.fileno()], [], [], 0)[0]:
        return
    try:
        run_on(lent, (), PING_TIMEOUT_MS / 1000)
    except psycopg.Error as error:
        raise InvalidatePoolError from error


def _refuse_read_only(raw: psycopg.Connection, record: Any, _: object) -> None:
    """After a while, for a new connection in its place. Reading works on either meanwhile."""
    if b"on" not in map(raw.pgconn.parameter_status, READ_ONLY_REPORTS):
        return
    if time.monotonic() - record.info["made_at"] > READ_ONLY_S:
        raise DisconnectionError


def _refuse_powerful_role(connection: psycopg.Connection, _: object) -> None:
    """The walls between tenants do not hold for these roles, so no connection is made as one."""
    row = connection.execute(POWERS).fetchone()
    connection.rollback()
    if row and row[1]:
        connection.close()
        raise Misconfigured(
            f"TOCSIN_DATABASE_URL: the role {row[0]} is a superuser, bypasses row security or "
            "owns the tables. Use the role `tocsin_server`, which `tocsin migrate` makes."
        )


class Connections(NamedTuple):
    """Of a process's pool."""

    in_use: int
    idle: int


class Database:
    def __init__(self, url: str, connections: int = 8) -> None:
        self.engine = engine(url, connections)
        self._outage = Outage()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._troubled():
            taken = self._taken(self.engine.connect)
            with taken as connection, connection.begin():
                yield connection

    def _taken(self, take: Callable[[], Taken]) -> Taken:
        with self._outage.connecting():
            return take()

    @contextmanager
    def _troubled(self) -> Iterator[None]:
        """Trouble with the server becomes `Unavailable`: out of reach or of space, read-only, a
        lock that did not come in time, a deadlock that was resolved against us."""
        try:
            with self._outage.noted():
                yield
        except (OperationalError, InterfaceError, PoolTimeout, *RAW_ERRORS) as error:
            raise Unavailable(f"The database does not answer: {_cause(error)}") from error
        except PASSING as error:
            raise Unavailable(f"The database refuses for now: {_cause(error)}") from error
        except DBAPIError as error:
            if isinstance(error.orig, PASSING):
                raise Unavailable(f"The database refuses for now: {_cause(error)}") from error
            if error.connection_invalidated:
                raise Unavailable("The connection to the database broke") from error
            raise

    @contextmanager
    def lent(self) -> Iterator[PoolProxiedConnection]:
        """A connection for `together` alone, which begins and ends the transaction itself."""
        with self._troubled():
            taken = self._taken(self.engine.raw_connection)
            try:
                yield taken
            finally:
                taken.close()

    @contextmanager
    def judging(self) -> Iterator[Transaction]:
        """For what is asked together; committed at the end, if it was not by then."""
        with self.lent() as lent:
            transaction = Transaction(self.engine, lent)
            yield transaction
            transaction.commit()

    @contextmanager
    def tenant(self, tenant_id: UUID) -> Iterator[Connection]:
        with self._transaction() as connection:
            become_tenant(connection, tenant_id)
            yield connection

    @contextmanager
    def snapshot(self, tenant_id: UUID) -> Iterator[Connection]:
        """The tenant's rows as they are now, however long the reading takes."""
        with self._transaction() as connection:
            connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            become_tenant(connection, tenant_id)
            yield connection

    @contextmanager
    def operator(self) -> Iterator[Connection]:
        """Reads series and scores of all tenants; writes tenants only."""
        with self._transaction() as connection:
            connection.execute(text("SET LOCAL ROLE tocsin_operator"))
            yield connection

    @contextmanager
    def job_scan(self) -> Iterator[Connection]:
        """Sees the jobs of all tenants, whose deliveries wait, and whose rows are too old."""
        with self._transaction() as connection:
            connection.execute(text("SET LOCAL ROLE tocsin_jobs"))
            yield connection

    @contextmanager
    def plain(self) -> Iterator[Connection]:
        """No tenant at all: for questions about the server itself."""
        with self._transaction() as connection:
            yield connection

    def ping(self, within_s: float) -> None:
        """Raise `Unavailable` where the server does not answer in time, as one that hangs."""
        with self.lent() as lent:
            run_on(lent, (), within_s)

    @property
    def connections(self) -> Connections:
        pool: Any = self.engine.pool
        return Connections(pool.checkedout(), pool.checkedin())

    def refuse_powerful_role(self) -> None:
        """Raise `Misconfigured` at the start already; no connection is left for a fork to share."""
        with self.plain():
            pass
        self.engine.dispose()

    def close(self) -> None:
        self.engine.dispose()


def become_tenant(connection: Connection, tenant_id: UUID) -> None:
    """From here to the end of the transaction the server's role sees this tenant's rows."""
    connection.execute(SET_TENANT, {"tenant": str(tenant_id)})


def become_operator(connection: Connection) -> None:
    connection.execute(text("SET LOCAL ROLE tocsin_operator"))


def become_server(connection: Connection) -> None:
    connection.execute(text("RESET ROLE"))


def _cause(error: Any) -> str:
    return type(getattr(error, "orig", None) or error).__name__
