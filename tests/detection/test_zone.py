from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from app.detection.zone import UTC_ZONE, Zone

SECOND_NS = 1_000_000_000
HOUR_NS = 3600 * SECOND_NS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ns(*date: int) -> int:
    return int((datetime(*date, tzinfo=UTC) - EPOCH).total_seconds()) * SECOND_NS  # type: ignore[misc,arg-type]


@pytest.mark.parametrize(
    "name", ["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe"]
)
def test_offsets_are_those_of_the_zone(name: str) -> None:
    hours = np.arange(ns(1971, 1, 1), ns(2037, 1, 1), 1117 * HOUR_NS)
    moments = [EPOCH + timedelta(seconds=t // SECOND_NS) for t in hours.tolist()]
    theirs = [m.astimezone(ZoneInfo(name)).utcoffset() for m in moments]
    assert Zone.named(name).offsets_at(hours).tolist() == [
        offset / timedelta(microseconds=1) * 1000 for offset in theirs if offset is not None
    ]


def test_an_offset_changes_at_the_second_the_clock_does() -> None:
    change = ns(2024, 3, 31, 1)
    found = Zone.named("Europe/Berlin").offsets_at(np.array([change - 1, change, change + 1]))
    assert found.tolist() == [HOUR_NS, 2 * HOUR_NS, 2 * HOUR_NS]


def test_one_time_has_the_offset_it_has_among_many() -> None:
    zone = Zone.named("America/New_York")
    hours = np.arange(ns(2023, 1, 1), ns(2025, 1, 1), 11 * HOUR_NS)
    one_by_one = [zone.offsets_at(hours[i : i + 1])[0] for i in range(len(hours))]
    assert zone.offsets_at(hours).tolist() == one_by_one


def test_the_ends_of_the_clock_have_an_offset() -> None:
    ends = np.array([np.iinfo(np.int64).min, np.iinfo(np.int64).max])
    assert UTC_ZONE.offsets_at(ends).tolist() == [0, 0]
    assert np.all(np.abs(Zone.named("Asia/Tokyo").offsets_at(ends)) < 24 * HOUR_NS)
    assert UTC_ZONE.offsets_at(ends[:0]).tolist() == []


def test_a_zone_that_is_not_whole_is_not_sound() -> None:
    berlin = Zone.named("Europe/Berlin")
    assert berlin.is_sound
    assert UTC_ZONE.is_sound
    for starts, offsets in [
        (berlin.starts[1:], berlin.offsets[1:]),
        (berlin.starts, berlin.offsets[1:]),
        (berlin.starts[:0], berlin.offsets[:0]),
        (berlin.starts[::-1], berlin.offsets),
        (berlin.starts, berlin.offsets * 100),
        (berlin.starts, np.full_like(berlin.offsets, np.iinfo(np.int64).min)),
    ]:
        assert not Zone(starts, offsets).is_sound
