"""`tocsin score`: verdicts on points from arguments, a file or a pipe."""

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from app.cli import bodies, client, output
from app.cli.client import Client
from app.cli.failures import FAILED, WrongUsage, line_of
from app.cli.output import AsJson

if TYPE_CHECKING:
    from app.ingest.chunk import Chunk

BATCH_POINTS = 1_000
COLUMNS: output.Columns = {
    "time": lambda score: score["timestamp"],
    "value": lambda score: output.text(score["value"]),
    "expected": lambda score: output.text(score["expected"]),
    "score": lambda score: f"{score['score']:.4f}",
    "anomaly": lambda score: output.text(score["is_anomaly"]),
    "alert": lambda score: output.text(score["alert"]),
    "reason": lambda score: score["reason"],
}


def score(
    series: Annotated[str, typer.Argument(help="Name of the series.")],
    points: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TIME,VALUE]...", help="Such as 2014-11-02T01:00:00Z,39197"),
    ] = None,
    file: Annotated[
        str | None, typer.Option(help="CSV with a header; `-` or no points at all reads stdin.")
    ] = None,
    replaces: Annotated[
        bool, typer.Option("--replace", help="Judge anew where a time is known already.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Judge points and store them with their scores. JSON is one array of scores."""
    with client.connected() as service:
        answer = judged(service, series, _points(service, series, points or [], file), replaces)
    for error in answer["errors"]:
        output.message(line_of(error))
    numbers = ["value", "expected", "score"]
    output.listed(answer["data"], COLUMNS, as_json, "No point was scored", numbers)
    if answer["errors"]:
        raise typer.Exit(FAILED)


def judged(
    service: Client, series: str, points: Sequence[dict[str, Any]], replaces: bool = False
) -> dict[str, Any]:
    """Scores and errors of all points, asked for in batches, as a live client would."""
    path = client.path("v1", "series", series, "score")
    query = {"on_conflict": "replace"} if replaces else {}
    scores: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for start in range(0, len(points), BATCH_POINTS):
        batch = points[start : start + BATCH_POINTS]
        answer = service.ask("POST", path, json={"points": batch}, params=query)
        scores += answer["data"]
        errors += [_placed(error, start, batch) for error in answer["errors"]]
    return {"data": scores, "errors": errors}


def _placed(error: dict[str, Any], start: int, batch: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The error, naming the point by its time rather than by its place in a batch."""
    place = int(error["field"].removeprefix("points[").partition("]")[0])
    return {**error, "field": batch[place]["timestamp"], "place": start + place}


def _points(
    service: Client, series: str, given: Sequence[str], file: str | None
) -> list[dict[str, Any]]:
    if given and file is not None:
        raise WrongUsage("Give points as arguments or in a file, not both.")
    if given:
        fields = service.ask("GET", client.path("v1", "series", series))["fields"]
        header = ",".join(["timestamp", *fields])
        return list(parsed(BytesIO("\n".join([header, *given, ""]).encode()), is_typed=True))
    if file is None and sys.stdin.isatty():
        raise WrongUsage("Give points such as 2014-11-02T01:00:00Z,39197, or --file FILE.csv.")
    with bodies.opened(file or bodies.STDIN) as body:
        return list(parsed(body.file))


def parsed(file: BinaryIO, is_typed: bool = False) -> Iterator[dict[str, Any]]:
    """The points of a CSV file as the service takes them; `is_typed`: rows are arguments."""
    from app.errors import Invalid
    from app.ingest.csv import read_csv

    try:
        for chunk in read_csv(file):
            if chunk.errors:
                rows = [(error.row - is_typed, error.message) for error in chunk.errors]
                kind = "point" if is_typed else "line"
                raise WrongUsage("; ".join(f"{kind} {row}: {message}" for row, message in rows))
            yield from _of_chunk(chunk)
    except Invalid as error:
        raise WrongUsage(error.detail) from None


def _of_chunk(chunk: "Chunk") -> Iterator[dict[str, Any]]:
    times = (chunk.times // 1000).astype("datetime64[us]")
    is_alone = len(chunk.columns) == 1
    for time, row in zip(times.tolist(), chunk.values.tolist(), strict=True):
        numbers = [None if number != number else number for number in row]
        value = numbers[0] if is_alone else dict(zip(chunk.columns, numbers, strict=True))
        yield {"timestamp": f"{time.isoformat()}Z", "value": value}
