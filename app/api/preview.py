"""How the first rows of a CSV file are read; nothing is stored."""

import io
from typing import Any

from app.api import console_answers, shown
from app.api.queries import PreviewQuery
from app.ingest.chunk import Chunk
from app.ingest.csv import read_csv
from app.store.times import to_datetime
from app.web.formats import CSV, Upload, at_most
from app.web.problems import described_error
from app.web.routes import route

MOST_BYTES = 256 * 1024
SHOWN_ROWS, SHOWN_ERRORS = 20, 100


@route(
    "POST",
    "/v1/preview",
    scope="read",
    query=PreviewQuery,
    uploads=(CSV,),
    answer=console_answers.PreviewAnswer,
)
def post_preview(query: PreviewQuery, upload: Upload) -> dict[str, Any]:
    """How the first rows of a CSV file would be read: send up to 256 KB of it, whole lines."""
    given = io.BytesIO(at_most(upload, MOST_BYTES))
    chunks = read_csv(
        given,
        timestamp_column=query.timestamp_column,
        value_column=query.value_column,
    )
    return _described(list(chunks))


def _described(chunks: list[Chunk]) -> dict[str, Any]:
    errors = [described_error(one) for chunk in chunks for one in chunk.errors]
    rows = [row for chunk in chunks for row in _rows(chunk)]
    return {
        "columns": list(chunks[0].columns) if chunks else [],
        "received": sum(chunk.received for chunk in chunks),
        "rows": rows[:SHOWN_ROWS],
        "errors": errors[:SHOWN_ERRORS],
    }


def _rows(chunk: Chunk) -> list[dict[str, Any]]:
    return [
        {
            "row": int(chunk.rows[place]),
            "timestamp": shown.moment(to_datetime(int(chunk.times[place]))),
            "values": chunk.values[place].tolist(),
        }
        for place in range(min(SHOWN_ROWS, len(chunk.times)))
    ]
