"""When a request is sent again: told what came of each try, without sending or waiting."""

from typing import Any

import pytest

from app.client.answers import Series
from app.client.errors import NotReachable, RateLimited, ServiceError, Unavailable
from app.client.requests import Answer, Request, Unanswered, make, remove
from app.client.retries import Attempt, Pause, Retries, attempts

OK = Answer("http://x", 200, {}, b"{}")
LOST = Unanswered("gone", is_sent=True)
REFUSED = Unanswered("nobody listens", is_sent=False)
READ: Request[bytes] = Request("GET", "/v1/me", lambda answer: answer.content)


def failed(status: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer("http://x", status, named, b"")


def tried(
    *outcomes: Answer | Unanswered, retries: Retries | None = None, request: Request[Any] = READ
) -> tuple[Any, list[float]]:
    """-> what the request came to, and the pauses; the last outcome stands for all that follow."""
    flow = attempts(retries or Retries(), request)
    left, pauses = list(outcomes), []
    step = next(flow)
    while True:
        try:
            if isinstance(step, Pause):
                pauses.append(step.seconds)
                step = flow.send(None)
            else:
                assert step == Attempt(request)
                step = flow.send(left.pop(0) if len(left) > 1 else left[0])
        except StopIteration as end:
            return end.value, pauses
        except (ServiceError, NotReachable) as error:
            return error, pauses


@pytest.mark.parametrize("outcome", [LOST, REFUSED, *map(failed, (429, 502, 503, 504))])
def test_what_passes_is_asked_again(outcome: Answer | Unanswered) -> None:
    content, pauses = tried(outcome, outcome, OK)
    assert content == b"{}"
    assert len(pauses) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_what_stays_wrong_is_not(status: int) -> None:
    error, pauses = tried(failed(status), OK)
    assert (error.status, pauses) == (status, [])


def test_a_first_try_that_is_still_under_way_is_waited_for() -> None:
    assert tried(failed(409, Retry_After="1"), OK)[0] == b"{}"


def test_pauses_grow_to_a_bound_and_differ_between_clients() -> None:
    courses = [tried(LOST)[1] for _ in range(20)]
    for pauses in courses:
        assert len(pauses) == Retries().tries - 1
        for number, pause in enumerate(pauses):
            full = min(0.2 * 2**number, 10)
            assert full / 2 <= pause <= full
    assert len({pauses[0] for pauses in courses}) > 1


def test_a_service_that_says_when_is_not_asked_sooner() -> None:
    _, (pause,) = tried(failed(429, Retry_After="7"), OK)
    assert 7.1 <= pause <= 7.2


def test_it_may_say_so_by_a_date_of_its_own_clock() -> None:
    later, now = "Wed, 21 Oct 2015 07:28:30 GMT", "Wed, 21 Oct 2015 07:28:00 GMT"
    _, (pause,) = tried(failed(503, Retry_After=later, Date=now), OK)
    assert 30.1 <= pause <= 30.2


@pytest.mark.parametrize("given", ["soon", "-3", "", "Wed, 99 Oct 2015"])
def test_what_no_clock_can_read_is_taken_for_no_wish(given: str) -> None:
    _, (pause,) = tried(failed(503, Retry_After=given), OK)
    assert pause <= 0.2


def test_a_date_that_is_over_means_now() -> None:
    _, (pause,) = tried(failed(503, Retry_After="Wed, 21 Oct 2015 07:28:30 GMT"), OK)
    assert pause <= 0.2


def test_the_sum_of_it_is_bounded() -> None:
    slow = Unanswered("too slow", is_sent=True, took_s=30.0)
    error, pauses = tried(slow, retries=Retries(total_s=100))
    assert isinstance(error, NotReachable)
    assert len(pauses) == 3
    assert "tried 4 times" in error.detail


def test_who_would_have_to_wait_longer_than_that_hears_it_at_once() -> None:
    error, pauses = tried(failed(429, Retry_After="3600"))
    assert isinstance(error, RateLimited)
    assert (error.retry_after_s, pauses) == (3600, [])


def test_the_error_of_the_last_try_is_the_one_that_is_told() -> None:
    error, _ = tried(LOST, failed(503), retries=Retries(tries=3))
    assert isinstance(error, Unavailable)


def test_where_nobody_listens_is_a_bound_of_its_own() -> None:
    assert len(tried(REFUSED, retries=Retries(connect_tries=1))[1]) == 0
    assert len(tried(LOST, retries=Retries(tries=3, connect_tries=1))[1]) == 2


def test_a_certificate_that_is_wrong_stays_wrong() -> None:
    error, pauses = tried(Unanswered("certificate", is_sent=False, is_final=True))
    assert isinstance(error, NotReachable)
    assert pauses == []


def test_what_is_gone_when_asked_again_was_removed_by_the_try_before() -> None:
    gone = failed(404)
    request = remove("/v1/series/{series_name}", series_name="rides")
    assert tried(LOST, gone, request=request)[0] is None
    assert tried(gone, request=request)[0].status == 404
    assert tried(REFUSED, gone, request=request)[0].status == 404
    assert tried(LOST, gone)[0].status == 404


def test_all_tries_of_what_makes_something_have_one_key_and_no_others() -> None:
    first, second = (make(Series, "/v1/series", {}) for _ in range(2))
    assert first.headers["Idempotency-Key"] != second.headers["Idempotency-Key"]
    own = make(Series, "/v1/series", {}, "2026-11-30")
    assert own.headers["Idempotency-Key"] == "2026-11-30"
