"""Training by itself: when a series is due, and the job that does it.

Asked in each transaction that stores points or changes settings, so that the job is a row before
the points are answered for. The series' row alone says whether a training is due: a point that is
scored pays nothing for the question. What comes in while a training runs is looked at when it ends.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from app.actions.parts import Parts
from app.detection import FOREST_POINTS
from app.store import Connection, jobs, points, series
from app.store.jobs import Job
from app.store.series import Series
from app.store.times import to_datetime

GROWTH = 1.25  # as in the replay of a history
GROWTH_LEAST_POINTS = 100
UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def is_due(of: Series, added: int = 0, last_ns: int | None = None) -> bool:
    """Whether the history has outgrown the last training, or the try that failed.

    added: points that came since the row was read; last_ns: the time of the newest of them.
    """
    points, tried = of.points + added, of.tried_points
    if of.retrain == "manual" or points < FOREST_POINTS:
        return False
    if of.last_version == 0:
        return points >= tried * GROWTH
    if of.retrain == "auto":
        return points >= max(tried * GROWTH, tried + GROWTH_LEAST_POINTS)
    return points > tried and _is_older(of, last_ns)


def _is_older(of: Series, last_ns: int | None) -> bool:
    """Whether the newest point is later than the last training by an interval of `12h`, `7d`..."""
    ends = [at for at in (of.last_at, last_ns and to_datetime(last_ns)) if at]
    if not ends or of.tried_to_at is None:
        return True
    interval = int(of.retrain[:-1]) * UNITS[of.retrain[-1]]
    return max(ends) - of.tried_to_at >= interval


def ask_if_due(
    connection: Connection, of: Series, added: int = 0, last_ns: int | None = None
) -> list[Job]:
    """The new job, if there is one; the lock on the series is held, and the points are stored."""
    return ask(connection, of) if is_due(of, added, last_ns) else []


def ask_with(connection: Connection, of: Series, before: Series) -> list[Job]:
    """After settings changed: with others for the detector, `auto` trains at once."""
    return ask(connection, of) if _is_outdated(of, before.detector) else ask_if_due(connection, of)


def ask_again(connection: Connection, of: Series, ended: Job) -> list[Job]:
    """When a training ended: what came in, or was changed, while it ran."""
    return ask(connection, of) if _is_outdated(of, ended.settings) else ask_if_due(connection, of)


def ask_instead(connection: Connection, of: Series, added: int) -> list[Job]:
    """In place of a model that cannot be read, whatever `retrain` says.

    Where that failed already, it is tried again once the history has grown.
    """
    newest = jobs.page(connection, of.tenant_id, of.id, None, 1)
    has_failed = bool(newest) and newest[0].status == "failed"
    points = of.points + added
    if points < FOREST_POINTS or (has_failed and points < of.tried_points * GROWTH):
        return []
    return ask(connection, of)


def _is_outdated(of: Series, settings: dict[str, object]) -> bool:
    return of.retrain == "auto" and of.points >= FOREST_POINTS and of.detector != settings


def ask(connection: Connection, of: Series) -> list[Job]:
    """The new job; none where one is under way already, or too few points have a value."""
    if of.last_version == 0 and points.valued(connection, of, FOREST_POINTS) < FOREST_POINTS:
        series.note_try(connection, of.tenant_id, of.id)
        return []
    job, is_new = jobs.add_or_join(connection, of.tenant_id, "train", of.id, of.name, of.detector)
    if job.status == "queued":  # a running one may have read the history: it asks when it ends
        series.note_try(connection, of.tenant_id, of.id)
    return [job] if is_new else []


def wake(parts: Parts, asked: Iterable[Job]) -> None:
    """After the commit. Where the queue does not answer, upkeep wakes for all of them."""
    for job in asked:
        if not parts.queue.wake("train", job.tenant_id, job.id):
            return


def under_way(connection: Connection, tenant_id: UUID, of: Iterable[Series]) -> UUID | None:
    """The training that these series wait for; None where there is none, or several."""
    found = jobs.under_way(connection, tenant_id, "train", [one.id for one in of], 2)
    return found[0] if len(found) == 1 else None
