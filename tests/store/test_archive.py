"""A backup's file is whole or not there, and takes as little memory for many rows as for few."""

import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import Misconfigured
from app.store import archive
from app.store.archive import Part

LINE = b"1f0e\t2024-05-01 12:00:00+00\t{0.123456789}\n"
ROWS = 1_000_000  # 44 MB
MOST_BYTES = 8 * archive.BUFFER_BYTES


def quiet(_: str, __: int) -> None: ...


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def test_writing_and_reading_take_no_more_memory_than_a_few_blocks(
    tmp_path: Path, traced: None
) -> None:
    path = tmp_path / "file"
    with archive.made(path) as zipped:
        size, digest = archive.add_part(zipped, "points", (LINE for _ in range(ROWS)), quiet)
    part = Part("points", ["a"], ROWS, size, digest)
    with archive.opened(path) as zipped:
        archive.verify(zipped, [part], quiet)
    _, peak = tracemalloc.get_traced_memory()
    assert size == len(LINE) * ROWS > 5 * MOST_BYTES
    assert peak < MOST_BYTES


def test_progress_is_told_block_by_block(tmp_path: Path) -> None:
    told: list[int] = []
    with archive.made(tmp_path / "file") as zipped:
        archive.add_part(zipped, "points", [bytes(600_000)] * 10, lambda _, size: told.append(size))
    assert told == sorted(told)
    assert len(told) > 3
    assert told[-1] == 6_000_000


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with archive.made(path) as zipped:
        zipped.writestr("name", "content")
        assert not path.exists()
    with zipfile.ZipFile(path) as zipped:
        assert zipped.read("name") == b"content"
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_where_nothing_can_be_written_it_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(Misconfigured, match="cannot be written"),
        archive.made(tmp_path / "missing" / "file"),
    ):
        pass
