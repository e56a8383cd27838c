"""A training that takes a while, so that something can be shot in the middle of it."""

from typing import Any

import httpx

from tests.chaos.operations import Push
from tests.service import wait_until

OVER_WITHIN_S = 150.0

POINTS = 1_500
BEGIN_S = 1_600_000_020


class Training:
    """Of a series of its own, trained only when asked."""

    def __init__(
        self, url: str, key: str, series: str, points: int = POINTS, **settings: Any
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=60)
        self.series, self.job_id = series, ""
        made = {"name": series, "retrain": "manual", **settings}
        self.http.post("/v1/series", json=made).raise_for_status()
        history = [(BEGIN_S + 60 * i, float(i * i % 97)) for i in range(points)]
        Push(series, tuple(history)).send(self.http).raise_for_status()

    def begin(self) -> None:
        """Returns when a worker has it."""
        self.ask()
        self.await_attempt(1)

    def ask(self) -> None:
        answer = self.http.post(f"/v1/series/{self.series}/train")
        answer.raise_for_status()
        self.job_id = answer.json()["id"]

    def job(self) -> dict[str, Any]:
        answer = self.http.get(f"/v1/jobs/{self.job_id}")
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def await_attempt(self, number: int) -> None:
        wait_until(lambda: self.job()["attempt"] >= number, f"attempt {number} of {self.series}")

    def is_over(self) -> bool:
        return self.job()["status"] in ("succeeded", "failed")

    def await_end(self) -> None:
        wait_until(self.is_over, f"the training of {self.series} ends", OVER_WITHIN_S)

    def wrong_at_end(self) -> list[str]:
        """What does not hold when the job is over: it succeeded, and made one model."""
        self.await_end()
        job = self.job()
        made = self.http.get(f"/v1/series/{self.series}/models").json()["data"]
        wrong = [] if job["status"] == "succeeded" else [f"the training of {self.series}: {job}"]
        return wrong if len(made) == 1 else [*wrong, f"{self.series} has {len(made)} models"]
