"""History in, history out."""

from typing import TYPE_CHECKING, Any, Literal

from app.client import uploads
from app.client.answers import Erased, Point, Upload
from app.client.bodies import Form
from app.client.requests import Listing, Request, listing, send, span
from app.client.retries import Ask, Flow
from app.client.times import Time
from app.client.uploads import PART_BYTES, OnProgress

if TYPE_CHECKING:
    from app.client.points import Given

OF_SERIES, OF_MANY = "/v1/series/{series_name}/points", "/v1/points"
OnError = Literal["refuse", "skip"]
OnConflict = Literal["refuse", "replace"]


def upload(
    ask: Ask,
    series: str,
    data: "Given",
    *,
    form: Form | None = None,
    timestamp_column: str | None = None,
    value_column: str | None = None,
    on_error: OnError = "refuse",
    on_conflict: OnConflict = "refuse",
    compress: bool = False,
    part_bytes: int = PART_BYTES,
    on_progress: OnProgress | None = None,
) -> Flow[Upload]:
    """Store points without scoring them.

    data: a path or an open binary file (CSV, NDJSON or JSON, perhaps gzipped); a frame or series of
        pandas, with a DatetimeIndex (without a zone it is UTC) and a column for each field; or an
        iterable of points: (time, value), or mappings of `timestamp` and `value`.
    form: of a file whose name does not tell.
    compress: on its way, to a quarter or less; takes time here and in the service.
    part_bytes: what is larger goes in parts, each stored or refused as a whole.
    on_progress: told (done, total) in bytes of a file, else in rows; None is not known. Of an async
        client it is told in another thread.
    """
    query = _query(timestamp_column, value_column, on_error, on_conflict)
    names = {"series_name": series}
    return uploads.upload(
        ask, data, OF_SERIES, names, query, form, compress, part_bytes, on_progress
    )


def upload_many(
    ask: Ask,
    data: "Given",
    *,
    create: bool = False,
    form: Form | None = None,
    timestamp_column: str | None = None,
    value_column: str | None = None,
    on_error: OnError = "refuse",
    on_conflict: OnConflict = "refuse",
    compress: bool = False,
    part_bytes: int = PART_BYTES,
    on_progress: OnProgress | None = None,
) -> Flow[Upload]:
    """The same for many series: with a column `series`, a key `series`, or (series, time, value).

    create: make the series that are missing.
    """
    query = _query(timestamp_column, value_column, on_error, on_conflict)
    query["create"] = create
    return uploads.upload(ask, data, OF_MANY, {}, query, form, compress, part_bytes, on_progress)


def _query(
    timestamp_column: str | None,
    value_column: str | None,
    on_error: OnError,
    on_conflict: OnConflict,
) -> dict[str, Any]:
    return {
        "timestamp_column": timestamp_column,
        "value_column": value_column,
        "on_error": on_error,
        "on_conflict": on_conflict,
    }


def list_points(
    series: str,
    *,
    start: Time | None = None,
    end: Time | None = None,
    limit: int | None = None,
) -> Listing[Point]:
    """Stored points in the order of time, from `start` on and before `end`."""
    return listing(Point, OF_SERIES, limit, span(start, end), series_name=series)


def delete_points(
    series: str, *, start: Time | None = None, end: Time | None = None
) -> Request[Erased]:
    """Erase points of a span and their scores, for good; `start`, `end` or both are needed."""
    return send("DELETE", Erased, OF_SERIES, query=span(start, end), series_name=series)
