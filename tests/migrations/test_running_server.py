"""`tocsin migrate` beside a server that is being asked all the time."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest

from app.actions import accounts
from app.actions.parts import assemble
from app.settings import Settings
from app.store import migrations
from app.store.database import INSTALLATION
from tests.conftest import Installed, environment_of
from tests.service import Service, Tenant, running, wait_until

# The oldest schema that this version's server can work on: where a new server is started before
# the migration, requests are answered as well.
OLDEST_SERVED = "0014"
HISTORY = "timestamp,value\n" + "".join(f"2024-01-01T00:{m:02}:00Z,{m}\n" for m in range(60))
PROGRAM = Path(sys.executable).with_name("tocsin")


def score(tenant: Tenant, stop: Event) -> list[int]:
    """Points one by one, until the stop; what each was answered with."""
    statuses: list[int] = []
    while not stop.is_set():
        at = 1_704_070_800 + 60 * len(statuses)
        body = {"timestamp": at, "value": 1.0}
        statuses.append(tenant.http.post("/v1/series/rides/score", json=body).status_code)
    return statuses


def read(tenant: Tenant, stop: Event) -> list[int]:
    statuses: list[int] = []
    while not stop.is_set():
        for path in ("/v1/series/rides/scores", "/v1/anomalies", "/v1/events", "/v1/me"):
            statuses.append(tenant.http.get(path).status_code)
    return statuses


@pytest.mark.long
def test_no_request_fails_while_the_database_is_migrated(
    empty_database: Installed, tmp_path: Path
) -> None:
    migrations.upgrade(empty_database.owner_url, empty_database.server_url, OLDEST_SERVED)
    settings = Settings(
        data_dir=tmp_path,
        database_url=empty_database.server_url,
        owner_database_url=empty_database.owner_url,
        redis_url=empty_database.servers.other_redis_url,
    )
    parts = assemble(settings)
    _, key = accounts.add_key(parts, INSTALLATION, "tests", ["admin"])
    parts.close()
    inherited = {name: text for name, text in os.environ.items() if "TOCSIN" not in name}
    service = Service(inherited | environment_of(settings), tmp_path, operator_key=key.text)
    stop = Event()
    with running(service), ThreadPoolExecutor(2) as pool:
        service.start_server()
        tenant = service.new_tenant()
        tenant.make_series("rides")
        assert tenant.upload("rides", HISTORY).status_code == 200
        asked = [pool.submit(score, tenant, stop), pool.submit(read, tenant, stop)]
        try:
            migrated = subprocess.run(
                [PROGRAM, "migrate"], env=service.environment, capture_output=True, text=True
            )
        finally:
            stop.set()
        answered = [status for one in asked for status in one.result(60)]
        assert migrated.returncode == 0, migrated.stderr
        assert set(answered) == {200}
        with service.client() as client:
            wait_until(lambda: client.get("/readyz").status_code == 200, "the server is ready")
        stored = tenant.http.get("/v1/series/rides").json()["points"]
        tenant.http.close()
    assert stored == 60 + len(asked[0].result())
