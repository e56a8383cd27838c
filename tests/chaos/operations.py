"""What a client asks for: each may be sent again, and is acknowledged once it is answered."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import httpx

from tests.chaos.ledger import Ledger

Points = tuple[tuple[int, float], ...]  # epoch seconds and values


class Operation(Protocol):
    """One thing to be done once, however often it is sent."""

    def note(self, ledger: Ledger) -> None: ...

    def send(self, http: httpx.Client) -> httpx.Response: ...

    def acknowledge(self, ledger: Ledger, answer: httpx.Response, /) -> None: ...


def moment(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def second_of(timestamp: str) -> int:
    return int(datetime.fromisoformat(timestamp).timestamp())


def body(points: Points) -> dict[str, Any]:
    return {"points": [{"timestamp": moment(second), "value": value} for second, value in points]}


@dataclass(frozen=True)
class Push:
    """Points, stored without a score."""

    series: str
    points: Points

    def note(self, ledger: Ledger) -> None:
        for second, value in self.points:
            ledger.send_point(self.series, second, value)

    def send(self, http: httpx.Client) -> httpx.Response:
        return http.post(f"/v1/series/{self.series}/points", json=body(self.points))

    def acknowledge(self, ledger: Ledger, answer: httpx.Response) -> None:
        told = answer.json()
        if told["stored"] + told["duplicates"] != len(self.points):
            ledger.violate(f"{self.series}: {len(self.points)} points were answered with {told}")
            return
        for second, _ in self.points:
            ledger.acknowledge_point(self.series, second)


@dataclass(frozen=True)
class Judge(Push):
    """Points, stored and scored; asked again, the scores stand."""

    def send(self, http: httpx.Client) -> httpx.Response:
        return http.post(f"/v1/series/{self.series}/score", json=body(self.points))

    def acknowledge(self, ledger: Ledger, answer: httpx.Response) -> None:
        told = answer.json()
        found = {second_of(each["timestamp"]): each["score"] for each in told["data"]}
        if told["errors"] or set(found) != {second for second, _ in self.points}:
            ledger.violate(f"{self.series}: not all points were judged: {told['errors']}")
            return
        for second, score in found.items():
            ledger.acknowledge_point(self.series, second, score)


@dataclass(frozen=True)
class MakeSeries:
    name: str

    def note(self, ledger: Ledger) -> None:
        ledger.send_named(ledger.series, self.name)

    def send(self, http: httpx.Client) -> httpx.Response:
        return http.post(
            "/v1/series", json={"name": self.name}, headers={"Idempotency-Key": self.name}
        )

    def acknowledge(self, ledger: Ledger, _: httpx.Response) -> None:
        ledger.acknowledge_named(ledger.series, self.name)


@dataclass(frozen=True)
class MakeKey:
    """Names of keys are not unique: the Idempotency-Key keeps a repeat from making another."""

    name: str

    def note(self, ledger: Ledger) -> None:
        ledger.send_named(ledger.keys, self.name)

    def send(self, http: httpx.Client) -> httpx.Response:
        return http.post(
            "/v1/keys",
            json={"name": self.name, "scopes": ["read"]},
            headers={"Idempotency-Key": self.name},
        )

    def acknowledge(self, ledger: Ledger, _: httpx.Response) -> None:
        ledger.acknowledge_named(ledger.keys, self.name)


@dataclass(frozen=True)
class Train:
    series: str

    def note(self, ledger: Ledger) -> None:
        """Nothing is sent that could be there twice: one training waits for a series at a time."""

    def send(self, http: httpx.Client) -> httpx.Response:
        return http.post(f"/v1/series/{self.series}/train")

    def acknowledge(self, ledger: Ledger, answer: httpx.Response) -> None:
        ledger.acknowledge_job(answer.json()["id"], self.series)
