"""One series within a request that judges points, its lock held."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.actions import models, retraining, states
from app.actions.asked import Answer, Asked
from app.actions.parts import Parts
from app.actions.states import Reached
from app.actions.watching import Judged, mark
from app.detection import Model, Points, State, Verdicts, advance
from app.errors import Conflict
from app.store import Connection, scores
from app.store import points as stored_points
from app.store.jobs import Job
from app.store.judging import Begun, Writes
from app.store.scores import Marks, Score
from app.store.times import to_ns
from app.store.transaction import Transaction

MERGED_POINTS = 20_000  # late points are judged in one pass if no more lie between them
FOLLOWING_POINTS = 256  # behind them: so many are gone through, for the state after all of them
US = 1_000  # in ns: times are no finer

_Taken = tuple[dict[int, Score], dict[str, Any] | None]
"""Scores by time in ns, and what the event layer is to remember, if it saw points."""


class SeriesTask:
    """One series within one request, its lock held."""

    def __init__(
        self,
        parts: Parts,
        transaction: Transaction,
        begun: Begun,
        name: str,
        writes: Writes,
        is_replacing: bool,
    ) -> None:
        self.parts, self.transaction, self.series = parts, transaction, begun.locked[name]
        self.since = begun.since.get(name)
        self.writes, self.is_replacing = writes, is_replacing
        self.last_ns = to_ns(self.series.last_at) if self.series.last_at else None
        self.after: State | None = None
        self.late: Verdicts | None = None  # on points that others follow
        self.is_new = False  # what it judges by was read from Postgres
        self.added = 0
        self.lacks_model = False  # there is one, but this version of the program cannot read it
        self.changed: list[int] = []  # ends of the spans in which points were added or replaced

    @property
    def connection(self) -> Connection:
        return self.transaction.connection

    def run(self, asked: Asked, answer: Answer) -> None:
        unique = self._one_of_each_time(asked, answer)
        if self.last_ns is None or unique.times[0] > self.last_ns:
            found, watch = self._take_newest(unique)
        else:
            found, watch = self._take_late(unique, answer)
        if self.changed:
            first, last = min(self.changed), max(self.changed)
            self.writes.grown(self.series, self.added, first, last, watch)
        for place, time_ns in zip(asked.places.tolist(), asked.times.tolist(), strict=True):
            if place not in answer.errors and time_ns in found:
                answer.scores[place] = found[time_ns]

    def may_train(self) -> bool:
        """Whether `trainings` may find something: by the row alone, as nearly every time not."""
        if self.lacks_model:
            return True
        return bool(self.added) and retraining.is_due(self.series, self.added, max(self.changed))

    def trainings(self) -> list[Job]:
        """What the points of this request made due; they are stored."""
        if self.lacks_model:
            return retraining.ask_instead(self.connection, self.series, self.added)
        return retraining.ask(self.connection, self.series)

    @property
    def reached(self) -> Reached | None:
        """What the next points may depend on, once all is committed."""
        if self.after is None:
            return None
        of = self.series
        if self.last_ns is not None and self.changed and min(self.changed) <= self.last_ns:
            of = of._replace(revision=of.revision + 1)  # as `Writes.grown` has it
        return Reached(of, self.after, self.added, self.is_new)

    def _one_of_each_time(self, asked: Asked, answer: Answer) -> Asked:
        """In time order; where a request contradicts itself, the first holds, or replaces last."""
        if len(asked.times) == 1 or (asked.times[1:] > asked.times[:-1]).all():
            return asked
        order = np.argsort(asked.times, kind="stable")
        asked = asked.only(order[::-1] if self.is_replacing else order)
        _, first = np.unique(asked.times, return_index=True)
        unique = asked.only(first)
        if not self.is_replacing:
            self._refuse_others(asked, unique.times, unique.values, answer)
        return unique

    def _take_newest(self, asked: Asked) -> _Taken:
        """What follows all that is stored: stored and judged in the writes of the request."""
        points = Points(asked.times, asked.values)
        verdicts = self._judge_newest(self._model(), points)
        marks, watch = self._mark(points, verdicts)
        self._note(points, added=len(points))
        return self.writes.judged(self.series, points, verdicts, marks), watch

    def _take_late(self, asked: Asked, answer: Answer) -> _Taken:
        """Some of it may be stored, or judged, already: what is not is so at once, by itself."""
        fresh = self._against_stored(asked, answer)
        watch = self._judge_late(fresh) if len(fresh.times) else None
        stored = scores.at(self.connection, self.series, asked.times)
        return {to_ns(one.timestamp): one for one in stored}, watch

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
        if len(new.times):
            points = Points(new.times, new.values)
            stored_points.add(self.connection, self.series, points)
            self._note(points, added=len(points))

    def _replace(self, changed: Asked) -> None:
        if len(changed.times):
            points = Points(changed.times, changed.values)
            scores.keep_replaced(self.connection, self.series, points)
            stored_points.replace(self.connection, self.series, points)
            self._note(points, added=0)

    def _note(self, points: Points, added: int) -> None:
        self.added += added
        self.changed += [int(points.times[0]), int(points.times[-1])]

    def _mark(self, points: Points, verdicts: Verdicts) -> tuple[Marks, dict[str, Any] | None]:
        judged = Judged(points, verdicts, self.series.model_version or 0)
        return mark(self.transaction, self.series, judged, self.last_ns)

    def _model(self) -> Model | None:
        """The series' model; without one that can be read, as if it had none."""
        model = models.current(self.parts, self.transaction, self.series)
        if model is None and self.series.model_version is not None:
            self.lacks_model = True
            self.series = self.series._replace(model_version=None)
        return model

    def _judge_newest(self, model: Model | None, points: Points) -> Verdicts:
        first_ns, n = int(points.times[0]), len(points)
        past = states.before(self.parts, self.transaction, self.series, model, first_ns, self.since)
        if past.missing is not None:  # judged once more: in one go with the new ones that is least
            points = past.missing.append(points)
        verdicts, self.after = advance(model, past.state, points, self.series.fields)
        self.is_new = past.is_new
        return verdicts if past.missing is None else verdicts[len(points) - n :]

    def _judge_late(self, fresh: Asked) -> dict[str, Any] | None:
        """Stored points; -> what the event layer remembers, if it saw points."""
        model, points = self._model(), Points(fresh.times, fresh.values)
        self.late = verdicts = self._late_verdicts(model, points)
        marks, watch = self._mark(points, verdicts)
        version = self.series.model_version or 0
        scores.add(self.connection, self.series, points, verdicts, version, marks=marks)
        return watch

    def _late_verdicts(self, model: Model | None, points: Points) -> Verdicts:
        """Each from its own past, what is stored after it is not looked at."""
        first, last = int(points.times[0]), int(points.times[-1])
        merged = self._stored(first, last, MERGED_POINTS + 1)
        if len(merged) > MERGED_POINTS:
            each = (points[i : i + 1] for i in range(len(points)))
            return Verdicts.joined([self._judge_span(model, one)[0] for one in each])
        following = self._stored(last + US, self.last_ns or last, FOLLOWING_POINTS + 1)
        if len(following) > FOLLOWING_POINTS:
            verdicts, _ = self._judge_span(model, merged)
        else:  # whoever goes on from there need not read it all anew, here or elsewhere
            merged = merged.append(following)
            verdicts, self.after = self._judge_span(model, merged)
            self.is_new = True
        return verdicts.only(np.isin(merged.times, points.times))

    def _stored(self, first_ns: int, last_ns: int, limit: int) -> Points:
        return stored_points.between(self.connection, self.series, first_ns, last_ns, limit)

    def _judge_span(self, model: Model | None, span: Points) -> tuple[Verdicts, State]:
        first_ns = int(span.times[0])
        state = states.before_late(self.parts, self.transaction, self.series, model, first_ns)
        return advance(model, state, span, self.series.fields)


def _same_rows(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows that are equal, missing values too."""
    same: NDArray[np.bool_] = ((a == b) | (np.isnan(a) & np.isnan(b))).all(axis=1)
    return same
