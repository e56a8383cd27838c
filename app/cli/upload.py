"""`tocsin upload`: history from a file or a pipe."""

import gzip
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import bodies, client, output
from app.cli.bodies import Body
from app.cli.client import Client
from app.cli.failures import ServiceRefused, line_of
from app.cli.output import AsJson

if TYPE_CHECKING:
    from rich.console import Console

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
    query = {
        "timestamp_column": timestamp_column,
        "value_column": value_column,
        "on_error": "skip" if skips else None,
        "on_conflict": "replace" if replaces else None,
    }
    asked = {name: value for name, value in query.items() if value is not None}
    with bodies.opened(file) as body, client.connected() as service:
        is_new = creates and ensure_series(
            service, series, _fields(body, timestamp_column, value_column)
        )
        try:
            report = send(service, series, body, asked)
        except ServiceRefused:
            if is_new:  # an upload that was refused leaves nothing, not even its name
                service.ask("DELETE", client.path("v1", "series", series))
            raise
    _show(series, report, as_json)


def ensure_series(service: Client, name: str, fields: list[str]) -> bool:
    """Make the series unless it is there; whether it was made."""
    if service.find(client.path("v1", "series", name)) is not None:
        return False
    service.ask("POST", "/v1/series", json={"name": name, "fields": fields})
    return True


def send(
    service: Client,
    series: str,
    body: Body,
    query: Mapping[str, str] | None = None,
    shown_on: "Console | None" = None,
) -> dict[str, Any]:
    """Upload the body behind a bar, in constant memory; what the service reports of it."""
    with output.progress(shown_on) as progress:
        bar = progress.add_task(f"Uploading to {series}", total=body.size_bytes)

        def note_sent(size_bytes: int) -> None:
            progress.advance(bar, size_bytes)
            if progress.tasks[bar].finished:
                progress.update(bar, description=f"Storing in {series}")

        report: dict[str, Any] = service.ask(
            "POST",
            client.path("v1", "series", series, "points"),
            params=query,
            headers=body.headers,
            content=body.parts(note_sent),
        )
    return report


def _fields(body: Body, timestamp_column: str | None, value_column: str | None) -> list[str]:
    """The fields that the header names; what cannot be read is left for the service to refuse."""
    from app.errors import Invalid
    from app.ingest.header import Wanted, read_header
    from app.ingest.limits import DEFAULT_LIMITS

    if body.media_type != bodies.CSV:
        return ["value"]
    wanted = Wanted(timestamp_column=timestamp_column, value_column=value_column)
    try:
        return list(read_header(_first_line(body), 1, wanted, DEFAULT_LIMITS).columns)
    except (Invalid, UnicodeDecodeError, OSError, EOFError):
        return ["value"]


def _first_line(body: Body) -> str:
    file = gzip.GzipFile(fileobj=body.file) if body.is_gzip else body.file
    line: bytes = file.readline(LONGEST_HEADER_BYTES)
    return line.decode("utf-8-sig").rstrip("\r\n")


def _show(series: str, report: dict[str, Any], as_json: bool) -> None:
    for error in report["errors"]:
        output.message(line_of(error))
    if as_json:
        output.data(report)
        return
    counted = ", ".join(
        f"{report[name]:,} {name}"
        for name in ("stored", "duplicates", "replaced", "rejected")
        if report[name] or name == "stored"
    )
    output.message(f"{series}: {report['received']:,} rows, {counted}.")
    if report["job"]:
        output.message(f"A model is being trained on them: job {report['job']}.")
