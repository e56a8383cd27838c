"""Verdicts become events as they are given: which one alerts, and what belongs together.

The newest points go through the event layer, which goes on from what it remembers of the series.
Late ones are no news: they alert nobody, and join an event only if they lie within it.
"""

from dataclasses import fields, replace
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.actions import announcing
from app.detection import Points, Verdicts, Watch, watch
from app.store import Connection, events
from app.store.events import Stretch
from app.store.ids import event_id
from app.store.scores import Marks
from app.store.series import Series
from app.store.times import to_datetime, to_ns
from app.store.transaction import Transaction

KNOWN = {field.name for field in fields(Watch)}


class Judged(NamedTuple):
    """Points of a series with their verdicts, in time order, and the version that judged them."""

    points: Points
    verdicts: Verdicts
    version: int

    def stretch(self, places: NDArray[np.int64]) -> Stretch:
        """What these points add to an event; of equal scores the first is the peak."""
        times, scores = self.points.times[places], self.verdicts.score[places]
        peak = int(places[np.argmax(scores)])
        return Stretch(
            started_at=to_datetime(int(times[0])),
            ended_at=to_datetime(int(times[-1])),
            points=len(places),
            peak_score=float(self.verdicts.score[peak]),
            peak_at=to_datetime(int(self.points.times[peak])),
            reason=self.verdicts.reasons[peak],
            model_version=self.version if self.verdicts.model_based[peak] else 0,
        )


def mark(
    transaction: Transaction, of: Series, judged: Judged, newest_ns: int | None
) -> tuple[Marks, dict[str, Any] | None]:
    """Store the events of these points; the lock on the series is held.

    newest_ns: the newest point that was stored before; what is not after it came late.
    -> the marks of the verdicts, and what is to be remembered of the series, if it is news.
    """
    times, late = judged.points.times, 0
    n = len(times)
    if newest_ns is not None and newest_ns >= times[0]:
        late = int(np.searchsorted(times, newest_ns, "right"))
    found: list[UUID | None] = [None] * n
    if late:
        _join_late(transaction, of, judged, late, found)
    if late == n:
        return Marks([False] * n, found), None
    alerts, after = _follow(transaction, of, judged, late, found)
    return Marks([False] * late + alerts, found), dict(vars(after))


def _join_late(
    transaction: Transaction, of: Series, judged: Judged, late: int, found: list[UUID | None]
) -> None:
    """Give the anomalous ones of the first `late` points the event that each lies within."""
    places = np.flatnonzero(judged.verdicts.is_anomaly[:late])
    if not len(places):
        return
    times = judged.points.times[places]
    for event in events.spanning(transaction.connection, of, int(times[0]), int(times[-1])):
        within = (times >= to_ns(event.started_at)) & (times <= to_ns(event.ended_at))
        if within.any():
            _give(found, places[within], event.id)
            events.join(transaction.connection, of, event.id, judged.stretch(places[within]))


def _follow(
    transaction: Transaction, of: Series, judged: Judged, first: int, found: list[UUID | None]
) -> tuple[list[bool], Watch]:
    """Points from `first` on through the event layer: which alert, and what it remembers then."""
    verdicts, times = judged.verdicts, judged.points.times
    before, open_id = _remembered(transaction, of)
    strengths, are_anomalies = verdicts.strength.tolist(), verdicts.is_anomaly.tolist()
    alarms, after = watch(before, strengths[first:], are_anomalies[first:])
    alerts = alarms.is_alert.tolist()
    if open_id is None and True not in alerts:  # as nearly every time
        return alerts, after
    starts = times[first:][alarms.is_alert].tolist()
    ids = [open_id, *(event_id(of.tenant_id, of.id, start) for start in starts)]
    for number, known in enumerate(ids):
        if known is None:
            continue
        places = first + np.flatnonzero(alarms.event == number)
        if len(places):
            _give(found, places, known)
        if number:
            _open(transaction.connection, of, known, judged.stretch(places))
        elif len(places):
            events.join(transaction.connection, of, known, judged.stretch(places))
    if not after.is_open:
        _close(transaction.connection, of)
    return alerts, after


def _open(connection: Connection, of: Series, event_id: UUID, stretch: Stretch) -> None:
    is_listened_to = _close(connection, of)  # one at a time is open
    events.begin(connection, of, event_id, stretch)
    if is_listened_to:
        announcing.event_opened(connection, of, event_id, stretch)


def _close(connection: Connection, of: Series) -> bool:
    """Whether any webhook listens; where none does, no statement is spent on them."""
    closed, is_listened_to = events.close(connection, of)
    if is_listened_to:
        announcing.events_closed(connection, closed)
    return is_listened_to


def _remembered(transaction: Transaction, of: Series) -> tuple[Watch, UUID | None]:
    """What the event layer remembers, and the open event; one that was erased is not open."""
    stored = of.watch or {}
    if stored.keys() != KNOWN:
        stored = {name: stored[name] for name in KNOWN & stored.keys()}
    before = Watch(**stored)
    if not before.is_open:
        return before, None
    open_id = events.open_id(transaction.connection, of)
    return before if open_id else replace(before, is_open=False, quiet=0), open_id


def _give(found: list[UUID | None], places: NDArray[np.int64], own: UUID) -> None:
    for place in places.tolist():
        found[place] = own
