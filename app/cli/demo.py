"""`tocsin up --demo`: seven months of New York's taxi rides, uploaded, learnt and judged.

Each step asks what is stored already, so that it can be broken off anywhere and begun again.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import Any

from app.cli import client, credentials, jobs, output, runs, score, upload
from app.cli.bodies import CSV, Body
from app.cli.client import Client
from app.cli.credentials import Credentials
from app.cli.failures import CommandFailed, ServiceRefused
from app.cli.steps import Steps

TENANT, SERIES = "demo", "nyc_taxi"
NAME = "New York taxi rides"
LIVE_POINTS = 336  # the last week of half-hours
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


def ensure_tenant(operator: Client, known: Credentials) -> Credentials:
    """The demo's tenant and a key of it that works, made where there is none."""
    if operator.find(client.path("v1", "tenants", TENANT)) is None:
        made = operator.ask("POST", "/v1/tenants", json={"slug": TENANT, "name": NAME})
        return replace(known, tenant=TENANT, api_key=made["api_key"]["secret"])
    if _is_of_demo(known):
        return known
    body = {"name": "tocsin up --demo", "scopes": ["admin"]}
    made = operator.ask("POST", client.path("v1", "tenants", TENANT, "keys"), json=body)
    return replace(known, tenant=TENANT, api_key=made["secret"])


def _is_of_demo(known: Credentials) -> bool:
    try:
        with client.opened(known.url, known.api_key) as service:
            tenant = service.ask("GET", "/v1/me")["tenant"]
    except ServiceRefused as error:
        if error.status in (401, 403) and error.problem.get("code") != "tenant_suspended":
            return False
        raise
    return tenant is not None and tenant["slug"] == TENANT


def watch(service: Client, steps: Steps) -> None:
    """Upload the history, train on it, and score the last week as it would come in."""
    points = rides()
    history, live = points[:-LIVE_POINTS], points[-LIVE_POINTS:]
    upload.ensure_series(service, SERIES, ["value"])
    found = _series(service)
    if found["points"] < len(history):
        with steps.timed(f"uploaded {len(history):,} half-hours of {NAME}"):
            upload.send(service, SERIES, _csv(history), shown_on=steps.console)
    if (job := _training(service)) is not None:
        with steps.timed(f"trained a model on {len(history):,} half-hours"):
            _train(service, job, steps)
    last = _series(service)["last_timestamp"]
    waiting = [point for point in live if point[0] > last]
    if waiting:
        with steps.timed(f"scored the last {len(waiting)} half-hours as they would come in"):
            _score(service, waiting, steps)


def rides() -> Points:
    """(time, rides) of each half-hour, oldest first."""
    text = resources.files("app.cli").joinpath("data/nyc_taxi.csv").read_text()
    rows = (line.split(",") for line in text.splitlines()[1:])
    return [(f"{time.replace(' ', 'T')}Z", float(value)) for time, value in rows]


def _series(service: Client) -> dict[str, Any]:
    found: dict[str, Any] = service.ask("GET", client.path("v1", "series", SERIES))
    return found


def _training(service: Client) -> dict[str, Any] | None:
    """The job to wait for: the upload's own, one that another run left, or one asked for here."""
    path = client.path("v1", "series", SERIES)
    newest = service.ask("GET", f"{path}/jobs", params={"limit": "1"})["data"]
    if newest and newest[0]["status"] in ("queued", "running"):
        return dict(newest[0])
    is_trained = _series(service)["model_version"] is not None
    return None if is_trained else dict(service.ask("POST", f"{path}/train"))


def _train(service: Client, job: dict[str, Any], steps: Steps) -> None:
    """A job that an earlier run left may be given up after all: then another one is asked for."""
    try:
        jobs.followed(service, job, f"Training {SERIES}", steps.console)
    except ServiceRefused:
        if job["attempt"] == 0:
            raise
        again = service.ask("POST", client.path("v1", "series", SERIES, "train"))
        jobs.followed(service, again, f"Training {SERIES}", steps.console)


def _csv(points: Points) -> Body:
    rows = "".join(f"{time},{value:.0f}\n" for time, value in points)
    content = f"timestamp,value\n{rows}".encode()
    return Body(BytesIO(content), len(content), CSV, is_gzip=False)


def _score(service: Client, points: Points, steps: Steps) -> None:
    with output.progress(steps.console) as progress:
        bar = progress.add_task("Scoring the last week, a day at a time", total=len(points))
        for start in range(0, len(points), BATCH_POINTS):
            batch = points[start : start + BATCH_POINTS]
            asked = [{"timestamp": time, "value": value} for time, value in batch]
            score.judged(service, SERIES, asked)
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
