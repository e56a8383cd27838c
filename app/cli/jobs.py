"""A job of the service, followed to its end."""

from math import inf
from typing import TYPE_CHECKING

from app.cli import output
from app.cli.failures import CommandFailed

if TYPE_CHECKING:
    from rich.console import Console

    from app.client import Job, Tocsin


def followed(service: "Tocsin", job: "Job", doing: str, console: "Console | None" = None) -> "Job":
    """The job once it has succeeded, behind a bar meanwhile; one that failed is an error."""
    from app.client import JobFailed

    with output.progress(console) as progress:
        bar = progress.add_task(doing, total=1.0)

        def show(now: "Job") -> None:
            waits = ", waiting for a worker" if now.status == "queued" else ""
            progress.update(bar, completed=now.progress, description=f"{doing}{waits}")

        try:
            return service.wait_for(job, timeout_s=inf, on_progress=show)
        except JobFailed as error:
            raise CommandFailed(f"{doing} failed: {error.job.error}") from None
