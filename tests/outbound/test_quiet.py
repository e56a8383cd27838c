"""Quiet hours end when the clock on the wall says so, whatever is done to the clock meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from app.outbound.quiet import QuietHours

BERLIN, HOUR = "Europe/Berlin", timedelta(hours=1)


def hours(start: str, end: str, name: str = BERLIN) -> QuietHours:
    return QuietHours.from_json({"from": start, "to": end, "time_zone": name})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-10T20:59:59.999", None),
        ("2026-01-10T21:00", "2026-01-11T06:00"),
        ("2026-01-10T23:30", "2026-01-11T06:00"),
        ("2026-01-11T05:59:59.999", "2026-01-11T06:00"),
        ("2026-01-11T06:00", None),
        ("2026-07-10T19:59", None),
        ("2026-07-10T20:00", "2026-07-11T05:00"),
    ],
)
def test_across_midnight_they_begin_on_one_day_and_end_on_the_next(
    now: str, until: str | None
) -> None:
    assert hours("22:00", "07:00").until(utc(now)) == (until and utc(until))


@pytest.mark.parametrize(
    ("now", "until"),
    [
        ("2026-01-10T10:59", None),
        ("2026-01-10T11:00", "2026-01-10T12:00"),
        ("2026-01-10T12:00", None),
    ],
)
def test_within_a_day_they_end_on_it(now: str, until: str | None) -> None:
    assert hours("12:00", "13:00").until(utc(now)) == (until and utc(until))


def length(of: QuietHours, first: str) -> timedelta:
    """How long nothing is told from then on, minute by minute, over a day."""
    minutes = [utc(first) + timedelta(minutes=n) for n in range(24 * 60)]
    return timedelta(minutes=sum(of.until(minute) is not None for minute in minutes))


def test_a_night_in_which_clocks_change_has_an_hour_more_or_less() -> None:
    night = hours("22:00", "07:00")
    assert length(night, "2026-01-10T12:00") == 9 * HOUR
    assert length(night, "2026-03-28T12:00") == 8 * HOUR
    assert length(night, "2026-10-24T12:00") == 10 * HOUR


def test_an_hour_that_is_there_twice_is_meant_the_first_time() -> None:
    """On 25 October 2026 it is 02:30 in Berlin at 00:30 and at 01:30 UTC."""
    assert hours("22:00", "02:30").until(utc("2026-10-25T00:29")) == utc("2026-10-25T00:30")
    assert hours("22:00", "02:30").until(utc("2026-10-25T01:10")) is None
    assert hours("02:30", "05:00").until(utc("2026-10-25T00:45")) == utc("2026-10-25T04:00")


def test_an_hour_that_is_left_out_is_the_one_after_it() -> None:
    """On 29 March 2026 it is 03:00 in Berlin at 01:00 UTC, a moment after 01:59."""
    assert hours("22:00", "02:30").until(utc("2026-03-29T00:59")) == utc("2026-03-29T01:30")
    assert hours("02:30", "05:00").until(utc("2026-03-29T01:15")) is None
    assert hours("02:30", "05:00").until(utc("2026-03-29T01:30")) == utc("2026-03-29T03:00")
    assert hours("02:30", "03:00").until(utc("2026-03-29T01:15")) is None


@pytest.mark.parametrize("name", ["UTC", "Pacific/Kiritimati", "America/St_Johns", "Asia/Tokyo"])
def test_what_has_begun_ends_later_and_within_a_day(name: str) -> None:
    for n in range(0, 400 * 24, 7):
        now = utc("2026-01-01T00:00") + n * HOUR
        until = hours("23:00", "22:00", name).until(now)
        assert until is None or now < until <= now + 24 * HOUR
