"""Model versions: the bytes that `app.detection` made, and what people ask about them."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select

from app.errors import NotFound
from app.store import tables
from app.store.together import Statement
from app.store.transaction import Transaction

MODELS = tables.models
# Of thousands of series in turn, each is asked for it: past SQLAlchemy, which takes longer than
# Postgres, and in binary; as text it is twice as long.
ARTIFACT = Statement(
    "artifact",
    "SELECT artifact FROM models WHERE tenant_id = $1 AND series_id = $2 AND version = $3",
    is_binary=True,
)
SHOWN = [column for column in MODELS.c if column.name not in ("artifact", "checksum")]


@dataclass(frozen=True)
class ModelVersion:
    tenant_id: UUID
    series_id: UUID
    version: int
    points: int
    from_at: datetime
    to_at: datetime
    settings: dict[str, Any]
    threshold: float
    seconds: float
    created_at: datetime


def checksum(artifact: bytes) -> bytes:
    return hashlib.sha256(artifact).digest()


def add(connection: Connection, artifact: bytes, **columns: Any) -> None:
    connection.execute(
        insert(MODELS).values(artifact=artifact, checksum=checksum(artifact), **columns)
    )


def artifact(transaction: Transaction, tenant_id: UUID, series_id: UUID, version: int) -> bytes:
    asked = str(tenant_id).encode(), str(series_id).encode(), str(version).encode()
    (rows,) = transaction.run([(ARTIFACT, asked)])
    if not rows:
        raise NotFound(f"There is no model version {version}")
    return bytes(rows[0][0])


def by_version(
    connection: Connection, tenant_id: UUID, series_id: UUID, version: int
) -> ModelVersion:
    statement = select(*SHOWN).where(
        MODELS.c.tenant_id == tenant_id,
        MODELS.c.series_id == series_id,
        MODELS.c.version == version,
    )
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no model version {version}")
    return _model(row)


def page(
    connection: Connection, tenant_id: UUID, series_id: UUID, before: int | None, limit: int
) -> list[ModelVersion]:
    """Newest first."""
    statement = (
        select(*SHOWN)
        .where(MODELS.c.tenant_id == tenant_id, MODELS.c.series_id == series_id)
        .order_by(MODELS.c.version.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(MODELS.c.version < before)
    return [_model(row) for row in connection.execute(statement)]


def most_versions(connection: Connection, tenant_id: UUID) -> int:
    """How many the series has that has most."""
    counts = (
        select(func.count().label("versions"))
        .where(MODELS.c.tenant_id == tenant_id)
        .group_by(MODELS.c.series_id)
        .subquery()
    )
    return int(connection.scalar(select(func.max(counts.c.versions))) or 0)


def prune(
    connection: Connection, tenant_id: UUID, series_id: UUID, kept: int, active: int | None
) -> None:
    """Leave so many versions, the newest and the active one."""
    mine = (MODELS.c.tenant_id == tenant_id) & (MODELS.c.series_id == series_id)
    newest = select(MODELS.c.version).where(mine).order_by(MODELS.c.version.desc()).limit(kept)
    gone = delete(MODELS).where(mine, MODELS.c.version.not_in(newest.scalar_subquery()))
    connection.execute(gone if active is None else gone.where(MODELS.c.version != active))


def _model(row: Row[Any]) -> ModelVersion:
    return ModelVersion(**row._mapping)
