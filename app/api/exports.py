"""History as CSV, a page of rows at a time, with the same digits as in JSON."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import orjson

from app.api import shown
from app.api.pages import Page
from app.store.ids import ulid
from app.store.scores import Score
from app.web.formats import CSV, JSON, Answer
from app.web.framework import Request

Row = TypeVar("Row")

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
BROKEN_OFF = b"# broken off here: ask again from the last time on\n"
SCORE_COLUMNS = ("score", "is_anomaly", "alert", "event", "threshold")
TAIL_COLUMNS = ("reason", "model_version", "backfilled")


def is_wanted(request: Request) -> bool:
    """JSON where the client takes either: of equals, the last one is preferred."""
    return str(request.client_prefers([CSV, JSON])) == CSV


def limited(pages: Iterable[list[Row]], query: Page) -> Iterator[list[Row]]:
    """All rows, or as many as the client said."""
    left = query.limit if "limit" in query.model_fields_set else None
    for page in pages:
        yield page[:left]
        if left is not None:
            left -= len(page)
            if left <= 0:
                return


def points(fields: Sequence[str], pages: Iterable[list[tuple[datetime, list[float]]]]) -> Answer:
    rows = ([[shown.moment(at), *map(number, values)] for at, values in page] for page in pages)
    return _answer(["timestamp", *fields], rows)


def scores(fields: Sequence[str], pages: Iterable[list[Score]]) -> Answer:
    bands = [
        f"{kind}{_suffix(fields, name)}"
        for kind in ("expected", "lower", "upper")
        for name in fields
    ]
    header = ["timestamp", *fields, *SCORE_COLUMNS, *bands, *TAIL_COLUMNS]
    return _answer(header, ([_score(score) for score in page] for page in pages))


def _suffix(fields: Sequence[str], name: str) -> str:
    return "" if len(fields) == 1 else f".{name}"


def _score(score: Score) -> list[str]:
    bands = [*score.expected, *score.lower, *score.upper]
    return [
        shown.moment(score.timestamp),
        *map(number, score.value),
        number(score.score),
        str(score.is_anomaly).lower(),
        str(score.alert).lower(),
        "" if score.event is None else ulid(score.event),
        number(score.threshold),
        *map(number, bands),
        text(score.reason),
        str(score.model_version),
        str(score.backfilled).lower(),
    ]


def number(given: float) -> str:
    """As the JSON writes it; a missing one is empty."""
    written = orjson.dumps(given).decode()
    return "" if written == "null" else written


def text(given: str) -> str:
    """A spreadsheet would run a cell that begins like a formula."""
    return f"'{given}" if given.startswith(FORMULA_STARTS) else given


def _answer(header: Sequence[str], pages: Iterable[list[list[str]]]) -> Answer:
    return Answer(media_type=CSV, stream=_lines(header, pages))


def _lines(header: Sequence[str], pages: Iterable[list[list[str]]]) -> Iterator[bytes]:
    yield _written([list(header)])
    try:
        for page in pages:
            yield _written(page)
    except Exception:
        # The status is sent, and the body will end like a whole one: told where no row can be read.
        yield BROKEN_OFF
        raise


def _written(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()
