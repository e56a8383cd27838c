"""The real server against its own OpenAPI document, by schemathesis: `make fuzz`.

Requests that fit the document and ones that do not, of every route, with all checks. Not a part of
`make test`, since it takes minutes; ARGS of the command line are pytest's.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.api.histories import QUICK, csv
from tests.service import Service, Tenant

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
SERIES = ("rides", "spare")
OPERATORS = r"^/v1/(admin|tenants)"

# One's own stands in for one of theirs, see there.
CHECKS = ("--checks", "all", "--exclude-checks", "positive_data_acceptance,negative_data_rejection")
# What is drawn from here nearly always: a call that nobody makes would be waited for for a minute.
# Where schemathesis draws on its own, now and then, it is; so a request may take longer than that.
PROBABILITY = {"wait": 1.0}
# Where else than in the path of its name a thing stands.
PLACES = {
    "expires_at": ["body.expires_at"],
    "wait": ["query.wait"],
    "timezone": ["body.timezone", "body.detector.timezone", "body.quiet_hours.time_zone"],
    "timestamp": ["path.timestamp", "body.timestamp", "body.points[*].timestamp"],
    "series_name": ["path.series_name", "query.series", "body.points[*].series"],
}
CONFIG = """
hooks = "{hooks}"
seed = {seed}
workers = 2
continue-on-failure = true
request-timeout = 90.0
headers = {{ Authorization = "Bearer {key}" }}

[generation]
max-examples = {examples}
allow-x00 = false

[dictionaries]
{dictionaries}

[parameters]
{parameters}

[phases.stateful]
max-steps = 4

[[operations]]
include-path-regex = "^/v1/(admin|tenants)"
headers = {{ Authorization = "Bearer {operator_key}" }}
"""


@pytest.mark.timeout(3600)
def test_every_answer_is_as_the_document_says(service: Service, tmp_path: Path) -> None:
    tenant = service.new_tenant()
    config = tmp_path / "schemathesis.toml"
    config.write_text(configured(service, tenant))
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"]
    arguments = [f"{service.url}/openapi.json", *CHECKS, *os.environ.get("FUZZ", "").split()]
    assert subprocess.run([*command, *arguments], cwd=tmp_path, check=False).returncode == 0


def configured(service: Service, tenant: Tenant) -> str:
    known = things(service, tenant)
    quoted = {name: json.dumps(values) for name, values in known.items()}
    return CONFIG.format(
        seed=int(os.environ.get("SEED", "1")),
        hooks=Path(__file__).with_name("hooks.py"),
        examples=EXAMPLES,
        key=tenant.key,
        operator_key=service.operator_key,
        dictionaries="\n".join(f"{name} = {{ values = {v} }}" for name, v in quoted.items()),
        parameters="\n".join(
            f'"{place}" = {{ dictionary = "{name}", probability = {PROBABILITY.get(name, 0.7)} }}'
            for name in quoted
            for place in PLACES.get(name, [f"path.{name}"])
        ),
    )


def things(service: Service, tenant: Tenant) -> dict[str, list[Any]]:
    """What stands in paths, and is there: series with a history, a model, scores and an event."""
    hook = tenant.http.post("/v1/webhooks", json={"url": "https://hook.invalid/"}).json()["id"]
    for name in SERIES:
        tenant.make_series(name, detector=QUICK)
        tenant.upload(name, csv(120))
        tenant.train(name)
        point = {"timestamp": "2024-01-07T00:00:00Z", "value": 9e6}
        assert tenant.http.post(f"/v1/series/{name}/score", json=point).json()["alert"]
    key = tenant.http.post("/v1/keys", json={"name": "spare", "scopes": ["read"]}).json()
    jobs = tenant.http.get(f"/v1/series/{SERIES[0]}/jobs").json()["data"]
    events = tenant.http.get("/v1/events").json()["data"]
    deliveries = tenant.http.get(f"/v1/webhooks/{hook}/deliveries").json()["data"]
    return {
        "webhook_id": [hook],
        "delivery_id": [delivery["id"] for delivery in deliveries],
        "series_name": list(SERIES),
        "key_id": [key["id"]],
        "job_id": [job["id"] for job in jobs],
        "event_id": [event["id"] for event in events],
        "wait": [0, 0.5],
        "version": ["1"],
        "expires_at": ["2200-01-01T00:00:00Z"],
        "timezone": ["UTC", "Europe/Berlin"],
        "timestamp": ["2024-01-07T00:00:00Z", "2024-01-01T05:00:00Z"],
        "slug": [service.new_tenant().slug],
        "label_name": ["series"],
    }
