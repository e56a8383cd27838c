"""A transaction of `together`, joined by SQLAlchemy where something rare is asked in it.

What each scored point asks costs SQLAlchemy more than Postgres; so its part is made when needed.
"""

from collections.abc import Sequence
from functools import cached_property

from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, PoolProxiedConnection

from app.store.together import ANSWER_S, COMMIT, Ask, Rows, run_on


class Transaction:
    """It begins and ends with what is asked; `connection` is the same one, for SQLAlchemy."""

    def __init__(self, engine: Engine, lent: PoolProxiedConnection) -> None:
        self._engine, self._lent = engine, lent

    @classmethod
    def of(cls, connection: Connection) -> "Transaction":
        """The one that SQLAlchemy has begun."""
        return cls(connection.engine, connection.connection)

    def run(self, asked: Sequence[Ask], within_s: float = ANSWER_S) -> list[Rows]:
        return run_on(self._lent, asked, within_s)

    @cached_property
    def connection(self) -> Connection:
        return Connection(self._engine, connection=self._lent)

    def commit(self) -> None:
        """Unless that was among what was asked."""
        raw = self._lent.driver_connection
        if raw is not None and raw.pgconn.transaction_status != TransactionStatus.IDLE:
            self.run([(COMMIT, ())])
