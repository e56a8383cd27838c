"""The tables, as the queries see them. The migrations make them; a test holds that both agree."""

from app.store.tables.accounts import api_keys, audit, idempotency_keys, sessions, tenants
from app.store.tables.columns import Moment, Name, metadata
from app.store.tables.series import (
    digests,
    events,
    feedback,
    jobs,
    models,
    points,
    replaced_scores,
    scores,
    series,
)
from app.store.tables.webhooks import webhook_deliveries, webhooks

__all__ = [
    "Moment",
    "Name",
    "api_keys",
    "audit",
    "digests",
    "events",
    "feedback",
    "idempotency_keys",
    "jobs",
    "metadata",
    "models",
    "points",
    "replaced_scores",
    "scores",
    "series",
    "sessions",
    "tenants",
    "webhook_deliveries",
    "webhooks",
]
