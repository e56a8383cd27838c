"""In one process, one request at a time has a series."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from app.actions.holding import Holding
from app.store.judging import SeriesHeld

TENANT = uuid4()
WAIT_S = 10.0


def test_a_second_one_waits_and_a_stranger_s_does_not() -> None:
    holding, order = Holding(), []
    asks = threading.Event()

    def second() -> None:
        asks.set()
        with holding.hold(TENANT, ["a"], WAIT_S):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with holding.hold(TENANT, ["a", "b"], WAIT_S):
            waiting = pool.submit(second)
            assert asks.wait(WAIT_S)
            with holding.hold(uuid4(), ["a"], 0), holding.hold(TENANT, ["c"], 0):
                order.append("others")
        waiting.result(WAIT_S)
    assert order == ["others", "second"]


def test_who_waits_in_vain_hears_it_and_holds_nothing() -> None:
    holding = Holding()
    with (
        holding.hold(TENANT, ["b"], 0),
        pytest.raises(SeriesHeld),
        holding.hold(TENANT, ["a", "b"], 0.01),
    ):
        pass
    with holding.hold(TENANT, ["a", "b"], 0):
        pass
    assert not holding._turns


def test_however_the_names_are_ordered_none_waits_for_the_other() -> None:
    holding, names = Holding(), [str(i) for i in range(20)]

    def hold(number: int) -> None:
        with holding.hold(TENANT, names[:: 1 if number % 2 else -1], WAIT_S):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(hold, range(200)))
    assert not holding._turns
