"""Whether the service can answer: each part is asked, none is assumed."""

from dataclasses import dataclass

from app.actions.parts import Parts
from app.errors import Unavailable
from app.store import migrations


@dataclass(frozen=True)
class Readiness:
    """Of `database`, `migrations`, `cache` and `queue`: `ok`, or what is wrong."""

    parts: dict[str, str]

    @property
    def is_ready(self) -> bool:
        return self.parts["database"] == self.parts["migrations"] == "ok"

    @property
    def status(self) -> str:
        if not self.is_ready:
            return "unavailable"
        return "ready" if set(self.parts.values()) == {"ok"} else "degraded"


def readiness(parts: Parts) -> Readiness:
    cache = "ok" if parts.cache.answers() else "does not answer"
    # The queue lives in the same Redis; jobs that it cannot take wait in the database.
    return Readiness({**_database(parts), "cache": cache, "queue": cache})


def _database(parts: Parts) -> dict[str, str]:
    newest = migrations.newest_revision()
    try:
        with parts.database.plain() as connection:
            revision = migrations.current_revision(connection)
    except Unavailable:
        return {"database": "does not answer", "migrations": "unknown"}
    if revision == newest:
        return {"database": "ok", "migrations": "ok"}
    return {
        "database": "ok",
        "migrations": f"at {revision or 'nothing'}, needs {newest}: run `tocsin migrate`",
    }
