"""A job of the service, followed to its end."""

import time
from typing import TYPE_CHECKING, Any

from app.cli import output
from app.cli.client import Client
from app.cli.failures import ServiceRefused

if TYPE_CHECKING:
    from rich.console import Console

POLL_S = 0.2


def followed(
    service: Client, job: dict[str, Any], doing: str, console: "Console | None" = None
) -> dict[str, Any]:
    """The job once it has succeeded, behind a bar meanwhile; one that failed is an error."""
    with output.progress(console) as progress:
        bar = progress.add_task(doing, total=1.0)
        while job["status"] in ("queued", "running"):
            time.sleep(POLL_S)
            job = service.ask("GET", f"/v1/jobs/{job['id']}")
            progress.update(bar, completed=job["progress"], description=_described(doing, job))
    if job["status"] == "failed":
        raise ServiceRefused(200, {"detail": f"{doing} failed: {job['error']}"})
    return job


def _described(doing: str, job: dict[str, Any]) -> str:
    return f"{doing}, waiting for a worker" if job["status"] == "queued" else doing
