"""What webhooks are to be told: written in the transaction of the fact, taken from here to be sent.

A message has one id, however many webhooks are told of it and however often that is tried; its row
for one webhook is a delivery. To claim it is to move the time at which it is due: whoever dies over
it leaves it to be claimed again then. What came of a claim counts as long as nobody claimed after
it (fencing), but for a success, which stays one.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Connection, text

from app.store.ids import new_id

Type = Literal["event.opened", "event.closed", "training.failed", "webhook.disabled"]
TEST = "webhook.test"
KEPT_ATTEMPTS = 20  # the last ones, of a delivery that is replayed again and again
JITTER = 0.2  # a delay is longer by up to so much, never shorter: `Retry-After` may have set it

# A webhook that is being removed is waited for, and then left out.
ADD = text(
    "INSERT INTO webhook_deliveries (tenant_id, webhook_id, message_id, type, series_id, data) "
    "SELECT tenant_id, id, :message_id, :type, CAST(:series_id AS uuid), CAST(:data AS json) "
    "FROM webhooks "
    "WHERE tenant_id = :tenant_id AND disabled_at IS NULL AND :type = ANY(types) FOR KEY SHARE"
)
ADD_TEST = text(
    "INSERT INTO webhook_deliveries (tenant_id, webhook_id, message_id, type, data, at_once) "
    "VALUES (:tenant_id, :webhook_id, :message_id, :type, CAST(:data AS json), true)"
)
DUE = text(
    "SELECT tenant_id, webhook_id FROM webhook_deliveries "
    "WHERE status = 'pending' AND due_at <= now() "
    "GROUP BY tenant_id, webhook_id ORDER BY min(due_at) LIMIT :most"
)
# Materialized: as a subquery it may run again for each row, and take more than it was to.
CLAIM = text(
    "WITH mine AS MATERIALIZED (SELECT message_id FROM webhook_deliveries "
    "WHERE tenant_id = :tenant_id AND webhook_id = :webhook_id AND status = 'pending' "
    "AND due_at <= now() ORDER BY due_at, message_id LIMIT :most FOR UPDATE SKIP LOCKED) "
    "UPDATE webhook_deliveries AS of SET attempt = attempt + 1, tries = tries + 1, "
    "due_at = now() + make_interval(secs => :lease_s) FROM mine "
    "WHERE of.tenant_id = :tenant_id AND of.webhook_id = :webhook_id "
    "AND of.message_id = mine.message_id "
    "RETURNING of.tenant_id, of.webhook_id, of.message_id, of.type, of.data, of.attempt, of.tries, "
    "of.created_at, clock_timestamp()"
)
PUT_OFF = text(
    "UPDATE webhook_deliveries SET due_at = now() + make_interval(secs => :pause_s) "
    "WHERE tenant_id = :tenant_id AND webhook_id = :webhook_id "
    "AND status = 'pending' AND due_at <= now()"
)
PUT_OFF_UNTIL = text(
    "UPDATE webhook_deliveries SET due_at = :until "
    "WHERE tenant_id = :tenant_id AND webhook_id = :webhook_id "
    "AND status = 'pending' AND due_at <= now() AND NOT at_once"
)
# Claimed, and not noted so far; whoever died over it has it until its lease is over.
UNDER_WAY = text(
    "SELECT EXISTS (SELECT FROM webhook_deliveries "
    "WHERE tenant_id = :tenant_id AND webhook_id = :webhook_id AND status = 'pending' "
    "AND due_at > now() AND attempt > coalesce((attempts -> -1 ->> 'number')::int, 0))"
)
LOGGED = (
    f"attempts = CASE WHEN jsonb_array_length(attempts) < {KEPT_ATTEMPTS} "
    "THEN attempts ELSE attempts - 0 END || CAST(:entry AS jsonb)"
)
IDENTITY = "tenant_id = :tenant_id AND webhook_id = :webhook_id AND message_id = :message_id"
MINE = f"{IDENTITY} AND attempt = :attempt AND status = 'pending'"
# The texts between are ours, for all three.
NOTE_DELIVERED = text(
    f"UPDATE webhook_deliveries SET status = 'delivered', ended_at = now(), {LOGGED} "  # noqa: S608  # nosec B608
    f"WHERE {IDENTITY} AND status <> 'delivered'"
)
NOTE_FAILED = text(
    f"UPDATE webhook_deliveries SET status = 'failed', ended_at = now(), {LOGGED} WHERE {MINE}"  # noqa: S608  # nosec B608
)
NOTE_RETRY = text(
    f"UPDATE webhook_deliveries SET {LOGGED}, "  # noqa: S608  # nosec B608
    f"due_at = now() + make_interval(secs => :delay_s * (1 + {JITTER} * random())) WHERE {MINE}"
)

# Of a series that was erased meanwhile nothing is kept but what is still to be told.
FORGET_OF_ERASED = text(
    f"DELETE FROM webhook_deliveries AS of WHERE {IDENTITY} AND status <> 'pending' "  # noqa: S608  # nosec B608
    "AND series_id IS NOT NULL AND NOT EXISTS (SELECT FROM series "
    "WHERE tenant_id = :tenant_id AND id = of.series_id)"
)


class Due(NamedTuple):
    """A webhook that something is to be delivered to."""

    tenant_id: UUID
    webhook_id: UUID


class Claim(NamedTuple):
    """A delivery that is ours for the lease. tries: since it was begun, or replayed."""

    tenant_id: UUID
    webhook_id: UUID
    message_id: UUID
    type: str
    data: dict[str, Any]
    attempt: int
    tries: int
    created_at: datetime
    claimed_at: datetime

    @property
    def is_test(self) -> bool:
        return self.type == TEST


def add(
    connection: Connection,
    tenant_id: UUID,
    type_: Type,
    series_id: UUID | None,
    data: Mapping[str, Any],
) -> int:
    """For all webhooks of the tenant that want to hear of it; -> how many do."""
    values = {"tenant_id": tenant_id, "type": type_, "series_id": series_id}
    told = {"message_id": new_id(), "data": _json(data)}
    return connection.execute(ADD, {**values, **told}).rowcount


def add_test(
    connection: Connection, tenant_id: UUID, webhook_id: UUID, data: Mapping[str, Any]
) -> UUID:
    """-> the id of the message, for this webhook alone, whatever it wants to hear of."""
    message_id = new_id()
    identity = {"tenant_id": tenant_id, "webhook_id": webhook_id, "message_id": message_id}
    connection.execute(ADD_TEST, {**identity, "type": TEST, "data": _json(data)})
    return message_id


def _json(data: Any) -> str:
    """Times as answers have them."""
    return orjson.dumps(data, option=orjson.OPT_UTC_Z).decode()


def due(connection: Connection, most: int) -> list[Due]:
    """Inside `Database.job_scan`: of all tenants, the one that waits longest first."""
    return [Due(*row) for row in connection.execute(DUE, {"most": most})]


def claim(connection: Connection, of: Due, most: int, lease_s: float) -> list[Claim]:
    """Deliveries that are due and that nobody has, now ours."""
    values = {**of._asdict(), "most": most, "lease_s": lease_s}
    return [Claim(*row) for row in connection.execute(CLAIM, values)]


def put_off(connection: Connection, of: Due, pause_s: float) -> None:
    """What is due is due later."""
    connection.execute(PUT_OFF, {**of._asdict(), "pause_s": pause_s})


def put_off_until(connection: Connection, of: Due, until: datetime) -> None:
    """The same, but for what somebody asked for."""
    connection.execute(PUT_OFF_UNTIL, {**of._asdict(), "until": until})


def is_under_way(connection: Connection, of: Due) -> bool:
    """Whether a call of the webhook is; who asks holds the webhook, or another may begin one."""
    return bool(connection.scalar(UNDER_WAY, of._asdict()))


def note_delivered(connection: Connection, claim: Claim, entry: Mapping[str, Any]) -> None:
    connection.execute(NOTE_DELIVERED, _noted(claim, entry))
    connection.execute(FORGET_OF_ERASED, _noted(claim, entry))


def note_failed(connection: Connection, claim: Claim, entry: Mapping[str, Any]) -> None:
    """Nobody tries it again, if it was still ours."""
    connection.execute(NOTE_FAILED, _noted(claim, entry))
    connection.execute(FORGET_OF_ERASED, _noted(claim, entry))


def note_retry(
    connection: Connection, claim: Claim, entry: Mapping[str, Any], delay_s: float
) -> None:
    """It is due again after about that time, if it was still ours."""
    connection.execute(NOTE_RETRY, {**_noted(claim, entry), "delay_s": delay_s})


def _noted(claim: Claim, entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "tenant_id": claim.tenant_id,
        "webhook_id": claim.webhook_id,
        "message_id": claim.message_id,
        "attempt": claim.attempt,
        "entry": _json([entry]),
    }
