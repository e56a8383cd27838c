"""What the console is made of, in the form of answers."""

from typing import Any

from app.api import shown
from app.store.charts import Chart
from app.store.database import INSTALLATION
from app.store.ids import ulid
from app.store.keys import StoredKey
from app.store.series import Series
from app.store.sessions import Session
from app.store.tenants import Tenant


def session(
    tenant: Tenant, key: StoredKey, found: Session | None, csrf_token: str | None
) -> dict[str, Any]:
    is_operator = tenant.id == INSTALLATION
    return {
        "tenant": None if is_operator else tenant.slug,
        "tenant_name": None if is_operator else tenant.name,
        "is_operator": is_operator,
        "key": {"id": key.id, "name": key.name, "scopes": key.scopes},
        "csrf_token": csrf_token,
        "ends_at": None if found is None else shown.moment(found.ends_at),
    }


def watched(stored: Series, now: Any) -> dict[str, Any]:
    return {
        **shown.series(stored),
        "recent": now.recent or [],
        "last_value": None
        if now.last_value is None
        else shown.value(stored.fields, now.last_value),
        "open_event": None if now.open_event is None else ulid(now.open_event),
    }


def chart(of: Series, field: str | None, drawn: Chart) -> dict[str, Any]:
    columns = list(zip(*drawn.rows, strict=True)) or [()] * 6
    times, least, greatest, expected, lower, upper = columns
    return {
        "series": of.name,
        "field": field or of.fields[0],
        "from": shown.moment(drawn.start),
        "to": shown.moment(drawn.end),
        "part_s": None if drawn.width is None else drawn.width.total_seconds(),
        "is_sampled": drawn.is_sampled,
        "timestamps": [at.timestamp() * 1000 for at in times],
        "least": least,
        "greatest": greatest,
        "expected": expected,
        "lower": lower,
        "upper": upper,
        "anomalies": [_charted(row) for row in drawn.anomalies],
    }


def _charted(row: tuple[Any, ...]) -> dict[str, Any]:
    at, value, score, alert, event, reason, points = row
    return {
        "timestamp": shown.moment(at),
        "value": value,
        "score": score,
        "alert": alert,
        "event": None if event is None else ulid(event),
        "reason": reason,
        "points": points,
    }
