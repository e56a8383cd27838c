"""What is noted is counted once, by whichever thread, and as if it had been counted at once."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter

from app.metrics import note, note_request, notes, numbers
from app.metrics.numbers import SECONDS_BOUNDS, Durations
from tests.metrics.conftest import Shared

seconds = st.floats(0, 100) | st.sampled_from(SECONDS_BOUNDS)


def durations() -> Durations:
    made = CollectorRegistry()
    return Durations("d", "d", buckets=SECONDS_BOUNDS, registry=made)


@given(st.lists(seconds))
def test_many_durations_at_once_are_what_they_are_one_by_one(given: list[float]) -> None:
    together, singly = durations(), durations()
    together.observe_all(given)
    for one in given:
        singly.observe(one)
    assert told(together) == told(singly)


def told(of: Durations) -> list[tuple[str, dict[str, str], float]]:
    [family] = of.collect()
    return [
        (one.name, one.labels, round(one.value, 6))
        for one in family.samples
        if not one.name.endswith("_created")
    ]


def repeat(noting: Callable[[], None]) -> None:
    for _ in range(1_000):
        noting()


def test_notes_of_many_threads_are_counted_once_each() -> None:
    counter = Counter("c", "c", registry=CollectorRegistry())
    with ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(repeat, lambda: note(counter, 2))
            pool.submit(notes.add_up)
    notes.add_up()
    assert counter._value.get() == 16_000


def test_requests_are_counted_by_method_route_and_status() -> None:
    for status in (200, 200, 404):
        note_request("GET", "/of-this-test", status, 0.02)
    notes.add_up()
    counted = {
        status: numbers.REQUESTS.labels("GET", "/of-this-test", status)._value.get()
        for status in (200, 404, 500)
    }
    assert counted == {200: 2, 404: 1, 500: 0}


ENDS = """
from app import metrics
from app.metrics import numbers
metrics.begin()
metrics.note(numbers.SCORES, 7)
"""


def test_what_was_noted_just_before_a_process_ends_is_counted(shared: Shared) -> None:
    subprocess.run([sys.executable, "-c", ENDS], env=shared.environment, check=True)
    assert shared.value("tocsin_scores_total") == 7
