"""Work on one thing while the next is made, in memory for two."""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def work_on_each(items: Iterable[Item], work: Callable[[Item], bool]) -> None:
    """In order, in a thread of its own, until the work says False.

    What is raised is what would have been, had each been worked on before the next was made.
    """
    made = iter(items)
    goes_on: Future[bool] = Future()
    goes_on.set_result(True)
    with ThreadPoolExecutor(1) as thread:
        while True:
            try:
                item = next(made)
            except StopIteration:
                goes_on.result()
                return
            except Exception:
                if goes_on.result():
                    raise
                return
            if not goes_on.result():
                return
            goes_on = thread.submit(work, item)
