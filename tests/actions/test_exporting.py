"""A tenant comes out in open formats, and what comes out makes the same tenant elsewhere."""

import csv
import io
import json
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import text

from app.actions import accounts, admission, exporting, importing, series, training, webhooks
from app.api.exported import ExportedSeries, ExportedTenant
from app.errors import Conflict, Invalid, NotFound
from app.store import archive, cells, jobs
from app.store.archive import BadBackup
from tests.actions.conftest import Account, waves

POINTS = 300
NASTY = ("=1+1", "-2", "'quoted", 'a "b", c\r\nd\re', "näh — 数\u2028", "")
EXTREMES = (5e-324, 1.7976931348623157e308, -1 / 3, 0.1 + 0.2, 2.0**53 + 2)


def quiet(_: str, __: int) -> None: ...


@pytest.fixture
def exported(account: Account, tmp_path: Path) -> Path:
    """Of a tenant with all there is: a model, scores, events, replaced scores, hard values."""
    account.make("a.b:c")
    account.upload("a.b:c", waves(POINTS))
    account.train("a.b:c")
    account.score("a.b:c", np.array([3.0, np.nan, 900.0]), POINTS + np.arange(3))
    account.score("a.b:c", np.array([4.0]), [POINTS], is_replacing=True)
    account.make("engine", ("f0", "f1"))
    account.upload("engine", waves(POINTS, fields=2))
    account.score("engine", np.array([[1.0, np.nan], [EXTREMES[0], -0.0]]), POINTS + np.arange(2))
    account.make("empty")
    of = account.find("a.b:c")
    with account.parts.database.tenant(account.id) as connection:
        for place, (reason, number) in enumerate(zip(NASTY, (*EXTREMES, 1.0), strict=True)):
            connection.execute(
                text(
                    "UPDATE scores SET reason = :reason, expected = ARRAY[CAST(:number AS float8)] "
                    "WHERE series_id = :id AND timestamp = (SELECT timestamp FROM scores "
                    "WHERE series_id = :id ORDER BY timestamp OFFSET :place LIMIT 1)"
                ),
                {"reason": reason, "number": number, "id": of.id, "place": place},
            )
    account.say("a.b:c", "=1+1, as told")
    path = tmp_path / "tenant.zip"
    exporting.export(account.parts, account.slug, path, quiet)
    return path


def imported(account: Account, path: Path) -> importing.Imported:
    with archive.opened(path) as zipped:
        found = importing.contents(zipped, path.stat().st_size)
        named = {**found.tenant, "slug": f"t-{secrets.token_hex(6)}"}
        tenant = ExportedTenant.model_validate(named).columns()
        watched = [ExportedSeries.model_validate(one).columns() for one in found.series]
        return importing.store(account.parts, zipped, tenant, watched, quiet)


def rows(account: Account, tenant_id: UUID) -> dict[tuple[str, str], Any]:
    """All that is taken along, as text: what Postgres writes of a double names that one only."""
    found = {}
    with account.parts.database.tenant(tenant_id) as connection:
        for of in series.page(account.parts, tenant_id, None, 10, None, None):
            for table, columns in cells.TABLES.items():
                shown = ", ".join(f"{name}::text" for name in columns)
                found[of.name, table] = (
                    connection.execute(
                        text(f"SELECT {shown} FROM {table} WHERE series_id = :id ORDER BY 1, 2"),
                        {"id": of.id},
                    )
                    .tuples()
                    .all()
                )
    return found


def test_what_comes_back_is_what_went_out_bit_for_bit(account: Account, exported: Path) -> None:
    made = imported(account, exported)
    before, after = rows(account, account.id), rows(account, made.tenant.id)
    assert after == before
    for table in cells.TABLES:
        assert before["a.b:c", table], table
    settings = ("name", "fields", "detector", "retrain", "points", "first_at", "last_at", "watch")
    for name in ("a.b:c", "engine", "empty"):
        theirs = series.by_name(account.parts, made.tenant.id, name)
        for setting in settings:
            assert getattr(theirs, setting) == getattr(account.find(name), setting), setting
    assert made.counts["points"] == sum(len(r) for (_, t), r in after.items() if t == "points")


def test_a_model_is_trained_anew_under_the_next_number(account: Account, exported: Path) -> None:
    made = imported(account, exported)
    assert made.trainings == 1
    there = Account(account.parts, made.tenant.id, made.tenant.slug)
    assert there.find("a.b:c").status == "training"
    (fallback,) = there.verdicts("a.b:c", np.array([1.0]), [POINTS + 3])
    assert fallback.model_version == 0
    (job,) = training.jobs_page(there.parts, there.id, "a.b:c", None, 10)
    with there.parts.database.tenant(there.id) as connection:
        claimed = jobs.claim(connection, there.id, job.id, 60.0, trainings=4)
    assert claimed
    training.train(there.parts, claimed)
    (score,) = there.verdicts("a.b:c", np.array([1.0]), [POINTS + 4])
    assert score.model_version == account.find("a.b:c").last_version + 1 == 2


def test_no_secret_goes_out_and_the_new_tenant_has_a_key_of_its_own(
    account: Account, exported: Path
) -> None:
    _, key = accounts.add_key(account.parts, account.id, "=mine", ["read"])
    hook, secret = webhooks.add(
        account.parts,
        account.id,
        "https://hook.invalid/",
        description="=mine",
        types=["event.opened"],
        quiet_hours={"from": "22:00", "to": "07:00", "time_zone": "UTC"},
    )
    again = exported.with_name("again.zip")
    exporting.export(account.parts, account.slug, again, quiet)
    with zipfile.ZipFile(again) as zipped:
        content = b"".join(zipped.read(name) for name in zipped.namelist())
        header, *listed = csv.reader(io.StringIO(zipped.read("keys.csv").decode()))
        _, hooked = csv.reader(io.StringIO(zipped.read("webhooks.csv").decode()))
    assert header[:3] == ["id", "name", "scopes"]
    assert [key.id, "'=mine", "read"] in [row[:3] for row in listed]
    assert key.text.encode() not in content
    assert hooked[:4] == [str(hook.id), hook.url, "'=mine", "event.opened"]
    assert hooked[-1] == "22:00-07:00 UTC"
    assert secret.encode() not in content
    assert hook.secret_salt.hex().encode() not in content
    made = imported(account, again)
    caller = admission.recognise(account.parts, made.key)
    assert caller
    assert caller.tenant_id == made.tenant.id
    assert webhooks.page(account.parts, made.tenant.id, None, 10) == []


def test_points_may_be_read_by_anything_that_reads_csv(account: Account, exported: Path) -> None:
    with zipfile.ZipFile(exported) as zipped:
        table = list(csv.reader(io.StringIO(zipped.read("series/engine/points.csv").decode())))
        (settings,) = (s for s in json.loads(zipped.read("series.json")) if s["name"] == "engine")
    assert table[0] == ["timestamp", "f0", "f1"]
    assert len(table) == POINTS + 3
    assert table[-2][2] == ""
    assert settings["fields"] == ["f0", "f1"]
    assert settings["retrain"] == "manual"


def rewrite(path: Path, name: str, change: Callable[[bytes], bytes | None]) -> None:
    with zipfile.ZipFile(path) as zipped:
        members = {each: zipped.read(each) for each in zipped.namelist()}
    with zipfile.ZipFile(path, "w") as zipped:
        for each, content in members.items():
            changed = change(content) if each == name else content
            if changed is not None:
                zipped.writestr(each, changed)


POINTS_CSV = "series/engine/points.csv"
WRONG: dict[str, tuple[str, Callable[[bytes], bytes | None], str]] = {
    "a number": (POINTS_CSV, lambda c: c.replace(b"\r\n", b",x\r\n", 3), "line 1"),
    "a cell": (POINTS_CSV, lambda c: c + b"2030-01-01T00:00:00Z,1,x\r\n", f"line {POINTS + 4}"),
    "cells": (POINTS_CSV, lambda c: c + b"2030-01-01T00:00:00Z,1\r\n", "must have 3 cells"),
    "twice": (
        POINTS_CSV,
        lambda c: c + c.splitlines(True)[-1],
        f"line {POINTS + 4}: timestamp: rows must be in the order",
    ),
    "a file": (POINTS_CSV, lambda _: None, "is missing"),
    "settings": ("series.json", lambda _: b"{", "series.json"),
    "format": ("tenant.json", lambda c: c.replace(b'"format": 1', b'"format": 9'), "format"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    what: str, account: Account, exported: Path
) -> None:
    name, change, said = WRONG[what]
    rewrite(exported, name, change)
    with account.parts.database.operator() as connection:
        before = connection.scalar(text("SELECT count(*) FROM tenants"))
    with pytest.raises((Invalid, BadBackup), match=said):
        imported(account, exported)
    with account.parts.database.operator() as connection:
        assert connection.scalar(text("SELECT count(*) FROM tenants")) == before


def test_a_slug_that_is_taken_is_refused(account: Account, exported: Path) -> None:
    with archive.opened(exported) as zipped:
        tenant = {"slug": account.slug, "name": "", "limits": {}}
        with pytest.raises(Conflict, match=account.slug):
            importing.store(account.parts, zipped, tenant, [], quiet)


def test_a_tenant_that_is_not_there_leaves_no_file(account: Account, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        exporting.export(account.parts, "nobody", tmp_path / "file", quiet)
    assert list(tmp_path.iterdir()) == []
