"""`/v1/points` and `/v1/series/{series}/points`: history in, history out."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from app.actions import history, ingestion, series
from app.actions.caller import Caller
from app.actions.parts import Parts
from app.api import answers, exports, pages, shown, tables
from app.api.bodies import (
    LoosePointList,
    Point,
    PointList,
    PointOfSeries,
    UploadedPointsOfManySeries,
)
from app.api.queries import PointsQuery, SpanQuery, UploadManyQuery, UploadQuery
from app.errors import FieldError, Invalid, RowError
from app.ingest.chunk import Chunk
from app.ingest.csv import read_csv
from app.ingest.json import parse_json
from app.ingest.ndjson import read_ndjson
from app.store.audit import Actor
from app.store.times import to_datetime, to_ns
from app.web import formats
from app.web.formats import CSV, JSON, NDJSON, Upload
from app.web.framework import Request
from app.web.problems import described_error
from app.web.routes import route

OF_SERIES = "/v1/series/{series_name}/points"
FORMS = (CSV, JSON, NDJSON)
CHUNK_POINTS = 10_000


@route(
    "POST",
    OF_SERIES,
    scope="write",
    query=UploadQuery,
    body=(PointList,),
    uploads=FORMS,
    answer=answers.UploadAnswer,
    errors=(404,),
)
def post_points(
    parts: Parts, caller: Caller, series_name: str, query: UploadQuery, upload: Upload
) -> dict[str, Any]:
    """Store points without scoring them."""
    chunks = _chunks(parts, upload, query, is_of_many=False)
    report = ingestion.store(
        parts, caller.tenant_id, chunks, series_name, query.on_error, query.on_conflict
    )
    return _reported(report)


@route(
    "POST",
    "/v1/points",
    scope="write",
    query=UploadManyQuery,
    body=(UploadedPointsOfManySeries,),
    uploads=FORMS,
    answer=answers.UploadAnswer,
)
def post_points_of_many(
    parts: Parts, caller: Caller, actor: Actor, query: UploadManyQuery, upload: Upload
) -> dict[str, Any]:
    """Store points of many series; each row names its own."""
    chunks = _chunks(parts, upload, query, is_of_many=True)
    report = ingestion.store(
        parts,
        caller.tenant_id,
        chunks,
        None,
        query.on_error,
        query.on_conflict,
        is_creating=query.create,
        by=actor,
    )
    return _reported(report)


@route(
    "GET",
    OF_SERIES,
    scope="read",
    query=PointsQuery,
    answer=list[answers.PointAnswer],
    exports_csv=True,
    errors=(404,),
)
def get_points(
    parts: Parts, caller: Caller, series_name: str, query: PointsQuery, request: Request
) -> Any:
    """Stored points, in time order; `Accept: text/csv` exports the span."""
    span = pages.moment(query.start), pages.moment(query.end)
    if exports.is_wanted(request):
        of, found = history.all_points(parts, caller.tenant_id, series_name, span)
        return exports.points(of.fields, exports.limited(found, query))
    seen = pages.after_one(parts, OF_SERIES, query.cursor)
    after = None if seen is None else to_datetime(seen)
    of, rows = history.points_page(parts, caller.tenant_id, series_name, query.rows, after, span)
    return pages.page(
        parts,
        OF_SERIES,
        query.limit,
        rows,
        lambda row: shown.point(of.fields, *row),
        lambda row: [to_ns(row[0])],
    )


@route(
    "DELETE",
    OF_SERIES,
    scope="admin",
    query=SpanQuery,
    answer=answers.ErasedAnswer,
    errors=(404,),
)
def delete_points(
    parts: Parts, caller: Caller, actor: Actor, series_name: str, query: SpanQuery
) -> dict[str, int]:
    """Erase the points of a span, and their scores; from, to, or both have to be given."""
    if query.start is None and query.end is None:
        wrong = FieldError("from", "is needed, or `to`; removing the series erases everything")
        raise Invalid("Erasing needs a span", [wrong])
    start, end = pages.moment(query.start), pages.moment(query.end)
    removed = series.erase_points(parts, caller.tenant_id, series_name, start, end, by=actor)
    return {"erased": removed}


def _chunks(parts: Parts, upload: Upload, query: UploadQuery, is_of_many: bool) -> Iterable[Chunk]:
    if upload.media_type == CSV:
        return read_csv(
            upload.stream,
            with_series=is_of_many,
            timestamp_column=query.timestamp_column,
            value_column=query.value_column,
        )
    if upload.media_type == NDJSON:
        return read_ndjson(upload.stream, with_series=is_of_many)
    return _json_chunks(parts, upload, query, is_of_many)


def _json_chunks(
    parts: Parts, upload: Upload, query: UploadQuery, is_of_many: bool
) -> Iterator[Chunk]:
    given = parse_json(formats.at_most(upload, parts.settings.json_bytes))
    if query.on_error == "refuse":
        strict = UploadedPointsOfManySeries if is_of_many else PointList
        good = formats.checked_body((strict,), given).points  # type: ignore[attr-defined]
        yield _chunk(good, {}, 1, is_of_many)
        return
    loose = formats.checked_body((LoosePointList,), given).points  # type: ignore[attr-defined]
    model = PointOfSeries if is_of_many else Point
    for first in range(0, len(loose), CHUNK_POINTS):  # what is wrong with each takes memory too
        found = _good_points(model, loose[first : first + CHUNK_POINTS], first + 1)
        yield _chunk(*found, first + 1, is_of_many)


def _chunk(
    good: list[Point], errors: dict[int, RowError], first_row: int, is_of_many: bool
) -> Chunk:
    table = tables.table(good)
    received = len(good) + len(errors)
    every_row = range(first_row, first_row + received)
    rows = np.array([row for row in every_row if row not in errors], np.int64)
    names = table.series if is_of_many else None
    return Chunk(
        rows, names, table.times, table.columns, table.values, tuple(errors.values()), received
    )


def _good_points(
    model: type[Point], given: list[Any], first_row: int
) -> tuple[list[Point], dict[int, RowError]]:
    """The points that hold, and by its row what is wrong first with each of the others."""
    good, errors = [], {}
    for row, point in enumerate(given, first_row):
        try:
            good.append(formats.checked(model, point))
        except Invalid as error:
            field, message = formats.first_wrong(error)
            errors[row] = RowError(row, field or None, message)
    return good, errors


def _reported(report: ingestion.Report) -> dict[str, Any]:
    return {
        "received": report.received,
        "stored": report.stored,
        "duplicates": report.duplicates,
        "replaced": report.replaced,
        "rejected": report.rejected,
        "errors": [described_error(error) for error in report.errors],
        "job": None if report.job is None else str(report.job),
    }
