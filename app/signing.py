"""The installation secret: one number that all hosts share, from which every other key is derived.

It peppers the hashes of API keys and signs what leaves the process and comes back: queue entries,
cached models, cursors. Each purpose has a key of its own, so that none can stand in for another.
"""

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from app.errors import Misconfigured

SECRET_BYTES = 32
SIGNATURE_BYTES = 32
FINGERPRINT_DIGITS = 16


class Secret:
    """Numbered secrets of an installation: the highest number signs, all of them verify."""

    def __init__(self, numbered: dict[int, bytes]) -> None:
        self._numbered = dict(sorted(numbered.items(), reverse=True))
        self._derived: dict[tuple[int, str], bytes] = {}

    def __repr__(self) -> str:
        return f"Secret(numbers={list(self._numbered)})"

    def _digest(self, number: int, purpose: str, message: bytes) -> bytes:
        key = self._derived.get((number, purpose))
        if key is None:
            key = hmac.digest(self._numbered[number], purpose.encode(), hashlib.sha256)
            self._derived[number, purpose] = key
        return hmac.digest(key, message, hashlib.sha256)

    def sign(self, purpose: str, message: bytes) -> bytes:
        return self._digest(self.number, purpose, message)

    @property
    def number(self) -> int:
        """Of the one that signs."""
        return next(iter(self._numbered))

    def derived(self, number: int, purpose: str, message: bytes) -> bytes | None:
        """32 bytes that only follow from the secret of this number; None where that is gone."""
        return self._digest(number, purpose, message) if number in self._numbered else None

    def fingerprints(self) -> dict[str, str]:
        """A name for each of the numbered secrets, that tells nothing of it: is it the same?"""
        return {
            str(number): self._digest(number, "fingerprint", b"").hex()[:FINGERPRINT_DIGITS]
            for number in sorted(self._numbered)
        }

    def holds(self, purpose: str, message: bytes, signature: bytes) -> bool:
        """Whether one of the valid secrets signed this message for this purpose."""
        return any(
            hmac.compare_digest(self._digest(number, purpose, message), signature)
            for number in self._numbered
        )


def load(path: Path) -> Secret:
    """Read the secret, or make it where there is none; a line is `number hex`."""
    if not path.exists():
        _make(path)
    try:
        lines = [line.split() for line in path.read_text().splitlines() if line.strip()]
        numbered = {int(number): bytes.fromhex(secret) for number, secret in lines}
    except OSError as error:
        raise Misconfigured(
            f"TOCSIN_SECRET_FILE: {path} cannot be read: {error.strerror}"
        ) from None
    except ValueError:  # its message would show what stands in the file
        lines, numbered = [], {}
    is_short = any(len(secret) < SECRET_BYTES for secret in numbered.values())
    if not numbered or is_short or len(numbered) < len(lines):
        raise Misconfigured(
            f"TOCSIN_SECRET_FILE: {path} must hold lines of a number, each once, and "
            f"{2 * SECRET_BYTES} hexadecimal digits. Restore it from a backup: with another "
            "secret no API key is valid any more"
        )
    return Secret(numbered)


def _make(path: Path) -> None:
    """Written aside and linked into place, so that of two first starts one wins, whole."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"1 {secrets.token_hex(SECRET_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(aside, path)
    except FileExistsError:
        return
    finally:
        aside.unlink()
