"""Compares what was acknowledged with what is there: by the API, and SQL for what has no route."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.chaos.ledger import Ledger, Sent
from tests.chaos.operations import moment, second_of
from tests.service import NotWithin, wait_until

PAGE = 1000
JOBS_WITHIN_S = 120.0

MISCOUNTED = """
    SELECT name, points, (SELECT count(*) FROM points p WHERE p.series_id = s.id)
    FROM series s WHERE points <> (SELECT count(*) FROM points p WHERE p.series_id = s.id)"""
KEYS_TWICE = "SELECT name, count(*) FROM api_keys GROUP BY tenant_id, name HAVING count(*) > 1"
KEYS = "SELECT name FROM api_keys"
SERIES = "SELECT name FROM series"
JOBS_TWICE = """
    SELECT series_id, model_version, count(*) FROM jobs WHERE model_version IS NOT NULL
    GROUP BY series_id, model_version HAVING count(*) > 1"""
MODELS_OF_NOBODY = """
    SELECT series_id, version FROM models m WHERE NOT EXISTS (
        SELECT FROM jobs j WHERE j.series_id = m.series_id AND j.model_version = m.version)"""
JOBS_WAITING = "SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')"
JOBS_FAILED = "SELECT subject, error FROM jobs WHERE status = 'failed'"
JOBS = "SELECT id::text FROM jobs"

Rows = Callable[[str], list[Any]]
"""What a query gives, past all walls between tenants."""


@dataclass
class Found:
    """`problems` says each in words; `late` what there was no time to wait for."""

    lost: int = 0
    twice: int = 0
    problems: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)

    def lose(self, what: str) -> None:
        self.lost += 1
        self.problems.append(f"lost: {what}")

    def double(self, what: str) -> None:
        self.twice += 1
        self.problems.append(f"twice: {what}")


class Checker:
    """Each check looks at what was sent since the one before; `check_all` begins anew."""

    def __init__(self, url: str, rows: Rows, key: str, ledger: Ledger) -> None:
        self._rows, self._ledger = rows, ledger
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=60)
        self._seen: dict[str, int] = {}  # by series, the last second that was looked at
        self._told = 0

    def check(self) -> Found:
        """While no client asks; what they sent is there, once, as it was answered."""
        found = Found()
        for series, sent in self._ledger.points.items():
            self._compare(series, sent, found)
        self._count(found)
        found.problems += self._ledger.violations[self._told :]
        self._told = len(self._ledger.violations)
        return found

    def check_all(self) -> Found:
        """Everything, from the beginning, when all jobs are over, or have had their time."""
        self._seen.clear()
        late = self._late_jobs()
        found = self.check()
        found.late += late
        found.problems += [f"failed job: {row}" for row in self._rows(JOBS_FAILED)]
        return found

    def _late_jobs(self) -> list[str]:
        try:
            wait_until(self._are_jobs_over, "all jobs are over", JOBS_WITHIN_S)
        except NotWithin as error:
            return [str(error)]
        return []

    def _are_jobs_over(self) -> bool:
        return bool(self._rows(JOBS_WAITING)[0][0] == 0)

    def _compare(self, series: str, sent: dict[int, Sent], found: Found) -> None:
        start = self._seen.get(series, -1) + 1
        values = self._read(series, "points", start, "value")
        scores = self._read(series, "scores", start, "score")
        for second, each in sent.items():
            if second < start:
                continue
            name = f"{series} {moment(second)}"
            if each.is_acknowledged and values.get(second) != each.value:
                found.lose(f"{name}: {each.value} was acknowledged, {values.get(second)} is there")
            if each.score is not None and scores.get(second) != each.score:
                found.lose(f"{name}: score {each.score}, {scores.get(second)} is there")
            if values.get(second, each.value) != each.value:
                found.problems.append(f"{name}: {values[second]} is there, {each.value} was sent")
        found.problems += [f"{series} {moment(s)} was never sent" for s in set(values) - set(sent)]
        self._seen[series] = max(sent, default=-1)

    def _read(self, series: str, what: str, start: int, name: str) -> dict[int, float]:
        asked = {"from": moment(start), "limit": str(PAGE)}
        if what == "scores":
            asked["order"] = "asc"
        found: dict[int, float] = {}
        cursor: dict[str, str] = {}
        while True:
            answer = self._http.get(f"/v1/series/{series}/{what}", params={**asked, **cursor})
            answer.raise_for_status()
            page = answer.json()
            found.update((second_of(row["timestamp"]), row[name]) for row in page["data"])
            if page["next"] is None:
                return found
            cursor = {"cursor": page["next"]}

    def _count(self, found: Found) -> None:
        for name, told, there in self._rows(MISCOUNTED):
            found.double(f"{name} counts {told} points, and {there} are there")
        for name, times in self._rows(KEYS_TWICE):
            if name in self._ledger.keys:
                found.double(f"the key {name} was made {times} times")
        for series, version, times in self._rows(JOBS_TWICE):
            found.double(f"{times} jobs made version {version} of {series}")
        for series, version in self._rows(MODELS_OF_NOBODY):
            found.double(f"no job made version {version} of {series}")
        for kind, query, what in (
            (self._ledger.keys, KEYS, "key"),
            (self._ledger.series, SERIES, "series"),
            (dict.fromkeys(self._ledger.jobs, True), JOBS, "job"),
        ):
            there = {name for (name,) in self._rows(query)}
            for name, is_acknowledged in kind.items():
                if is_acknowledged and name not in there:
                    found.lose(f"the {what} {name}")
