"""`tocsin series`: what a tenant watches."""

from typing import Annotated

import typer

from app.cli import client, output
from app.cli.failures import WrongUsage
from app.cli.output import AsJson

app = typer.Typer(no_args_is_help=True, help="Series of points.")
Name = Annotated[str, typer.Argument(metavar="SERIES", help="Its name.")]

COLUMNS: output.Columns = {
    "series": lambda series: series["name"],
    "status": lambda series: series["status"],
    "points": lambda series: f"{series['points']:,}",
    "from": lambda series: output.text(series["first_timestamp"]),
    "to": lambda series: output.text(series["last_timestamp"]),
    "model": lambda series: output.text(series["model_version"]),
    "fields": lambda series: output.text(series["fields"]),
}


@app.command("list")
def list_series(
    prefix: Annotated[str | None, typer.Option(help="Only names that begin so.")] = None,
    tag: Annotated[str | None, typer.Option(help="Only series with this tag.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the series, by name."""
    with client.connected() as service:
        rows = client.raws(service.list_series(prefix=prefix, tag=tag))
    output.listed(rows, COLUMNS, as_json, "There are no series", ["points", "model"])


@app.command()
def create(
    name: Name,
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="A value of each point; may be repeated.")
    ] = None,
    description: Annotated[str, typer.Option(help="What it is.")] = "",
    tags: Annotated[list[str] | None, typer.Option("--tag", help="May be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a series."""
    with client.connected() as service:
        made = service.create_series(
            name, fields=fields or None, description=description, tags=tags or []
        )
    output.one(made.raw, as_json)


@app.command()
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a series and its state."""
    with client.connected() as service:
        found = service.get_series(name)
    output.one(found.raw, as_json)


@app.command()
def delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False
) -> None:
    """Remove a series with its points, scores and models, for good."""
    with client.connected() as service:
        service.get_series(name)
        if not yes and not typer.confirm(f"Erase {name} for good?", err=True):
            raise WrongUsage("Nothing was erased.")
        service.delete_series(name)
    output.message(f"Removed the series {name}.")
