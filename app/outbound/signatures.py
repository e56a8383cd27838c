"""The secrets of webhooks, and signatures by them: Standard Webhooks 1.0 (standardwebhooks.com).

A secret is stored nowhere. It follows from the installation's secret and a salt, which is: whoever
reads the database or a backup cannot sign.
"""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from standardwebhooks.webhooks import Webhook as Signer

from app.signing import Secret

PURPOSE = "webhook"
PREFIX = "whsec_"
SALT_BYTES = 32


class Salt(NamedTuple):
    """With the installation's secret of this number it makes a secret."""

    number: int
    salt: bytes


def fresh(installation: Secret) -> Salt:
    return Salt(installation.number, secrets.token_bytes(SALT_BYTES))


def secret(installation: Secret, tenant_id: UUID, webhook_id: UUID, of: Salt) -> str | None:
    """As it is shown to the tenant; None where the installation's secret of then is gone."""
    message = tenant_id.bytes + webhook_id.bytes + of.salt
    key = installation.derived(of.number, PURPOSE, message)
    return None if key is None else PREFIX + base64.b64encode(key).decode()


def headers(message_id: str, at: datetime, body: str, by: Sequence[str]) -> dict[str, str]:
    """by: secrets, each of which signs."""
    at = at.astimezone(UTC)
    signatures = [Signer(one).sign(message_id, at, body) for one in by]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
