"""Who asks, as long as his key is what it was."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from app.actions.limits import TenantLimits
from app.apikeys import ApiKey


@dataclass(frozen=True)
class Caller:
    """Who asks: recognised by a key, and what that key may do."""

    tenant_id: UUID
    key_id: str
    scopes: frozenset[str]
    is_operator: bool
    limits: TenantLimits

    @cached_property
    def tenant(self) -> str:
        """As log lines have it, of each request."""
        return str(self.tenant_id)

    def may(self, scope: str) -> bool:
        return scope in self.scopes or "admin" in self.scopes


@dataclass(frozen=True)
class Known:
    """A valid key, as it was presented, and the edition of its tenant's keys that was in force
    when it was looked up.

    is_certain: that edition was in force before it was read, too.
    """

    key: ApiKey
    caller: Caller
    edition: bytes
    is_certain: bool
    until_s: float  # time.monotonic()
