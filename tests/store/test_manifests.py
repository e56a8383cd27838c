"""A backup's manifest is read strictly: anybody may have written it, so it is refused in words."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from app.store import archive, restore
from app.store.archive import BadBackup, Manifest, Part

Facts = dict[str, Any]

SOUND = Manifest(
    format=archive.FORMAT,
    tocsin="0.1.0",
    revision="0001",
    taken_at="2026-11-23T12:00:00Z",
    postgres="18.1",
    secrets={"1": "0123456789abcdef"},
    years=[2025, 2026],
    parts=[Part("points", ["timestamp", "value"], 3, 120, "00" * 32)],
)


def read(folder: Path, manifest: bytes) -> Manifest:
    path = folder / "all.backup"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(archive.MANIFEST, manifest)
    with archive.opened(path) as zipped:
        return archive.manifest(zipped)


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(asdict(SOUND)).encode()) == SOUND


@pytest.mark.parametrize("manifest", [b"", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_refused(manifest: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match="is no JSON"):
        read(tmp_path, manifest)


@pytest.mark.parametrize("manifest", [b"[]", b"null", b"7", b"{}"])
def test_what_is_no_manifest_is_refused(manifest: bytes, tmp_path: Path) -> None:
    with pytest.raises(BadBackup, match="format: is needed"):
        read(tmp_path, manifest)


WRONG: dict[str, tuple[Callable[[Facts], object], str]] = {
    "another format": (lambda m: m.update(format=9), r"has format 9, this program reads 1: .*0\.1"),
    "no version": (lambda m: [m.update(format=9), m.pop("tocsin")], "has format 9"),
    "a format of another type": (lambda m: m.update(format={"a": []}), "this program reads 1"),
    "parts": (lambda m: m.pop("parts"), "parts: Field required"),
    "no part": (lambda m: m.update(parts=[7]), r"parts\.0: "),
    "rows": (lambda m: m["parts"][0].pop("rows"), r"parts\.0\.rows: Field required"),
    "text as rows": (lambda m: m["parts"][0].update(rows="3"), r"parts\.0\.rows: "),
    "fewer than no rows": (lambda m: m["parts"][0].update(rows=-1), r"parts\.0\.rows: "),
    "no columns": (lambda m: m["parts"][0].update(columns=None), r"parts\.0\.columns: "),
    "a table twice": (lambda m: m["parts"].append(m["parts"][0]), "a table is there twice"),
    "secrets as a list": (lambda m: m.update(secrets=["1"]), "secrets: "),
    "text as a year": (lambda m: m.update(years=["0; DROP"]), r"years\.0: "),
    "a year beyond all": (lambda m: m.update(years=[10**9]), r"years\.0: "),
    "another member": (lambda m: m.update(more=1), "more: "),
    "a time as a number": (lambda m: m.update(taken_at=0), "taken_at: "),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named(what: str, tmp_path: Path) -> None:
    change, said = WRONG[what]
    facts = asdict(SOUND)
    change(facts)
    with pytest.raises(BadBackup, match=said):
        read(tmp_path, json.dumps(facts).encode())


def test_a_revision_that_this_version_does_not_know_is_refused(tmp_path: Path) -> None:
    facts = asdict(SOUND) | {"revision": "9999"}
    with pytest.raises(BadBackup, match="newer than this one"):
        restore.refuse_unknown(read(tmp_path, json.dumps(facts).encode()))


def test_a_member_that_cannot_be_unpacked_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "all.backup"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(archive.MANIFEST, json.dumps(asdict(SOUND)))
    whole = path.read_bytes()
    local, listed = whole.index(b"PK\x03\x04"), whole.index(b"PK\x01\x02")
    for place, byte in ((8, 99), (6, 1)):  # packed oddly; encrypted
        damaged = bytearray(whole)
        damaged[local + place] = damaged[listed + place + 2] = byte
        path.write_bytes(damaged)
        with (
            pytest.raises(BadBackup, match="packed in another way"),
            archive.opened(path) as zipped,
        ):
            archive.manifest(zipped)
