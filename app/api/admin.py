"""`/v1/admin`: what the operator sees across tenants."""

from typing import Any

from app.actions import history
from app.actions.parts import Parts
from app.api import answers, pages, shown
from app.api.queries import AllAnomaliesQuery
from app.store.audit import Actor
from app.store.times import to_ns
from app.web.routes import route

ANOMALIES = "/v1/admin/anomalies"


@route(
    "GET",
    ANOMALIES,
    scope="operator",
    query=AllAnomaliesQuery,
    answer=list[answers.TenantScoreAnswer],
    errors=(404,),
)
def get_all_anomalies(parts: Parts, actor: Actor, query: AllAnomaliesQuery) -> dict[str, Any]:
    """Anomalous points of every tenant, newest first; the audit log tells who read them."""
    wanted = pages.wanted_anomalies(parts, ANOMALIES, query)
    rows = history.anomalies_of_all(parts, query.tenant, query.series, wanted, by=actor)
    return pages.page(
        parts,
        ANOMALIES,
        query.limit,
        rows,
        shown.score_of_tenant,
        lambda row: [to_ns(row.timestamp), str(row.tenant_id), str(row.series_id)],
    )
