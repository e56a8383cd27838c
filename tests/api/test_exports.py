"""CSV as it goes out."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO

import pytest

from app.api import exports
from app.errors import Unavailable
from app.ingest.csv import read_csv


def pages() -> Iterator[list[tuple[datetime, list[float]]]]:
    """The database goes away after the first."""
    yield [(datetime(2024, 1, 1, hour, tzinfo=UTC), [1.5]) for hour in range(3)]
    raise Unavailable("The database does not answer")


def test_an_export_that_breaks_off_says_so_where_a_row_would_be() -> None:
    stream = exports.points(["value"], pages()).stream
    assert stream is not None
    sent: list[bytes] = []
    with pytest.raises(Unavailable):
        sent.extend(stream)
    [chunk] = read_csv(BytesIO(b"".join(sent)))
    assert len(chunk.values) == 3
    [error] = chunk.errors
    assert error.row == 5
