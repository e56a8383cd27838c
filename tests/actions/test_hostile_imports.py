"""What somebody wrote by hand is refused like what a client sends: by line, in little memory."""

import json
import secrets
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.actions import exported_rows, importing
from app.actions.parts import Parts
from app.cli.failures import CommandFailed
from app.cli.transfer import checked
from app.errors import Invalid, TocsinError
from app.store import archive
from app.store.archive import BadBackup

Members = dict[str, bytes]

SCORE = "2024-01-01T00:00:00Z,1.5,0.5,false,false,,0.9,1.0,0.5,2.0,0.0,usual,1,false,2024-01-02"
SCORES = (
    "timestamp,{},score,is_anomaly,alert,event,threshold,{},"
    "reason,model_version,backfilled,scored_at"
)
ONE = "series/one/"
FEEDBACK = f"{ONE}feedback.csv"
SAID = "timestamp,subject,event,label,note,given_by,given_at"
POINTS, JUDGED, EVENTS = f"{ONE}points.csv", f"{ONE}scores.csv", f"{ONE}events.csv"


def quiet(_: str, __: int) -> None: ...


def lines(*rows: str) -> bytes:
    return "".join(f"{row}\r\n" for row in rows).encode()


def settings(name: str, fields: list[str]) -> dict[str, Any]:
    return {
        "name": name,
        "description": "",
        "fields": fields,
        "tags": [],
        "detector": {},
        "retrain": "manual",
        "retention_days": None,
        "created_at": "2024-01-01T00:00:00Z",
        "points": 2,
        "has_model": False,
        "last_version": 1,
        "watch": {"peak": 0.0, "since": 101, "burden": 0.5, "is_open": False, "quiet": 0},
    }


def sound() -> Members:
    """One series with two points, a score and an event; another of two fields, empty."""
    judged = SCORES.format("value", "expected,lower,upper,contributions")
    each = [
        f"{name}.{field}"
        for name in ("expected", "lower", "upper", "contributions")
        for field in "ab"
    ]
    both = SCORES.format("a,b", ",".join(each))
    events = "id,started_at,ended_at,closed_at,peak_score,peak_at,points,reason,model_version"
    first = "2024-01-01T00:00:00Z"
    event = f"01HK153X00{'A' * 16},{first},{first},{first},0.5,{first},1,why,1"
    tenant = {
        "format": 1,
        "tocsin": "0.1.0",
        "exported_at": first,
        "created_at": first,
        "slug": f"t-{secrets.token_hex(6)}",
        "name": "Acme",
        "limits": {},
    }
    return {
        "tenant.json": json.dumps(tenant).encode(),
        "series.json": json.dumps(
            [settings("one", ["value"]), settings("two", ["a", "b"])]
        ).encode(),
        POINTS: lines("timestamp,value", f"{first},1.5", "2024-01-01T01:00:00Z,"),
        JUDGED: lines(judged, SCORE),
        f"{ONE}replaced_scores.csv": lines(f"{judged},replaced_at"),
        EVENTS: lines(events, event),
        "series/two/points.csv": lines("timestamp,a,b"),
        "series/two/scores.csv": lines(both),
        "series/two/replaced_scores.csv": lines(f"{both},replaced_at"),
        "series/two/events.csv": lines(events),
    }


def written(path: Path, members: Members) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return path


def imported(parts: Parts, path: Path) -> importing.Imported:
    with archive.opened(path) as zipped:
        found = importing.contents(zipped, path.stat().st_size)
        return importing.store(parts, zipped, *checked(found, None), quiet)


def tenants(parts: Parts) -> Any:
    with parts.database.operator() as connection:
        return connection.scalar(text("SELECT count(*) FROM tenants"))


def test_what_is_sound_comes_in(alone: Parts, tmp_path: Path) -> None:
    made = imported(alone, written(tmp_path / "file", sound()))
    counts = {"points": 2, "events": 1, "feedback": 0, "scores": 1, "replaced_scores": 0}
    assert made.counts == {"series": 2, **counts}


def test_feedback_comes_in_where_the_export_has_any(alone: Parts, tmp_path: Path) -> None:
    members = sound() | {FEEDBACK: lines(SAID, "2024-01-01T00:00:00Z,score,,normal,,,2024-01-02")}
    assert imported(alone, written(tmp_path / "file", members)).counts["feedback"] == 1


def feedback(said: str) -> Callable[[Members], None]:
    return added(FEEDBACK, lines(SAID, f"2024-01-01T00:00:00Z,{said},,,2024-01-02"))


def tenant(**changes: Any) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        content = json.loads(members["tenant.json"]) | changes
        members["tenant.json"] = json.dumps(content).encode()

    return change


def series(**changes: Any) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        first, second = json.loads(members["series.json"])
        members["series.json"] = json.dumps([first, second | changes]).encode()

    return change


def replaced(member: str, old: str, new: str) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        assert old.encode() in members[member]
        members[member] = members[member].replace(old.encode(), new.encode(), 1)

    return change


def added(member: str, content: bytes) -> Callable[[Members], None]:
    def change(members: Members) -> None:
        members[member] = members.get(member, b"") + content

    return change


def without(member: str) -> Callable[[Members], None]:
    return lambda members: members.__delitem__(member)


WATCH = settings("", [])["watch"]
WRONG: dict[str, tuple[Callable[[Members], None], str]] = {
    "slug": (tenant(slug="No Slug"), "tenant.json: slug"),
    "name": (tenant(name=""), "tenant.json: name"),
    "long name": (tenant(name="x" * 201), "tenant.json: name"),
    "NUL in a name": (tenant(name="a\0"), "tenant.json cannot be read"),
    "limit": (tenant(limits={"series": 0}), "tenant.json: limits.series"),
    "unknown limit": (tenant(limits={"more": 1}), "tenant.json: limits.more"),
    "long tenant": (tenant(name="x" * 100_000), "tenant.json may have"),
    "tenant of no object": (lambda m: m.update({"tenant.json": b"[]"}), "tenant.json must hold"),
    "series name": (series(name="a/b"), "series.json, entry 2: name"),
    "no fields": (series(fields=[]), "entry 2: fields"),
    "fields": (series(fields=[f"f{i}" for i in range(65)]), "entry 2: fields"),
    "field twice": (series(fields=["a", "a"]), "entry 2: fields"),
    "other fields": (series(fields=["a", "c"]), "series/two/points.csv, line 1: the header"),
    "setting": (series(more=1), "entry 2: more"),
    "detector": (series(detector={"n_estimators": 10**9}), "entry 2: detector"),
    "retention": (series(retention_days=0), "entry 2: retention_days"),
    "version": (series(last_version=-1), "entry 2: last_version"),
    "watch": (series(watch=WATCH | {"burden": -5}), "entry 2: watch.burden"),
    "a long series": (series(description="x" * 600_000), "entry 2: is no JSON of"),
    "two of a name": (series(name="one"), "two series one"),
    "series of no list": (lambda m: m.update({"series.json": b"{}"}), "series.json .*list"),
    "time": (replaced(POINTS, "2024-01-01T01", "1500-01-01T01"), "points.csv, line 3: timestamp"),
    "fine time": (replaced(POINTS, "T01:00:00Z", "T01:00:00.0000001Z"), "line 3: timestamp"),
    "order": (replaced(POINTS, "2024-01-01T01", "2023-01-01T01"), "line 3: timestamp: rows must"),
    "twice": (replaced(POINTS, "T01:", "T00:"), "points.csv, line 3: timestamp: rows must"),
    "infinity": (replaced(POINTS, "1.5", "inf"), "points.csv, line 2: value: 'inf' is not finite"),
    "too large": (replaced(POINTS, "1.5", "1e999"), "line 2: value: '1e999' is too large"),
    "cells": (replaced(POINTS, "1.5", "1.5,2"), "line 2: must have 2 cells, not 3"),
    "UTF-8": (added(POINTS, b"\xff"), "points.csv, line 4: is not UTF-8"),
    "NUL": (added(POINTS, b"\0"), "points.csv, line 4: must not hold U"),
    "a quote that is not closed": (added(POINTS, b'"'), "points.csv, line 4: "),
    "a long line": (added(POINTS, b"x" * 100_000), "points.csv, line 4: a row may have 65536"),
    "a long row": (
        added(POINTS, b'"' + b"\n" * 100_000),
        "points.csv, line .*: a row may have 65536",
    ),
    "no header": (lambda m: m.update({POINTS: b""}), "points.csv, line 1: the header"),
    "no point": (
        replaced(JUDGED, "T00:00:00Z", "T00:30:00Z"),
        "scores.csv, line 2: points.csv has",
    ),
    "another value": (replaced(JUDGED, "Z,1.5", "Z,1.25"), "scores.csv, line 2: points.csv has"),
    "score": (replaced(JUDGED, "1.5,0.5", "1.5,1.5"), "scores.csv, line 2: score: '1.5' is not"),
    "flag": (replaced(JUDGED, "false", "maybe"), "scores.csv, line 2: is_anomaly"),
    "event": (replaced(JUDGED, "false,,", "false,me,"), "scores.csv, line 2: event"),
    "version of a score": (replaced(JUDGED, "usual,1", "usual,2"), "line 2: model_version"),
    "points of an event": (replaced(EVENTS, ",1,why", ",-1,why"), "events.csv, line 2: points"),
    "no start": (
        replaced(EVENTS, "A,2024-01-01T00:00:00Z", "A,"),
        "events.csv, line 2: started_at",
    ),
    "an event twice": (
        lambda m: m.update({EVENTS: m[EVENTS] + m[EVENTS].splitlines(True)[-1]}),
        "events.csv, lines 2 to 3: cannot be stored",
    ),
    "a label": (
        feedback("score,,perhaps"),
        "feedback.csv, line 2: label: 'perhaps' is not anomaly or normal",
    ),
    "feedback on no event": (feedback("event,,normal"), "feedback.csv, lines 2 to 2: cannot be"),
    "a member more": (added("series/three/points.csv", b""), "'series/three/points.csv' belongs"),
    "thousands more": (lambda m: m.update({str(i): b"" for i in range(5_000)}), "'0' belongs"),
    "a member less": (without(EVENTS), "series/one/events.csv is missing"),
    "a bomb": (added(POINTS, b"x" * (70 << 20)), "would become"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_a_client_may_not_send_is_refused_and_nothing_is_stored(
    what: str, alone: Parts, tmp_path: Path
) -> None:
    change, said = WRONG[what]
    members = sound()
    change(members)
    path, before = written(tmp_path / "file", members), tenants(alone)
    with pytest.raises((TocsinError, CommandFailed), match=said):
        imported(alone, path)
    assert tenants(alone) == before


def test_two_members_of_a_name_are_refused(alone: Parts, tmp_path: Path) -> None:
    path = written(tmp_path / "file", sound())
    with (
        pytest.warns(UserWarning, match="Duplicate name"),
        zipfile.ZipFile(path, "a") as zipped,
    ):
        zipped.writestr(POINTS, b"")
    with pytest.raises(BadBackup, match=r"points\.csv' twice"):
        imported(alone, path)


def test_a_list_of_members_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "file", {str(number): b"" for number in range(1_000)})
    monkeypatch.setattr(archive, "LARGEST_DIRECTORY_BYTES", 40_000)
    with pytest.raises(BadBackup, match="list of members"), archive.opened(path):
        pass


@pytest.mark.parametrize("endless", [b"x", b'"a",', b"\n", b"2024-01-01T02:00:00Z,1\n"])
def test_rows_without_end_take_little_memory(endless: bytes, alone: Parts, tmp_path: Path) -> None:
    members = sound()
    start = b'"' if endless == b"\n" else b""
    members[POINTS] += start + endless * ((48 << 20) // len(endless))
    path = written(tmp_path / "file", members)
    del members
    tracemalloc.start()
    try:
        with pytest.raises(Invalid, match=r"points.csv, line"):
            imported(alone, path)
        assert tracemalloc.get_traced_memory()[1] < 4 * exported_rows.BLOCK_BYTES
    finally:
        tracemalloc.stop()
