"""What was judged, to be read."""

from typing import Literal

from app.client import times
from app.client.answers import Anomaly, Event, PlacedFeedback, Score, SeriesScore
from app.client.requests import Listing, Request, get, listing, send, span
from app.client.times import Time

Label = Literal["anomaly", "normal"]


def list_scores(
    series: str,
    *,
    start: Time | None = None,
    end: Time | None = None,
    anomalies_only: bool = False,
    min_score: float | None = None,
    order: Literal["asc", "desc"] = "asc",
    limit: int | None = None,
) -> Listing[Score]:
    """Score history of a series."""
    query = {"anomalies_only": anomalies_only, "min_score": min_score, "order": order}
    route = "/v1/series/{series_name}/scores"
    return listing(Score, route, limit, {**span(start, end), **query}, series_name=series)


def get_anomaly(series: str, time: Time) -> Request[Anomaly]:
    """Whether the point of this time is an anomaly, and its score."""
    route = "/v1/series/{series_name}/anomalies/{timestamp}"
    return get(Anomaly, route, series_name=series, timestamp=str(times.as_json(time, "time")))


def list_anomalies(
    *,
    series: str | None = None,
    start: Time | None = None,
    end: Time | None = None,
    min_score: float | None = None,
    limit: int | None = None,
) -> Listing[SeriesScore]:
    """Anomalous points of all the tenant's series, newest first."""
    query = {"series": series, "min_score": min_score, **span(start, end)}
    return listing(SeriesScore, "/v1/anomalies", limit, query)


def list_events(
    *,
    series: str | None = None,
    start: Time | None = None,
    end: Time | None = None,
    is_open: bool | None = None,
    limit: int | None = None,
) -> Listing[Event]:
    """Events of all the tenant's series that began in the span, newest first."""
    query = {"series": series, "open": is_open, **span(start, end)}
    return listing(Event, "/v1/events", limit, query)


def get_event(event_id: str) -> Request[Event]:
    """One event."""
    return get(Event, "/v1/events/{event_id}", event_id=event_id)


def set_event_feedback(event_id: str, label: Label | None, note: str = "") -> Request[Event]:
    """Say whether an event was an anomaly or is normal; None takes it back."""
    route = "/v1/events/{event_id}/feedback"
    return send("PUT", Event, route, {"label": label, "note": note}, event_id=event_id)


def set_score_feedback(
    series: str, time: Time, label: Label | None, note: str = ""
) -> Request[Anomaly]:
    """Say whether a point was an anomaly or is normal; None takes it back."""
    route = "/v1/series/{series_name}/scores/{timestamp}/feedback"
    body, at = {"label": label, "note": note}, str(times.as_json(time, "time"))
    return send("PUT", Anomaly, route, body, series_name=series, timestamp=at)


def list_feedback(
    series: str,
    *,
    start: Time | None = None,
    end: Time | None = None,
    limit: int | None = None,
) -> Listing[PlacedFeedback]:
    """What was said of a series' events and points, in the order of their time."""
    route = "/v1/series/{series_name}/feedback"
    return listing(PlacedFeedback, route, limit, span(start, end), series_name=series)
