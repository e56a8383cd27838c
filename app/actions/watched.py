"""What somebody looks at: the series as they are now, and a chart of one."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from app.actions.history import Span
from app.actions.parts import Parts
from app.errors import FieldError, Invalid, NotFound
from app.store import charts, recent, series
from app.store.charts import Chart
from app.store.series import Series

EMPTY_SPAN = timedelta(days=1)


def overview(
    parts: Parts,
    tenant_id: UUID,
    after: str | None,
    limit: int,
    prefix: str | None,
    tag: str | None,
) -> list[tuple[Series, Any]]:
    """Series by name, each with its newest values and its open event."""
    with parts.database.tenant(tenant_id) as connection:
        found = series.page(connection, tenant_id, after, limit, prefix, tag)
        now = recent.of_series(connection, tenant_id, [one.id for one in found])
        return [(one, now[one.id]) for one in found]


def chart(
    parts: Parts, tenant_id: UUID, name: str, field: str | None, span: Span, buckets: int
) -> tuple[Series, Chart]:
    """Of all that the series has, where no span is given."""
    with parts.database.tenant(tenant_id) as connection:
        of = series.by_name(connection, tenant_id, name)
    start, end = _within(of, span)
    with parts.database.lent() as lent:
        return of, charts.drawn(lent, of, _place(of, field), start, end, buckets)


def _within(of: Series, span: Span) -> tuple[datetime, datetime]:
    start = span[0] or of.first_at or of.created_at
    end = span[1] or (of.last_at + charts.FINEST if of.last_at else start + EMPTY_SPAN)
    if end <= start:
        raise Invalid("The span is empty", [FieldError("to", "must be after `from`")])
    return start, end


def _place(of: Series, field: str | None) -> int:
    if field is None:
        return 0
    if field not in of.fields:
        raise NotFound(f"{of.name} has no such field; it has {', '.join(of.fields)}")
    return of.fields.index(field)
