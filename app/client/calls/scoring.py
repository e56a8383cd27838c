"""Judging points."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, overload

from app.client import points
from app.client.answers import PointError, Score, SeriesScore
from app.client.calls.points import OnConflict
from app.client.calls.series import Detector
from app.client.errors import Invalid, NotUnderstood
from app.client.points import GivenValue
from app.client.reading import R, read_all
from app.client.requests import Answer, Request, send
from app.client.retries import Ask, Flow, Work
from app.client.times import Time

if TYPE_CHECKING:
    import pandas as pd

    from app.client.points import GivenPoints

ONE, MANY = "/v1/series/{series_name}/score", "/v1/score"
BATCH_POINTS = 1_000


@dataclass(frozen=True)
class Scores(Sequence[R], Generic[R]):
    """The verdicts, in the order of the points; points with an error are named in `errors`."""

    kind: type[R]
    rows: tuple[R, ...]
    errors: tuple[PointError, ...] = ()

    @overload
    def __getitem__(self, place: int) -> R: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[R]: ...
    def __getitem__(self, place: int | slice) -> R | Sequence[R]:
        return self.rows[place]

    def __len__(self) -> int:
        return len(self.rows)

    def frame(self) -> "pd.DataFrame":
        """A row for each verdict, by time."""
        from app.client import frames

        return frames.table(self.kind, (row.raw for row in self.rows))


def score(
    series: str, time: Time, value: GivenValue, *, on_conflict: OnConflict = "refuse"
) -> Request[Score]:
    """Judge one point; it is stored with its score before the answer."""
    point = points.as_json((time, value), "point")
    return send("POST", Score, ONE, point, {"on_conflict": on_conflict}, series_name=series)


def score_points(
    ask: Ask, series: str, data: "GivenPoints", *, on_conflict: OnConflict = "refuse"
) -> Flow[Scores[Score]]:
    """Judge points in the order of time, as many as there are, a thousand in a request.

    data: (time, value) or mappings, or a frame as `upload` takes it, which is sorted.
    """
    query, names = {"on_conflict": on_conflict}, {"series_name": series}
    return _judged(ask, Score, data, lambda body: _request(Score, ONE, body, query, names))


def score_many(
    ask: Ask, data: "GivenPoints", *, on_conflict: OnConflict = "refuse"
) -> Flow[Scores[SeriesScore]]:
    """The same for points of many series: (series, time, value), or with a key or column of it."""
    query = {"on_conflict": on_conflict}
    return _judged(ask, SeriesScore, data, lambda body: _request(SeriesScore, MANY, body, query))


def detect(
    ask: Ask, data: "GivenPoints", *, detector: Detector | Mapping[str, Any] | None = None
) -> Flow[Scores[Score]]:
    """Fit on up to 10,000 points and judge each by those before it; nothing is stored."""
    given = yield Work(lambda: list(points.all_as_json(data)))
    settings = {} if detector is None else {"detector": detector}
    return (yield from ask(_request(Score, "/v1/detect", {"points": given, **settings})))


def _request(
    kind: type[R],
    route: str,
    body: Any,
    query: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> Request[Scores[R]]:
    return Request("POST", route, partial(_scores, kind), names or {}, query or {}, json=body)


def _scores(kind: type[R], answer: Answer) -> Scores[R]:
    given = answer.json()
    try:
        rows, errors = given["data"], given.get("errors", ())
    except (KeyError, TypeError, AttributeError):
        raise NotUnderstood(f"What {answer.url} answers are no scores") from None
    return Scores(kind, read_all(kind, rows), read_all(PointError, errors))


def _judged(
    ask: Ask, kind: type[R], data: "GivenPoints", request: Callable[[Any], Request[Scores[R]]]
) -> Flow[Scores[R]]:
    rows: list[R] = []
    errors: list[PointError] = []
    given: Iterator[dict[str, Any]] = yield Work(lambda: points.all_as_json(data))
    before = 0
    while batch := (yield Work(lambda: list(islice(given, BATCH_POINTS)))):
        try:
            answer = yield from ask(request({"points": batch}))
        except Invalid as error:
            for one in error.problem.get("errors") or ():
                one["field"] = _moved(one.get("field", ""), before)
            raise
        rows += answer.rows
        errors += [_moved_error(one, before) for one in answer.errors]
        before += len(batch)
    return Scores(kind, tuple(rows), tuple(errors))


def _moved_error(error: PointError, by: int) -> PointError:
    field = _moved(error.field, by)
    return replace(error, field=field, raw={**error.raw, "field": field})


def _moved(field: str, by: int) -> str:
    """`points[3].value` as the place among all points that were given."""
    place, end, rest = field.removeprefix("points[").partition("]")
    return f"points[{int(place) + by}{end}{rest}" if end and place.isdecimal() else field
