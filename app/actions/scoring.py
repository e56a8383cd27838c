"""Judge points as they come: each by the series' model and by what is stored before it.

The series is locked for the transaction, so that two requests cannot judge by the same past. What
a process or Redis remembers of that past counts only as far as the lock shows it to hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.actions import fields, models, quotas, retraining, states
from app.actions.parts import Parts
from app.actions.watching import Judged, mark
from app.detection import (
    MINIMUM_POINTS,
    Model,
    Points,
    State,
    Verdicts,
    advance,
    lookback_points,
)
from app.errors import Conflict, Invalid, ModelNotReady, NotFound, TocsinError
from app.store import Connection, scores, series
from app.store import points as stored_points
from app.store.jobs import Job
from app.store.scores import Score
from app.store.series import Series
from app.store.times import to_ns

MERGED_POINTS = 20_000  # late points are judged in one pass if no more lie between them


@dataclass(frozen=True)
class Asked:
    """Points to judge, as they came: times (n,) ns in any order, values (n, c), places (n,)."""

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    places: NDArray[np.int64]
    columns: tuple[str, ...]

    def only(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Asked":
        return Asked(self.times[chosen], self.values[chosen], self.places[chosen], self.columns)

    def arranged(self, of: Series) -> "Asked":
        """With the values in the order of the series' fields; those not named are missing."""
        values = fields.arranged(of, self.columns, self.values) + 0.0  # no -0.0, see Points
        return Asked(self.times, values, self.places, tuple(of.fields))


@dataclass(frozen=True)
class Answer:
    """For each place in the request a score, or the error that stands for it."""

    scores: dict[int, Score]
    errors: dict[int, TocsinError]


def score(
    parts: Parts, tenant_id: UUID, asked: Mapping[str, Asked], is_replacing: bool = False
) -> Answer:
    """Store and judge points of one series or many; all are stored, or none."""
    answer = Answer({}, {})
    judged: list[_SeriesTask] = []
    trainings: list[Job] = []
    with parts.database.tenant(tenant_id) as connection:
        locked = series.lock(connection, tenant_id, list(asked))
        for name, points in asked.items():
            try:
                if name not in locked:
                    raise NotFound(f"There is no series {name}")  # noqa: TRY301
                arranged = _arranged(locked[name], points)
            except (NotFound, ModelNotReady, Invalid) as error:
                answer.errors.update(dict.fromkeys(points.places.tolist(), error))
                continue
            task = _SeriesTask(parts, connection, locked[name], is_replacing)
            task.run(arranged, answer)
            judged.append(task)
            trainings += task.trainings()
    for task in judged:
        task.keep()
    retraining.wake(parts, trainings)
    return answer


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


class _SeriesTask:
    """One series within one request, its lock held."""

    def __init__(
        self, parts: Parts, connection: Connection, of: Series, is_replacing: bool
    ) -> None:
        self.parts, self.connection, self.series = parts, connection, of
        self.is_replacing = is_replacing
        self.last_ns = to_ns(of.last_at) if of.last_at else None
        self.after: State | None = None
        self.is_new = False  # what it judges by was read from Postgres
        self.added = 0
        self.lacks_model = False  # there is one, but this version of the program cannot read it
        self.changed: list[int] = []  # ends of the spans in which points were added or replaced

    def run(self, asked: Asked, answer: Answer) -> None:
        fresh = self._without_conflicts(asked, answer)
        watch = self._judge(fresh) if len(fresh.times) else None
        if self.changed:
            first, last = min(self.changed), max(self.changed)
            tenant_id = self.series.tenant_id
            quotas.refuse_more_points(self.parts, self.connection, tenant_id, self.added)
            series.note_points(self.connection, self.series, self.added, first, last, watch)
        for stored in scores.at(self.connection, self.series, np.unique(asked.times)):
            self._answer(stored, asked, answer)

    def trainings(self) -> list[Job]:
        """What the points of this request made due."""
        if self.lacks_model:
            return retraining.ask_instead(self.connection, self.series, self.added)
        if not self.added:
            return []
        last = max(self.changed)
        return retraining.ask_if_due(self.connection, self.series, self.added, last)

    def keep(self) -> None:
        """What the next points may depend on, once all is committed."""
        if self.after is not None:
            states.keep(self.parts, self.series, self.after, self.added, self.is_new)

    def _answer(self, stored: Score, asked: Asked, answer: Answer) -> None:
        for place in asked.places[asked.times == to_ns(stored.timestamp)].tolist():
            if place not in answer.errors:
                answer.scores[place] = stored

    def _without_conflicts(self, asked: Asked, answer: Answer) -> Asked:
        """Of what was asked: what has no score yet, one of each time, in time order."""
        order = np.argsort(asked.times, kind="stable")
        asked = asked.only(order[::-1] if self.is_replacing else order)
        _, first = np.unique(asked.times, return_index=True)
        unique = asked.only(first)
        if not self.is_replacing:
            self._refuse_others(asked, unique.times, unique.values, answer)
        if self.last_ns is None or unique.times[0] > self.last_ns:
            self._insert(unique)
            return unique
        return self._against_stored(unique, answer)

    def _against_stored(self, asked: Asked, answer: Answer) -> Asked:
        stored = stored_points.at(self.connection, self.series, asked.times)
        is_stored = np.isin(asked.times, stored.times)
        known = asked.only(is_stored)
        differs = np.zeros(len(asked.times), bool)
        differs[is_stored] = ~_same_rows(known.values, stored.values)
        if self.is_replacing:
            self._replace(asked.only(differs))
        else:
            self._refuse_others(known, stored.times, stored.values, answer)
        self._insert(asked.only(~is_stored))
        judged = {to_ns(s.timestamp) for s in scores.at(self.connection, self.series, asked.times)}
        is_judged = np.array([t in judged for t in asked.times.tolist()])
        is_wanted = ~is_judged if self.is_replacing else ~is_judged & ~differs
        return asked.only(is_wanted)

    def _refuse_others(
        self,
        asked: Asked,
        times: NDArray[np.int64],
        values: NDArray[np.float64],
        answer: Answer,
    ) -> None:
        """A time that is known with another value is an error for that point alone."""
        is_same = _same_rows(asked.values, values[np.searchsorted(times, asked.times)])
        for place in asked.places[~is_same].tolist():
            answer.errors[place] = Conflict(
                "There is a point of this time with another value; on_conflict=replace replaces it"
            )

    def _insert(self, new: Asked) -> None:
        if not len(new.times):
            return
        points = Points(new.times, new.values)
        stored_points.add(self.connection, self.series, points)
        self.added += len(points)
        self.changed += points.times[[0, -1]].tolist()

    def _replace(self, changed: Asked) -> None:
        if not len(changed.times):
            return
        points = Points(changed.times, changed.values)
        scores.keep_replaced(self.connection, self.series, points)
        stored_points.replace(self.connection, self.series, points)
        self.changed += points.times[[0, -1]].tolist()

    def _judge(self, fresh: Asked) -> dict[str, Any] | None:
        """Verdicts and their events; -> what the event layer remembers, if it saw points."""
        model = self._model()
        points = Points(fresh.times, fresh.values)
        if self.last_ns is None or points.times[0] > self.last_ns:
            verdicts = self._judge_newest(model, points)
        else:
            verdicts = self._judge_late(model, points)
        version = self.series.model_version or 0
        judged = Judged(points, verdicts, version)
        marks, watch = mark(self.connection, self.series, judged, self.last_ns)
        scores.add(self.connection, self.series, points, verdicts, version, marks=marks)
        return watch

    def _model(self) -> Model | None:
        """The series' model; without one that can be read, as if it had none."""
        model = models.current(self.parts, self.connection, self.series)
        if model is None and self.series.model_version is not None:
            self.lacks_model = True
            self.series = replace(self.series, model_version=None)
        return model

    def _judge_newest(self, model: Model | None, points: Points) -> Verdicts:
        first_ns = int(points.times[0])
        before, self.is_new = states.before(
            self.parts, self.connection, self.series, model, first_ns
        )
        verdicts, self.after = advance(model, before, points, self.series.fields)
        return verdicts

    def _judge_late(self, model: Model | None, points: Points) -> Verdicts:
        """Each from its own past, what is stored after it is not looked at."""
        first, last = int(points.times[0]), int(points.times[-1])
        merged = stored_points.between(self.connection, self.series, first, last, MERGED_POINTS + 1)
        if len(merged) > MERGED_POINTS:
            return Verdicts.joined(
                [self._judge_span(model, points[i : i + 1]) for i in range(len(points))]
            )
        verdicts = self._judge_span(model, merged)
        return verdicts.only(np.isin(merged.times, points.times))

    def _judge_span(self, model: Model | None, span: Points) -> Verdicts:
        before = int(span.times[0])
        past = stored_points.newest(self.connection, self.series, lookback_points(model), before)
        verdicts, _ = advance(model, State.after(model, past), span, self.series.fields)
        return verdicts


def _same_rows(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows that are equal, missing values too."""
    same: NDArray[np.bool_] = ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    return same
