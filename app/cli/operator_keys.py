"""Operator keys: who can reach the database as the server may make them, and nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app import settings
from app.actions import accounts
from app.actions.parts import Parts, assemble
from app.api import shown
from app.cli import servers
from app.store.audit import COMMAND_LINE
from app.store.database import INSTALLATION

MOST_KEYS = 1000


def made(name: str) -> dict[str, Any]:
    with _parts() as parts:
        stored, key = accounts.add_key(parts, INSTALLATION, name, ["admin"], by=COMMAND_LINE)
        return shown.new_key(stored, key)


def listed() -> list[dict[str, Any]]:
    with _parts() as parts:
        found = accounts.keys_page(parts, INSTALLATION, None, MOST_KEYS)
        return [shown.key(key) for key in found]


def rotated(key_id: str, grace_s: int) -> dict[str, Any]:
    with _parts() as parts:
        stored, key = accounts.rotate_key(parts, INSTALLATION, key_id, grace_s, by=COMMAND_LINE)
        return shown.new_key(stored, key)


def revoke(key_id: str) -> None:
    with _parts() as parts:
        accounts.revoke_key(parts, INSTALLATION, key_id, by=COMMAND_LINE)


@contextmanager
def _parts() -> Iterator[Parts]:
    """Of the database that is set, or else the embedded one, as far as it runs."""
    parts = assemble(servers.reachable(settings.read()))
    try:
        yield parts
    finally:
        parts.close()
