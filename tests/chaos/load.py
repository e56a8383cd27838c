"""Clients that ask all the time, repeat what was not answered, and remember how long it took."""

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import httpx

from tests.chaos.ledger import Ledger
from tests.chaos.operations import Judge, MakeKey, MakeSeries, Operation, Push, Train
from tests.service import wait_until

CLIENTS = 3
TIMEOUT_S = 20.0
PAUSE_S = 0.02
THINK_S = 0.04  # between two requests of a client
GIVEN_UP = 0.05  # share of failures after which a client leaves it at that
SLOW_S = 1.0  # who waits longer than this was troubled, even if the answer came
CALM_S = 1.0
PATIENCE_S = 60.0  # who is in trouble for longer has not recovered
STEP_S = 60
HISTORY_POINTS = 200
BEGIN_S = 1_700_000_040


@dataclass(frozen=True)
class Asked:
    """One request: when, and whether its answer acknowledged it."""

    client: int
    started: float
    ended: float
    failure: str  # empty where it was acknowledged

    @property
    def is_trouble(self) -> bool:
        return bool(self.failure) or self.ended - self.started > SLOW_S


@dataclass
class Client:
    """Asks for its own series only, so that the order of its points is its own."""

    number: int
    http: httpx.Client
    ledger: Ledger
    rng: random.Random
    record: list[Asked]
    names: "count[int]" = field(default_factory=count)
    second: int = BEGIN_S
    sent: list[Operation] = field(default_factory=list)

    @property
    def series(self) -> str:
        return f"load-{self.number}"

    def prepare(self) -> None:
        made = {"name": self.series, "detector": {"n_estimators": 10}, "retrain": "manual"}
        self.http.post("/v1/series", json=made).raise_for_status()
        self.do(Push(self.series, self._points(HISTORY_POINTS)))
        self.do(Train(self.series))

    def turn(self) -> None:
        operation = self._next()
        self.do(operation)
        self.sent = [*self.sent[-50:], operation]

    def do(self, operation: Operation) -> bool:
        """Ask until it is acknowledged, or until this client has had enough; whether it was."""
        operation.note(self.ledger)
        while failure := self._ask(operation):
            if self.rng.random() < GIVEN_UP or failure == "idempotency_key_in_use":
                return False
            time.sleep(PAUSE_S)
        return True

    def _ask(self, operation: Operation) -> str:
        started = time.monotonic()
        failure = self._answered(operation)
        self.record.append(Asked(self.number, started, time.monotonic(), failure))
        return failure

    def _answered(self, operation: Operation) -> str:
        try:
            answer = operation.send(self.http)
        except httpx.TransportError as error:
            return type(error).__name__
        if answer.is_success:
            operation.acknowledge(self.ledger, answer)
            return ""
        is_problem = "problem" in answer.headers.get("Content-Type", "")
        code: str = answer.json()["code"] if is_problem else ""
        if answer.status_code == 409 and code == "idempotency_secret_shown":
            operation.acknowledge(self.ledger, answer)  # it was made, and its answer got lost
            return ""
        if answer.status_code == 503 and "Retry-After" not in answer.headers:
            self.ledger.violate(f"503 without Retry-After: {answer.text}")
        elif answer.status_code != 503 and code != "idempotency_key_in_use":
            self.ledger.violate(f"{operation}: {answer.status_code} {answer.text}")
        return code or str(answer.status_code)

    def _next(self) -> Operation:
        chance = self.rng.random()
        name = f"{self.series}-{next(self.names)}"
        if chance < 0.55:
            return Judge(self.series, self._points(1))
        if chance < 0.75:
            return Push(self.series, self._points(5))
        if chance < 0.85:
            return Judge(self.series, self._points(20))
        if chance < 0.95 and self.sent:
            return self.rng.choice(self.sent)
        if chance < 0.98:
            return MakeKey(name)
        return MakeSeries(name) if chance < 0.995 else Train(self.series)

    def _points(self, n: int) -> tuple[tuple[int, float], ...]:
        first = self.second
        self.second += n * STEP_S
        return tuple((first + i * STEP_S, round(self.rng.gauss(20, 3), 3)) for i in range(n))


class Load:
    """A few clients in threads of their own, of one tenant."""

    def __init__(
        self,
        url: str,
        key: str,
        seed: int,
        clients: int = CLIENTS,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.ledger = Ledger()
        self.record: list[Asked] = []
        self._clients = [
            Client(
                number,
                httpx.Client(
                    base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=timeout_s
                ),
                self.ledger,
                random.Random(f"{seed} {number}"),  # noqa: S311 - to be repeated, not to be secret
                self.record,
            )
            for number in range(clients)
        ]
        self._go, self._end = threading.Event(), threading.Event()
        self._turns = [threading.Lock() for _ in self._clients]
        self._threads = [
            threading.Thread(target=self._run, args=(client, turn), daemon=True)
            for client, turn in zip(self._clients, self._turns, strict=True)
        ]

    def start(self) -> None:
        for client in self._clients:
            client.prepare()
        for thread in self._threads:
            thread.start()
        self._go.set()

    def stop(self) -> None:
        self._end.set()
        self._go.set()
        for thread in self._threads:
            thread.join()

    def move_to(self, url: str) -> None:
        """From now on another host is asked, also for what the one before did not answer."""
        for client in self._clients:
            client.http.base_url = httpx.URL(url)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is under way inside."""
        self._go.clear()
        for turn in self._turns:
            turn.acquire()
        try:
            yield
        finally:
            for turn in self._turns:
                turn.release()
            self._go.set()

    @contextmanager
    def on_new_connections(self) -> Iterator[None]:
        """Inside, no client keeps a connection for its next request."""
        for client in self._clients:
            client.http.headers["Connection"] = "close"
        at, all_clients = time.monotonic(), {client.number for client in self._clients}
        wait_until(
            lambda: {asked.client for asked in self.since(at) if asked.started > at} >= all_clients,
            "each client has given up the connection that it kept",
        )
        yield
        for client in self._clients:
            del client.http.headers["Connection"]

    def recovery_s(self, since: float, patience_s: float = PATIENCE_S) -> float:
        """How long after `since` a client was in trouble; returns when all of them are at ease."""
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            time.sleep(0.1)
            late = self.since(since)
            calm_from = max((asked.ended for asked in late if asked.is_trouble), default=since)
            at_ease = {asked.client for asked in late if asked.started >= calm_from}
            if len(at_ease) == len(self._clients) and time.monotonic() - calm_from > CALM_S:
                return max(_over(late, client, since) for client in at_ease) - since
        return patience_s

    def await_served(self, since: float) -> None:
        """Each client has got what it asked for after that."""
        wait_until(
            lambda: self._served(since) == {client.number for client in self._clients},
            "each client is served",
        )

    def _served(self, since: float) -> set[int]:
        late = self.since(since)
        return {asked.client for asked in late if asked.started > since and not asked.failure}

    def failures(self, since: float) -> tuple[int, int]:
        """Of the requests since then: how many failed, and how many there were."""
        late = self.since(since)
        return sum(bool(asked.failure) for asked in late), len(late)

    def since(self, since: float) -> list[Asked]:
        """What ended after that, the oldest first."""
        found = []
        for asked in reversed(tuple(self.record)):
            if asked.ended < since:
                break  # the record is in the order of ends
            found.append(asked)
        return found[::-1]

    def _run(self, client: Client, turn: threading.Lock) -> None:
        while not self._end.is_set():
            self._go.wait()
            with turn:
                if self._go.is_set() and not self._end.is_set():
                    client.turn()
            time.sleep(THINK_S)


def _over(late: list[Asked], client: int, since: float) -> float:
    """When the client had its first answer after its last trouble."""
    own = [asked for asked in late if asked.client == client]
    failed = [asked.started for asked in own if asked.failure]
    slow = [asked.ended for asked in own if asked.is_trouble and not asked.failure]
    after = [asked.ended for asked in own if failed and asked.started > failed[-1]]
    return max([since, *slow, *after[:1]])
