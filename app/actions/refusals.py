"""Keys and scopes that were refused, in the audit log: few rows, however many are refused.

A refusal costs its sender nothing, so it must cost the disk next to nothing.
"""

from uuid import UUID

import structlog

from app.actions.parts import Parts
from app.errors import Unavailable
from app.store import audit
from app.store.audit import Action, Actor
from app.store.database import INSTALLATION

log = structlog.get_logger()


def note_key(parts: Parts, tenant_id: UUID, by: Actor, key_id: str, reason: str) -> None:
    """A key that was looked up."""
    if parts.refusals.admits(by.from_address, reason):
        with parts.database.tenant(tenant_id) as connection:
            audit.add(connection, tenant_id, by, "key.refused", key_id, {"reason": reason})


def note_malformed(parts: Parts, by: Actor) -> None:
    """What was sent as a key cannot be one."""
    if parts.refusals.admits(by.from_address, "malformed"):
        _add(parts, INSTALLATION, by, "key.refused", {"reason": "malformed"})


def note_scope(parts: Parts, tenant_id: UUID, by: Actor, needs: str, route: str) -> None:
    """A valid key that may not do what was asked."""
    if parts.refusals.admits(by.from_address, by.key_id, needs):
        _add(parts, tenant_id, by, "scope.refused", {"needs": needs, "route": route})


def _add(parts: Parts, tenant_id: UUID, by: Actor, action: Action, details: dict[str, str]) -> None:
    """Who is refused hears of it even where the log cannot be written."""
    try:
        with parts.database.tenant(tenant_id) as connection:
            audit.add(connection, tenant_id, by, action, by.key_id, details)
    except Unavailable as error:
        log.warning("refusal not audited", action=action, error=error.detail)
