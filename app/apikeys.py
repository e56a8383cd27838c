"""What an API key looks like: `tcs_<id>_<secret><checksum>`, an operator's `tcs_op_<id>_…`.

The id is public. The checksum refuses typing errors without asking the database.
"""

import hmac
import re
import secrets
import string
import zlib
from dataclasses import dataclass

from app.signing import Secret

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_LENGTH = 16
SECRET_LENGTH = 43  # 43 characters of 62 carry 256 bits
CHECKSUM_LENGTH = 6
PAIRS = [first + second for first in ALPHABET for second in ALPHABET]  # digits, two at a time
TENANT_PREFIX, OPERATOR_PREFIX = "tcs_", "tcs_op_"
FORM = re.compile(
    f"(?P<prefix>{OPERATOR_PREFIX}|{TENANT_PREFIX})(?P<id>[{ALPHABET}]{{{ID_LENGTH}}})"
    f"_[{ALPHABET}]{{{SECRET_LENGTH + CHECKSUM_LENGTH}}}"
)


@dataclass(frozen=True, repr=False)
class ApiKey:
    id: str
    text: str
    is_operator: bool

    def hashed(self, secret: Secret) -> bytes:
        """What is stored: HMAC-SHA256 of the whole key under the installation's pepper."""
        return secret.sign("api-key", self.text.encode())

    def matches(self, stored: bytes, secret: Secret) -> bool:
        return secret.holds("api-key", self.text.encode(), stored)

    def is_same(self, other: "ApiKey") -> bool:
        """In a time that tells nothing of where they differ."""
        return hmac.compare_digest(self.text, other.text)


def mint(is_operator: bool = False, key_id: str | None = None) -> ApiKey:
    """A new key; with the id of another one, a new secret for that."""
    prefix = OPERATOR_PREFIX if is_operator else TENANT_PREFIX
    key_id = key_id or _random(ID_LENGTH)
    body = f"{prefix}{key_id}_{_random(SECRET_LENGTH)}"
    return ApiKey(key_id, body + _checksum(body), is_operator)


def parse(text: str) -> ApiKey | None:
    """The key that the text spells, or None where it cannot be one."""
    found = FORM.fullmatch(text)
    if found is None or _checksum(text[:-CHECKSUM_LENGTH]) != text[-CHECKSUM_LENGTH:]:
        return None
    return ApiKey(found["id"], text, found["prefix"] == OPERATOR_PREFIX)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _checksum(body: str) -> str:
    above, last = divmod(zlib.crc32(body.encode()), len(PAIRS))
    first, middle = divmod(above, len(PAIRS))
    return PAIRS[first] + PAIRS[middle] + PAIRS[last]
