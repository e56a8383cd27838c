"""First scores of a history that was uploaded: by causal replay, as if it had come point by point.

The model in force is not asked: it knows what came after. Points that have a score keep it. The
scores are stored in small batches, each with the fence of its job, so that whoever scores live
waits for one batch at most, and a worker that takes the job over goes on where the last one died.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.actions.parts import Parts
from app.cache.worked import FIRST_SCORES
from app.detection import Points, Settings, State, Verdicts, advance, fit
from app.detection.replay import spans
from app.errors import Invalid
from app.store import jobs, scores, series
from app.store import points as stored_points
from app.store.jobs import Job
from app.store.series import Series

BATCH_SCORES = 1_000


def run(
    parts: Parts,
    job: Job,
    of: Series,
    history: Points,
    version: int,
    show: Callable[[float], None],
) -> bool:
    """Score what has no score; `show` is told shares up to 1. False where another has the job."""
    is_wanted = _is_unscored(parts, of, history)
    settings = Settings.from_json(job.settings)
    for begin, end in spans(history):
        chosen = is_wanted[begin:end]
        if not chosen.any():
            continue
        verdicts = _replayed(history, begin, end, settings, of).only(chosen)
        judged = Points(history.times[begin:end][chosen], history.values[begin:end][chosen])
        if not _store(parts, job, judged, verdicts, version):
            return False
        show(float(is_wanted[:end].sum() / is_wanted.sum()))
    return True


def _is_unscored(parts: Parts, of: Series, history: Points) -> NDArray[np.bool_]:
    if not len(history):
        return np.zeros(0, bool)
    first, last = int(history.times[0]), int(history.times[-1])
    with parts.database.tenant(of.tenant_id) as connection:
        unscored = stored_points.unscored(connection, of, first, last)
    return np.isin(history.times, unscored)


def _replayed(history: Points, begin: int, end: int, settings: Settings, of: Series) -> Verdicts:
    """The verdicts of `app.detection.replay` on one of its spans."""
    past = history[:begin]
    try:
        model = fit(past, settings) if begin else None
    except Invalid:  # too few values so far
        model = None
    verdicts, _ = advance(model, State.after(model, past), history[begin:end], of.fields)
    return verdicts


def _store(parts: Parts, job: Job, judged: Points, verdicts: Verdicts, version: int) -> bool:
    assert job.series_id is not None
    for start in range(0, len(judged), BATCH_SCORES):
        batch = slice(start, start + BATCH_SCORES)
        with parts.database.tenant(job.tenant_id) as connection:
            locked = series.lock_by_id(connection, job.tenant_id, job.series_id)
            if not jobs.renew(connection, job, 0.0, parts.settings.job_lease_s):
                return False
            stored = stored_points.at(connection, locked, judged.times[batch])
            is_same = _is_stored(judged[batch], stored)
            kept = Points(judged.times[batch][is_same], judged.values[batch][is_same])
            scores.add(
                connection, locked, kept, verdicts[batch].only(is_same), version, backfilled=True
            )
        parts.work_numbers.note(FIRST_SCORES, len(kept))
    return True


def _is_stored(judged: Points, stored: Points) -> NDArray[np.bool_]:
    """Which of the judged points are still there, with the value that was judged."""
    known = dict(zip(stored.times.tolist(), stored.values, strict=True))
    return np.array(
        [
            time in known and np.array_equal(known[time], value, equal_nan=True)
            for time, value in zip(judged.times.tolist(), judged.values, strict=True)
        ]
    )
