"""A course of points that is judged through one host or another."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.chaos.operations import Judge, Points, Push
from tests.service import Tenant

HISTORY = 300
BEGIN_S = 1_650_000_000
DETECTOR = {"n_estimators": 20}
OWN_TO_A_SERIES = "event"  # an id, which comes of the series' own

Verdict = dict[str, Any]


def begin(tenant: Tenant, series: str) -> None:
    """With a history, and a model of it."""
    tenant.make_series(series, detector=DETECTOR)
    Push(series, points(range(HISTORY))).send(tenant.http).raise_for_status()
    tenant.train(series)


def judge(tenant: Tenant, series: str, i: int) -> Verdict:
    """The i-th point after the history."""
    answer = Judge(series, points([HISTORY + i])).send(tenant.http)
    assert answer.status_code == 200, answer.text
    [verdict] = answer.json()["data"]
    return _comparable(verdict)


def by_turns(tenants: Sequence[Tenant], series: str, numbers: Iterable[int]) -> list[Verdict]:
    """One after the other, each by the next of the hosts."""
    return [judge(tenants[i % len(tenants)], series, i) for i in numbers]


def stored(tenant: Tenant, series: str) -> list[Verdict]:
    """All scores, the history's too."""
    answer = tenant.http.get(f"/v1/series/{series}/scores", params={"limit": 1000, "order": "asc"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["next"] is None
    return [_comparable(each) for each in answer.json()["data"]]


def points(numbers: Iterable[int]) -> Points:
    """A beat of 97 minutes, and after the history something else now and then."""
    return tuple((BEGIN_S + 60 * i, float(i * i % 97) + _burst(i - HISTORY)) for i in numbers)


def _burst(i: int) -> float:
    return 500.0 + i if i > 0 and i % 17 == 0 else 0.0


def _comparable(verdict: Verdict) -> Verdict:
    return verdict | {OWN_TO_A_SERIES: verdict[OWN_TO_A_SERIES] is not None}
