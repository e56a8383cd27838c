"""`tocsin score`: verdicts on points from arguments, a file or a pipe."""

import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from app.cli import bodies, client, output
from app.cli.failures import FAILED, WrongUsage
from app.cli.output import AsJson

if TYPE_CHECKING:
    from app.client import Tocsin
    from app.ingest.chunk import Chunk

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
        asked = _points(service, series, points or [], file)
        answer = service.score_points(
            series, asked, on_conflict="replace" if replaces else "refuse"
        )
    for error in answer.errors:
        output.message(f"{asked[error.place]['timestamp']}: {error.message}")
    numbers = ["value", "expected", "score"]
    output.listed(client.raws(answer), COLUMNS, as_json, "No point was scored", numbers)
    if answer.errors:
        raise typer.Exit(FAILED)


def _points(
    service: "Tocsin", series: str, given: Sequence[str], file: str | None
) -> list[dict[str, Any]]:
    if given and file is not None:
        raise WrongUsage("Give points as arguments or in a file, not both.")
    if given:
        header = ",".join(["timestamp", *service.get_series(series).fields])
        return list(parsed(BytesIO("\n".join([header, *given, ""]).encode()), is_typed=True))
    if file is None and sys.stdin.isatty():
        raise WrongUsage("Give points such as 2014-11-02T01:00:00Z,39197, or --file FILE.csv.")
    with bodies.opened(file or bodies.STDIN) as content:
        return list(parsed(content))


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
