"""What verdicts on a series may depend on: from this process's memory, from Redis, or Postgres.

A window holds as long as the series only grew at its end: its revision is then the same, and by how
many points it is behind, the count of the series shows. These are read, and it goes on with them.
So Redis needs to be told only now and then.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

import numpy as np

from app import metrics
from app.actions.parts import Parts
from app.cache import windows
from app.cache.windows import Window
from app.detection import Model, Points, State, lookback_points
from app.metrics import numbers
from app.store import points
from app.store.judging import Known
from app.store.series import Series
from app.store.times import to_datetime
from app.store.transaction import Transaction

BEHIND_MOST = 64  # points; from there on all that a verdict looks back on is read anew
EVERY_POINTS = 32  # between two windows in Redis
LATE_POINTS = 64  # so far before a late point a state is kept, for others that come as late
LATE_MOST = 128  # points behind it; from there on another one is kept


class Past(NamedTuple):
    """A state, and the points from there on to those that are to be judged.

    is_new: all of it had to be read from Postgres.
    """

    state: State
    missing: Points | None = None
    is_new: bool = False


class Reached(NamedTuple):
    """Where points have led a series: as it was locked, the state now, and how many were added.

    is_new: neither here nor in Redis anything was known of it.
    """

    of: Series
    state: State
    added: int
    is_new: bool


def known(parts: Parts, tenant_id: UUID, name: str) -> Known | None:
    """What this process or Redis remembers of a series, to be read on from while it is being
    locked."""
    series_id = parts.series_ids.get((tenant_id.int, name))
    if series_id is None:
        metrics.note(numbers.WINDOWS_HERE.miss)
        return None
    window = _remembered(parts, (tenant_id, series_id))
    if not window or not len(window.state.recent):
        return None
    return Known(series_id, to_datetime(int(window.state.recent.times[-1])))


def _remembered(parts: Parts, series: tuple[UUID, UUID]) -> Window | None:
    window = parts.memory.get(series).window
    if window is not None:
        metrics.note(numbers.WINDOWS_HERE.hit)
        return window
    metrics.note(numbers.WINDOWS_HERE.miss)
    window = _in_redis(parts, series)
    if window is not None:
        parts.memory.put_window(series, window)
    return window


def is_at_hand(parts: Parts, tenant_id: UUID, name: str) -> bool:
    """Whether this process has judged the series before, and still has the model that did."""
    series_id = parts.series_ids.get((tenant_id.int, name))
    return series_id is not None and parts.memory.get((tenant_id, series_id)).is_at_hand


def before(
    parts: Parts,
    transaction: Transaction,
    of: Series,
    model: Model | None,
    first_ns: int,
    since: Points | None = None,
) -> Past:
    """What lies before a point that follows all that were stored when the series was locked.

    since: what was stored after all that this process remembers, read under the lock.
    """
    series = (of.tenant_id, of.id)
    for find, read in ((_in_memory, since), (_in_redis, None)):
        window = find(parts, series)
        if window is not None and _is_usable(window, of, model):
            return _behind(window, transaction, of, model, first_ns, read)
    stored = points.newest(transaction.connection, of, lookback_points(model), first_ns)
    return Past(State.after(model, stored), is_new=True)


def before_late(
    parts: Parts, transaction: Transaction, of: Series, model: Model | None, first_ns: int
) -> State:
    """What lies before a point that others follow.

    All that it depends on is read, and where a state that was kept has seen the same, it need not
    be worked out anew.
    """
    looked_back = lookback_points(model) + LATE_POINTS
    stored = points.newest(transaction.connection, of, looked_back, first_ns)
    begins = max(0, len(stored) - LATE_POINTS)
    if model is None or begins == 0 or stored.times[begins] <= model.trained_to_ns:
        return State.after(model, stored)  # points that it was trained on are not remembered
    series = (of.tenant_id, of.id)
    kept = parts.memory.get(series).earlier
    seen = _seen(kept, model, stored)
    if kept is None or not seen or len(stored) - seen > LATE_MOST:
        known = kept.followed_by(model, stored[seen:begins]) if kept and seen else None
        kept, seen = known or State.after(model, stored[:begins]), begins
        parts.memory.put_earlier(series, kept)
    return kept.followed_by(model, stored[seen:])


def _seen(kept: State | None, model: Model, stored: Points) -> int:
    """How many of the stored points the state has seen, all that count for a verdict behind them;
    0 where they are others."""
    if kept is None or kept.trail is None or kept.trail.model is not model:
        return 0
    known = kept.recent
    seen = int(np.searchsorted(stored.times, known.times[-1], side="right"))
    count = min(seen, lookback_points(model) - (len(stored) - seen))
    if not 0 < count <= len(known):
        return 0
    ours, theirs = known[len(known) - count :], stored[seen - count : seen]
    is_same = np.array_equal(ours.times, theirs.times) and np.array_equal(
        ours.values, theirs.values, equal_nan=True
    )
    return seen if is_same else 0


def keep(parts: Parts, reached: Iterable[Reached]) -> None:
    """Once the points are committed."""
    told: dict[tuple[UUID, UUID], Window] = {}
    for of, state, added, is_new in reached:
        window = Window(of.revision, of.points + added, of.model_version or 0, state)
        parts.memory.put_window((of.tenant_id, of.id), window)
        parts.series_ids.put((of.tenant_id.int, of.name), of.id)
        if is_new or window.points // EVERY_POINTS != of.points // EVERY_POINTS:
            told[of.tenant_id, of.id] = window
    windows.put(parts.cache, told)


def forget(parts: Parts, tenant_id: UUID, series_id: UUID) -> None:
    """Points were erased: they are not to be kept here either."""
    parts.memory.drop((tenant_id, series_id))
    windows.drop(parts.cache, tenant_id, series_id)


def _in_memory(parts: Parts, series: tuple[UUID, UUID]) -> Window | None:
    return parts.memory.get(series).window


def _in_redis(parts: Parts, series: tuple[UUID, UUID]) -> Window | None:
    window = windows.get(parts.cache, *series)
    looked = numbers.WINDOWS_IN_REDIS
    metrics.note(looked.miss if window is None else looked.hit)
    return window


def _is_usable(window: Window, of: Series, model: Model | None) -> bool:
    """Whether the points that are missing are few, and it reaches back far enough for the model."""
    known, behind = len(window.state.recent), of.points - window.points
    reaches_back = known >= min(lookback_points(model), window.points)
    return window.revision == of.revision and 0 <= behind <= BEHIND_MOST and reaches_back


def _behind(
    window: Window,
    transaction: Transaction,
    of: Series,
    model: Model | None,
    first_ns: int,
    since: Points | None,
) -> Past:
    is_of_model = window.version == (of.model_version or 0)
    if is_of_model and window.points == of.points:
        return Past(window.state)
    missing = _missing(window, transaction, of, first_ns, since)
    if is_of_model:
        return Past(window.state, missing)
    # All of them together, since the model may be trained on some of the missing: these are then
    # not to be remembered as points that came after it.
    return Past(State.after(model, window.state.recent.append(missing)))


def _missing(
    window: Window, transaction: Transaction, of: Series, first_ns: int, since: Points | None
) -> Points:
    """By how many points the window is behind: these."""
    behind = of.points - window.points
    if not behind:
        return Points.empty(window.state.recent.fields)
    if since is not None and len(since) == behind:
        return since
    return points.newest(transaction.connection, of, behind, first_ns)
