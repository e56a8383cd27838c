"""Small JSON files that only their owner can read."""

import json
import os
import secrets
from pathlib import Path

from app.errors import Misconfigured

ROLES = ("superuser", "owner", "server")


def passwords(home: Path) -> dict[str, str]:
    """The password of each role: read from the home folder, or made on the first start.

    Raises Misconfigured when there is data already, but its passwords are gone or not readable.
    """
    path = home / "passwords.json"
    found = read(path)
    if found is None and not path.exists() and not (home / "postgres").exists():
        found = {role: secrets.token_urlsafe(32) for role in ROLES}
        write(path, found)
    if found is None or not all(found.get(role) for role in ROLES):
        raise Misconfigured(
            f"{path} is missing or not whole, and PostgreSQL's data belongs to its passwords: "
            f"put the file back, or move {home / 'postgres'} away to begin anew."
        )
    return found


def read(path: Path) -> dict[str, str] | None:
    """A file of texts by name; None when there is none, or it is not one."""
    try:
        content = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write(path: Path, content: dict[str, str]) -> None:
    """Replace the file, on disk when this returns; a crash leaves the old one or the new one."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "w") as text:
        json.dump(content, text)
        text.flush()
        os.fsync(text.fileno())
    unfinished.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in the folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
