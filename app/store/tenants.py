"""Tenants. Written and listed by the operator's role only; a tenant reads itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from app.errors import Conflict, NotFound
from app.store import tables
from app.store.database import INSTALLATION
from app.store.ids import new_id

TENANTS = tables.tenants


@dataclass(frozen=True)
class Tenant:
    id: UUID
    slug: str
    name: str
    status: str
    limits: dict[str, float]
    created_at: datetime


def add(connection: Connection, slug: str, name: str, limits: Mapping[str, float]) -> Tenant:
    statement = (
        insert(TENANTS)
        .values(id=new_id(), slug=slug, name=name, limits=dict(limits))
        .returning(*TENANTS.c)
    )
    try:
        return _tenant(connection.execute(statement).one())
    except IntegrityError:
        raise Conflict(f"There is a tenant {slug} already") from None


def page(
    connection: Connection, after: str | None, limit: int, prefix: str | None = None
) -> list[Tenant]:
    """In the order of their slugs, beginning behind `after`."""
    statement = (
        select(TENANTS).where(TENANTS.c.id != INSTALLATION).order_by(TENANTS.c.slug).limit(limit)
    )
    if after is not None:
        statement = statement.where(TENANTS.c.slug > after)
    if prefix:
        statement = statement.where(TENANTS.c.slug.startswith(prefix, autoescape=True))
    return [_tenant(row) for row in connection.execute(statement)]


def by_slug(connection: Connection, slug: str, is_locked: bool = False) -> Tenant:
    """Locked, it stays as it is until the transaction ends."""
    statement = select(TENANTS).where(TENANTS.c.slug == slug, TENANTS.c.id != INSTALLATION)
    if is_locked:
        statement = statement.with_for_update()
    row = connection.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no tenant {slug}")
    return _tenant(row)


def by_id(connection: Connection, tenant_id: UUID) -> Tenant:
    row = connection.execute(select(TENANTS).where(TENANTS.c.id == tenant_id)).one_or_none()
    if row is None:
        raise NotFound("The tenant is gone")
    return _tenant(row)


def change(connection: Connection, slug: str, changes: Mapping[str, Any]) -> Tenant:
    tenant = by_slug(connection, slug)
    if not changes:
        return tenant
    statement = (
        update(TENANTS).where(TENANTS.c.id == tenant.id).values(**changes).returning(*TENANTS.c)
    )
    return _tenant(connection.execute(statement).one())


def erase(connection: Connection, tenant_id: UUID) -> None:
    """The row itself; all that refers to it must be gone before."""
    connection.execute(delete(TENANTS).where(TENANTS.c.id == tenant_id))


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(**row._mapping)
