"""A tenant into one file of open formats: nobody is locked in.

A zip of `tenant.json`, `series.json`, `keys.csv`, `webhooks.csv` and, for each series, its points,
scores, replaced scores, events and feedback as CSV: as they were at one moment. Models stay behind:
they come of the points.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from app.actions.parts import Parts
from app.store import Connection, archive, cells, keys, portable, series, tenants, webhooks
from app.store.archive import Progress
from app.store.series import Series
from app.store.tenants import Tenant

FORMAT = 1
PAGE = 1_000
BLOCK_ROWS = 5_000
TENANT, SERIES, README = "tenant.json", "series.json", "README.txt"
KEYS, WEBHOOKS = "keys.csv", "webhooks.csv"
KEY_COLUMNS = ("id", "name", "scopes", "created_at", "expires_at", "revoked_at", "last_used_at")
WEBHOOK_COLUMNS = ("id", "url", "description", "types", "created_at", "disabled_at", "quiet_hours")
TOLD = """What a Tocsin had of one tenant; `tocsin import` brings it into another.

tenant.json                     name and limits
series.json                     the series and their settings
keys.csv                        API keys, without their secrets
webhooks.csv                    webhooks, likewise
series/NAME/points.csv          one row a point; may be uploaded as it is
series/NAME/scores.csv          the verdicts: score, threshold, expected value, band, reason
series/NAME/replaced_scores.csv verdicts on values that were replaced later
series/NAME/events.csv          anomalous points that belong together
series/NAME/feedback.csv        what was said of events and verdicts, by which key, and when

CSV as RFC 4180 says, in UTF-8. Times are UTC. An empty number is a missing one; every other is
written with all its digits. A text that begins with = + - @ ' or a tab has an apostrophe before it,
so that no spreadsheet runs it. Rows are in the order of time.
"""


def member(name: str, table: str) -> str:
    """Where in the file the rows of a series are; the name of a series is one of a file."""
    return f"series/{name}/{table}.csv"


def export(parts: Parts, slug: str, path: Path, progress: Progress) -> dict[str, int]:
    """Write the file, all of it or none; -> how many rows of each table."""
    with parts.database.operator() as connection:
        tenant = tenants.by_slug(connection, slug)
    with archive.made(path) as zipped, parts.database.snapshot(tenant.id) as connection:
        zipped.writestr(README, TOLD)
        zipped.writestr(TENANT, _json(_tenant(tenant)))
        zipped.writestr(KEYS, _keys(connection, tenant))
        zipped.writestr(WEBHOOKS, _webhooks(connection, tenant))
        watched = list(_all_series(connection, tenant))
        zipped.writestr(SERIES, _json([_series(of) for of in watched]))
        counts = dict.fromkeys(cells.TABLES, 0)
        for of in watched:
            for table in cells.TABLES:
                counts[table] += _export_rows(connection, zipped, of, table)
            progress("series", 1)
    return {"series": len(watched), **counts}


def _json(content: Any) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False)


def _tenant(tenant: Tenant) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "tocsin": version("tocsin"),
        "exported_at": cells.TIME.write(datetime.now(UTC)),
        "slug": tenant.slug,
        "name": tenant.name,
        "limits": tenant.limits,
        "created_at": cells.TIME.write(tenant.created_at),
    }


def _series(of: Series) -> dict[str, Any]:
    """Settings, and what is needed to go on: numbers of versions, and the event layer's memory."""
    return {
        **{name: getattr(of, name) for name in portable.SETTINGS},
        "created_at": cells.TIME.write(of.created_at),
        "points": of.points,
        "has_model": of.model_version is not None,
        "last_version": of.last_version,
        "watch": of.watch,
    }


def _all_series(connection: Connection, tenant: Tenant) -> Iterator[Series]:
    after = None
    while page := series.page(connection, tenant.id, after, PAGE):
        yield from page
        after = page[-1].name


def _keys(connection: Connection, tenant: Tenant) -> bytes:
    rows = [list(KEY_COLUMNS)]
    after = None
    while page := keys.page(connection, tenant.id, after, PAGE):
        rows += [[_plain(getattr(key, name)) for name in KEY_COLUMNS] for key in page]
        after = page[-1].id
    return lines(rows)


def _webhooks(connection: Connection, tenant: Tenant) -> bytes:
    rows = [list(WEBHOOK_COLUMNS)]
    for webhook in webhooks.page(connection, tenant.id, None, PAGE):  # a tenant has few
        rows.append([_plain(getattr(webhook, name)) for name in WEBHOOK_COLUMNS])
    return lines(rows)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return cells.TIME.write(value)
    if isinstance(value, Mapping):  # hours of the day, as the command line takes them
        value = "{from}-{to} {time_zone}".format_map(value)
    return cells.text(" ".join(value) if isinstance(value, list) else str(value or ""))


def _export_rows(connection: Connection, zipped: ZipFile, of: Series, table: str) -> int:
    count = 0
    with zipped.open(member(of.name, table), "w", force_zip64=True) as out:
        out.write(lines([cells.header(table, of.fields)]))
        written = (cells.written(table, row) for row in portable.rows(connection, table, of))
        for block in in_blocks(written):
            out.write(lines(block))
            count += len(block)
    return count


def in_blocks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    block: list[Any] = []
    for row in rows:
        block.append(row)
        if len(block) == BLOCK_ROWS:
            yield block
            block = []
    if block:
        yield block


def lines(rows: Sequence[Sequence[str]]) -> bytes:
    """CSV whose line ends are those of RFC 4180: a lone CR or LF in a cell is then quoted too."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()
