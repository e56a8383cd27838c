"""Addresses that are secrets, as those of chats are: kept under the installation's secret.

Whoever reads the database or a backup learns nothing of them. Each has a key of its own, which
follows from the installation's secret and a salt, and is bound to its tenant and webhook.
"""

import secrets
from uuid import UUID

from app.outbound.signatures import Salt
from app.signing import Secret

PURPOSE = "notice"
NONCE_BYTES = 12  # of AES-GCM


def seal(installation: Secret, tenant_id: UUID, webhook_id: UUID, by: Salt, address: str) -> bytes:
    """by: a fresh salt."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = _key(installation, tenant_id, webhook_id, by)
    assert key is not None  # a fresh salt is of the secret that signs now
    nonce = secrets.token_bytes(NONCE_BYTES)
    text: bytes = AESGCM(key).encrypt(nonce, address.encode(), None)
    return nonce + text


def opened(
    installation: Secret, tenant_id: UUID, webhook_id: UUID, by: Salt, sealed: bytes
) -> str | None:
    """The address; None where the installation's secret of then is gone."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = _key(installation, tenant_id, webhook_id, by)
    if key is None:
        return None
    nonce, text = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        address: bytes = AESGCM(key).decrypt(nonce, text, None)
    except InvalidTag:  # the number means another secret by now
        return None
    return address.decode()


def _key(installation: Secret, tenant_id: UUID, webhook_id: UUID, by: Salt) -> bytes | None:
    return installation.derived(by.number, PURPOSE, tenant_id.bytes + webhook_id.bytes + by.salt)
