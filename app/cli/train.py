"""`tocsin train`: a model from a series' history."""

from typing import Annotated

import typer

from app.cli import client, jobs, output
from app.cli.output import AsJson


def train(
    series: Annotated[str, typer.Argument(help="Name of the series.")],
    waits: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it is trained.")] = True,
    as_json: AsJson = False,
) -> None:
    """Train a model on a series' history, the newest 100,000 points of it."""
    with client.connected() as service:
        job = service.train(series)
        if waits:
            job = jobs.followed(service, job, f"Training {series}")
    if as_json:
        output.data(job.raw)
    elif waits:
        output.message(f"{series} has model version {job.model_version}.")
    else:
        output.message(f"Job {job.id} is {job.status}.")
