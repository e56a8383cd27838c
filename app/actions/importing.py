"""A tenant out of the file that `app.actions.exporting` wrote: in one transaction, as a new one.

Points, scores and events are what they were, bit for bit. Models are trained anew, from the points;
until then the rule of thumb judges. Keys and webhooks are not brought along: their secrets are not
there.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

from app.actions import accounts, exported_rows, retraining
from app.actions.exported_rows import Row
from app.actions.exporting import FORMAT, KEYS, README, SERIES, TENANT, WEBHOOKS, member
from app.actions.parts import Parts
from app.apikeys import ApiKey
from app.detection import FOREST_POINTS
from app.errors import Conflict, Invalid, Malformed
from app.ingest.json import parse_json
from app.ingest.json_list import read_objects
from app.ingest.wording import excerpt
from app.store import Connection, cells, portable, series
from app.store.archive import BadBackup, Progress
from app.store.audit import SERVICE, Actor
from app.store.jobs import Job
from app.store.keys import StoredKey
from app.store.series import Series
from app.store.tenants import Tenant

LARGEST_TENANT_BYTES = 64 << 10
CAME_LATER = {"feedback"}  # exports of earlier versions have none
# CSV that we write becomes a tenth of its size, a hundredth where nothing changes.
MOST_INFLATION, SMALL_BYTES = 200, 64 << 20


@dataclass(frozen=True)
class Imported:
    tenant: Tenant
    stored_key: StoredKey
    key: ApiKey
    counts: dict[str, int]
    trainings: int


@dataclass(frozen=True)
class Contents:
    """What the file says of the tenant and its series, still to be checked; series are read as
    they are asked for, once."""

    tenant: dict[str, Any]
    series: Iterator[dict[str, Any]]


def contents(zipped: ZipFile, size_bytes: int) -> Contents:
    """Of a file of this size. Raises BadBackup for what is no export."""
    _refuse_bomb(zipped, size_bytes)
    tenant = _tenant(zipped)
    if tenant.get("format") != FORMAT:
        raise BadBackup(f"{TENANT}: format must be {FORMAT}, not {tenant.get('format')!r:.40}")
    return Contents(tenant, _series(zipped))


def _refuse_bomb(zipped: ZipFile, size_bytes: int) -> None:
    """Members say how large they become, and no more of them is read than that."""
    most = max(MOST_INFLATION * size_bytes, SMALL_BYTES)
    inflated = sum(one.file_size for one in zipped.infolist())
    if inflated > most:
        raise BadBackup(
            f"The file has {size_bytes:,} bytes and would become {inflated:,}: an export becomes "
            f"{MOST_INFLATION} times its size at most"
        )


def _tenant(zipped: ZipFile) -> dict[str, Any]:
    try:
        with _opened(zipped, TENANT) as file:
            text = file.read(LARGEST_TENANT_BYTES + 1)
        if len(text) > LARGEST_TENANT_BYTES:
            raise BadBackup(f"{TENANT} may have {LARGEST_TENANT_BYTES} bytes")
        found = parse_json(text)
    except Malformed as error:
        raise BadBackup(f"{TENANT} cannot be read: {error.detail}") from None
    if not isinstance(found, dict):
        raise BadBackup(f"{TENANT} must hold a JSON object")
    return found


def _series(zipped: ZipFile) -> Iterator[dict[str, Any]]:
    try:
        with _opened(zipped, SERIES) as file:
            yield from read_objects(file)
    except Malformed as error:
        raise BadBackup(f"{SERIES} cannot be read: {error.detail}") from None


def _opened(zipped: ZipFile, name: str) -> Any:
    try:
        return zipped.open(name)
    except KeyError:
        raise BadBackup(f"{name} is missing: this is no whole export of a tenant") from None


def store(
    parts: Parts,
    zipped: ZipFile,
    tenant: Mapping[str, Any],
    watched: Iterable[Mapping[str, Any]],
    progress: Progress,
    *,
    by: Actor = SERVICE,
) -> Imported:
    """tenant: slug, name, limits; watched: columns of each series and `has_model`; all checked, the
    series as they come: what is wrong with one undoes all."""
    counts = dict.fromkeys(("series", *cells.TABLES), 0)
    left = set(zipped.namelist()) - {README, TENANT, SERIES, KEYS, WEBHOOKS}
    asked: list[Job] = []
    with parts.database.plain() as connection:
        made, stored_key, key = accounts.begin_tenant(
            parts, connection, tenant["slug"], tenant["name"], tenant["limits"], by
        )
        for one in watched:
            columns = {name: value for name, value in one.items() if name != "has_model"}
            of = _added(connection, made, columns)
            for table in cells.TABLES:
                counts[table] += _import_rows(connection, zipped, of, table)
                left.discard(member(of.name, table))
            counts["series"] += 1
            asked += _trainings(connection, portable.settle(connection, of), one["has_model"])
            progress("series", 1)
        if left:
            raise BadBackup(f"{excerpt(min(left))} belongs to no series of {SERIES}")
    retraining.wake(parts, asked)
    return Imported(made, stored_key, key, counts, len(asked))


def _added(connection: Connection, tenant: Tenant, columns: Mapping[str, Any]) -> Series:
    try:
        return series.add(connection, tenant.id, **columns)
    except Conflict:
        raise BadBackup(f"{SERIES}: there are two series {columns['name']}") from None


def _trainings(connection: Connection, of: Series, has_model: bool) -> list[Job]:
    if has_model and of.points >= FOREST_POINTS:
        return retraining.ask(connection, of)
    return retraining.ask_if_due(connection, of)


def _import_rows(connection: Connection, zipped: ZipFile, of: Series, table: str) -> int:
    name = member(of.name, table)
    if table in CAME_LATER and name not in zipped.namelist():
        return 0
    with _opened(zipped, name) as file:
        rows = exported_rows.read(file, name, of, table)
        return sum(
            _store(connection, name, of, table, block) for block in exported_rows.in_blocks(rows)
        )


def _store(connection: Connection, name: str, of: Series, table: str, block: list[Row]) -> int:
    try:
        return portable.add(connection, table, of, (row.values for row in block))
    except portable.OfNoPoint as stray:
        place = exported_rows.TIMES[table]
        line = next(row.line for row in block if row.values[place] == stray.timestamp)
        raise Invalid(
            f"{name}, line {line}: points.csv has no point of this time and value"
        ) from None
    except Invalid as error:
        lines = f"lines {block[0].line} to {block[-1].line}"
        raise Invalid(f"{name}, {lines}: {error.detail}") from None
