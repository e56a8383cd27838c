"""Points that come at the same time go together, and each is answered as if it had come alone."""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import cast
from uuid import UUID, uuid4

import numpy as np
import pytest

from app.actions import scoring
from app.actions.asked import Answer, Asked
from app.actions.gathering import Gathering
from app.errors import NotFound, Unavailable
from app.store import series
from app.store.scores import Score
from tests.actions.conftest import MINUTE_NS, START_NS, Account, waves
from tests.service import wait_until

TENANT, NEIGHBOUR = uuid4(), uuid4()
WAIT_S = 10


def point(value: float, minute: int = 0) -> Asked:
    times = np.array([START_NS + minute * MINUTE_NS])
    return Asked(times, np.array([[value]]), np.array([0]), ("value",))


class Judge:
    """Answers each point by its value; the first turn waits until it is let go on."""

    def __init__(self) -> None:
        self.turns: list[list[str]] = []
        self.begun, self.goes_on = threading.Event(), threading.Event()
        self.then: Callable[[Mapping[str, Asked]], None] = lambda _: None
        self.held: set[str] = set()

    def __call__(self, asked: Mapping[str, Asked]) -> Answer:
        self.turns.append(list(asked))
        self.begun.set()
        assert self.goes_on.wait(WAIT_S)
        self.then(asked)
        taken = [one for name, one in asked.items() if name not in self.held]
        return Answer({int(a.places[0]): cast("Score", a.values[0, 0]) for a in taken}, {})


class Crowd:
    def __init__(self, gathering: Gathering, judge: Judge, pool: ThreadPoolExecutor) -> None:
        self.gathering, self.judge, self.pool = gathering, judge, pool

    def asks(self, name: str, value: float, tenant: UUID = TENANT) -> "Future[Answer | None]":
        return self.pool.submit(self.gathering.answer, tenant, name, point(value), self.judge)

    def waits(self, n: int) -> None:
        waiting = self.gathering._waiting  # to know when they are all there
        wait_until(lambda: len(waiting.get(TENANT, ())) == n, "all of them wait", WAIT_S)


@pytest.fixture
def crowd() -> "Crowd":
    return Crowd(Gathering(), Judge(), ThreadPoolExecutor(8))


def behind_one(crowd: Crowd, *names: str) -> "list[Future[Answer | None]]":
    """A first one at work, and behind it these, of whom each asks with its number."""
    first = crowd.asks("first", -1)
    assert crowd.judge.begun.wait(WAIT_S)
    others = []
    for number, name in enumerate(names):
        others.append(crowd.asks(name, number))
        crowd.waits(number + 1)
    crowd.judge.goes_on.set()
    return [first, *others]


def values(found: "list[Future[Answer | None]]") -> list[object]:
    answers = [one.result(WAIT_S) for one in found]
    return [None if answer is None else answer.scores[0] for answer in answers]


def test_those_who_come_while_one_is_at_work_go_together(crowd: Crowd) -> None:
    found = behind_one(crowd, "a", "b", "c")
    assert values(found) == [-1, 0, 1, 2]
    assert crowd.judge.turns == [["first"], ["a", "b", "c"]]
    assert crowd.gathering._waiting == {}


def test_two_points_of_a_series_go_one_after_the_other(crowd: Crowd) -> None:
    found = behind_one(crowd, "a", "b", "a")
    assert values(found) == [-1, 0, 1, 2]
    assert crowd.judge.turns == [["first"], ["a", "b"], ["a"]]


def test_a_series_that_somebody_holds_keeps_no_other_back(crowd: Crowd) -> None:
    crowd.judge.held = {"b"}
    assert values(behind_one(crowd, "a", "b", "c")) == [-1, 0, None, 2]


def test_where_one_spoils_it_each_is_sent_to_do_it_alone(crowd: Crowd) -> None:
    def spoil(asked: Mapping[str, Asked]) -> None:
        if "b" in asked:
            raise ValueError

    crowd.judge.then = spoil
    assert values(behind_one(crowd, "a", "b")) == [-1, None, None]


def test_whoever_is_alone_hears_what_is_wrong(crowd: Crowd) -> None:
    def spoil(_: Mapping[str, Asked]) -> None:
        raise NotFound("gone")

    crowd.judge.then = spoil
    crowd.judge.goes_on.set()
    for _ in range(2):
        with pytest.raises(NotFound):
            crowd.asks("a", 1).result(WAIT_S)
    assert crowd.gathering._waiting == {}


def test_a_database_that_is_away_is_away_for_all_of_them(crowd: Crowd) -> None:
    def spoil(asked: Mapping[str, Asked]) -> None:
        if "first" not in asked:
            raise Unavailable("away")

    crowd.judge.then = spoil
    _, *others = behind_one(crowd, "a", "b")
    for one in others:
        with pytest.raises(Unavailable):
            one.result(WAIT_S)
    assert len(crowd.judge.turns) == 2


def test_no_tenant_waits_for_another(crowd: Crowd) -> None:
    crowd.asks("a", 1)
    assert crowd.judge.begun.wait(WAIT_S)
    crowd.judge.begun.clear()
    crowd.asks("a", 1, NEIGHBOUR)
    assert crowd.judge.begun.wait(WAIT_S)
    crowd.judge.goes_on.set()


def test_however_many_come_all_are_answered(crowd: Crowd) -> None:
    crowd.judge.goes_on.set()
    found = [crowd.asks(f"s{i % 5}", i) for i in range(2_000)]
    assert values(found) == list(range(2_000))
    assert crowd.gathering._waiting == {}


def test_scores_that_went_together_are_those_of_points_that_came_alone(account: Account) -> None:
    new = waves(340)[300:]
    names = [f"{kind}-{i}" for kind in ("alone", "together") for i in range(6)]
    for name in names:
        account.make(name)
        account.upload(name, waves(300))
        account.train(name)

    def ask(name: str, minute: int) -> Score:
        asked = point(float(new[minute, 0]), 300 + minute)
        return scoring.score_one(account.parts, account.id, name, asked).scores[0]

    alone = {name: [ask(name, i) for i in range(40)] for name in names[:6]}
    with ThreadPoolExecutor(6) as pool:
        rounds = [list(pool.map(ask, names[6:], [i] * 6)) for i in range(40)]
    for place, name in enumerate(names[:6]):
        mine = [row[place] for row in rounds]
        assert [(s.score, s.lower, s.reason) for s in mine] == [
            (s.score, s.lower, s.reason) for s in alone[name]
        ]


@contextmanager
def held(account: Account, name: str) -> Iterator[None]:
    """As by an upload that is being committed."""
    with account.parts.database.tenant(account.id) as connection:
        series.lock_one(connection, account.id, name)
        yield


def test_a_series_that_is_held_keeps_no_other_series_waiting(account: Account) -> None:
    for name in ("held", "free"):
        account.make(name)
        account.upload(name, waves(300))
        account.score(name, waves(301)[300:], [300])  # from now on they are at hand
    with ThreadPoolExecutor(2) as pool:
        with held(account, "held"):
            waiting = pool.submit(ask_one, account, "held", 301)
            wait_until(lambda: account.parts.waiting.taken() == 1, "it waits", WAIT_S)
            for minute in range(301, 304):
                assert 0 in ask_one(account, "free", minute).scores
            assert not waiting.done()
        assert 0 in waiting.result(WAIT_S).scores


def test_of_those_who_wait_for_a_held_series_a_tenant_s_share_may_wait_long(
    account: Account,
) -> None:
    account.make("held")
    account.upload("held", waves(300))
    share = account.parts.settings.api_threads // 4 // 2
    with ThreadPoolExecutor(share) as pool:
        with held(account, "held"):
            waiting = [pool.submit(ask_one, account, "held", 301 + n) for n in range(share)]
            wait_until(lambda: account.parts.waiting.taken() == share, "they wait", WAIT_S)
            with pytest.raises(Unavailable, match="held"):
                ask_one(account, "held", 400)
        assert all(0 in one.result(WAIT_S).scores for one in waiting)


def ask_one(account: Account, name: str, minute: int) -> Answer:
    return scoring.score_one(account.parts, account.id, name, point(0.5, minute))
