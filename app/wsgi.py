"""The server's composition root: `granian app.wsgi:application` makes one in each process."""

from contextlib import suppress
from typing import Any

from app import logs, metrics, settings, tracing
from app.actions import measuring
from app.actions.parts import assemble
from app.api import (
    admin,
    audit,
    deliveries,
    detect,
    events,
    feedback,
    keys,
    me,
    points,
    preview,
    prometheus,
    scores,
    series,
    session,
    system,
    tenants,
    training,
    watched,
    webhooks,
)
from app.console import assets, pages
from app.errors import Unavailable
from app.web.application import build

MODULES = (
    admin,
    assets,
    audit,
    deliveries,
    detect,
    events,
    feedback,
    keys,
    me,
    pages,
    points,
    preview,
    prometheus,
    scores,
    series,
    session,
    system,
    tenants,
    training,
    watched,
    webhooks,
)


def make() -> Any:
    configured = settings.read()
    logs.configure(configured, waits=True)
    parts = assemble(configured)
    with suppress(Unavailable):  # it may come later; each connection is looked at
        parts.database.refuse_powerful_role()
    metrics.begin()
    tracing.begin(configured, "server")
    measuring.watch(parts)
    return build(parts, MODULES)


application = make()
