"""All of an upload is stored, or nothing; a million rows need little memory."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import Any

import httpx
import numpy as np
import psutil  # type: ignore[import-untyped]
import pytest

from app.actions import history, ingestion
from app.actions.ingestion import Report
from app.errors import Invalid, RowError
from app.ingest.chunk import Chunk
from tests.actions.conftest import MINUTE_NS, START_NS
from tests.service import Service, Tenant

Account = Any
MILLION = 1_000_000
MOST_MEMORY_BYTES = 400_000_000
ROWS_A_BLOCK = 10_000
BAD_ROW = 500_000


def stored(account: Account, name: str) -> list[list[float]]:
    found, pages = history.all_points(account.parts, account.id, name, (None, None))
    values = [value for page in pages for _, value in page]
    assert found.points == len(values), "the count is kept in step"
    return values


def upload(account: Account, chunks: Any, name: str | None = "rides", **how: Any) -> Report:
    report: Report = ingestion.store(account.parts, account.id, chunks, name, **how)
    return report


def with_error(chunk: Chunk, row: int) -> Chunk:
    error = RowError(row, "value", "is not a number")
    columns = (chunk.rows, None, chunk.times, chunk.columns, chunk.values)
    return Chunk(*columns, errors=(error,), received=chunk.received + 1)


def test_a_bad_row_refuses_the_whole_upload(account: Account) -> None:
    account.make("rides")
    chunks = [account.chunk(np.ones(50)), with_error(account.chunk(np.ones(50), 50), 52)]
    with pytest.raises(Invalid) as raised:
        upload(account, chunks)
    assert raised.value.errors == (RowError(52, "value", "is not a number"),)
    assert stored(account, "rides") == []


def test_bad_rows_are_skipped_where_that_was_asked_for(account: Account) -> None:
    account.make("rides")
    report = upload(account, [with_error(account.chunk(np.ones(50)), 52)], on_error="skip")
    assert (report.received, report.stored, report.rejected) == (51, 50, 1)
    assert len(stored(account, "rides")) == 50


def test_an_upload_without_a_good_row_stores_nothing(account: Account) -> None:
    account.make("rides")
    nothing = np.zeros(0, np.int64)
    empty = Chunk(nothing, None, nothing, ("value",), np.zeros((0, 1)), (), 0)
    report = upload(account, [with_error(empty, 2)], on_error="skip")
    assert (report.received, report.stored, report.rejected) == (1, 0, 1)
    assert stored(account, "rides") == []


def test_every_row_is_counted_once(account: Account) -> None:
    account.make("rides")
    upload(account, [account.chunk(np.arange(10.0))])
    values = np.arange(20.0)
    values[3] = 99.0
    report = upload(account, [account.chunk(values)])
    counts = (report.received, report.stored, report.duplicates, report.rejected, report.replaced)
    assert counts == (20, 10, 9, 1, 0)
    replaced = upload(account, [account.chunk(values)], on_conflict="replace")
    assert (replaced.stored, replaced.replaced, replaced.duplicates) == (0, 1, 19)
    assert [value for [value] in stored(account, "rides")] == values.tolist()


def some_rows(random: np.random.Generator) -> tuple[list[int], list[float]]:
    """Some minutes of an hour and their values, in order and once; or in none and twice."""
    minutes = int(random.integers(0, 60)) + np.arange(random.integers(1, 16))
    if random.random() < 0.3:
        minutes = random.permutation(np.repeat(minutes, 2))
    return minutes.tolist(), random.integers(0, 3, len(minutes)).astype(float).tolist()


def in_two_chunks(minutes: list[int], values: list[float]) -> list[Chunk]:
    rows, half = np.arange(len(minutes)) + 2, len(minutes) // 2
    times = START_NS + np.array(minutes) * MINUTE_NS
    table = np.array(values)[:, None]
    return [
        Chunk(rows[part], None, times[part], ("value",), table[part], (), len(rows[part]))
        for part in (slice(half), slice(half, None))
    ]


@pytest.mark.parametrize("on_conflict", ["refuse", "replace"])
@pytest.mark.parametrize("seed", range(3))
def test_rows_in_any_order_and_any_number_of_uploads_are_kept_as_one_by_one(
    account: Account, seed: int, on_conflict: str
) -> None:
    """What is new as a whole goes a shorter way than what was stored in part."""
    account.make("rides")
    random, kept = np.random.default_rng(seed), dict[int, float]()
    for _ in range(15):
        minutes, values = some_rows(random)
        before, conflicts = dict(kept), 0
        for minute, value in zip(minutes, values, strict=True):
            conflicts += on_conflict == "refuse" and kept.get(minute, value) != value
            kept[minute] = value if on_conflict == "replace" else kept.get(minute, value)
        report = upload(account, in_two_chunks(minutes, values), on_conflict=on_conflict)
        assert report.stored == len(kept) - len(before)
        assert report.rejected == conflicts
        assert report.replaced == sum(kept[minute] != before[minute] for minute in before)
        counted = report.stored + report.duplicates + report.rejected + report.replaced
        assert counted == report.received == len(minutes)
    assert [value for [value] in stored(account, "rides")] == [kept[at] for at in sorted(kept)]


def test_uploads_at_once_of_the_same_rows_store_them_once(account: Account) -> None:
    account.make("rides")
    with ThreadPoolExecutor(6) as pool:
        chunks = [account.chunk(np.arange(2_000.0))]
        reports = list(pool.map(lambda _: upload(account, chunks), range(6)))
    assert sum(report.stored for report in reports) == 2_000
    assert sum(report.duplicates for report in reports) == 5 * 2_000
    assert len(stored(account, "rides")) == 2_000


def test_of_two_uploads_that_make_the_same_series_both_succeed(account: Account) -> None:
    both_ready = Barrier(2, timeout=60)

    def chunks(first: int) -> Iterator[Chunk]:
        both_ready.wait()
        yield account.chunk(np.ones(10), first, "made-by-two")

    def make(first: int) -> Report:
        return upload(account, chunks(first), None, is_creating=True)

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(make, (0, 10)))
    assert [report.stored for report in reports] == [10, 10]
    assert len(stored(account, "made-by-two")) == 20


def rows_of_a_million(bad_row: int | None = None) -> Iterator[bytes]:
    """A CSV that never exists as a whole; every row has the same length."""
    yield b"timestamp,value\n"
    start = datetime(2024, 1, 1, tzinfo=UTC)
    for begin in range(0, MILLION, ROWS_A_BLOCK):
        block = []
        for row in range(begin, begin + ROWS_A_BLOCK):
            moment = (start + timedelta(seconds=row)).strftime("%Y-%m-%dT%H:%M:%SZ")
            value = "12x45" if row == bad_row else f"{row * 7919 % 90_000 + 10_000}"
            block.append(f"{moment},{value}\n")
        yield "".join(block).encode()


LENGTH = len("timestamp,value\n") + MILLION * len("2024-01-01T00:00:00Z,12345\n")


class MemoryWatch:
    """The most memory that the server's processes held together while it looked.

    Proportional: a library that several of them map counts once and not for each.
    """

    def __init__(self, service: Service) -> None:
        parent = psutil.Process(service.processes["server"].pid)
        self._processes = [parent, *parent.children(recursive=True)]
        self._over = Event()
        self.most_bytes = 0

    def __call__(self) -> None:
        while not self._over.wait(0.05):
            held = sum(process.memory_full_info().pss for process in self._processes)
            self.most_bytes = max(self.most_bytes, held)

    def while_doing(self, step: Callable[[], httpx.Response]) -> httpx.Response:
        with ThreadPoolExecutor(1) as pool:
            watching = pool.submit(self)
            try:
                return step()
            finally:
                self._over.set()
                watching.result()


@pytest.mark.parametrize("bad_row", [None, BAD_ROW])
def test_a_million_rows_need_little_memory(
    service: Service, tenant: Tenant, bad_row: int | None
) -> None:
    tenant.make_series("big")
    watch, started = MemoryWatch(service), time.perf_counter()

    def send() -> httpx.Response:
        return tenant.http.post(
            "/v1/series/big/points",
            content=rows_of_a_million(bad_row),
            headers={"Content-Type": "text/csv", "Content-Length": str(LENGTH)},
            timeout=200,
        )

    answer = watch.while_doing(send)
    seconds = time.perf_counter() - started
    print(f"1,000,000 rows: {seconds:.1f} s, {watch.most_bytes / 1e6:.0f} MB, {answer.status_code}")
    assert watch.most_bytes < MOST_MEMORY_BYTES
    points = tenant.http.get("/v1/series/big").json()["points"]
    if bad_row is None:
        assert answer.json()["stored"] == MILLION == points
    else:
        assert answer.status_code == 422
        assert [error["row"] for error in answer.json()["errors"]] == [BAD_ROW + 2]
        assert points == 0
