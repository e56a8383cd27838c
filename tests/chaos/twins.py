"""Two series with one history and the same settings: one is judged amid faults, the other not."""

import httpx

from tests.chaos.operations import Judge, Points, Push
from tests.chaos.scene import Scene
from tests.service import wait_until

HISTORY = 600
BEGIN_S = 1_650_000_000


class Twins:
    """What is scored twice has the same score, whatever was in the cache."""

    def __init__(self, scene: Scene, name: str, url: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {scene.key}"}
        self.http = httpx.Client(base_url=url or scene.ground.url, headers=headers, timeout=60)
        self.first, self.second = f"{name}-a", f"{name}-b"
        self.asked: list[Points] = []
        self.scores: list[float] = []
        for series in (self.first, self.second):
            self._make(series)

    def judge(self, n: int = 1) -> None:
        """The next points, to the first of the two; asked again until they are answered."""
        at = HISTORY + sum(len(points) for points in self.asked)
        points = tuple((BEGIN_S + 60 * (at + i), self._value(at + i)) for i in range(n))
        self.asked.append(points)
        self.scores += wait_until(lambda: self._scored(self.first, points), "the points are judged")

    def differences(self) -> list[str]:
        """Where the second one, judged now, got another score."""
        again = [
            score for points in self.asked for score in self._scored(self.second, points) or []
        ]
        pairs = zip(self.scores, again, strict=True)
        return [f"score {a} became {b} in {self.second}" for a, b in pairs if a != b]

    def _make(self, series: str) -> None:
        made = {"name": series, "retrain": "manual", "detector": {"n_estimators": 20}}
        self.http.post("/v1/series", json=made).raise_for_status()
        history = tuple((BEGIN_S + 60 * i, self._value(i)) for i in range(HISTORY))
        Push(series, history).send(self.http).raise_for_status()
        answer = self.http.post(f"/v1/series/{series}/train", params={"wait": 60}, timeout=90)
        if answer.status_code != 200 or answer.json()["status"] != "succeeded":
            raise AssertionError(f"{series} was not trained: {answer.text}")

    def _scored(self, series: str, points: Points) -> list[float] | None:
        try:
            answer = Judge(series, points).send(self.http)
        except httpx.TransportError:
            return None
        return [each["score"] for each in answer.json()["data"]] if answer.is_success else None

    def _value(self, i: int) -> float:
        return float(i * i % 97) if i % 41 else 500.0
