"""Whether the service can answer: each part is asked, none is assumed."""

import time
from dataclasses import dataclass

from app.actions import draining
from app.actions.parts import Parts
from app.errors import Unavailable
from app.store import inspection, migrations

ANSWER_S = 2.0  # who asks for readiness mostly gives up after three
WORKERS_START_WITHIN_S = 30.0  # they load the detector before they give a sign of life
READ_ONLY = "read-only, nothing can be stored: a standby, or a server whose disk is full"


@dataclass(frozen=True)
class Readiness:
    """Of `database`, `migrations`, `cache`, `queue` and `workers`: `ok`, or what is wrong."""

    parts: dict[str, str]
    is_draining: bool = False

    @property
    def is_ready(self) -> bool:
        return not self.is_draining and self.parts["database"] == self.parts["migrations"] == "ok"

    @property
    def status(self) -> str:
        if self.is_draining:
            return "draining"
        if not self.is_ready:
            return "unavailable"
        return "ready" if set(self.parts.values()) == {"ok"} else "degraded"


def readiness(parts: Parts) -> Readiness:
    is_there = parts.cache.answers()
    cache = "ok" if is_there else "does not answer"
    # The queue lives in the same Redis, which is waited for once. Jobs that it cannot take wait in
    # the database.
    workers = _workers(parts) if is_there else "unknown"
    asked = {"cache": cache, "queue": cache, "workers": workers}
    return Readiness({**_database(parts), **asked}, draining.is_under_way())


def _workers(parts: Parts) -> str:
    """Without any the server answers all the same, and trainings wait."""
    try:
        if parts.queue.workers():
            return "ok"
    except Unavailable:
        return "unknown"
    if time.monotonic() - parts.made_at_s < WORKERS_START_WITHIN_S:
        return "starting"
    return "none gives a sign of life: trainings wait"


def _database(parts: Parts) -> dict[str, str]:
    newest = migrations.newest_revision()
    try:
        parts.database.ping(ANSWER_S)
        with parts.database.plain() as connection:
            revision = migrations.current_revision(connection)
            is_read_only = inspection.is_read_only(connection)
    except Unavailable:
        return {"database": "does not answer", "migrations": "unknown"}
    is_current = revision == newest
    needed = f"at {revision or 'nothing'}, needs {newest}: run `tocsin migrate`"
    return {
        "database": READ_ONLY if is_read_only else "ok",
        "migrations": "ok" if is_current else needed,
    }
