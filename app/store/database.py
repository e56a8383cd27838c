"""Connections to Postgres, each inside one transaction that knows whose it is.

The server's role sees no row until a transaction says for whom it reads: a tenant (`tenant`), one
key that has yet to be recognised (`key`), the operator (`operator`) or the scan for waiting jobs
(`job_scan`). Row-level security does the rest; a WHERE that is forgotten leaks nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Misconfigured, Unavailable

INSTALLATION = UUID(int=0)  # the tenant that stands for the installation itself: the operator's
CONNECT_TIMEOUT_S = 3
POOL_TIMEOUT_S = 3
SESSION_OPTIONS = (
    "-c timezone=UTC -c statement_timeout=120000 -c lock_timeout=15000 "
    "-c idle_in_transaction_session_timeout=120000"
)
SET_TENANT = text("SELECT set_config('app.tenant_id', :tenant, true)")
SET_KEY = text("SELECT set_config('app.key_id', :key, true)")


def engine(url: str, connections: int) -> Engine:
    scheme, rest = url.split("://", 1)
    assert scheme in {"postgresql", "postgres"}, scheme
    return create_engine(
        f"postgresql+psycopg://{rest}",
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_S, "options": SESSION_OPTIONS},
    )


class Database:
    def __init__(self, url: str, connections: int = 8) -> None:
        self.engine = engine(url, connections)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction; trouble with the server becomes `Unavailable`."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise Unavailable(f"The database does not answer: {_cause(error)}") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unavailable("The connection to the database broke") from error
            raise

    @contextmanager
    def tenant(self, tenant_id: UUID) -> Iterator[Connection]:
        with self._transaction() as connection:
            become_tenant(connection, tenant_id)
            yield connection

    @contextmanager
    def key(self, key_id: str) -> Iterator[Connection]:
        """Sees the one row of `api_keys` with this id, whosever it is."""
        with self._transaction() as connection:
            connection.execute(SET_KEY, {"key": key_id})
            yield connection

    @contextmanager
    def operator(self) -> Iterator[Connection]:
        """Reads series, scores and jobs of all tenants; writes tenants only."""
        with self._transaction() as connection:
            connection.execute(text("SET LOCAL ROLE tocsin_operator"))
            yield connection

    @contextmanager
    def job_scan(self) -> Iterator[Connection]:
        """Sees the jobs of all tenants, and nothing else."""
        with self._transaction() as connection:
            connection.execute(text("SET LOCAL ROLE tocsin_jobs"))
            yield connection

    @contextmanager
    def plain(self) -> Iterator[Connection]:
        """No tenant at all: for questions about the server itself."""
        with self._transaction() as connection:
            yield connection

    def refuse_powerful_role(self) -> None:
        """The walls between tenants do not hold for such roles: the server will not be one."""
        with self.plain() as connection:
            row = connection.execute(
                text(
                    "SELECT current_user AS name, rolsuper OR rolbypassrls AS is_powerful, EXISTS ("
                    "SELECT FROM pg_class WHERE relname = 'tenants' "
                    "AND relowner = pg_roles.oid) AS is_owner "
                    "FROM pg_roles WHERE rolname = current_user"
                )
            ).one()
        if row.is_powerful or row.is_owner:
            raise Misconfigured(
                f"TOCSIN_DATABASE_URL: the role {row.name} is a superuser, bypasses row security "
                "or owns the tables. Use the role `tocsin_server`, which `tocsin migrate` makes."
            )

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
