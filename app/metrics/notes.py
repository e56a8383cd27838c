"""What is noted thousands of times a second: an append to a list, added up by a thread of its own.

To count at once took a request 3 % of its time: a lock that all threads share, for each number, and
a look at the process's id, since numbers stand in a file of the process.
"""

import time
from collections import Counter as Tally
from collections import defaultdict, deque
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock, Thread, main_thread
from typing import Any

from prometheus_client import Counter, Gauge

from app.metrics import folder, numbers

HELD_S = 0.05
MOST_HELD = 100_000  # where nobody adds up, as in a worker, or not for long
SAMPLED_S = 1.0

_requests: deque[tuple[str, str, int, float]] = deque(maxlen=MOST_HELD)
_counts: deque[tuple[Counter, int]] = deque(maxlen=MOST_HELD)
_in_progress: list[None] = []
_watched: list[tuple[Gauge, Callable[[], float]]] = []
_adding = Lock()

# Finding the one of these labels takes as long as counting: few of them are there.
_counted = cache(numbers.REQUESTS.labels)
_timed = cache(numbers.SECONDS.labels)


def started() -> None:
    """A thread works on a request, until `ended`."""
    _in_progress.append(None)


def ended() -> None:
    _in_progress.pop()


def note_request(method: str, route: str, status: int, seconds: float) -> None:
    """Words of which there are few: each makes a number that is kept for as long as we live."""
    _requests.append((method, route, status, seconds))


def note(counter: Counter, count: int = 1) -> None:
    _counts.append((counter, count))


def watch(gauge: Gauge, read: Callable[[], float]) -> None:
    """Ask for this number now and then."""
    _watched.append((gauge, read))


def begin() -> None:
    """Once in each process that answers requests."""
    if shared := folder.shared():
        folder.fold_dead(shared)
    numbers.PROCESSES.set(1)
    watch(numbers.IN_PROGRESS, lambda: len(_in_progress))
    with suppress(OSError):
        resident_bytes()  # only where the system tells
        watch(numbers.RESIDENT_BYTES, resident_bytes)
    # Not a daemon: the process waits for it, and so for the last numbers.
    Thread(target=_go_on, name="metrics").start()


def resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * 4096


def _go_on() -> None:
    sampled_at = 0.0
    while main_thread().is_alive():
        time.sleep(HELD_S)
        add_up()
        if time.monotonic() - sampled_at > SAMPLED_S:
            sampled_at = time.monotonic()
            sample()
    add_up()


def add_up() -> None:
    with _adding:
        _add_requests(_taken(_requests))
        sums: Tally[Counter] = Tally()
        for counter, count in _taken(_counts):
            sums[counter] += count
        for counter, count in sums.items():
            counter.inc(count)


def sample() -> None:
    for gauge, read in _watched:
        gauge.set(read())


def _taken(held: deque[Any]) -> list[Any]:
    return [held.popleft() for _ in range(len(held))]


def _add_requests(requests: list[tuple[str, str, int, float]]) -> None:
    counts: Tally[tuple[str, str, int]] = Tally()
    durations = defaultdict[tuple[str, str], list[float]](list)
    for method, route, status, seconds in requests:
        counts[method, route, status] += 1
        durations[method, route].append(seconds)
    for labels, count in counts.items():
        _counted(*labels).inc(count)
    for of, many in durations.items():
        _timed(*of).observe_all(many)
