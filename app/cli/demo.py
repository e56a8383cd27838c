"""`tocsin up --demo`: seven months of New York's taxi rides, uploaded, learnt and judged.

Each step asks what is stored already, so that it can be broken off anywhere and begun again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli import client, credentials, jobs, output, runs, upload
from app.cli.credentials import Credentials
from app.cli.failures import CommandFailed, ServiceRefused
from app.cli.steps import Steps

if TYPE_CHECKING:
    from app.client import Job, Tocsin

TENANT, SERIES = "demo", "nyc_taxi"
NAME = "New York taxi rides"
LIVE_POINTS = 1_488  # January, of which New Year is an event
BATCH_POINTS = 48  # a day

JSON = "-H 'Content-Type: application/json'"
POINT = """-d '{"timestamp": "2015-02-01T00:00:00Z", "value": 60000}'"""

Points = Sequence[tuple[str, float]]


def run(data_dir: Path, known: Credentials, steps: Steps, is_stopping: Callable[[], bool]) -> None:
    """All of the demo; what goes wrong is said, and the service stays up."""
    try:
        with client.opened(known.url, known.operator_key) as operator:
            mine = ensure_tenant(operator, known)
        if mine != known:
            credentials.write(data_dir, mine)
        with client.opened(mine.url, mine.api_key) as service:
            watch(service, steps)
            runs.show(service, SERIES, steps.console)
        _show_addresses(mine, data_dir, steps)
    except CommandFailed as error:
        if not is_stopping():
            steps.trouble(f"The demo did not get through: {error.detail} The service stays up.")


def ensure_tenant(operator: "Tocsin", known: Credentials) -> Credentials:
    """The demo's tenant and a key of it that works, made where there is none."""
    from app.client import NotFound

    try:
        operator.get_tenant(TENANT)
    except NotFound:
        made = operator.create_tenant(TENANT, NAME)
        return replace(known, tenant=TENANT, api_key=made.api_key.secret)
    if _is_of_demo(known):
        return known
    key = operator.create_tenant_key(TENANT, "tocsin up --demo", ["admin"])
    return replace(known, tenant=TENANT, api_key=key.secret)


def _is_of_demo(known: Credentials) -> bool:
    try:
        with client.opened(known.url, known.api_key) as service:
            tenant = service.get_me().tenant
    except ServiceRefused as error:
        if error.status in (401, 403) and error.problem.get("code") != "tenant_suspended":
            return False
        raise
    return tenant is not None and tenant.slug == TENANT


def watch(service: "Tocsin", steps: Steps) -> None:
    """Upload the history, train on it, and score the last month as it would come in."""
    points = rides()
    history, live = points[:-LIVE_POINTS], points[-LIVE_POINTS:]
    upload.ensure_series(service, SERIES, ["value"])
    if service.get_series(SERIES).points < len(history):
        with steps.timed(f"uploaded {len(history):,} half-hours of {NAME}"):
            upload.shown(SERIES, partial(service.upload, SERIES, history), steps.console)
    if (job := _training(service)) is not None:
        with steps.timed(f"trained a model on {len(history):,} half-hours"):
            _train(service, job, steps)
    last = service.get_series(SERIES).last_timestamp
    waiting = [point for point in live if last is None or datetime.fromisoformat(point[0]) > last]
    if waiting:
        with steps.timed(f"scored the last {len(waiting)} half-hours as they would come in"):
            _score(service, waiting, steps)


def rides() -> Points:
    """(time, rides) of each half-hour, oldest first."""
    text = resources.files("app.cli").joinpath("data/nyc_taxi.csv").read_text()
    rows = (line.split(",") for line in text.splitlines()[1:])
    return [(f"{time.replace(' ', 'T')}Z", float(value)) for time, value in rows]


def _training(service: "Tocsin") -> "Job | None":
    """The job to wait for: the upload's own, one that another run left, or one asked for here."""
    newest = next(iter(service.list_jobs(SERIES, limit=1)), None)
    if newest and not newest.is_over:
        return newest
    is_trained = service.get_series(SERIES).model_version is not None
    return None if is_trained else service.train(SERIES)


def _train(service: "Tocsin", job: "Job", steps: Steps) -> None:
    """A job that an earlier run left may be given up after all: then another one is asked for."""
    try:
        jobs.followed(service, job, f"Training {SERIES}", steps.console)
    except CommandFailed:
        if job.attempt == 0:
            raise
        jobs.followed(service, service.train(SERIES), f"Training {SERIES}", steps.console)


def _score(service: "Tocsin", points: Points, steps: Steps) -> None:
    with output.progress(steps.console) as progress:
        bar = progress.add_task("Scoring the last month, a day at a time", total=len(points))
        for start in range(0, len(points), BATCH_POINTS):
            batch = points[start : start + BATCH_POINTS]
            service.score_points(SERIES, batch)
            progress.advance(bar, len(batch))


def _show_addresses(mine: Credentials, data_dir: Path, steps: Steps) -> None:
    header = f'-H "Authorization: Bearer {mine.api_key}"'
    series = f"{mine.url}/v1/series/{SERIES}"
    lines = [
        "",
        f"Service     {mine.url}    routes: {mine.url}/docs    numbers: {mine.url}/metrics",
        f"Key         {mine.api_key}    (tenant {mine.tenant})",
        f"Operator    {mine.operator_key}",
        f"            both are in {data_dir / credentials.FILE}",
        "",
        "Try",
        f'  curl {header} "{mine.url}/v1/anomalies?limit=3"',
        f"  curl {header} {series}/anomalies/2014-11-02T01:00:00Z",
        f"  curl {header} {JSON} {POINT} {series}/score",
        "",
        "Ctrl-C stops all of it; what is stored stays.",
    ]
    for line in lines:
        steps.console.print(line, soft_wrap=True, markup=False)
