"""What `tocsin doctor` looks at, a function for each; each says what to do where it is not well."""

import importlib.metadata
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.cache import inspection as cache_inspection
from app.cli import children, credentials, ports, servers, versions
from app.errors import TocsinError
from app.settings import Settings
from app.store import inspection, migrations

State = Literal["ok", "warning", "wrong"]
STATES: dict[versions.Safety, State] = {"safe": "ok", "unknown": "warning", "unsafe": "wrong"}
OLDEST_PYTHON = (3, 11)
SHOWN_LIBRARIES = ("hug", "granian", "numpy", "scikit-learn", "sqlalchemy", "redis", "rq")


@dataclass(frozen=True)
class Finding:
    what: str
    state: State
    found: str
    advice: str = ""


def python() -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    is_old = sys.version_info < OLDEST_PYTHON
    yield Finding("Python", "wrong" if is_old else "ok", found, "Needs 3.11." if is_old else "")


def libraries() -> Iterator[Finding]:
    missing = [name for name in _required() if not _version(name)]
    shown = ", ".join(f"{name} {_version(name) or 'missing'}" for name in SHOWN_LIBRARIES)
    advice = f"Not installed: {', '.join(missing)}. Install from requirements.lock."
    yield Finding("Libraries", "wrong" if missing else "ok", shown, advice if missing else "")


def _required() -> Iterator[str]:
    """Names of what this platform needs."""
    try:
        lines = importlib.metadata.requires("tocsin") or []
    except importlib.metadata.PackageNotFoundError:
        return
    for line in lines:
        name, _, marker = line.partition(";")
        if not marker:
            yield re.split(r"[^A-Za-z0-9._-]", name)[0]


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def database(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None:
        yield _embedded("PostgreSQL", "TOCSIN_DATABASE_URL")
        return
    facts = inspection.inspect(settings.required("database_url"))
    safety, advice = versions.postgres(facts.version)
    shown = f"{facts.version[0]}.{facts.version[1]}"
    yield Finding("PostgreSQL", STATES[safety], shown, advice)
    if facts.is_powerful or facts.role != migrations.SERVER_ROLE:
        advice = f"The walls between tenants want the role {migrations.SERVER_ROLE} here."
        state: State = "wrong" if facts.is_powerful else "warning"
        yield Finding("Server's role", state, facts.role, advice)
    else:
        yield Finding("Server's role", "ok", facts.role)
    yield _schema(facts.revision)


def _schema(revision: str | None) -> Finding:
    newest = migrations.newest_revision()
    if revision == newest:
        return Finding("Schema", "ok", f"revision {revision}")
    advice = f"This version needs {newest}: `tocsin migrate`."
    return Finding("Schema", "wrong", f"revision {revision or 'none'}", advice)


def owner(settings: Settings) -> Iterator[Finding]:
    if settings.owner_database_url is None:
        if settings.database_url is not None:
            advice = "Set TOCSIN_OWNER_DATABASE_URL where `tocsin migrate` and upkeep run."
            yield Finding("Owner's role", "warning", "not set", advice)
        return
    facts = inspection.inspect(settings.required("owner_database_url"))
    advice = "A superuser is not bound by the walls between tenants: use a role that only owns."
    state: State = "wrong" if facts.is_powerful else "ok"
    yield Finding("Owner's role", state, facts.role, advice if facts.is_powerful else "")


def redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield _embedded("Valkey", "TOCSIN_REDIS_URL")
        return
    facts = cache_inspection.inspect(settings.required("redis_url"))
    safety, advice = versions.redis(facts.name, facts.version)
    yield Finding(facts.name, STATES[safety], facts.version, advice)
    if facts.eviction.startswith("allkeys"):
        advice = "It may drop queue entries: set maxmemory-policy to volatile-lru."
        yield Finding("Eviction", "warning", facts.eviction, advice)


def _embedded(name: str, variable: str) -> Finding:
    from app.embedded import binaries

    found = binaries.find()
    version = found.postgres_version if name == "PostgreSQL" else found.valkey_version
    advice = f"`tocsin up` starts it; or set {variable}."
    return Finding(name, "ok", f"{version}, embedded, not running", advice)


def data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir.resolve()
    if not folder.is_dir():
        yield Finding("Data folder", "ok", f"{folder} is made on the first start")
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("Data folder", "wrong", str(folder), "This account may not write there.")
    else:
        yield _private(folder, "Data folder", 0o066)
    for path in (settings.secret_path, folder / credentials.FILE):
        if path.exists():
            yield _private(path, path.name.capitalize(), 0o077)


def _private(path: Path, what: str, refused: int) -> Finding:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & refused:
        advice = f"Others can read it: chmod go= {path}"
        return Finding(what, "wrong", f"{path}, mode {mode:04o}", advice)
    return Finding(what, "ok", str(path))


def port(settings: Settings) -> Iterator[Finding]:
    if children.answers(children.reachable_host(settings.host), settings.port):
        yield Finding("Port", "ok", f"a Tocsin answers at {children.url(settings)}")
        return
    ports.refuse_taken(settings.host, settings.port, patience_s=0)
    yield Finding("Port", "ok", f"{settings.port} of {settings.host} is free")


def all_of(settings: Settings) -> Iterator[Finding]:
    """Every finding; what cannot be looked at is one that is wrong."""
    found = servers.reachable(settings)
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        ("Python", python),
        ("Libraries", libraries),
        ("PostgreSQL", lambda: database(found)),
        ("Owner's role", lambda: owner(found)),
        ("Redis", lambda: redis(found)),
        ("Data folder", lambda: data_folder(settings)),
        ("Port", lambda: port(settings)),
    ]
    for what, check in checks:
        try:
            yield from check()
        except TocsinError as error:
            yield Finding(what, "wrong", "", error.detail)
