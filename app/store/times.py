"""Nanoseconds since 1970 on our side, timestamptz in microseconds on Postgres's."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

NS_PER_US = 1_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime(time_ns: int) -> datetime:
    """Aware, UTC."""
    return EPOCH + timedelta(microseconds=int(time_ns) // NS_PER_US)


def to_aware(times_ns: Sequence[int]) -> list[datetime]:
    """The same of many."""
    return [EPOCH + timedelta(0, 0, time_ns // NS_PER_US) for time_ns in times_ns]


def to_datetimes(times_ns: NDArray[np.int64]) -> list[datetime]:
    """Naive, for the server to read as UTC: its sessions have that time zone."""
    moments: list[datetime] = (times_ns // NS_PER_US).astype("datetime64[us]").tolist()
    return moments


def to_ns(moment: datetime) -> int:
    delta = moment - EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds) * NS_PER_US


def to_ns_array(moments: Sequence[datetime]) -> NDArray[np.int64]:
    return np.fromiter((to_ns(moment) for moment in moments), np.int64, len(moments))
