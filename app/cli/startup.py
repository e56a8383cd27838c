"""What must hold before processes are started: settings that are met, the right role and schema."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from app import signing, tracing
from app.cli import output, servers
from app.errors import Misconfigured, TocsinError
from app.outbound import notices
from app.settings import Settings
from app.store import migrations
from app.store.database import Database

Needed = Literal["database_url", "owner_database_url", "redis_url"]


def checked(settings: Settings) -> Settings:
    """The settings with both servers, or one error that says all that is wrong."""
    found = servers.reachable(settings)
    refuse_unmet(found, ("database_url", "redis_url"))
    tracing.refuse_missing(found)
    notices.refuse_unsendable(found)
    with_database(found, is_strict=False)
    return found


def refuse_unmet(settings: Settings, needed: Sequence[Needed]) -> None:
    """Raise Misconfigured that names everything that is missing or cannot be read."""
    wrong = []
    for name in needed:
        try:
            settings.required(name)
        except TocsinError as error:
            wrong.append(error.detail)
    if not wrong or settings.secret_path.exists():  # else it would be made for no start
        wrong += _secret_errors(settings.secret_path)
    if wrong:
        raise Misconfigured("\n".join(wrong))


def _secret_errors(path: Path) -> list[str]:
    try:
        signing.load(path)
    except TocsinError as error:
        return [error.detail]
    except OSError as error:
        return [f"TOCSIN_SECRET_FILE: {path} cannot be made: {error.strerror}"]
    return []


def with_database(settings: Settings, is_strict: bool) -> None:
    """Refuse a role that stands above the walls between tenants; an old schema only if strict."""
    database = Database(settings.required("database_url"), connections=1)
    try:
        database.refuse_powerful_role()
        with database.plain() as connection:
            revision = migrations.current_revision(connection)
    finally:
        database.close()
    newest = migrations.newest_revision()
    if revision == newest:
        return
    line = f"The database is at revision {revision or 'none'}, and this version needs {newest}"
    if is_strict:
        raise Misconfigured(f"{line}: set TOCSIN_OWNER_DATABASE_URL, or run `tocsin migrate`.")
    output.message(f"{line}: run `tocsin migrate`.")
