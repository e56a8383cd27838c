"""`tocsin events`: anomalies as events, newest first."""

from typing import Annotated

import typer

from app.cli import client, output
from app.cli.output import AsJson

COLUMNS: output.Columns = {
    "start": lambda event: event["start"],
    "end": lambda event: event["end"] or "open",
    "series": lambda event: event["series"],
    "points": lambda event: output.text(event["points"]),
    "peak": lambda event: event["peak"]["timestamp"],
    "score": lambda event: f"{event['peak']['score']:.4f}",
    "reason": lambda event: event["reason"],
    "id": lambda event: event["id"],
}


def events(
    series: Annotated[str | None, typer.Argument(help="Only of this series.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="Begun from this time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Begun before this time.")] = None,
    is_open: Annotated[
        bool | None, typer.Option("--open/--over", help="Only those that go on, or are over.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List events, newest first: anomalous points that belong together, of which one alerted."""
    with client.connected() as service:
        listed = service.list_events(
            series=series, start=start, end=end, is_open=is_open, limit=limit
        )
        rows = client.raws(listed)
    output.listed(rows, COLUMNS, as_json, "No events", ["points", "score"])
    if len(rows) == limit:
        output.message(f"There may be more: these are the newest {limit} (--limit).")
