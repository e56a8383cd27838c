"""Operator keys: who can reach the database as the server may make them, and nobody else."""

from typing import Any

from app.actions import accounts
from app.api import shown
from app.cli import direct
from app.store.audit import COMMAND_LINE
from app.store.database import INSTALLATION

MOST_KEYS = 1000


def made(name: str) -> dict[str, Any]:
    with direct.opened() as parts:
        stored, key = accounts.add_key(parts, INSTALLATION, name, ["admin"], by=COMMAND_LINE)
        return shown.new_key(stored, key)


def listed() -> list[dict[str, Any]]:
    with direct.opened() as parts:
        found = accounts.keys_page(parts, INSTALLATION, None, MOST_KEYS)
        return [shown.key(key) for key in found]


def rotated(key_id: str, grace_s: int) -> dict[str, Any]:
    with direct.opened() as parts:
        stored, key = accounts.rotate_key(parts, INSTALLATION, key_id, grace_s, by=COMMAND_LINE)
        return shown.new_key(stored, key)


def revoke(key_id: str) -> None:
    with direct.opened() as parts:
        accounts.revoke_key(parts, INSTALLATION, key_id, by=COMMAND_LINE)
