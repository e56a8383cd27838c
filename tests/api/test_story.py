"""The article's story over HTTP: upload, train, score, ask."""

from tests.service import Tenant


def hours(n: int) -> str:
    """A daily pattern by the hour, with little noise and no anomaly."""
    rows = [
        f"2024-01-{1 + h // 24:02d}T{h % 24:02d}:00:00Z,{100 + 10 * (h % 24) + (h * 7 % 5)}"
        for h in range(n)
    ]
    return "timestamp,value\n" + "\n".join(rows) + "\n"


def test_a_normal_point_answers_false_and_an_absurd_one_true(tenant: Tenant) -> None:
    tenant.make_series("rides")
    assert tenant.upload("rides", hours(600)).json()["stored"] == 600
    tenant.train("rides")
    normal = {"timestamp": "2024-01-26T00:00:00Z", "value": 102}
    absurd = {"timestamp": "2024-01-26T01:00:00Z", "value": 9000}
    assert tenant.http.post("/v1/series/rides/score", json=normal).json()["is_anomaly"] is False
    assert tenant.http.post("/v1/series/rides/score", json=absurd).json()["is_anomaly"] is True
    url = "/v1/series/rides/anomalies/"
    assert tenant.http.get(url + normal["timestamp"]).json()["anomaly_detected"] is False  # type: ignore[operator]
    assert tenant.http.get(url + absurd["timestamp"]).json()["anomaly_detected"] is True  # type: ignore[operator]
