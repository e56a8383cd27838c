"""All that a client can do, listed once for both of them.

A call becomes a method of both clients by a line in `Catalogue`: `one` for a request, `several` for
what takes more than one, `rows` for a list.
"""

from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from app.client import requests
from app.client.calls import (
    history,
    keys,
    operator,
    points,
    scoring,
    series,
    training,
    webhooks,
)
from app.client.reading import R
from app.client.requests import Listing, Request
from app.client.retries import Ask, Flow

if TYPE_CHECKING:
    from app.client.asynchronous import AsyncRows, AsyncTocsin
    from app.client.blocking import Rows, Tocsin

P = ParamSpec("P")
T = TypeVar("T")
Later = Coroutine[Any, Any, T]


class one(Generic[P, T]):  # noqa: N801 - the three read as words of a list
    """A method that asks once, and again where it has to."""

    def __init__(self, call: Callable[P, Request[T]]) -> None:
        self.call = call

    @overload
    def __get__(self, client: None, of: type) -> Callable[P, Request[T]]: ...
    @overload
    def __get__(self, client: "Tocsin", of: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncTocsin", of: type) -> Callable[P, Later[T]]: ...
    def __get__(self, client: Any, of: type) -> Any:
        if client is None:
            return self.call
        return _method(self.call, lambda *a, **k: client.run(client.ask(self.call(*a, **k))))


class several(Generic[P, T]):  # noqa: N801
    """A method that asks as often as it takes."""

    def __init__(self, call: Callable[Concatenate[Ask, P], Flow[T]]) -> None:
        self.call = call

    @overload
    def __get__(self, client: None, of: type) -> Callable[Concatenate[Ask, P], Flow[T]]: ...
    @overload
    def __get__(self, client: "Tocsin", of: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: "AsyncTocsin", of: type) -> Callable[P, Later[T]]: ...
    def __get__(self, client: Any, of: type) -> Any:
        if client is None:
            return self.call
        return _method(self.call, lambda *a, **k: client.run(self.call(client.ask, *a, **k)))


class rows(Generic[P, R]):  # noqa: N801
    """A method that lists, page by page, as far as somebody reads."""

    def __init__(self, call: Callable[P, Listing[R]]) -> None:
        self.call = call

    @overload
    def __get__(self, client: None, of: type) -> Callable[P, Listing[R]]: ...
    @overload
    def __get__(self, client: "Tocsin", of: type) -> "Callable[P, Rows[R]]": ...
    @overload
    def __get__(self, client: "AsyncTocsin", of: type) -> "Callable[P, AsyncRows[R]]": ...
    def __get__(self, client: Any, of: type) -> Any:
        if client is None:
            return self.call
        return _method(self.call, lambda *a, **k: client.rows(self.call(*a, **k)))


def _method(call: Callable[..., Any], do: Callable[..., Any]) -> Callable[..., Any]:
    return update_wrapper(do, call)


class Catalogue:
    """The methods of a client."""

    get_me = one(keys.get_me)
    create_key = one(keys.create_key)
    list_keys = rows(keys.list_keys)
    revoke_key = one(keys.revoke_key)
    rotate_key = one(keys.rotate_key)

    create_series = one(series.create_series)
    ensure_series = several(series.ensure_series)
    list_series = rows(series.list_series)
    get_series = one(series.get_series)
    update_series = one(series.update_series)
    delete_series = one(series.delete_series)

    upload = several(points.upload)
    upload_many = several(points.upload_many)
    list_points = rows(points.list_points)
    delete_points = one(points.delete_points)

    train = several(training.train)
    wait_for = several(training.wait_for)
    get_job = one(training.get_job)
    list_jobs = rows(training.list_jobs)
    list_all_jobs = rows(training.list_all_jobs)
    list_models = rows(training.list_models)
    activate_model = one(training.activate_model)

    score = one(scoring.score)
    score_points = several(scoring.score_points)
    score_many = several(scoring.score_many)
    detect = several(scoring.detect)

    list_scores = rows(history.list_scores)
    get_anomaly = one(history.get_anomaly)
    list_anomalies = rows(history.list_anomalies)
    list_events = rows(history.list_events)
    get_event = one(history.get_event)
    set_event_feedback = one(history.set_event_feedback)
    set_score_feedback = one(history.set_score_feedback)
    list_feedback = rows(history.list_feedback)

    create_webhook = one(webhooks.create_webhook)
    list_webhooks = rows(webhooks.list_webhooks)
    get_webhook = one(webhooks.get_webhook)
    update_webhook = one(webhooks.update_webhook)
    delete_webhook = one(webhooks.delete_webhook)
    rotate_webhook = one(webhooks.rotate_webhook)
    try_webhook = several(webhooks.try_webhook)
    list_deliveries = rows(webhooks.list_deliveries)
    get_delivery = one(webhooks.get_delivery)
    replay_delivery = several(webhooks.replay_delivery)
    replay_failed = one(webhooks.replay_failed)

    create_tenant = one(operator.create_tenant)
    list_tenants = rows(operator.list_tenants)
    get_tenant = one(operator.get_tenant)
    update_tenant = one(operator.update_tenant)
    delete_tenant = one(operator.delete_tenant)
    create_tenant_key = one(operator.create_tenant_key)
    list_all_anomalies = rows(operator.list_all_anomalies)
    list_audit = rows(operator.list_audit)
    get_overview = one(operator.get_overview)

    request = one(requests.plain)
