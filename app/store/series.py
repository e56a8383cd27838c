"""Series: what a tenant watches, its settings, and where its history and its model stand."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Select,
    any_,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import IntegrityError

from app.errors import Conflict, NotFound
from app.store import tables
from app.store.ids import new_id

SERIES, JOBS = tables.series, tables.jobs
TODAY = text("current_date")  # sessions are in UTC
LAST_CODE_POINT = "\U0010ffff"


class Series(NamedTuple):
    """A row, its columns in their order; a dataclass takes ten times as long to make."""

    tenant_id: UUID
    id: UUID
    name: str
    description: str
    fields: list[str]
    tags: list[str]
    detector: dict[str, Any]
    retrain: str
    retention_days: int | None
    points: int
    first_at: datetime | None
    last_at: datetime | None
    revision: int
    model_version: int | None
    last_version: int
    watch: dict[str, Any] | None
    tried_points: int
    tried_to_at: datetime | None
    counted_on: date | None
    counted_points: int
    digest_width: timedelta | None
    digested_until: datetime | None
    created_at: datetime
    updated_at: datetime
    last_job_status: str | None = None

    @property
    def status(self) -> str:
        """`empty`, `collecting`, `training`, `ready` or `failed`."""
        if self.model_version is not None:
            return "ready"
        if self.last_job_status in ("queued", "running"):
            return "training"
        if self.last_job_status == "failed":
            return "failed"
        return "collecting" if self.points else "empty"


def add(connection: Connection, tenant_id: UUID, name: str, **settings: Any) -> Series:
    statement = (
        insert(SERIES)
        .values(tenant_id=tenant_id, id=new_id(), name=name, **settings)
        .returning(*SERIES.c)
    )
    try:
        with connection.begin_nested():
            return _series(connection.execute(statement).one())
    except IntegrityError:
        raise Conflict(f"There is a series {name} already") from None


def _with_job() -> Select[Any]:
    """Each series with the state of its newest training."""
    newest = (
        select(JOBS.c.status)
        .where(
            JOBS.c.tenant_id == SERIES.c.tenant_id,
            JOBS.c.series_id == SERIES.c.id,
            JOBS.c.kind == "train",
        )
        .order_by(JOBS.c.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(SERIES, newest.label("last_job_status"))


def by_name(connection: Connection, tenant_id: UUID, name: str) -> Series:
    statement = _with_job().where(SERIES.c.tenant_id == tenant_id, SERIES.c.name == name)
    return _found(connection.execute(statement).one_or_none(), name)


def id_of(connection: Connection, tenant_id: UUID, name: str) -> UUID | None:
    """For the operator too, who sees no jobs; None where there is no such series."""
    statement = select(SERIES.c.id).where(SERIES.c.tenant_id == tenant_id, SERIES.c.name == name)
    return connection.scalar(statement)


def by_id(connection: Connection, tenant_id: UUID, series_id: UUID) -> Series:
    statement = select(SERIES).where(SERIES.c.tenant_id == tenant_id, SERIES.c.id == series_id)
    return _found(connection.execute(statement).one_or_none(), str(series_id))


def lock(connection: Connection, tenant_id: UUID, names: Sequence[str]) -> dict[str, Series]:
    """Hold these series to the end of the transaction; names that are absent are left out.

    Locked in the order of their ids, so that two requests never wait for each other.
    """
    statement = (
        select(SERIES)
        .where(
            SERIES.c.tenant_id == tenant_id,
            SERIES.c.name == any_(literal(list(names), ARRAY(tables.Name))),
        )
        .order_by(SERIES.c.id)
        .with_for_update()
    )
    return {row.name: _series(row) for row in connection.execute(statement)}


def lock_one(connection: Connection, tenant_id: UUID, name: str) -> Series:
    locked = lock(connection, tenant_id, [name])
    if name not in locked:
        raise NotFound.series(name)
    return locked[name]


def lock_by_id(connection: Connection, tenant_id: UUID, series_id: UUID) -> Series:
    statement = (
        select(SERIES)
        .where(SERIES.c.tenant_id == tenant_id, SERIES.c.id == series_id)
        .with_for_update()
    )
    return _found(connection.execute(statement).one_or_none(), str(series_id))


def lock_free(connection: Connection, tenant_id: UUID, series_id: UUID) -> Series | None:
    """Without waiting; None where somebody holds it, or it is gone. Rows may refer to it."""
    statement = (
        select(SERIES)
        .where(SERIES.c.tenant_id == tenant_id, SERIES.c.id == series_id)
        .with_for_update(key_share=True, skip_locked=True)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else _series(row)


def page(
    connection: Connection,
    tenant_id: UUID,
    after: str | None,
    limit: int,
    prefix: str | None = None,
    tag: str | None = None,
) -> list[Series]:
    """By name. The prefix is a range of names, since LIKE is no index condition under RLS."""
    statement = (
        _with_job().where(SERIES.c.tenant_id == tenant_id).order_by(SERIES.c.name).limit(limit)
    )
    if after is not None:
        statement = statement.where(SERIES.c.name > after)
    if prefix:
        statement = statement.where(
            SERIES.c.name >= prefix, SERIES.c.name < prefix + LAST_CODE_POINT
        )
    if tag is not None:
        statement = statement.where(SERIES.c.tags.contains([tag]))
    return [_series(row) for row in connection.execute(statement)]


def change(connection: Connection, tenant_id: UUID, name: str, changes: Mapping[str, Any]) -> None:
    statement = (
        update(SERIES)
        .where(SERIES.c.tenant_id == tenant_id, SERIES.c.name == name)
        .values(updated_at=text("now()"), **changes)
        .returning(SERIES.c.id)
    )
    if connection.execute(statement).one_or_none() is None:
        raise NotFound.series(name)


def recount(connection: Connection, series: Series, removed: int) -> None:
    """Points were removed; the lock on the series is held."""
    left = series.points - removed
    _note_left(connection, series, left, min(series.tried_points, left))


def forget_oldest(
    connection: Connection, series: Series, removed: int, left: int | None = None
) -> None:
    """The oldest were removed; `left`: how many there are now, where they were counted.

    Growth is not measured by them any more: a series that always keeps a month would have none.
    """
    left = series.points - removed if left is None else left
    tried = series.tried_points - (series.points - left)
    _note_left(connection, series, left, max(0, min(tried, left)))


def _note_left(connection: Connection, series: Series, left: int, tried: int) -> None:
    """Where the newest went, the event layer begins anew: it remembers what is not there now."""
    points = tables.points
    mine = (points.c.tenant_id == series.tenant_id) & (points.c.series_id == series.id)
    first = select(func.min(points.c.timestamp)).where(mine).scalar_subquery()
    last = select(func.max(points.c.timestamp)).where(mine).scalar_subquery()
    connection.execute(
        update(SERIES)
        .where(SERIES.c.tenant_id == series.tenant_id, SERIES.c.id == series.id)
        .values(
            points=left,
            first_at=first,
            last_at=last,
            watch=case((SERIES.c.last_at == last, SERIES.c.watch), else_=null()),
            tried_points=tried,
            tried_to_at=case((last.is_not(None), func.least(SERIES.c.tried_to_at, last))),
            revision=SERIES.c.revision + 1,
        )
    )


def note_try(connection: Connection, tenant_id: UUID, series_id: UUID) -> None:
    """A training of the history as it is now was asked for, or begins."""
    connection.execute(
        update(SERIES)
        .where(SERIES.c.tenant_id == tenant_id, SERIES.c.id == series_id)
        .values(tried_points=SERIES.c.points, tried_to_at=SERIES.c.last_at)
    )


def activate(connection: Connection, series: Series, version: int) -> None:
    """From now on this model version judges; the lock on the series is held."""
    connection.execute(
        update(SERIES)
        .where(SERIES.c.tenant_id == series.tenant_id, SERIES.c.id == series.id)
        .values(model_version=version, last_version=func.greatest(SERIES.c.last_version, version))
    )


def remove(connection: Connection, series: Series) -> None:
    """The row and, with it, the models. Points and scores are out of reach, and erased by a job."""
    connection.execute(
        delete(SERIES).where(SERIES.c.tenant_id == series.tenant_id, SERIES.c.id == series.id)
    )


def _found(row: Row[Any] | None, name: str) -> Series:
    if row is None:
        raise NotFound.series(name)
    return _series(row)


def _series(row: Row[Any]) -> Series:
    return Series(**row._mapping)
