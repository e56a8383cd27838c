"""Whatever is uploaded arrives as it is, in as many parts as it takes; what is wrong is named."""

import asyncio
import gzip
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from app.client import (
    AsyncTocsin,
    Invalid,
    NotFound,
    QuotaExceeded,
    ServiceError,
    Tocsin,
    TooLarge,
)
from tests.service import Service, Tenant

START = datetime(2024, 1, 1, tzinfo=UTC)
HOURS = 500
CSV = "timestamp,value\n" + "".join(
    f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},{hour / 8}\n" for hour in range(HOURS)
)


@pytest.fixture
def rides(tenant: Tenant, client: Tocsin) -> Tocsin:
    tenant.make_series("rides")
    return client


def stored(client: Tocsin) -> list[tuple[datetime, Any]]:
    return [(point.timestamp, point.value) for point in client.list_points("rides")]


ALL = [(START + timedelta(hours=hour), hour / 8) for hour in range(HOURS)]


def rows() -> Iterator[tuple[datetime, float]]:
    yield from ALL


def file_of(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def ndjson() -> bytes:
    return "".join(f'{{"timestamp": "{at:%FT%TZ}", "value": {v}}}\n' for at, v in ALL).encode()


SOURCES: dict[str, Callable[[Path], Any]] = {
    "a path": lambda folder: file_of(folder, "a.csv", CSV.encode()),
    "a path as text": lambda folder: str(file_of(folder, "a.csv", CSV.encode())),
    "a gzipped path": lambda folder: file_of(folder, "a.csv.gz", gzip.compress(CSV.encode())),
    "NDJSON": lambda folder: file_of(folder, "a.ndjson", ndjson()),
    "gzipped NDJSON": lambda folder: file_of(folder, "a.jsonl.gz", gzip.compress(ndjson())),
    "bytes": lambda _: CSV.encode(),
    "a file": lambda _: io.BytesIO(CSV.encode()),
    "an iterator": lambda _: rows(),
    "mappings": lambda _: [{"timestamp": at, "value": value} for at, value in ALL],
    "a frame": lambda _: pd.DataFrame({"value": dict(ALL)}),
    "a series of pandas": lambda _: pd.Series(dict(ALL)),
}


@pytest.mark.parametrize("part_bytes", [50_000_000, 3_000])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", SOURCES)
def test_all_of_it_is_stored_and_told(
    name: str, compress: bool, part_bytes: int, rides: Tocsin, tmp_path: Path
) -> None:
    data, told = SOURCES[name](tmp_path), []
    report = rides.upload(
        "rides",
        data,
        compress=compress,
        part_bytes=part_bytes,
        on_progress=lambda *progress: told.append(progress),
    )
    assert (report.received, report.stored, report.rejected) == (HOURS, HOURS, 0)
    assert (report.parts > 1) == (part_bytes < 50_000)
    assert stored(rides) == ALL
    done, total = told[-1]
    assert done == (total or HOURS)
    assert told == sorted(told)


def test_json_is_sent_as_it_is(rides: Tocsin, tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.json", b'{"points": [{"timestamp": 0, "value": 1}]}')
    assert rides.upload("rides", path).stored == 1


def test_a_client_that_lets_others_go_on_uploads_likewise(
    service: Service, tenant: Tenant, rides: Tocsin
) -> None:
    async def upload() -> int:
        async with AsyncTocsin(service.url, tenant.key) as client:
            report = await client.upload("rides", rows(), part_bytes=3_000, compress=True)
        return report.stored

    assert asyncio.run(upload()) == HOURS
    assert stored(rides) == ALL


def test_what_the_tenant_may_not_send_at_once_goes_in_smaller_parts(
    rides: Tocsin, operator: Tocsin, tenant: Tenant
) -> None:
    operator.update_tenant(tenant.slug, limits={"upload_bytes": 4_000})
    told: list[tuple[int, int | None]] = []
    content = CSV.encode()
    report = rides.upload("rides", content, on_progress=lambda *one: told.append(one))
    assert report.stored == HOURS
    assert report.parts > 3
    assert told[-1] == (len(content), len(content))
    again = rides.upload("rides", gzip.compress(content))
    assert again.duplicates == HOURS
    assert again.parts > 3


def test_a_record_that_is_too_large_by_itself_is_refused(
    rides: Tocsin, operator: Tocsin, tenant: Tenant
) -> None:
    operator.update_tenant(tenant.slug, limits={"upload_bytes": 20})
    with pytest.raises(TooLarge):
        rides.upload("rides", CSV.encode())


@pytest.mark.parametrize("part_bytes", [50_000_000, 3_000])
def test_a_bad_line_is_named_by_its_place_in_the_file(rides: Tocsin, part_bytes: int) -> None:
    lines = CSV.splitlines(keepends=True)
    lines[450] = "yesterday,1\n"
    with pytest.raises(Invalid) as refused:
        rides.upload("rides", "".join(lines).encode(), part_bytes=part_bytes)
    (error,) = refused.value.errors
    assert (error.row, error.column) == (451, "timestamp")  # type: ignore[union-attr]
    assert "row 451, timestamp: 'yesterday' is not" in str(refused.value)
    before = refused.value.stored.stored if refused.value.stored else 0
    assert before == len(stored(rides))
    assert (before > 0) == (part_bytes < 50_000)


@pytest.mark.parametrize("part_bytes", [50_000_000, 3_000])
@pytest.mark.parametrize("name", ["rows", "a frame"])
def test_a_bad_row_is_named_by_its_number(rides: Tocsin, name: str, part_bytes: int) -> None:
    late = datetime(2400, 1, 1, tzinfo=UTC)
    given: Any = [*ALL[:449], (late, 1.0), *ALL[450:]]
    if name == "a frame":
        index = pd.DatetimeIndex([at for at, _ in given]).as_unit("s")
        given = pd.DataFrame({"value": [value for _, value in given]}, index=index)
    report = rides.upload("rides", given, on_error="skip", part_bytes=part_bytes)
    assert [(error.row, error.column) for error in report.errors] == [(450, "timestamp")]
    assert (report.stored, report.rejected) == (HOURS - 1, 1)


def test_an_error_before_anything_is_sent_names_the_row(rides: Tocsin) -> None:
    rows: list[Any] = [*ALL[:3], (START, "many")]
    with pytest.raises(TypeError, match=r"row 4\.value must be a number"):
        rides.upload("rides", rows)
    rows[3] = (START, float("inf"))
    with pytest.raises(ValueError, match=r"row 4\.value must be finite"):
        rides.upload("rides", rows)
    rows[3] = (None, 1)
    with pytest.raises(TypeError, match=r"row 4\.timestamp must be a datetime"):
        rides.upload("rides", rows)
    assert stored(rides) == []


def test_what_is_no_source_is_refused(rides: Tocsin, tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.csv", CSV.encode())
    given: Any
    for given in ({"timestamp": 0, "value": 1}, 3, None, path.open()):
        with pytest.raises(TypeError):
            rides.upload("rides", given)
    with pytest.raises(FileNotFoundError):
        rides.upload("rides", tmp_path / "absent.csv")
    with pytest.raises(NotFound):
        rides.upload("absent", path)


def test_damaged_gzip_is_named_by_the_service(rides: Tocsin) -> None:
    content = gzip.compress(CSV.encode())
    for damaged in (content[:-500], content[:50] + b"x" * 50 + content[100:]):
        with pytest.raises(ServiceError, match="gzip"):
            rides.upload("rides", damaged)


def test_nothing_to_upload_is_no_error(rides: Tocsin) -> None:
    assert rides.upload("rides", []).parts == 0
    empty = pd.DataFrame({"value": []}, index=pd.DatetimeIndex([]))
    assert rides.upload("rides", empty).parts == 0


def test_what_was_stored_before_a_quota_was_reached_is_told(
    rides: Tocsin, operator: Tocsin, tenant: Tenant
) -> None:
    operator.update_tenant(tenant.slug, limits={"points_per_day": 250})
    with pytest.raises(QuotaExceeded) as refused:
        rides.upload("rides", rows(), part_bytes=6_000)
    assert refused.value.stored is not None
    assert refused.value.stored.stored == len(stored(rides)) > 0


def test_columns_may_be_called_otherwise(rides: Tocsin) -> None:
    content = b"at;x;y\n2024-01-01;1;2\n"
    report = rides.upload("rides", content, timestamp_column="at", value_column="y")
    assert report.stored == 1
    assert [point.value for point in rides.list_points("rides")] == [2]


def test_rows_of_many_series_make_those_that_are_missing(client: Tocsin) -> None:
    rows = [("berlin", START, 1.0), ("paris", START, 2.0)]
    assert client.upload_many(rows, create=True).stored == 2
    tomorrow = [START + timedelta(days=1)] * 2
    frame = pd.DataFrame({"series": ["berlin", "paris"], "value": [3, 4]}, index=tomorrow)
    assert client.upload_many(frame).stored == 2
    values = {
        one.name: [point.value for point in client.list_points(one.name)]
        for one in client.list_series()
    }
    assert values == {"berlin": [1, 3], "paris": [2, 4]}
