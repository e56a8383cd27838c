"""The server's composition root: `granian app.wsgi:application` makes one in each process."""

from typing import Any

from app import logs, settings
from app.actions.parts import assemble
from app.api import (
    admin,
    detect,
    keys,
    me,
    points,
    scores,
    series,
    system,
    tenants,
    training,
)
from app.console import pages
from app.web.application import build

MODULES = (
    admin,
    detect,
    keys,
    me,
    pages,
    points,
    scores,
    series,
    system,
    tenants,
    training,
)


def make() -> Any:
    configured = settings.read()
    logs.configure(configured)
    return build(assemble(configured), MODULES)


application = make()
