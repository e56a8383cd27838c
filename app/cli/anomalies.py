"""`tocsin anomalies`: anomalous points, newest first."""

from typing import Annotated

import typer

from app.cli import client, output
from app.cli.output import AsJson

COLUMNS: output.Columns = {
    "time": lambda score: score["timestamp"],
    "series": lambda score: score["series"],
    "value": lambda score: output.text(score["value"]),
    "expected": lambda score: output.text(score["expected"]),
    "score": lambda score: f"{score['score']:.4f}",
    "reason": lambda score: score["reason"],
}
OF_TENANTS: output.Columns = {"tenant": lambda score: score["tenant"], **COLUMNS}


def anomalies(
    series: Annotated[str | None, typer.Argument(help="Only of this series.")] = None,
    all_tenants: Annotated[
        bool, typer.Option("--all-tenants", help="Of every tenant, with an operator key.")
    ] = False,
    tenant: Annotated[
        str | None, typer.Option(help="Of this tenant, with an operator key.")
    ] = None,
    start: Annotated[str | None, typer.Option("--from", help="From this time on.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Before this time.")] = None,
    min_score: Annotated[float | None, typer.Option(help="Only scores from this on.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List anomalous points, newest first."""
    is_operator = all_tenants or tenant is not None
    with client.connected("operator" if is_operator else "tenant") as service:
        span = {"start": start, "end": end}
        listed = (
            service.list_all_anomalies(
                tenant=tenant, series=series, min_score=min_score, limit=limit, **span
            )
            if is_operator
            else service.list_anomalies(series=series, min_score=min_score, limit=limit, **span)
        )
        rows = client.raws(listed)
    columns = OF_TENANTS if is_operator else COLUMNS
    output.listed(rows, columns, as_json, "No anomalies", ["value", "expected", "score"])
    if len(rows) == limit:
        output.message(f"There may be more: these are the newest {limit} (--limit).")
