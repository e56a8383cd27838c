"""What the clients sent, and what of it was acknowledged: the checker compares it with what is."""

import threading
from dataclasses import dataclass, field


@dataclass
class Sent:
    """A point: what it was, and what is known of it."""

    value: float
    is_acknowledged: bool = False
    score: float | None = None


@dataclass
class Ledger:
    """Shared by the clients of one load. What is not acknowledged is unknown: there once or not."""

    points: dict[str, dict[int, Sent]] = field(default_factory=dict)  # by series, by epoch second
    keys: dict[str, bool] = field(default_factory=dict)  # by name: is it acknowledged?
    series: dict[str, bool] = field(default_factory=dict)
    jobs: dict[str, str] = field(default_factory=dict)  # acknowledged trainings, and their series
    violations: list[str] = field(default_factory=list)
    acknowledged: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send_point(self, series: str, second: int, value: float) -> None:
        with self.lock:
            self.points.setdefault(series, {}).setdefault(second, Sent(value))

    def acknowledge_point(self, series: str, second: int, score: float | None = None) -> None:
        with self.lock:
            sent = self.points[series][second]
            if not sent.is_acknowledged:
                self.acknowledged += 1
            sent.is_acknowledged = True
            if score is None:
                return
            if sent.score not in (None, score):
                self.violations.append(f"{series} {second}: scored {sent.score}, then {score}")
            sent.score = score

    def send_named(self, kind: dict[str, bool], name: str) -> None:
        with self.lock:
            kind.setdefault(name, False)

    def acknowledge_named(self, kind: dict[str, bool], name: str) -> None:
        with self.lock:
            if not kind[name]:
                self.acknowledged += 1
            kind[name] = True

    def acknowledge_job(self, job_id: str, series: str) -> None:
        with self.lock:
            if job_id not in self.jobs:
                self.acknowledged += 1
            self.jobs[job_id] = series

    def violate(self, what: str) -> None:
        with self.lock:
            self.violations.append(what)
