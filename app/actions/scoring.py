"""Judge points as they come: each by the series' model and by what is stored before it.

The series is locked for the transaction, so that two requests cannot judge by the same past. What
a process or Redis remembers of that past counts only as far as the lock shows it to hold.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from uuid import UUID

from app import metrics
from app.actions import loops, quotas, retraining, states
from app.actions.asked import Answer, Asked
from app.actions.parts import Parts
from app.actions.series_task import SeriesTask
from app.detection import MINIMUM_POINTS
from app.errors import Invalid, ModelNotReady, NotFound, Unavailable
from app.metrics import numbers
from app.store import judging
from app.store.jobs import Job
from app.store.judging import LOCK_WAIT_S, SeriesHeld, Writes
from app.store.series import Series
from app.store.transaction import Transaction

QUICK_WAIT_S = 0.5


def score_one(parts: Parts, tenant_id: UUID, name: str, asked: Asked) -> Answer:
    """`score` of one point; those of the tenant's other series that came meanwhile go with it.

    Only with those that this process has at hand, so that nobody waits for another's model.
    """
    if states.is_at_hand(parts, tenant_id, name):

        def judge(together: Mapping[str, Asked]) -> Answer:
            try:
                return _score(parts, tenant_id, together, wait_s=0)
            except SeriesHeld:  # a whole table is
                return Answer({}, {})

        answer = parts.gathering.answer(tenant_id, name, asked, judge)
        if answer is not None:
            return answer
    return score(parts, tenant_id, {name: asked})


def score(
    parts: Parts, tenant_id: UUID, asked: Mapping[str, Asked], is_replacing: bool = False
) -> Answer:
    """Store and judge points of one series or many; all are stored, or none.

    A series that somebody else holds is waited for: a moment by anybody, longer in a place to wait,
    for who waits takes a thread from all others. A process's first one loads the detector's loops
    while it holds nothing yet.
    """
    loops.load()
    try:
        return _score_in_turn(parts, tenant_id, asked, is_replacing, QUICK_WAIT_S)
    except SeriesHeld:
        pass
    with suppress(SeriesHeld), parts.waiting.held(tenant_id) as may_wait:
        if may_wait:
            return _score_in_turn(parts, tenant_id, asked, is_replacing, LOCK_WAIT_S)
    raise Unavailable(f"Points are being stored in {_named(asked)}: ask again")


def _named(asked: Mapping[str, Asked]) -> str:
    return next(iter(asked)) if len(asked) == 1 else "one of these series"


def _score_in_turn(
    parts: Parts,
    tenant_id: UUID,
    asked: Mapping[str, Asked],
    is_replacing: bool,
    wait_s: float,
) -> Answer:
    with parts.holding.hold(tenant_id, asked, wait_s):
        return _score(parts, tenant_id, asked, is_replacing, wait_s)


def _score(
    parts: Parts,
    tenant_id: UUID,
    asked: Mapping[str, Asked],
    is_replacing: bool = False,
    wait_s: float = LOCK_WAIT_S,
) -> Answer:
    """wait_s: for a series that somebody else holds; with 0 its points are left out."""
    answer = Answer({}, {})
    judged: list[SeriesTask] = []
    known = [found for name in asked if (found := states.known(parts, tenant_id, name))]
    with parts.database.judging() as transaction:
        begun = judging.begin(transaction, tenant_id, list(asked), known, wait_s)
        writes = Writes(tenant_id)
        for name, points in asked.items():
            if not wait_s and name not in begun.locked:
                continue
            try:
                if name not in begun.locked:
                    raise NotFound.series(name)
                arranged = _arranged(begun.locked[name], points)
            except (NotFound, ModelNotReady, Invalid) as error:
                answer.errors.update(dict.fromkeys(points.places.tolist(), error))
                continue
            task = SeriesTask(parts, transaction, begun, name, writes, is_replacing)
            task.run(arranged, answer)
            judged.append(task)
        trainings = _store(parts, transaction, writes, judged)
    _note(writes, judged)
    states.keep(parts, [reached for task in judged if (reached := task.reached)])
    retraining.wake(parts, trainings)
    return answer


def _store(
    parts: Parts, transaction: Transaction, writes: Writes, judged: Iterable[SeriesTask]
) -> list[Job]:
    """All at once, and to the end of the transaction; -> the trainings that are due by it."""
    if writes.added and not quotas.fit(parts, writes.tenant_id, writes.added):
        connection = transaction.connection
        quotas.refuse_more_points(parts, connection, writes.tenant_id, writes.added)
    due = [task for task in judged if task.may_train()]
    writes.flush(transaction, commits=not due)
    return [job for task in due for job in task.trainings()]


def _note(writes: Writes, judged: Iterable[SeriesTask]) -> None:
    """What is stored by now; late points are in no alert."""
    late = [task.late for task in judged if task.late is not None]
    anomalies = sum(one.is_anomaly for one in writes.scores)
    metrics.note(numbers.POINTS_SCORED, writes.added)
    metrics.note(numbers.SCORES, len(writes.scores) + sum(map(len, late)))
    if anomalies:
        metrics.note(numbers.ANOMALIES, anomalies)
        metrics.note(numbers.ALERTS, sum(one.alert for one in writes.scores))
    if late:
        metrics.note(numbers.ANOMALIES, sum(int(one.is_anomaly.sum()) for one in late))


def _arranged(of: Series, asked: Asked) -> Asked:
    """What was asked, if the series can judge it."""
    if of.points < MINIMUM_POINTS:
        raise ModelNotReady(
            f"{of.name} has {of.points} points, and {MINIMUM_POINTS} are "
            "needed before one can be judged: upload history first",
            have=of.points,
            need=MINIMUM_POINTS,
        )
    return asked.arranged(of)
