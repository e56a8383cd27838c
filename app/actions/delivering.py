"""Deliver what webhooks are to be told: by a process of its own, which needs little of the rest.

Each delivery is claimed for a lease, called, and noted, and no transaction is open while a receiver
is waited for. Failures are retried by the schedule that Standard Webhooks gives as its example; a
receiver that answers 410, or to whom nothing could be delivered for days, is told nothing more.
"""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import structlog

from app import __version__
from app.actions import announcing, notice_text
from app.errors import NotFound
from app.outbound import calls, notices, sealing, signatures
from app.outbound.addresses import Networks
from app.outbound.calls import Outcome
from app.outbound.notices import Channels
from app.outbound.quiet import QuietHours
from app.outbound.signatures import Salt
from app.signing import Secret
from app.store import Connection, Database, audit, outbox, tenants, webhooks
from app.store.audit import SERVICE
from app.store.deliveries import shown_id
from app.store.outbox import Claim, Due
from app.store.webhooks import Webhook

MOST_DUE = 1_000  # webhooks that are looked at in one go
LEASE_S = 60.0  # longer than a call can take, looking up its name included
SUSPENDED_PAUSE_S = 600.0
# After each failed try; standardwebhooks.com, "Deliverability and reliability".
RETRY_AFTER_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
MOST_TRIES = len(RETRY_AFTER_S) + 1
MOST_FAILING_S = 5 * 86_400.0  # so long nothing could be delivered, and the webhook is disabled
GONE = 410
TELLS_WHEN = (429, 503)  # statuses whose `Retry-After` is heeded

log = structlog.get_logger()


@dataclass(frozen=True)
class Sender:
    """What delivering needs: made once in a process."""

    database: Database
    secret: Secret
    networks: Networks
    tls: ssl.SSLContext
    channels: Channels = field(default_factory=Channels)
    deadline_s: float = calls.DEADLINE_S


def due(sender: Sender) -> list[Due]:
    """Webhooks of all tenants that something waits for, the longest wait first."""
    with sender.database.job_scan() as connection:
        return outbox.due(connection, MOST_DUE)


def claim(sender: Sender, of: Due, most: int) -> list[Claim]:
    """Some of what waits for a webhook, now ours; of a suspended tenant nothing, for a while."""
    with sender.database.tenant(of.tenant_id) as connection:
        try:
            is_active = tenants.by_id(connection, of.tenant_id).status == "active"
        except NotFound:  # erased
            return []
        if not is_active:
            outbox.put_off(connection, of, SUSPENDED_PAUSE_S)
            return []
        return outbox.claim(connection, of, _may_claim(connection, of, most), LEASE_S)


def _may_claim(connection: Connection, of: Due, most: int) -> int:
    """How many: one after the other, where the order counts. In quiet hours all waits for their
    end, but for what somebody asked for."""
    try:
        webhook = webhooks.by_id(connection, of.tenant_id, of.webhook_id)
        if not webhook.is_told_in_order:
            return most
        webhooks.lock(connection, of.tenant_id, of.webhook_id)
    except NotFound:  # removed
        return 0
    if webhook.quiet_hours is not None:
        until = QuietHours.from_json(webhook.quiet_hours).until(webhooks.now(connection))
        if until is not None:
            outbox.put_off_until(connection, of, until)
    return 0 if outbox.is_under_way(connection, of) else min(most, 1)


def deliver(sender: Sender, claimed: Claim) -> bool:
    """Try once; -> whether the receiver took it."""
    tenant_id, webhook_id = claimed.tenant_id, claimed.webhook_id
    try:
        with sender.database.tenant(tenant_id) as connection:
            webhook = webhooks.by_id(connection, tenant_id, webhook_id)
        outcome = _outcome(sender, webhook, claimed)
        with sender.database.tenant(tenant_id) as connection:
            _note(connection, webhooks.lock(connection, tenant_id, webhook_id), claimed, outcome)
    except NotFound:  # removed, and the delivery with it
        return False
    log.info(
        "webhook called",
        tenant_id=str(tenant_id),
        webhook_id=str(webhook_id),
        message_id=shown_id(claimed.message_id),
        type=claimed.type,
        attempt=claimed.attempt,
        status=outcome.status,
        seconds=outcome.seconds,
    )
    return outcome.is_success


def _outcome(sender: Sender, webhook: Webhook, claimed: Claim) -> Outcome:
    """Of the call, or why there was none."""
    if not (webhook.is_enabled or claimed.is_test):
        return Outcome(0.0, error="the webhook is disabled")
    if claimed.tries > MOST_TRIES:  # only where each of them ended without a note
        return Outcome(0.0, error="every process that tried it died or lost its connection")
    if webhook.sealed is not None:
        return _noticed(sender, webhook, webhook.sealed, claimed)
    secrets = _secrets(sender, webhook, claimed.claimed_at)
    if not secrets:
        return Outcome(0.0, error="the installation's secret of then is gone: rotate the secret")
    body = written(claimed.type, claimed.created_at, claimed.data)
    headers = {
        "content-type": "application/json",
        "user-agent": f"Tocsin/{__version__}",
        **signatures.headers(shown_id(claimed.message_id), claimed.claimed_at, body, secrets),
    }
    return calls.post(
        webhook.url,
        headers,
        body.encode(),
        tls=sender.tls,
        networks=sender.networks,
        deadline_s=sender.deadline_s,
    )


def _noticed(sender: Sender, webhook: Webhook, sealed: bytes, claimed: Claim) -> Outcome:
    salt = Salt(webhook.secret_number, webhook.secret_salt)
    address = sealing.opened(sender.secret, webhook.tenant_id, webhook.id, salt, sealed)
    if address is None:
        return Outcome(0.0, error="the installation's secret of then is gone: set the url again")
    text = notice_text.written(claimed.type, claimed.data)
    return notices.send(address, text, sender.channels)


def written(type_: str, at: datetime, data: Any) -> str:
    """The body of a call: the same for each try."""
    body = {"type": type_, "timestamp": at, "data": data}
    return orjson.dumps(body, option=orjson.OPT_UTC_Z).decode()


def _secrets(sender: Sender, webhook: Webhook, at: datetime) -> Sequence[str]:
    """Its own, and for a while that of before the last rotation."""
    salts = [Salt(webhook.secret_number, webhook.secret_salt)]
    if webhook.previous_until is not None and webhook.previous_until > at:
        assert webhook.previous_number is not None
        assert webhook.previous_salt is not None
        salts.append(Salt(webhook.previous_number, webhook.previous_salt))
    found = [
        signatures.secret(sender.secret, webhook.tenant_id, webhook.id, salt) for salt in salts
    ]
    return [secret for secret in found if secret is not None]


def _note(connection: Connection, webhook: Webhook, claimed: Claim, outcome: Outcome) -> None:
    """The webhook is locked, and before its deliveries, as by whoever disables or removes it."""
    entry = {
        "number": claimed.attempt,
        "at": claimed.claimed_at,
        "status": outcome.status,
        "error": outcome.error,
        "seconds": outcome.seconds,
        "answer": outcome.answer,
    }
    if outcome.is_success:
        outbox.note_delivered(connection, claimed, entry)
        webhooks.note_success(connection, webhook.tenant_id, webhook.id)
        return
    delay_s = _delay_s(webhook, claimed, outcome)
    if delay_s is None:
        outbox.note_failed(connection, claimed, entry)
    else:
        outbox.note_retry(connection, claimed, entry, delay_s)
    if outcome.status == GONE:
        _disable(connection, webhook, "gone")
    elif not claimed.is_test and _has_failed_for_days(connection, webhook):
        _disable(connection, webhook, "failing")


def _delay_s(webhook: Webhook, claimed: Claim, outcome: Outcome) -> float | None:
    """Until the next try; None where there is none."""
    is_last = claimed.is_test or claimed.tries >= MOST_TRIES
    if is_last or not webhook.is_enabled or outcome.status == GONE:
        return None
    told_s = outcome.retry_after_s if outcome.status in TELLS_WHEN else 0
    return max(RETRY_AFTER_S[claimed.tries - 1], told_s)


def _has_failed_for_days(connection: Connection, webhook: Webhook) -> bool:
    return webhooks.note_failure(connection, webhook.tenant_id, webhook.id, MOST_FAILING_S)


def _disable(connection: Connection, webhook: Webhook, reason: str) -> None:
    if webhooks.disable(connection, webhook.tenant_id, webhook.id, reason):
        announcing.webhook_disabled(connection, webhook, reason)
        details = {"reason": reason}
        audit.add(connection, webhook.tenant_id, SERVICE, "webhook.disabled", webhook.id, details)
        log.warning(
            "webhook disabled",
            tenant_id=str(webhook.tenant_id),
            webhook_id=str(webhook.id),
            reason=reason,
        )
