"""For commands that work on the database itself, and not by way of a running server."""

from collections.abc import Iterator
from contextlib import contextmanager

from app import settings
from app.actions.parts import Parts, assemble
from app.cli import servers


@contextmanager
def opened() -> Iterator[Parts]:
    """Of the database that is set, or else the embedded one, as far as it runs."""
    parts = assemble(servers.reachable(settings.read()))
    try:
        yield parts
    finally:
        parts.close()
