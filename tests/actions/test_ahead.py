"""Work beside the making of the next thing differs from one after the other in time alone."""

from collections.abc import Iterator
from threading import Event

import pytest

from app.actions.ahead import work_on_each


class Broken(Exception):
    pass


def items(n: int, breaks_at: int | None = None) -> Iterator[int]:
    for item in range(n):
        if item == breaks_at:
            raise Broken("made")
        yield item


class Done(list[int]):
    def work(self, item: int) -> bool:
        self.append(item)
        return True


@pytest.mark.parametrize("n", [0, 1, 2, 10])
def test_each_is_worked_on_once_and_in_order(n: int) -> None:
    done = Done()
    work_on_each(items(n), done.work)
    assert done == list(range(n))


def test_the_next_is_made_meanwhile() -> None:
    next_is_made = Event()

    def made() -> Iterator[int]:
        yield 0
        next_is_made.set()
        yield 1

    work_on_each(made(), lambda _: next_is_made.wait(60))
    assert next_is_made.is_set()


def test_nothing_is_worked_on_after_the_work_said_no() -> None:
    done = Done()
    work_on_each(items(10), lambda item: done.work(item) and item < 2)
    assert done == [0, 1, 2]


def test_what_was_made_before_an_error_is_worked_on() -> None:
    done = Done()
    with pytest.raises(Broken, match="made"):
        work_on_each(items(10, breaks_at=3), done.work)
    assert done == [0, 1, 2]


def test_of_two_errors_the_one_that_came_first_in_order_is_raised() -> None:
    def work(item: int) -> bool:
        if item == 2:
            raise Broken("worked on")
        return True

    with pytest.raises(Broken, match="worked on"):
        work_on_each(items(10, breaks_at=3), work)


def test_an_error_behind_the_end_of_the_work_is_nobodys() -> None:
    work_on_each(items(10, breaks_at=3), lambda item: item < 2)
