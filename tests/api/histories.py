"""Histories for the tests of the API, a daily pattern by the hour: how they go in and come out."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.service import Tenant

START = datetime(2024, 1, 1, tzinfo=UTC)
QUICK = {"n_estimators": 10}  # a detector that trains in a tenth of the time
HEADER = "timestamp,value\n"


def at(hour: int) -> str:
    return (START + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")


def usual(hour: int, level: float = 100.0) -> float:
    return level + 10 * (hour % 24) + (hour * 7 % 5)


def csv(n: int, first: int = 0, level: float = 100.0) -> str:
    rows = [f"{at(hour)},{usual(hour, level)}\n" for hour in range(first, first + n)]
    return HEADER + "".join(rows)


def points(n: int, first: int = 0, level: float = 100.0) -> list[dict[str, object]]:
    return [
        {"timestamp": at(hour), "value": usual(hour, level)} for hour in range(first, first + n)
    ]


def stored(tenant: Tenant, name: str = "rides") -> list[tuple[str, Any]]:
    data = tenant.http.get(f"/v1/series/{name}/points", params={"limit": 1000}).json()["data"]
    return [(point["timestamp"], point["value"]) for point in data]


def all_scores(tenant: Tenant, name: str = "rides", **query: Any) -> list[Any]:
    url = f"/v1/series/{name}/scores"
    answer = tenant.http.get(url, params={"limit": 1000, **query})
    assert answer.status_code == 200, answer.text
    data: list[Any] = answer.json()["data"]
    return data
