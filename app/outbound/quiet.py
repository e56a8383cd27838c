"""Hours of the day in which a receiver is left alone, by a clock on the wall.

They begin and end on one day or the next. An hour that is there twice, as clocks are put back, is
meant the first time; one that is left out, as they are put forward, is the one after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app import zones

DAY = timedelta(days=1)


@dataclass(frozen=True)
class QuietHours:
    """From one time of the day to another, which is not the same."""

    start: time
    end: time
    zone: str

    @classmethod
    def from_json(cls, given: Mapping[str, str]) -> "QuietHours":
        """As it is stored: `from` and `to` such as 22:00, and `time_zone`."""
        start, end = (time.fromisoformat(given[name]) for name in ("from", "to"))
        return cls(start, end, given["time_zone"])

    def until(self, now: datetime) -> datetime | None:
        """When they end, in UTC, if they have begun; None where nothing has to wait."""
        clock = zones.clock(self.zone)
        today = now.astimezone(clock).date()
        for day in (today - DAY, today):
            last = day if self.start < self.end else day + DAY
            begins, ends = _moment(day, self.start, clock), _moment(last, self.end, clock)
            if begins <= now < ends:
                return ends
        return None


def _moment(day: date, at: time, clock: ZoneInfo) -> datetime:
    return datetime.combine(day, at, clock).astimezone(UTC)
