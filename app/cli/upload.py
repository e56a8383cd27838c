"""`tocsin upload`: history from a file or a pipe."""

import gzip
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from app.cli import bodies, client, output
from app.cli.failures import line_of
from app.cli.output import AsJson

if TYPE_CHECKING:
    from rich.console import Console

    from app.client import Tocsin, Upload

LONGEST_HEADER_BYTES = 65_536


def upload(
    series: Annotated[str, typer.Argument(help="Name of the series.")],
    file: Annotated[
        str, typer.Argument(help="CSV, NDJSON or JSON, perhaps gzipped; `-` reads CSV from stdin.")
    ],
    creates: Annotated[
        bool, typer.Option("--create", help="Make the series if there is none.")
    ] = False,
    timestamp_column: Annotated[
        str | None, typer.Option(help="The column of the times, if it is not `timestamp`.")
    ] = None,
    value_column: Annotated[
        str | None, typer.Option(help="The only column of values to take.")
    ] = None,
    skips: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Store the good rows even if some are bad.")
    ] = False,
    replaces: Annotated[
        bool, typer.Option("--replace", help="Let new values stand where a time is known already.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Store points without scoring them. One bad row refuses the file, and each is named."""
    from app.client import ServiceError

    with bodies.opened(file) as data, client.connected() as service:
        is_new = creates and ensure_series(
            service, series, _fields(data, timestamp_column, value_column)
        )
        store = partial(
            service.upload,
            series,
            data,
            timestamp_column=timestamp_column,
            value_column=value_column,
            on_error="skip" if skips else "refuse",
            on_conflict="replace" if replaces else "refuse",
        )
        try:
            report = shown(series, store)
        except ServiceError as error:
            if is_new and not error.stored:  # what was refused leaves nothing, not even its name
                service.delete_series(series)
            raise
    _show(series, report, as_json)


def ensure_series(service: "Tocsin", name: str, fields: list[str]) -> bool:
    """Make the series unless it is there; whether it was made."""
    from app.client import NotFound

    try:
        service.get_series(name)
    except NotFound:
        service.create_series(name, fields=fields)
        return True
    return False


def shown(
    series: str, store: "Callable[..., Upload]", shown_on: "Console | None" = None
) -> "Upload":
    """Upload behind a bar; what the service reports of it."""
    with output.progress(shown_on) as progress:
        bar = progress.add_task(f"Uploading to {series}", total=None)

        def note(done: int, total: int | None) -> None:
            doing = "Storing in" if done == total else "Uploading to"
            progress.update(bar, completed=done, total=total, description=f"{doing} {series}")

        return store(on_progress=note)


def _fields(file: BinaryIO, timestamp_column: str | None, value_column: str | None) -> list[str]:
    """The fields that the header names; what cannot be read is left for the service to refuse."""
    from app.client.sources import form_of
    from app.errors import Invalid
    from app.ingest.header import Wanted, read_header
    from app.ingest.limits import DEFAULT_LIMITS

    if form_of(file) != "csv":
        return ["value"]
    wanted = Wanted(timestamp_column=timestamp_column, value_column=value_column)
    try:
        return list(read_header(_first_line(file), 1, wanted, DEFAULT_LIMITS).columns)
    except (Invalid, UnicodeDecodeError, OSError, EOFError):
        return ["value"]
    finally:
        file.seek(0)


def _first_line(file: BinaryIO) -> str:
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    text = gzip.GzipFile(fileobj=file) if is_gzip else file
    line: bytes = text.readline(LONGEST_HEADER_BYTES)
    return line.decode("utf-8-sig").rstrip("\r\n")


def _show(series: str, report: "Upload", as_json: bool) -> None:
    counts = asdict(report)
    for error in counts["errors"]:
        output.message(line_of(error))
    if as_json:
        output.data(counts)
        return
    counted = ", ".join(
        f"{counts[name]:,} {name}"
        for name in ("stored", "duplicates", "replaced", "rejected")
        if counts[name] or name == "stored"
    )
    output.message(f"{series}: {report.received:,} rows, {counted}.")
    if report.job:
        output.message(f"A model is being trained on them: job {report.job}.")
