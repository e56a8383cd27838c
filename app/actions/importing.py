"""A tenant out of the file that `app.actions.exporting` wrote: in one transaction, as a new one.

Points, scores and events are what they were, bit for bit. Models are trained anew, from the points;
until then the rule of thumb judges. Keys are not brought along, since their secrets are not there.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

from app.actions import accounts, retraining
from app.actions.exporting import FORMAT, SERIES, TENANT, in_blocks, member
from app.actions.parts import Parts
from app.apikeys import ApiKey
from app.detection import FOREST_POINTS
from app.errors import Invalid
from app.store import Connection, cells, portable, series
from app.store.archive import BadBackup, Progress
from app.store.audit import SERVICE, Actor
from app.store.jobs import Job
from app.store.keys import StoredKey
from app.store.series import Series
from app.store.tenants import Tenant

LARGEST_JSON_BYTES = 256 << 20


@dataclass(frozen=True)
class Imported:
    tenant: Tenant
    stored_key: StoredKey
    key: ApiKey
    counts: dict[str, int]
    trainings: int


@dataclass(frozen=True)
class Contents:
    """What the file says of the tenant and its series, still to be checked."""

    tenant: dict[str, Any]
    series: list[dict[str, Any]]


def contents(zipped: ZipFile) -> Contents:
    tenant, watched = _json(zipped, TENANT, dict), _json(zipped, SERIES, list)
    if tenant.get("format") != FORMAT:
        raise BadBackup(f"{TENANT}: format must be {FORMAT}, not {tenant.get('format')}")
    return Contents(tenant, watched)


def _json(zipped: ZipFile, name: str, kind: type) -> Any:
    try:
        with zipped.open(name) as file:
            content = json.loads(file.read(LARGEST_JSON_BYTES))
    except KeyError:
        raise BadBackup(f"{name} is missing: this is no export of a tenant") from None
    except (ValueError, RecursionError) as error:
        raise BadBackup(f"{name} cannot be read: {error}") from None
    if not isinstance(content, kind):
        raise BadBackup(f"{name} must hold a JSON {'object' if kind is dict else 'list'}")
    return content


def store(
    parts: Parts,
    zipped: ZipFile,
    tenant: Mapping[str, Any],
    watched: Sequence[Mapping[str, Any]],
    progress: Progress,
    *,
    by: Actor = SERVICE,
) -> Imported:
    """tenant: slug, name, limits; watched: columns of each series and `has_model`; all checked."""
    counts = dict.fromkeys(cells.TABLES, 0)
    asked: list[Job] = []
    with parts.database.plain() as connection:
        made, stored_key, key = accounts.begin_tenant(
            parts, connection, tenant["slug"], tenant["name"], tenant["limits"], by
        )
        for one in watched:
            columns = {name: value for name, value in one.items() if name != "has_model"}
            of = series.add(connection, made.id, **columns)
            for table in cells.TABLES:
                counts[table] += _import_rows(connection, zipped, of, table)
            asked += _trainings(connection, portable.settle(connection, of), one["has_model"])
            progress("series", 1)
    retraining.wake(parts, asked)
    return Imported(made, stored_key, key, {"series": len(watched), **counts}, len(asked))


def _trainings(connection: Connection, of: Series, has_model: bool) -> list[Job]:
    if has_model and of.points >= FOREST_POINTS:
        return retraining.ask(connection, of)
    return retraining.ask_if_due(connection, of)


def _import_rows(connection: Connection, zipped: ZipFile, of: Series, table: str) -> int:
    name = member(of.name, table)
    try:
        file = zipped.open(name)
    except KeyError:
        raise BadBackup(f"{name} is missing") from None
    with file, io.TextIOWrapper(file, "utf-8", newline="") as text:
        rows = _rows(name, csv.reader(text, strict=True), of, table)
        return sum(portable.add(connection, table, of, block) for block in in_blocks(rows))


def _rows(name: str, reader: Any, of: Series, table: str) -> Iterator[list[Any]]:
    """The values of each row; raises Invalid with the line for what cannot be one."""
    expected = cells.header(table, of.fields)
    try:
        if next(reader, None) != expected:
            raise ValueError(f"the header must be {','.join(expected)}")  # noqa: TRY301
        for row in reader:
            if len(row) != len(expected):
                raise ValueError(f"must have {len(expected)} cells, not {len(row)}")  # noqa: TRY301
            yield cells.read(table, len(of.fields), row)
    except (ValueError, csv.Error) as error:
        raise Invalid(f"{name}, line {reader.line_num}: {error}") from None
