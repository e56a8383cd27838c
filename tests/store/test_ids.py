"""Ids sort by time; those of events are made of what they name."""

import time
from uuid import RFC_4122, UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from app.store.ids import event_id, from_ulid, new_id, ulid

TENANT, SERIES = uuid4(), uuid4()
NS_PER_MS = 1_000_000
ANY_NS = st.integers(-(2**63), 2**63 - 1)


@given(st.integers(0, 2**128 - 1))
def test_a_ulid_leads_back_to_its_bits(bits: int) -> None:
    text = ulid(UUID(int=bits))
    assert len(text) == 26
    assert from_ulid(text) == from_ulid(text.lower()) == UUID(int=bits)


def test_a_known_ulid_is_written_as_its_specification_does() -> None:
    assert ulid(UUID("01563e3a-b5d3-d676-4c61-efb99302bd5b")) == "01ARZ3NDEKTSV4RRFFQ69G5FAV"


@given(st.text(max_size=30))
def test_another_text_is_no_ulid(text: str) -> None:
    known = from_ulid(text)
    assert known is None or ulid(known) == text.upper()


def test_ids_are_told_apart_and_sort_by_when_they_were_made() -> None:
    made = []
    for _ in range(200):
        made.append(new_id())
        until = time.perf_counter_ns() + 1_000  # finer than that no clock is read
        while time.perf_counter_ns() < until:
            pass
    assert made == sorted(set(made))
    assert {(one.version, one.variant) for one in made} == {(7, RFC_4122)}


def test_characters_and_lengths_that_no_ulid_has_are_refused() -> None:
    good = ulid(new_id())
    for bad in (good[:-1], good + "0", "8" + good[1:], good[:-1] + "U", good[:-1] + "\u0130", ""):
        assert from_ulid(bad) is None


@given(ANY_NS, ANY_NS)
def test_events_sort_by_the_millisecond_they_begin_at(one: int, other: int) -> None:
    first, second = sorted((one, other))
    if first // NS_PER_MS < second // NS_PER_MS and second >= NS_PER_MS:
        assert ulid(event_id(TENANT, SERIES, first)) < ulid(event_id(TENANT, SERIES, second))


def test_the_same_event_has_the_same_id_and_another_has_another() -> None:
    made = {
        event_id(tenant, series, start)
        for _ in range(2)
        for tenant in (TENANT, SERIES)
        for series in (TENANT, SERIES)
        for start in (-(10**18), -1, 0, 1_000, 2_000)
    }
    assert len(made) == 20


def test_times_before_1970_begin_with_zeros() -> None:
    assert ulid(event_id(TENANT, SERIES, -(10**18))).startswith("0" * 10)
