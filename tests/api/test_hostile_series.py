"""Series that are not as one would wish: each gets a clear answer or a clear error, never a 500."""

import math
from typing import Any

import pytest

from tests.api.histories import QUICK, at, usual
from tests.service import Tenant

N = 100
DAY_S = 86_400


def hourly(values: list[float | None]) -> list[dict[str, Any]]:
    return [{"timestamp": at(hour), "value": value} for hour, value in enumerate(values)]


def spread(times_s: list[float]) -> list[dict[str, Any]]:
    return [
        {"timestamp": round(time * 1_000_000), "value": usual(i)} for i, time in enumerate(times_s)
    ]


def microseconds(i: int) -> int:
    return 1_700_000_000_000_000 + i


SERIES: dict[str, list[dict[str, Any]]] = {
    "constant": hourly([5.0] * N),
    "constant zero": hourly([0.0] * N),
    "constant and huge": hourly([1e300] * N),
    "two values": hourly([float(i % 2) for i in range(N)]),
    "half missing": hourly([usual(i) if i % 2 else None for i in range(2 * N)]),
    "long gap of missing": hourly([usual(i) if i < N or i > 140 else None for i in range(180)]),
    "1e300 now and then": hourly([1e300 if i % 10 == 9 else usual(i) for i in range(N)]),
    "both ends of the doubles": hourly([(-1) ** i * 1.7e308 for i in range(N)]),
    "smaller than any normal double": hourly([5e-324 * (i % 3) for i in range(N)]),
    "integers beyond 2^53": hourly([2.0**53 + i for i in range(N)]),
    "growing without end": hourly([math.exp(i / 3) for i in range(N)]),
    "irregular": spread([1.7e9 + i**2.5 for i in range(N)]),
    "over fifty years": spread([1e8 + i * 50 * 365 * DAY_S / N for i in range(N)]),
    "a microsecond apart": [{"timestamp": microseconds(i), "value": usual(i)} for i in range(N)],
    "out of order": hourly([usual(i) for i in range(N)])[::-1],
    "over both ends of time": [
        {"timestamp": "1678-01-02", "value": 1},
        *hourly([usual(i) for i in range(N)]),
        {"timestamp": "2262-04-10", "value": 1},
    ],
    "one point a year": [{"timestamp": f"{1800 + i}-06-01", "value": usual(i)} for i in range(N)],
}


@pytest.mark.parametrize("kind", SERIES)
def test_it_is_stored_trained_and_judged(tenant: Tenant, kind: str) -> None:
    given = SERIES[kind]
    tenant.make_series("rides", detector=QUICK)
    report = tenant.http.post("/v1/series/rides/points", json={"points": given})
    assert report.json()["stored"] == len(given)
    tenant.train("rides")
    last = tenant.http.get("/v1/series/rides").json()["last_timestamp"]
    following = [
        {"timestamp": f"{last[:19]}.9Z", "value": given[-2]["value"]},
        {"timestamp": "2262-04-11", "value": -1e300},
    ]
    answer = tenant.http.post("/v1/series/rides/score", json={"points": following})
    assert answer.status_code == 200, answer.text
    stored = tenant.http.get("/v1/series/rides/scores", params={"limit": 1000}).json()["data"]
    assert len(stored) == len(given) + 2
    for verdict in stored:
        assert 0 <= verdict["score"] <= 1
        assert verdict["reason"]
        assert "nan" not in verdict["reason"].lower()
    stateless = tenant.http.post("/v1/detect", json={"points": given, "detector": QUICK})
    assert stateless.status_code == 200


def test_nothing_stands_out_of_a_constant_series_but_another_value(tenant: Tenant) -> None:
    tenant.make_series("rides", detector=QUICK)
    points = SERIES["constant"]
    tenant.http.post("/v1/series/rides/points", json={"points": points})
    tenant.train("rides")
    assert tenant.http.get("/v1/anomalies").json()["data"] == []
    following = [{"timestamp": at(N), "value": 5}, {"timestamp": at(N + 1), "value": 6}]
    answer = tenant.http.post("/v1/series/rides/score", json={"points": following}).json()
    assert [verdict["is_anomaly"] for verdict in answer["data"]] == [False, True]


def test_twelve_points_are_judged_and_cannot_be_trained_on(tenant: Tenant) -> None:
    tenant.make_series("rides")
    tenant.http.post("/v1/series/rides/points", json={"points": SERIES["irregular"][:12]})
    answer = tenant.http.post("/v1/series/rides/train")
    assert (answer.status_code, answer.json()["have"], answer.json()["need"]) == (422, 12, 64)
    point = {"timestamp": "2100-01-01", "value": 1e300}
    verdict = tenant.http.post("/v1/series/rides/score", json=point).json()
    assert verdict["is_anomaly"] is True
    assert verdict["model_version"] == 0


def test_sixty_four_fields_are_the_most(tenant: Tenant) -> None:
    fields = [f"f{i}" for i in range(64)]
    tenant.make_series("rides", fields=fields, detector={"n_estimators": 2})
    points = [
        {"timestamp": at(h), "value": {name: usual(h + i) for i, name in enumerate(fields)}}
        for h in range(80)
    ]
    tenant.http.post("/v1/series/rides/points", json={"points": points})
    tenant.train("rides")
    last = {"timestamp": at(80), "value": {**points[-1]["value"], "f63": 1e9}}  # type: ignore[dict-item]
    verdict = tenant.http.post("/v1/series/rides/score", json=last).json()
    assert verdict["is_anomaly"] is True
    assert verdict["reason"].startswith("f63: ")
