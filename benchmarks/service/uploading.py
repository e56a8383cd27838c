"""A CSV file uploaded, beside COPY of the same file; and by how much the server's memory grows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from statistics import median

from benchmarks.installation import Installation
from benchmarks.memory import forget_peak, grown_mb
from benchmarks.references.copy import copied_s
from benchmarks.service import seeding
from benchmarks.service.figures import Figure, Reach, Reference
from benchmarks.service.scene import Scene
from benchmarks.service.timing import seconds

ROUNDS = 5
START_S = 1_483_228_800  # 2017
INTERVAL_S = 60


def figures(scene: Scene) -> Iterator[Figure]:
    installation, rows = scene.installation, scene.scale.upload_rows
    csv = written(rows)
    server = scene.server()
    before, alone, took = forget_peak(server), list[float](), list[float]()
    for round_ in range(ROUNDS):  # by turns: what else the database does meets both
        alone.append(copied_s(installation.urls["owner"], csv))
        took.append(seconds(lambda name=f"u-{round_}": _upload(installation, name, csv, rows)))  # type: ignore[misc]
    grown = grown_mb(before, server)
    reference = Reference("COPY", rows / median(alone))
    name = f"upload {rows:,} rows of CSV"
    rate, memory_mb = rows / median(took), scene.server_memory_mb()
    yield Figure(name, rate, "rows/s", reference, Reach(least=0.4), memory_mb=memory_mb)
    bound = Reach(most=150, unit="MB")
    yield Figure(f"{name}, memory growth", grown, "MB", reach=bound)


def written(rows: int) -> bytes:
    """A file with a point each minute."""
    noise = random.Random(0)  # noqa: S311 - nothing that is to be secret
    lines = ["timestamp,value"]
    for at_s in range(START_S, START_S + rows * INTERVAL_S, INTERVAL_S):
        time = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines.append(f"{time},{seeding.value(at_s, noise)}")
    return ("\n".join(lines) + "\n").encode()


def _upload(installation: Installation, name: str, csv: bytes, rows: int) -> None:
    """Into a series that nobody trains: what follows an upload is measured apart."""
    made = installation.http.post("/v1/series", json={"name": name, "retrain": "manual"})
    if made.status_code != 409:
        made.raise_for_status()
    answer = installation.http.post(
        f"/v1/series/{name}/points", content=csv, headers={"Content-Type": "text/csv"}
    )
    if answer.raise_for_status().json()["stored"] != rows:
        raise RuntimeError(f"Not all rows were stored: {answer.text}")
