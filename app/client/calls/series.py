"""What a tenant watches."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from app.client.answers import Series
from app.client.errors import Conflict, NotFound
from app.client.requests import Listing, Request, get, listing, make, remove, send
from app.client.retries import Ask, Flow

LIST, ONE = "/v1/series", "/v1/series/{series_name}"


class Detector(TypedDict, total=False):
    """What is left out has its default, and those are meant to be left alone."""

    n_estimators: int
    max_samples: int
    contamination: float | str
    season: Sequence[str] | str
    interval: str
    timezone: str
    random_state: int


class SeriesSettings(TypedDict, total=False):
    """`retrain` is auto, manual or an interval of the data's own time such as 7d."""

    description: str
    tags: Sequence[str]
    detector: Detector | Mapping[str, Any]
    retrain: str
    retention_days: int | None


def create_series(
    name: str,
    *,
    fields: Sequence[str] | None = None,
    idempotency_key: str | None = None,
    **settings: Unpack[SeriesSettings],
) -> Request[Series]:
    """Make a series; `fields` are the names of the values of a point, one called value if none."""
    body = {"name": name, **({} if fields is None else {"fields": list(fields)}), **settings}
    return make(Series, LIST, body, idempotency_key)


def ensure_series(
    ask: Ask,
    name: str,
    *,
    fields: Sequence[str] | None = None,
    **settings: Unpack[SeriesSettings],
) -> Flow[Series]:
    """The series, made where there is none of that name; one that is there stays as it is."""
    try:
        return (yield from ask(get_series(name)))
    except NotFound:
        pass
    try:
        return (yield from ask(create_series(name, fields=fields, **settings)))
    except Conflict:  # somebody else made it meanwhile
        return (yield from ask(get_series(name)))


def list_series(
    *, prefix: str | None = None, tag: str | None = None, limit: int | None = None
) -> Listing[Series]:
    """The series, by name."""
    return listing(Series, LIST, limit, {"prefix": prefix, "tag": tag})


def get_series(name: str) -> Request[Series]:
    """One series and its state."""
    return get(Series, ONE, series_name=name)


def update_series(name: str, **changes: Unpack[SeriesSettings]) -> Request[Series]:
    """Change settings of a series; those that are not named stay."""
    return send("PATCH", Series, ONE, changes, series_name=name)


def delete_series(name: str) -> Request[None]:
    """Remove a series with its points, scores and models, for good."""
    return remove(ONE, series_name=name)
