"""`/v1/admin/audit` and `/v1/admin/overview`: what was done, and how much there is."""

from typing import Any

from app.actions import auditing
from app.actions.parts import Parts
from app.api import operator_answers, pages, shown
from app.api.queries import AuditQuery
from app.store.audit import WantedEntries
from app.store.times import to_ns
from app.web.routes import route

AUDIT = "/v1/admin/audit"


@route(
    "GET",
    AUDIT,
    scope="operator",
    query=AuditQuery,
    answer=list[operator_answers.AuditAnswer],
    errors=(404,),
)
def get_audit(parts: Parts, query: AuditQuery) -> dict[str, Any]:
    """Who did what, when, and from where, newest first."""
    wanted = WantedEntries(
        action=query.action,
        start=pages.moment(query.start),
        end=pages.moment(query.end),
        after=pages.after_time(parts, AUDIT, query.cursor),
        limit=query.rows,
    )
    rows = auditing.page(parts, query.tenant, wanted)
    return pages.page(
        parts, AUDIT, query.limit, rows, shown.entry, lambda row: [to_ns(row.at), str(row.id)]
    )


@route("GET", "/v1/admin/overview", scope="operator", answer=operator_answers.OverviewAnswer)
def get_overview(parts: Parts) -> dict[str, Any]:
    """Counts of tenants, series, points, models, jobs and workers."""
    return auditing.counts(parts)
