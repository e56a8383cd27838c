"""The file of a backup: a zip of parts, and a manifest that is signed and comes last.

A part is what `COPY … TO STDOUT` said of a table, so that any version reads it, and so do people:
`unzip -p FILE points.copy`. The manifest has rows, bytes and SHA-256 of each part. A file that was
cut has no end, one that was changed has another sum; both are found before anything is written.
"""

import hashlib
import io
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from app.errors import Misconfigured
from app.ingest.wording import excerpt
from app.signing import Secret

FORMAT = 1
MANIFEST, SIGNATURE = "manifest.json", "manifest.hmac"
PURPOSE = "backup"
BUFFER_BYTES = 1 << 20
COMPRESSION_LEVEL = 1  # a third of the size already, at four times the speed of the usual 6
LARGEST_MANIFEST_BYTES = 16 << 20
LARGEST_DIRECTORY_BYTES = 32 << 20  # some 100,000 members
PACKED_AS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1 | 0x40

Progress = Callable[[str, int], None]  # a part, and how many bytes of it are done


# What reading a member may raise; RuntimeError of one whose flags are odd.
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError)

EXACTLY = ConfigDict(strict=True, extra="forbid")
Count = Annotated[int, Field(ge=0)]
Year = Annotated[int, Field(ge=1678, le=2262)]  # those that times may have


@dataclass(frozen=True)
class Part:
    """The rows of a table: `columns` in their order in the file."""

    __pydantic_config__ = EXACTLY
    table: str
    columns: list[str]
    rows: Count
    size_bytes: Count
    sha256: str

    @property
    def name(self) -> str:
        return f"{self.table}.copy"


@dataclass(frozen=True)
class Manifest:
    """`secrets` names the lines of the installation secret that keys may be hashed under; `years`
    are those that points and scores have a partition for."""

    __pydantic_config__ = EXACTLY
    format: int
    tocsin: str
    revision: str
    taken_at: str
    postgres: str
    secrets: dict[str, str]
    years: list[Year]
    parts: list[Part]


_MANIFEST = TypeAdapter(Manifest)


class BadBackup(Misconfigured):
    """The file is no backup that this program can restore."""


@contextmanager
def made(path: Path) -> Iterator[zipfile.ZipFile]:
    """A new file that is there, whole and on disk, or not at all."""
    if path.exists():
        raise Misconfigured(f"{path} is there already: name another file, or remove it.")
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        descriptor = os.open(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(
                file, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION_LEVEL
            ) as zipped:
                yield zipped
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
        _sync(path.parent)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}") from None
    finally:
        aside.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def add_part(
    zipped: zipfile.ZipFile,
    table: str,
    chunks: Iterable[bytes | bytearray | memoryview],
    progress: Progress,
) -> tuple[int, str]:
    """Write the rows as they come; -> bytes and SHA-256."""
    total, digest = 0, hashlib.sha256()
    with zipped.open(f"{table}.copy", "w", force_zip64=True) as part:
        for block in _blocks(chunks):
            digest.update(block)
            part.write(block)
            total += len(block)
            progress(table, total)
    return total, digest.hexdigest()


def _blocks(chunks: Iterable[bytes | bytearray | memoryview]) -> Iterator[bytes]:
    """A row at a time is what the server sends; compressing is for more."""
    held: list[bytes | bytearray | memoryview] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= BUFFER_BYTES:
            yield b"".join(held)
            held, size = [], 0
    if held:
        yield b"".join(held)


def add_manifest(zipped: zipfile.ZipFile, manifest: Manifest, secret: Secret) -> None:
    text = json.dumps(asdict(manifest), indent=2).encode()
    zipped.writestr(MANIFEST, text)
    zipped.writestr(SIGNATURE, secret.sign(PURPOSE, text).hex())


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Raises BadBackup for what is no whole file of this kind."""
    try:
        with path.open("rb", buffering=0) as file, zipfile.ZipFile(_Directory(file)) as zipped:
            _refuse_strange(path, zipped.infolist())
            yield zipped
    except FileNotFoundError:
        raise BadBackup(f"There is no file {path}.") from None
    except OSError as error:
        raise BadBackup(f"{path} cannot be read: {error.strerror}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise BadBackup(f"{path} is damaged, or no backup: {error}") from None


class _Directory(io.BufferedReader):
    """A file whose list of members is read in one go: whoever wrote it does not fill the memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LARGEST_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its list of members has {size:,} bytes")
        return super().read(size)


def _refuse_strange(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """What we never write: two members of one name, and ways to pack that are not ours."""
    seen: set[str] = set()
    for one in members:
        if one.filename in seen:
            raise BadBackup(f"{path} is no backup: it holds {excerpt(one.filename)} twice")
        seen.add(one.filename)
        if one.compress_type not in PACKED_AS or one.flag_bits & ENCRYPTED:
            raise BadBackup(
                f"{path} is no backup: {excerpt(one.filename)} is packed in another way"
            )


def manifest(zipped: zipfile.ZipFile) -> Manifest:
    """Raises BadBackup, naming what is wrong: until it is verified, anybody may have written it."""
    text = _small(zipped, MANIFEST)
    try:
        _refuse_other_format(json.loads(text))
        found = _MANIFEST.validate_json(text)
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(map(str, wrong["loc"]))
        raise BadBackup(f"The backup's {MANIFEST} is damaged: {place}: {wrong['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise BadBackup(f"The backup's {MANIFEST} is no JSON: {error}") from None
    tables = [part.table for part in found.parts]
    if len(set(tables)) < len(tables):
        raise BadBackup(f"The backup's {MANIFEST} is damaged: parts: a table is there twice")
    return found


def _refuse_other_format(facts: Any) -> None:
    """Before all else, since one of another format may have other members."""
    if not isinstance(facts, dict) or "format" not in facts:
        raise BadBackup(f"The backup's {MANIFEST} is damaged: format: is needed")
    if facts["format"] != FORMAT:
        raise BadBackup(
            f"The backup has format {facts['format']!r:.40}, this program reads {FORMAT}: "
            f"restore it with Tocsin {facts.get('tocsin')!r:.40}."
        )


def is_signed(zipped: zipfile.ZipFile, secret: Secret) -> bool:
    """Whether an installation with this secret wrote the manifest as it is."""
    try:
        signature = bytes.fromhex(_small(zipped, SIGNATURE).decode())
    except (BadBackup, ValueError):
        return False
    return secret.holds(PURPOSE, _small(zipped, MANIFEST), signature)


def _small(zipped: zipfile.ZipFile, name: str) -> bytes:
    try:
        with zipped.open(name) as file:
            return file.read(LARGEST_MANIFEST_BYTES)
    except KeyError:
        raise BadBackup(f"The backup has no {name}: it is none, or was changed.") from None
    except UNREADABLE as error:
        raise BadBackup(f"The backup's {name} is damaged: {error}") from None


def verify(zipped: zipfile.ZipFile, parts: list[Part], progress: Progress) -> None:
    """Read all of it once: every part has the bytes that the manifest says."""
    for part in parts:
        digest, total = hashlib.sha256(), 0
        for block in blocks(zipped, part):
            digest.update(block)
            total += len(block)
            progress(part.table, total)
            if total > part.size_bytes:
                break
        if (total, digest.hexdigest()) != (part.size_bytes, part.sha256):
            raise BadBackup(f"The backup is damaged: {part.name} is not what was written.")


def blocks(zipped: zipfile.ZipFile, part: Part) -> Iterator[bytes]:
    try:
        file: IO[bytes] = zipped.open(part.name)
    except KeyError:
        raise BadBackup(f"The backup is damaged: {part.name} is missing.") from None
    except UNREADABLE as error:
        raise BadBackup(f"The backup is damaged in {part.name}: {error}") from None
    with file:
        try:
            while block := file.read(BUFFER_BYTES):
                yield block
        except UNREADABLE as error:
            raise BadBackup(f"The backup is damaged in {part.name}: {error}") from None
